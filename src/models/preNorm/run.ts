/** The layer that CLIP's two towers and BLIP's image encoder are made of: attention and feed-forward, each after a norm. */
import { gelu } from '../../tensor/ops/activations.ts';
import { attention } from '../../tensor/ops/attention.ts';
import { type Tensor, type Tensor3D, tf } from '../../tensor/tf.ts';
import type { Projector } from '../hooks.ts';
import { runLayerNorm, runLinear } from '../layers.ts';
import type { Linear } from '../parameters.ts';
import type { PreNormLayer } from './weights.ts';

type PreNormOptions = {
  readonly heads: number;
  readonly normEps: number;
  readonly activation: 'gelu' | 'quick_gelu';
  /** Positions see themselves and those before only. */
  readonly causal: boolean;
  readonly project?: Projector | undefined;
};

/**
 * x [N, L, C] -> [N, L, C].
 * @param seen gets the states inside the layer: after the first norm, after attention, as they are added up
 */
export function runPreNormLayer(
  layer: PreNormLayer,
  x: Tensor3D,
  options: PreNormOptions,
  seen?: (name: 'layer_norm1' | 'afterAttention', state: Tensor3D) => void,
): Tensor3D {
  const { heads, normEps, activation, causal, project = runLinear } = options;
  const n1 = runLayerNorm(layer.norm1, x, normEps);
  seen?.('layer_norm1', n1);
  const mixed = attention(
    project(layer.toQ, n1) as Tensor3D,
    project(layer.toK, n1) as Tensor3D,
    project(layer.toV, n1) as Tensor3D,
    { heads, causal },
  );
  const h = projectOnto(layer.toOut, mixed, x, project);
  seen?.('afterAttention', h);
  const hidden = gelu(
    project(layer.feedIn, runLayerNorm(layer.norm2, h, normEps)),
    activation === 'gelu' ? 'erf' : 'quick',
  );
  return projectOnto(layer.feedOut, hidden, h, project);
}

/** A dense layer whose output is added to `residual`; in one pass where no adapter comes between. */
function projectOnto(layer: Linear, x: Tensor, residual: Tensor3D, project: Projector): Tensor3D {
  return (
    project === runLinear ? runLinear(layer, x, residual) : tf.add(residual, project(layer, x))
  ) as Tensor3D;
}
