"""Stage 1: the autoencoder.

Loss: weighted L1 + L2 on pixels, L1 on differences between neighbors, and a small KL term. The background fills most
of every image; without weights the colors of the objects collapse onto one axis, so pixels around objects count more.
Objects in contact are the hardest to keep apart: WORK/contacts, where it exists, fills a share of every batch.
"""
import os

import torch
import torch.nn.functional as F

import configs
from data import Images
from networks.autoencoder import Autoencoder
from progress import Average, load_checkpoint, rate, total_steps
from training_run import Run

STEPS, BATCH, LEARNING_RATE, KL_WEIGHT = 6000, 16, 2e-3, 4e-4
WARMUP, DECAY_STEPS = 100, 2500
OBJECT_WEIGHT = 8.0
CONTACT_IMAGES = 6


def object_weights(images):
    """(N, 1, 64, 64): 1 on the background, OBJECT_WEIGHT within two pixels of anything that differs from it."""
    flat = images.flatten(2)
    background = flat.median(dim=2).values[:, :, None, None]
    differs = ((images - background).abs().amax(dim=1, keepdim=True) > 0.25).float()
    return 1 + (OBJECT_WEIGHT - 1) * F.max_pool2d(differs, 5, stride=1, padding=2)


def reconstruction_loss(images, decoded, weights):
    """`weights`: (N, 1, 64, 64), how much each pixel counts."""
    error = decoded - images
    pixels = (weights * (error.abs() + error**2)).mean() / weights.mean()
    across = (weights[..., 1:] * (error[..., 1:] - error[..., :-1]).abs()).mean()
    down = (weights[:, :, 1:] * (error[:, :, 1:] - error[:, :, :-1]).abs()).mean()
    return pixels + 0.5 * (across + down) / weights.mean()


def draw_batch(images, contacts, generator):
    draw = lambda source, count: source.batch(torch.randint(len(source), (count,), generator=generator).tolist())
    if contacts is None:
        return draw(images, BATCH)
    return torch.cat([draw(images, BATCH - CONTACT_IMAGES), draw(contacts, CONTACT_IMAGES)])


def train(work, log):
    torch.manual_seed(0)
    vae = Autoencoder(configs.VAE).to(memory_format=torch.channels_last)
    average = Average([vae], decay=0.999)
    run = Run(os.path.join(work, "vae.pt"), {"model": vae}, average, weight_decay=1e-4)
    images = contacts = None
    sums = [0.0, 0.0]
    log.write(f"vae: starting at step {run.step}, {sum(p.numel() for p in run.parameters)} parameters")
    while (step := run.step) < (total := total_steps(work, "vae", STEPS)):
        if images is None or step % 200 == 0:
            images = Images(os.path.join(work, "data"))  # shards may still be arriving
            folder = os.path.join(work, "contacts")
            contacts = Images(folder) if os.path.isdir(folder) else None
        generator = torch.Generator().manual_seed(step)
        batch = draw_batch(images, contacts, generator)
        batch = batch.contiguous(memory_format=torch.channels_last)
        mean, logvar = vae.encode(batch)
        noise = torch.randn(mean.shape, generator=generator)
        reconstruction = reconstruction_loss(batch, vae.decode(mean + (0.5 * logvar).exp() * noise), object_weights(batch))
        divergence = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
        run.learn(reconstruction + KL_WEIGHT * divergence, LEARNING_RATE * rate(step, total, WARMUP, DECAY_STEPS))
        sums = [sums[0] + reconstruction.item(), sums[1] + divergence.item()]
        if run.step % 100 == 0:
            spread, sigma = mean.std().item(), (0.5 * logvar).exp().mean().item()
            log.write(
                f"vae {run.step}/{total} loss {sums[0] / 100:.4f} kl {sums[1] / 100:.3f} "
                f"latent std {spread:.3f} sigma {sigma:.3f} hours {run.seconds / 3600:.2f}"
            )
            sums = [0.0, 0.0]
    run.save()
    return average_weights(vae, average)


def average_weights(network, average):
    average.swap()
    return network.eval()


def load_average(work):
    """The averaged autoencoder of the last checkpoint."""
    state = load_checkpoint(os.path.join(work, "vae.pt"))
    vae = Autoencoder(configs.VAE)
    average = Average([vae], decay=0.999)
    average.load_state_dict(state["average"])
    return average_weights(vae, average)
