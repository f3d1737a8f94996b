/** Weighted sum of tensors of one shape, the only arithmetic a sampler step needs. */
import type { Tensor, TensorInfo } from '../tf.ts';
import { bindings, launchElementwise } from '../webgpu/elementwise.ts';
import { f32 } from '../webgpu/launch.ts';
import type { Shader } from '../webgpu/shader.ts';
import { SHADERS } from '../webgpu/shaders.ts';
import { defineOp, only } from './define.ts';

type Term<T extends Tensor = Tensor> = readonly [coefficient: number, tensor: T];

type CombinationAttributes = { readonly coefficients: readonly number[] };

/** Terms of one dispatch: with the output they stay within the 8 storage buffers every device has. */
const maxTerms = 6;

const termName = (i: number): string => `t${i}`;

const runCombination = defineOp<string, CombinationAttributes>({
  name: 'StudioLinearCombination',
  composed: (compose, inputs, { coefficients }) => {
    let sum: TensorInfo | undefined;
    for (const [i, coefficient] of coefficients.entries()) {
      const term = compose.mul(inputs[termName(i)] as TensorInfo, compose.scalar(coefficient));
      sum = sum === undefined ? term : compose.add(sum, term);
    }
    return sum as TensorInfo;
  },
  webgpu: (backend, inputs, { coefficients }) => {
    const tensors = coefficients.map((_, i) => inputs[termName(i)] as TensorInfo);
    const shape = (tensors[0] as TensorInfo).shape;
    return launchElementwise(backend, {
      label: `linear_combination/${coefficients.length}`,
      pieces: () => [SHADERS.linear_combination, declarations(coefficients.length)],
      over: shape,
      uniforms: coefficients.map(f32),
      inputs: tensors,
      outputs: [shape],
    });
  },
  gradient: {
    save: [],
    run: ([dy], _saved, { coefficients }) =>
      Object.fromEntries(
        coefficients.map((coefficient, i) => [
          termName(i),
          () => linearCombination([[coefficient, dy as Tensor]]),
        ]),
      ),
  },
});

/**
 * Sum of coefficient times tensor, left to right; at most 6 terms per dispatch.
 *
 * @param terms at least one; all tensors of the same shape
 */
export function linearCombination<T extends Tensor>(terms: readonly Term<T>[]): T {
  const head = terms.slice(0, maxTerms);
  const inputs = Object.fromEntries(head.map(([, tensor], i) => [termName(i), tensor]));
  const sum = only(runCombination(inputs, { coefficients: head.map(([coefficient]) => coefficient) })) as T;
  const rest = terms.slice(maxTerms);
  if (rest.length === 0) return sum;
  const total = linearCombination([[1, sum], ...rest]);
  sum.dispose();
  return total;
}

/** The part of the shader that depends on the number of terms. */
function declarations(count: number): Shader {
  const names = Array.from({ length: count }, (_, i) => termName(i));
  const coefficient = (name: string): string => `by_${name}`;
  const fields = names.map((name) => `  ${coefficient(name)}: f32,\n`).join('');
  const sum = names.map((name) => `params.${coefficient(name)} * ${name}[i]`).join(' + ');
  const code = [
    `struct Params {\n  packs: u32,\n${fields}}\n`,
    bindings('y', { names, element: 'Pack' }),
    `fn combined(i: u32) -> Pack {\n  return ${sum};\n}\n`,
  ].join('');
  return { code, needs: ['Pack'] };
}
