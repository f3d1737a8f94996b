// The MI kernel against the chain of stock tfjs ops it replaces. Calls are pipelined: one read-back per 20 calls.

import { noiseDifference } from '../../../src/tensor/ops/noiseDifference.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { countLaunches } from '../../../src/tensor/webgpu/counters.ts';
import type { Bench, Variant } from '../bench.ts';

const guidance = 7.5;
const callsPerRun = 20;

type Outputs = { guided: Tensor; squaredDifference: Tensor };

export async function run(bench: Bench): Promise<void> {
  const samples = 8;
  const noise = tf.tidy(() => {
    const ramp = tf.range(0, 2 * samples * 64 * 64 * 4, 1, 'float32');
    return tf.reshape(tf.sin(ramp), [2 * samples, 64, 64, 4]) as Tensor4D;
  });
  const variants = { 'stock tfjs': stockChain, 'one kernel': noiseDifference };
  for (const [name, compute] of Object.entries(variants)) {
    const { result, count } = await countLaunches(() => compute(noise, guidance));
    tf.dispose([result.guided, result.squaredDifference]);
    await bench.value('cost of one call, 8 x 64x64x4', `${name}: dispatches`, count.dispatches, '');
    await bench.value('cost of one call, 8 x 64x64x4', `${name}: bytes`, count.boundBytes, 'B');
  }
  await bench.compare(
    'guidance and squared difference, 8 x 64x64x4, pipelined',
    {
      'stock tfjs': pipelined(() => stockChain(noise, guidance)),
      'one kernel': pipelined(() => noiseDifference(noise, guidance)),
    },
    { callsPerRun },
  );
  noise.dispose();
}

function pipelined(compute: () => Outputs): Variant {
  return async () => {
    let last: Outputs | undefined;
    for (let i = 0; i < callsPerRun; i++) {
      if (last !== undefined) tf.dispose([last.guided, last.squaredDifference]);
      last = compute();
    }
    await last?.squaredDifference.data();
    if (last !== undefined) tf.dispose([last.guided, last.squaredDifference]);
  };
}

function stockChain(noise: Tensor4D, scale: number): Outputs {
  return tf.tidy(() => {
    const [epsUncond, epsCond] = tf.split(noise, 2) as [Tensor4D, Tensor4D];
    const deltaEps = tf.sub(epsCond, epsUncond);
    const guided = tf.add(epsUncond, tf.mul(deltaEps, scale));
    return { guided, squaredDifference: tf.sum(tf.square(deltaEps), [1, 2, 3]) };
  });
}
