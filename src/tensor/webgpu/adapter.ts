/** True for adapters that are programs: SwiftShader, llvmpipe, WARP. */
export function computesOnCpu({ architecture, description, isFallbackAdapter }: GPUAdapterInfo): boolean {
  return isFallbackAdapter === true || /swiftshader|llvmpipe|warp/i.test(`${architecture} ${description}`);
}
