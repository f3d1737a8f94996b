"""Stage 2: latents and token ids of all images, written once: WORK/latents.pt."""
import os
import time

import torch

import configs
from data import Images, load_lists
from tokenizer import Tokenizer, write_tokenizer
from train_vae import load_average

BATCH = 100


def encode(work, log):
    """Latents of the autoencoder that this work folder trains, and a tokenizer of the words of the world."""
    tokenizer_folder = os.path.join(work, "tokenizer")
    vocabulary = write_tokenizer(tokenizer_folder, configs.WORDS, configs.POSITIONS)
    encode_with(work, log, lambda: load_average(work), Tokenizer(tokenizer_folder), vocabulary)


def encode_with(work, log, load_autoencoder, tokenizer, vocabulary, scale=None):
    """Saves mean and sigma (N, 4, 8, 8) in half precision, ids (N, K, L), and `scale`, by default what makes latents unit."""
    path = os.path.join(work, "latents.pt")
    if os.path.exists(path):
        log.write("latents: already there")
        return
    while not os.path.exists(os.path.join(work, "data", "data.json")):
        log.write("latents: waiting for the renderer to finish")
        time.sleep(60)
    images, captions = Images(os.path.join(work, "data")), load_lists(os.path.join(work, "data"), "captions")
    if len(images) != len(captions):
        raise ValueError(f"{len(images)} images but {len(captions)} caption lists")
    vae = load_autoencoder().to(memory_format=torch.channels_last)
    means, sigmas = [], []
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            batch = images.batch(range(start, min(start + BATCH, len(images))))
            mean, logvar = vae.encode(batch.contiguous(memory_format=torch.channels_last))
            means.append(mean.contiguous().half())
            sigmas.append((0.5 * logvar).exp().contiguous().half())
            if start % 20000 == 0:
                log.write(f"latents: {start} of {len(images)}")
    mean, sigma = torch.cat(means), torch.cat(sigmas)
    # SD's convention: one factor, the inverse standard deviation over all channels.
    if scale is None:
        scale = 1 / (mean.float().var() + (sigma.float() ** 2).mean()).sqrt().item()
    ids = torch.tensor([[tokenizer.encode(text) for text in texts] for texts in captions], dtype=torch.int16)
    torch.save({"mean": mean, "sigma": sigma, "ids": ids, "scale": scale, "vocabulary": vocabulary}, path + ".part")
    os.replace(path + ".part", path)
    channels = [round(value, 3) for value in (mean.float().std(dim=(0, 2, 3)) * scale).tolist()]
    log.write(f"latents: {len(images)} done, scaling factor {scale:.6f}, scaled std per channel {channels}")
