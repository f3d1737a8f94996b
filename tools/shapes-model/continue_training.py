"""Teaches a finished model the captions of `src/shapes/captions.ts`, and exports what comes out:

python3 tools/shapes-model/continue_training.py --from FOLDER --work DIR --out FOLDER [--device cpu|cuda]
    [--samples 200000] [--images 60000]

One command for everything: it renders the images and captions into WORK/data, encodes them with FOLDER's autoencoder,
trains text encoder and UNet together and writes a folder of the same layout. Every part resumes where it was stopped;
WORK/log.txt has the losses. The recipe is the same on a GPU, where it takes minutes. Autoencoder and tokenizer stay.
"""
import argparse
import fcntl
import json
import os
import shutil
import subprocess

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when torch is imported

import torch

from encode import encode_with
from folder import WEIGHTS, load_part, load_pipeline, read_config
from progress import Average, Log, rate
from sampling import scaled_linear_alphas
from tensor_file import save_floats
from train_diffusion import Batches, snr_weights
from training_run import Run

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BATCH, LEARNING_RATE, WARMUP, AVERAGE_DECAY = 64, 5e-4, 100, 0.998
CAPTIONS, SEED = 6, 5_000_000
# As in the first training: bfloat16 is faster, and the last steps settle the small differences between predictions.
FLOAT32_SHARE = 0.15
REPORT_STEPS, HELD_OUT_STEPS = 100, 500
TRAINED = ("text_encoder", "unet")


def render(work, images):
    """WORK/data, by the renderer of the page; finished shards are kept."""
    data = os.path.join(work, "data")
    if not os.path.exists(os.path.join(data, "data.json")):
        command = ["node", "tools/run.mjs", "tools/shapes-model/renderData.ts", "--out", os.path.abspath(data)]
        options = ["--count", str(images), "--captions", str(CAPTIONS), "--seed", str(SEED)]
        subprocess.run(command + options, cwd=ROOT, check=True)


def encode_data(folder, work, log):
    tokenizer, _, _, vae, scale = load_pipeline(folder)
    shutil.copytree(os.path.join(folder, "tokenizer"), os.path.join(work, "tokenizer"), dirs_exist_ok=True)
    encode_with(work, log, lambda: vae, tokenizer, read_config(folder, "text_encoder")["vocab_size"], scale)


@torch.no_grad()
def held_out_losses(text, unet, batches, device):
    """Mean squared error with and without captions on images that training never draws, at fixed noise."""
    sums, count, size = [0.0, 0.0], 8, 64
    for index in range(count):
        generator = torch.Generator().manual_seed(index)
        rows = torch.arange(size) + batches.training_size + index * size
        nowhere = torch.zeros(size, dtype=torch.bool)
        zt, t, noise = (part.to(device) for part in batches.noised(rows, nowhere, generator))
        for i, dropped in enumerate((nowhere, ~nowhere)):
            context = text(batches.captions(rows, dropped, generator).to(device))
            sums[i] += (unet(zt, t, context) - noise).square().mean().item() / count
    return sums


def open_run(options):
    """(run, networks): from the checkpoint where there is one, else from the given folder."""
    text, unet = (load_part(options.folder, part).to(options.device).train() for part in TRAINED)
    unet = unet.to(memory_format=torch.channels_last)
    average = Average([text, unet], AVERAGE_DECAY)
    path = os.path.join(options.work, "continued.pt")
    return Run(path, {"text": text, "unet": unet}, average, weight_decay=0.01), text, unet


def train(options, run, text, unet, log):
    device, total = options.device, options.samples // BATCH
    alphas = scaled_linear_alphas()
    weights, batches = snr_weights(alphas).to(device), Batches(options.work, alphas)
    log.write(f"continue: from {options.folder} at step {run.step} of {total} of {BATCH}, on {device}")
    loss_sum = 0.0
    while run.step < total:
        generator = torch.Generator().manual_seed(run.step)  # so that a resumed run sees the same batches
        rows, dropped, high = batches.draw(False, generator, BATCH)
        zt, t, noise = (part.to(device) for part in batches.noised(rows, high, generator))
        captions = batches.captions(rows, dropped, generator).to(device)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=run.step < total * (1 - FLOAT32_SHARE)):
            prediction = unet(zt.contiguous(memory_format=torch.channels_last), t, text(captions))
        errors = (prediction.float() - noise).square().mean((1, 2, 3))
        run.learn((weights[t] * errors).mean(), LEARNING_RATE * rate(run.step, total, WARMUP, total - WARMUP))
        loss_sum += errors.mean().item()
        if run.step % REPORT_STEPS == 0:
            log.write(f"continue {run.step}/{total} loss {loss_sum / REPORT_STEPS:.4f} hours {run.seconds / 3600:.2f}")
            loss_sum = 0.0
        if run.step % HELD_OUT_STEPS == 0 or run.step == total:
            run.average.swap()
            conditional, unconditional = held_out_losses(text, unet, batches, device)
            run.average.swap()
            log.write(f"continue {run.step} held out: {conditional:.4f} with, {unconditional:.4f} without captions")
    run.save()


def export(options, run, text, unet):
    """FOLDER's files with the averaged weights, and `training.json`: what was done, for the card."""
    if os.path.abspath(options.out) != os.path.abspath(options.folder):
        shutil.copytree(options.folder, options.out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.md"))
    run.average.swap()
    for part, network in zip(TRAINED, (text, unet)):
        save_floats(os.path.join(options.out, part, WEIGHTS[part]), {k: v.cpu() for k, v in network.state_dict().items()})
    run.average.swap()
    with open(os.path.join(options.work, "data", "data.json"), encoding="utf-8") as file:
        data = json.load(file)
    facts = {
        "images": data["count"],
        "captions": data["captions"],
        "seed": data["seed"],
        "mixture": data["mixture"],
        "mistakes": data["mistakes"],
        "samples": run.step * BATCH,
        "batch": BATCH,
        "learningRate": LEARNING_RATE,
        "average": AVERAGE_DECAY,
        "device": options.device,
        "hours": round(run.seconds / 3600, 3),
    }
    with open(os.path.join(options.out, "training.json"), "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=2)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="folder", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--images", type=int, default=60_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    os.makedirs(options.work, exist_ok=True)
    lock = open(os.path.join(options.work, "lock"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a second training would halve the speed of both
    log = Log(options.work)
    render(options.work, options.images)
    encode_data(options.folder, options.work, log)
    run, text, unet = open_run(options)
    train(options, run, text, unet, log)
    export(options, run, text, unet)
    log.write(f"continue: {run.step} steps in {run.seconds / 3600:.2f} hours -> {options.out}")


if __name__ == "__main__":
    main()
