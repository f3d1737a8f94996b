"""Stage 3: the decoder alone goes on learning; the encoder, and with it every stored latent, stays as it is.

What the autoencoder loses first are small objects inside or against larger ones: they are few pixels in few images.
Here half of every batch are objects in contact (WORK/contacts, where it exists), and the fewer pixels of an image have
a color, the more each of them counts.
"""
import os

import torch

import configs
from data import Images
from networks.autoencoder import Autoencoder
from progress import Average, load_checkpoint, rate, total_steps
from train_vae import load_average as load_autoencoder
from train_vae import object_weights, reconstruction_loss
from training_run import Run

STEPS, BATCH, LEARNING_RATE = 2500, 16, 1e-3
WARMUP, DECAY_STEPS = 50, 1800
RAREST = 4.0


def rarity_weights(images):
    """(N, 1, 64, 64): object weights times up to RAREST for the pixels of a color (8 levels per channel) that few have."""
    levels = ((images + 1) * 3.999).long().clamp(0, 7)
    colors = (levels[:, 0] * 64 + levels[:, 1] * 8 + levels[:, 2]).flatten(1)
    counts = torch.zeros(len(images), 512).scatter_add_(1, colors, torch.ones(colors.shape))
    share = counts.gather(1, colors).view(len(images), 1, 64, 64) / colors.shape[1]
    return object_weights(images) * (share**-0.5 / 3).clamp(1, RAREST)


def halves(images, contacts, generator):
    def draw(source, count):
        return source.batch(torch.randint(len(source), (count,), generator=generator).tolist())

    batch = draw(images, BATCH) if contacts is None else torch.cat([draw(images, BATCH // 2), draw(contacts, BATCH // 2)])
    return batch.contiguous(memory_format=torch.channels_last)


def train(work, log):
    torch.manual_seed(0)
    vae = load_autoencoder(work).to(memory_format=torch.channels_last)
    learned = torch.nn.ModuleList([vae.decoder, vae.post_quant_conv])
    average = Average(learned, decay=0.998)
    run = Run(os.path.join(work, "decoder.pt"), {"model": learned}, average, weight_decay=1e-4)
    images = Images(os.path.join(work, "data"))
    folder = os.path.join(work, "contacts")
    contacts = Images(folder) if os.path.isdir(folder) else None
    sum_of_losses = 0.0
    log.write(f"decoder: starting at step {run.step}")
    while (step := run.step) < (total := total_steps(work, "decoder", STEPS)):
        generator = torch.Generator().manual_seed(1_000_000 + step)
        batch = halves(images, contacts, generator)
        with torch.no_grad():
            mean, logvar = vae.encode(batch)
            latents = mean + (0.5 * logvar).exp() * torch.randn(mean.shape, generator=generator)
        loss = reconstruction_loss(batch, vae.decode(latents), rarity_weights(batch))
        run.learn(loss, LEARNING_RATE * rate(step, total, WARMUP, DECAY_STEPS))
        sum_of_losses += loss.item()
        if run.step % 100 == 0:
            log.write(f"decoder {run.step}/{total} loss {sum_of_losses / 100:.4f} hours {run.seconds / 3600:.2f}")
            sum_of_losses = 0.0
    run.save()


def load_average(work):
    """The averaged autoencoder, with the averaged decoder of this stage where there is one."""
    vae = load_autoencoder(work)
    state = load_checkpoint(os.path.join(work, "decoder.pt"))
    if state is None:
        return vae
    average = Average([vae.decoder, vae.post_quant_conv], decay=0.998)
    average.load_state_dict(state["average"])
    average.swap()
    return vae
