"""Makes image folders for `npm run shapes:score`.

python3 tools/shapes-model/evaluate.py --model FOLDER --prompts FILE --out DIR [--per-prompt 4] [--steps 40]
    [--guidance 2.5] [--seed 0]           samples every prompt of a list (one per line; an empty file samples none)
python3 tools/shapes-model/evaluate.py --model FOLDER --round-trip SOURCE --out DIR
    [--work DIR]                        encodes and decodes the images of a folder with metadata.jsonl
With --work the averaged weights of a running training are used instead of FOLDER's.
"""
import argparse
import json
import os

import torch

from folder import load_pipeline
from png import read_png, write_png
from sampling import sample_latents

BATCH = 64


def to_bytes(images):
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


def load_model(options):
    if options.work is None:
        return load_pipeline(options.model)
    from tokenizer import Tokenizer
    from train_diffusion import load_average
    from train_decoder import load_average as load_vae

    text, unet, scale, *_ = load_average(options.work)
    return Tokenizer(os.path.join(options.work, "tokenizer")), text, unet, load_vae(options.work), scale


@torch.no_grad()
def generate(options):
    tokenizer, text, unet, vae, scale = load_model(options)
    with open(options.prompts, encoding="utf-8") as file:
        prompts = [line.rstrip("\n") for line in file]
    jobs = [prompt for prompt in prompts for _ in range(options.per_prompt)]
    empty = text(torch.tensor([tokenizer.encode("")]))
    for start in range(0, len(jobs), BATCH):
        part = jobs[start : start + BATCH]
        context = text(torch.tensor([tokenizer.encode(prompt) for prompt in part]))
        generator = torch.Generator().manual_seed(options.seed * 100003 + start)
        latents = sample_latents(unet, context, empty, options.steps, options.guidance, generator)
        yield from zip(part, to_bytes(vae.decode(latents / scale)))


@torch.no_grad()
def round_trip(options):
    if options.work is None:
        *_, vae, _ = load_pipeline(options.model)
    else:
        from train_decoder import load_average

        vae = load_average(options.work)
    with open(os.path.join(options.round_trip, "metadata.jsonl"), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        pixels = read_png(os.path.join(options.round_trip, row["file_name"]))
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        yield row["text"], to_bytes(vae.decode(vae.encode(image)[0]))[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="public/models/shapes")
    parser.add_argument("--work")
    parser.add_argument("--prompts")
    parser.add_argument("--round-trip", dest="round_trip")
    parser.add_argument("--out", required=True)
    parser.add_argument("--per-prompt", dest="per_prompt", type=int, default=4)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--guidance", type=float, default=2.5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "metadata.jsonl"), "w", encoding="utf-8") as metadata:
        for index, (text, pixels) in enumerate(round_trip(options) if options.round_trip else generate(options)):
            name = f"{index:05d}.png"
            write_png(os.path.join(options.out, name), pixels)
            metadata.write(json.dumps({"file_name": name, "text": text}) + "\n")


if __name__ == "__main__":
    main()
