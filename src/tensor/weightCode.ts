/** Shader prefixes of kernels that read a frozen weight. */
import bias from '../../shaders/common/bias.wgsl?raw';
import noBias from '../../shaders/common/no_bias.wgsl?raw';
import weightF16 from '../../shaders/common/weight_f16.wgsl?raw';
import weightF32 from '../../shaders/common/weight_f32.wgsl?raw';
import type { Tiling } from './tiles.ts';
import type { Weight } from './weights.ts';

export type ShaderVariant = { readonly label: string; readonly code: () => string };

type Traits = { readonly weight: Pick<Weight, 'packed'>; readonly tiles: Tiling };

/** `code` specialized for the storage of a weight and for a shape of workgroups. */
export function withWeight(label: string, code: string, { weight, tiles }: Traits): ShaderVariant {
  const storage = weight.packed ? 'f16' : 'f32';
  return {
    label: `${label}/${storage}/${tiles.label}`,
    code: () => tiles.code + (weight.packed ? weightF16 : weightF32) + code,
  };
}

/** `withWeight`, specialized for the presence of a bias too. */
export function withWeightAndBias(
  label: string,
  code: string,
  traits: Traits & { readonly bias: boolean },
): ShaderVariant {
  const variant = withWeight(label, code, traits);
  return {
    label: `${variant.label}${traits.bias ? '/bias' : ''}`,
    code: () => (traits.bias ? bias : noBias) + variant.code(),
  };
}
