// The UNet of Stable Diffusion 2.1 in PyTorch on this machine, by precision. `--device cuda` puts it on the GPU that the page
// runs on. The shapes model's stands beside ours in the suite `onnx`.

import type { Bench } from '../bench.ts';

export async function run(bench: Bench): Promise<void> {
  if (!(await window.openTorch(await window.torchDevice()))) return;
  const { latents, times } = await window.timeTorchStableDiffusion();
  for (const { precision, batch, ms } of times)
    await bench.value(
      `PyTorch, SD-2.1 UNet at ${latents} x ${latents} latents, batch ${batch}`,
      precision,
      ms,
      'ms',
    );
}
