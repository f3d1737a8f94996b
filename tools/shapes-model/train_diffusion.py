"""Stage 3: text encoder and UNet together.

Epsilon prediction on the scaled-linear schedule; t uniform; min-SNR weights (Hang et al. 2023, gamma 5) with a floor,
so that the fine noise levels are still learned; caption dropout; a moving average of the weights is what is exported.
"""
import os

import torch

import configs
from networks.text_encoder import TextEncoder
from networks.unet import UNet
from progress import Average, load_checkpoint, rate, total_steps
from sampling import scaled_linear_alphas
from tokenizer import Tokenizer
from training_run import Run

STEPS, BATCH, LEARNING_RATE = 30000, 32, 1e-3
WARMUP, DECAY_STEPS, AVERAGE_DECAY = 300, 8000, 0.9995
CAPTION_DROPOUT = 0.12
SNR_GAMMA, WEIGHT_FLOOR = 5.0, 0.2
HELD_OUT = 2000
# Matrix products in bfloat16 are a third faster; the last steps, which settle the small differences between the
# conditional and the unconditional prediction, are in float32.
FLOAT32_STEPS = 3000


def build(vocabulary):
    """Fresh networks. Residual branches start at zero, which lets the learning rate be high from the start."""
    torch.manual_seed(1)
    text = TextEncoder({**configs.TEXT_ENCODER, "vocab_size": vocabulary})
    unet = UNet(configs.UNET).to(memory_format=torch.channels_last)
    torch.nn.init.normal_(text.text_model.embeddings.token_embedding.weight, std=0.05)
    torch.nn.init.normal_(text.text_model.embeddings.position_embedding.weight, std=0.02)
    for name, parameter in unet.named_parameters():
        if name.startswith("conv_out.") or ".conv2." in name or ".proj_out." in name:
            torch.nn.init.zeros_(parameter)
    return text, unet


def snr_weights(alphas):
    """Per timestep: min(SNR, gamma) / SNR, the epsilon form of min-SNR, floored, mean 1 over t."""
    snr = alphas / (1 - alphas)
    weights = (snr.clamp(max=SNR_GAMMA) / snr).clamp(min=WEIGHT_FLOOR)
    return (weights / weights.mean()).float()


class Batches:
    def __init__(self, work, alphas):
        data = torch.load(os.path.join(work, "latents.pt"))
        self.mean, self.sigma, self.ids = data["mean"], data["sigma"], data["ids"]
        self.scale, self.vocabulary, self.alphas = data["scale"], data["vocabulary"], alphas.float()
        self.empty = torch.tensor(Tokenizer(os.path.join(work, "tokenizer")).encode(""))

    def noised(self, rows, generator):
        """Returns (zt, t, noise) for the images of `rows`."""
        draw = lambda: torch.randn(len(rows), 4, 8, 8, generator=generator)
        clean = (self.mean[rows].float() + self.sigma[rows].float() * draw()) * self.scale
        t, noise = torch.randint(0, 1000, (len(rows),), generator=generator), draw()
        bar = self.alphas[t][:, None, None, None]
        return bar.sqrt() * clean + (1 - bar).sqrt() * noise, t, noise

    def captions(self, rows, dropout, generator):
        choice = torch.randint(0, self.ids.shape[1], (len(rows),), generator=generator)
        ids = self.ids[rows, choice].long()
        dropped = torch.rand(len(rows), generator=generator) < dropout
        return torch.where(dropped[:, None], self.empty[None], ids)


@torch.no_grad()
def held_out_losses(text, unet, batches):
    """Mean squared error with and without captions on held-out images, at fixed noise."""
    sums, count = [0.0, 0.0], 8
    for index in range(count):
        generator = torch.Generator().manual_seed(index)
        first = len(batches.mean) - HELD_OUT
        rows = torch.arange(first + index * 64, first + (index + 1) * 64)
        zt, t, noise = batches.noised(rows, generator)
        for i, dropout in enumerate((0.0, 1.0)):
            context = text(batches.captions(rows, dropout, generator))
            sums[i] += (unet(zt, t, context) - noise).square().mean().item() / count
    return sums


def train(work, log):
    alphas = scaled_linear_alphas()
    weights, batches = snr_weights(alphas), Batches(work, alphas)
    text, unet = build(batches.vocabulary)
    average = Average([text, unet], AVERAGE_DECAY)
    run = Run(os.path.join(work, "diffusion.pt"), {"text": text, "unet": unet}, average, weight_decay=0.01)
    loss_sum = weighted_sum = 0.0
    log.write(f"diffusion: starting at step {run.step}, {sum(p.numel() for p in run.parameters)} parameters")
    while (step := run.step) < (total := total_steps(work, "diffusion", STEPS)):
        generator = torch.Generator().manual_seed(step)
        rows = torch.randint(0, len(batches.mean) - HELD_OUT, (BATCH,), generator=generator)
        zt, t, noise = batches.noised(rows, generator)
        captions = batches.captions(rows, CAPTION_DROPOUT, generator)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=step < total - FLOAT32_STEPS):
            prediction = unet(zt.contiguous(memory_format=torch.channels_last), t, text(captions))
        errors = (prediction.float() - noise).square().mean((1, 2, 3))
        loss = (weights[t] * errors).mean()
        run.learn(loss, LEARNING_RATE * rate(step, total, WARMUP, DECAY_STEPS))
        loss_sum, weighted_sum = loss_sum + errors.mean().item(), weighted_sum + loss.item()
        if run.step % 200 == 0:
            log.write(
                f"diffusion {run.step}/{total} loss {loss_sum / 200:.4f} weighted {weighted_sum / 200:.4f} "
                f"hours {run.seconds / 3600:.2f}"
            )
            loss_sum = weighted_sum = 0.0
        if run.step % 2000 == 0:
            average.swap()
            conditional, unconditional = held_out_losses(text, unet, batches)
            average.swap()
            log.write(f"diffusion {run.step} held out, averaged: {conditional:.4f} with, {unconditional:.4f} without captions")
    run.save()
    log.write(f"diffusion: finished {run.step} steps in {run.seconds / 3600:.2f} hours")


def load_average(work):
    """(text encoder, unet, data scale, vocabulary size, steps, hours) of the last checkpoint, averaged weights."""
    data = torch.load(os.path.join(work, "latents.pt"))
    state = load_checkpoint(os.path.join(work, "diffusion.pt"))
    text, unet = build(data["vocabulary"])
    average = Average([text, unet], AVERAGE_DECAY)
    average.load_state_dict(state["average"])
    average.swap()
    return text.eval(), unet.eval(), data["scale"], data["vocabulary"], state["step"], state["seconds"] / 3600
