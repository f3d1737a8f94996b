// PyTorch on this machine: the shapes model's UNet and that of Stable Diffusion 2.1, by precision. `--device cuda` puts it on
// the GPU that the page runs on.

import type { Bench } from '../bench.ts';

export async function run(bench: Bench): Promise<void> {
  const device = await window.torchDevice();
  if (!(await window.openTorch(device))) return;
  // On one thread of a CPU it would take minutes.
  if (device === 'cpu') return;
  for (const { precision, batch, ms } of await window.timeTorchStableDiffusion())
    await bench.value(`PyTorch, SD-2.1 UNet at 64 x 64 latents, batch ${batch}`, precision, ms, 'ms');
}
