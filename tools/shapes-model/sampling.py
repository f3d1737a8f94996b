"""DDPM sampling with guidance, used to evaluate checkpoints and to draw pools.

DDPM: Ho et al. 2020, equation 7 with the variance of strided timesteps (diffusers' `fixed_small`, leading spacing).
"""
import torch


def scaled_linear_alphas(steps=1000, start=0.00085, end=0.012):
    """Cumulative products alphasBar (steps,) of Stable Diffusion's schedule, float64."""
    betas = torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float64) ** 2
    return torch.cumprod(1.0 - betas, dim=0)


@torch.no_grad()
def sample_latents(unet, context, empty_context, steps, guidance, generator):
    """context (N, L, D), empty_context (1, L, D) -> scaled latents (N, 4, 8, 8). guidance 1 is conditional only."""
    alphas = scaled_linear_alphas()
    count, stride = context.shape[0], 1000 // steps

    def draw():
        return torch.randn(count, 4, 8, 8, generator=generator)

    z = draw()
    both = torch.cat([empty_context.expand(count, -1, -1), context])
    for t in reversed([i * stride + 1 for i in range(steps)]):
        if guidance == 1.0:
            noise = unet(z, torch.full((count,), t), context)
        else:
            uncond, cond = unet(torch.cat([z, z]), torch.full((2 * count,), t), both).chunk(2)
            noise = uncond + guidance * (cond - uncond)
        z = ddpm_step(z, noise, alphas, t, t - stride, draw)
    return z


def ddpm_step(z, noise, alphas, t, previous, draw):
    """From t to `previous`, the end where that is below 0; `draw()` is the step's fresh noise."""
    bar = alphas[t].item()
    bar_previous = alphas[previous].item() if previous >= 0 else 1.0
    alpha = bar / bar_previous
    clean = (z - (1 - bar) ** 0.5 * noise) / bar**0.5
    mean = (bar_previous**0.5 * (1 - alpha) * clean + alpha**0.5 * (1 - bar_previous) * z) / (1 - bar)
    if previous < 0:
        return mean
    variance = (1 - bar_previous) / (1 - bar) * (1 - alpha)
    return mean + variance**0.5 * draw()
