"""Stage 3: text encoder and UNet together.

Epsilon prediction on the scaled-linear schedule; t uniform; min-SNR weights (Hang et al. 2023, gamma 5) with a floor,
so that the fine noise levels are still learned, and more weight on high noise; caption dropout, more of it in the last
steps, which calibrate what the model draws without a prompt; a moving average of the weights is what is exported.
"""
import math
import os

import torch

import configs
from data import load_lists
from networks.text_encoder import TextEncoder
from networks.unet import UNet
from progress import Average, load_checkpoint, rate, total_steps
from sampling import scaled_linear_alphas
from tokenizer import Tokenizer
from training_run import Run

STEPS, BATCH, LEARNING_RATE = 30000, 32, 1e-3
WARMUP, DECAY_STEPS, AVERAGE_DECAY = 300, 8000, 0.9995
CAPTION_DROPOUT = 0.12
SNR_GAMMA, WEIGHT_FLOOR, HIGH_NOISE_LIMIT = 5.0, 0.3, 4.0
HELD_OUT = 2000
# Without a prompt, what an image will show is decided at high noise, and a network this small decides too often for
# circles and blue. The last steps drop more captions, look at high noise more in those images, and choose them by the
# factors of their objects: frequency in the data over frequency in what the network drew (`marginals.ts`) when these
# steps began, in 40 steps. Another run needs its own factors.
CALIBRATION_STEPS, CALIBRATION_DROPOUT, CALIBRATION_FROM, CALIBRATION_SHARE = 6000, 0.35, 350, 0.8
RARITY = {
    **{"triangle": 0.93, "square": 0.87, "ring": 1.31, "circle": 0.755, "star": 1.265, "cross": 1.137},
    **{"green": 0.81, "purple": 0.83, "orange": 1.18, "red": 1.074},
    **{"yellow": 1.185, "cyan": 1.19, "blue": 0.72, "white": 1.30},
}
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
    """Per timestep, mean 1 over t: min(SNR, gamma) / SNR, the epsilon form of min-SNR, floored, times the weight that
    errors of epsilon have in v-prediction, 1 / alphasBar, limited: at high noise a small error of epsilon is a large one
    of the image."""
    snr = alphas / (1 - alphas)
    weights = (snr.clamp(max=SNR_GAMMA) / snr).clamp(min=WEIGHT_FLOOR) * (1 / alphas).clamp(max=HIGH_NOISE_LIMIT)
    return (weights / weights.mean()).float()


class Batches:
    def __init__(self, work, alphas):
        data = torch.load(os.path.join(work, "latents.pt"))
        self.mean, self.sigma, self.ids = data["mean"], data["sigma"], data["ids"]
        self.scale, self.vocabulary, self.alphas = data["scale"], data["vocabulary"], alphas.float()
        self.empty = torch.tensor(Tokenizer(os.path.join(work, "tokenizer")).encode(""))
        objects = load_lists(os.path.join(work, "data"), "objects")[: self.training_size]
        self.rarity = torch.tensor([math.prod(RARITY[name] for pair in shown for name in pair) for shown in objects])

    @property
    def training_size(self):
        return len(self.mean) - HELD_OUT

    def draw(self, calibrating, generator, batch=BATCH):
        """Returns (rows, mask of those whose captions are dropped, mask of those that see high noise)."""
        rows = torch.randint(0, self.training_size, (batch,), generator=generator)
        dropped = torch.rand(batch, generator=generator) < (CALIBRATION_DROPOUT if calibrating else CAPTION_DROPOUT)
        if not calibrating:
            return rows, dropped, torch.zeros_like(dropped)
        rare = torch.multinomial(self.rarity, batch, replacement=True, generator=generator)
        high = dropped & (torch.rand(batch, generator=generator) < CALIBRATION_SHARE)
        return torch.where(dropped, rare, rows), dropped, high

    def noised(self, rows, high, generator):
        """Returns (zt, t, noise) for the images of `rows`."""
        draw = lambda: torch.randn(len(rows), 4, 8, 8, generator=generator)
        clean = (self.mean[rows].float() + self.sigma[rows].float() * draw()) * self.scale
        t, noise = torch.randint(0, 1000, (len(rows),), generator=generator), draw()
        t = torch.where(high, torch.randint(CALIBRATION_FROM, 1000, (len(rows),), generator=generator), t)
        bar = self.alphas[t][:, None, None, None]
        return bar.sqrt() * clean + (1 - bar).sqrt() * noise, t, noise

    def captions(self, rows, dropped, generator):
        choice = torch.randint(0, self.ids.shape[1], (len(rows),), generator=generator)
        ids = self.ids[rows, choice].long()
        return torch.where(dropped[:, None], self.empty[None], ids)


@torch.no_grad()
def held_out_losses(text, unet, batches):
    """Mean squared error with and without captions on held-out images, at fixed noise."""
    sums, count = [0.0, 0.0], 8
    for index in range(count):
        generator = torch.Generator().manual_seed(index)
        first = batches.training_size
        rows = torch.arange(first + index * 64, first + (index + 1) * 64)
        nowhere, everywhere = torch.zeros(64, dtype=torch.bool), torch.ones(64, dtype=torch.bool)
        zt, t, noise = batches.noised(rows, nowhere, generator)
        for i, dropped in enumerate((nowhere, everywhere)):
            context = text(batches.captions(rows, dropped, generator))
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
        rows, dropped, high = batches.draw(step >= total - CALIBRATION_STEPS, generator)
        zt, t, noise = batches.noised(rows, high, generator)
        captions = batches.captions(rows, dropped, generator)
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
