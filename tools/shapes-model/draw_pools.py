"""Draws the pools that a study asks for, with the page's own noise, where PyTorch is faster than the page.

npm run study -- --design full --pool-list DIR         writes DIR/pool.json
python3 tools/shapes-model/draw_pools.py --pools DIR [--model public/models/shapes-2] [--device cuda] [--batch 64]
npm run study -- --design full --pool-from DIR         checks and takes over DIR/pool.safetensors
"""
import argparse
import json
import os

import numpy as np
import torch

from folder import load_pipeline
from philox import torch_cuda_randn
from sampling import ddpm_step, scaled_linear_alphas
from tensor_file import save_floats

LATENT = (4, 8, 8)


@torch.no_grad()
def sample_measured(unet, context, empty_context, steps, guidance, seeds):
    """context (N, L, D), guidance (N,) -> latents (N, 4, 8, 8) and traces ||cond - uncond||^2 (N, steps)."""
    alphas, stride, count = scaled_linear_alphas(), 1000 // steps, len(seeds)
    device = context.device

    def noise(draw):
        drawn = [torch_cuda_randn(seed, draw, int(np.prod(LATENT))) for seed in seeds]
        return torch.from_numpy(np.stack(drawn)).view(count, *LATENT).to(device)

    z, traces = noise(0), []
    both = torch.cat([empty_context.expand(count, -1, -1), context])
    scale = guidance.view(count, 1, 1, 1).to(device)
    for index in range(steps):
        t = (steps - 1 - index) * stride + 1
        times = torch.full((2 * count,), t, device=device)
        uncond, cond = unet(torch.cat([z, z]), times, both).chunk(2)
        traces.append((cond - uncond).square().sum(dim=(1, 2, 3)))
        # Draw 0 is the first latent, so those of the steps count from 1.
        z = ddpm_step(z, uncond + scale * (cond - uncond), alphas, t, t - stride, lambda: noise(index + 1))
    return z, torch.stack(traces, dim=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pools", required=True)
    parser.add_argument("--model", default="public/models/shapes-2")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with open(os.path.join(options.pools, "pool.json"), encoding="utf-8") as file:
        wanted = json.load(file)
    tokenizer, text, unet, _, _ = load_pipeline(options.model)
    text, unet = text.to(options.device), unet.to(options.device)
    jobs = [(block["text"], block["guidance"], seed) for block in wanted["blocks"] for seed in block["seeds"]]

    def encode(prompts):
        ids = torch.tensor([tokenizer.encode(prompt) for prompt in prompts], device=options.device)
        with torch.no_grad():
            return text(ids)

    latents, traces = [], []
    for start in range(0, len(jobs), options.batch):
        prompts, guidance, seeds = zip(*jobs[start : start + options.batch])
        drawn = sample_measured(unet, encode(prompts), encode([""]), wanted["steps"], torch.tensor(guidance), seeds)
        latents.append(drawn[0].permute(0, 2, 3, 1).cpu())
        traces.append(drawn[1].cpu())
        print(f"{min(start + options.batch, len(jobs))} of {len(jobs)}", flush=True)
    path = os.path.join(options.pools, "pool.safetensors")
    save_floats(path + ".part", {"latents": torch.cat(latents), "traces": torch.cat(traces)}, dtype="F32")
    os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
