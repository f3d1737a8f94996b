/** What the module exports. */
// biome-ignore lint/performance/noBarrelFile: the list of exports is what an entry of AssemblyScript is
export { geglu, gegluGradient, silu, siluGradient } from './activations';
export { attend, attendGradient, attentionScratch } from './attention';
export { groupNorm, groupNormGradient, groupNormScratch } from './groupNorm';
export { layerNorm, layerNormGradient } from './layerNorm';
export {
  convolutionGradientRows,
  convolutionRows,
  matrixRows,
  multiply,
  pack,
  packTransposed,
  transpose,
} from './matmul';
export { winogradInput, winogradOutput, winogradWeights } from './winograd';
