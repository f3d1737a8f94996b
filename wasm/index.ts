/** What the module exports. */
// biome-ignore lint/performance/noBarrelFile: the list of exports is what an entry of AssemblyScript is
export { geglu, gegluGradient, silu, siluGradient } from './activations';
export { attend, attendGradient, attentionScratch } from './attention';
export { groupNorm, groupNormGradient, groupNormScratch } from './groupNorm';
export { layerNorm, layerNormGradient } from './layerNorm';
export { multiply, pack, packTransposed, transpose } from './matmul';
export { convolutionGradientRows, convolutionRows, matrixRows } from './rowTables';
export { winogradInput, winogradOutput, winogradWeights } from './winograd';
