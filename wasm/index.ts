/** What the module exports. */
// biome-ignore lint/performance/noBarrelFile: the list of exports is what an entry of AssemblyScript is
export { geglu, gegluGradient, silu, siluGradient } from './activations';
export { attend, attendGradient, attentionScratch } from './attention';
export { doraEpilogue, doraMagnitudeGradient, doraScale, doraWeightNorm } from './dora';
export { groupNorm, groupNormGradient, groupNormScratch } from './groupNorm';
export { layerNorm, layerNormGradient } from './layerNorm';
export { pack, packTransposed, transpose } from './pack';
export { convolution, matrixProduct, productScratch, sameBits, winograd, winogradScratch } from './products';
export { winogradWeights } from './winograd';
export { winograd4Weights } from './winograd4';
