/** True for adapters that are programs: SwiftShader, llvmpipe, WARP. The stand-in of a rehearsal plays a GPU and has none. */
export function computesOnCpu(info: GPUAdapterInfo | undefined): boolean {
  if (info === undefined) return false;
  const { architecture, description, isFallbackAdapter } = info;
  return isFallbackAdapter === true || /swiftshader|llvmpipe|warp/i.test(`${architecture} ${description}`);
}
