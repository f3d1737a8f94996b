"""Trains a small CLIP on the shapes world: python3 tools/shapes-model/train_clip.py --work DIR [--minutes 9] [--out ...]

DIR/data comes from `renderData.ts --pairs`: a true caption and one with a mistake for each image. The text tower begins
as the text encoder of the shapes model. Symmetric InfoNCE (Radford et al. 2021, arXiv:2103.00020) in which the captions
with mistakes are further negatives, as NegCLIP has them (Yuksekgonul et al. 2023, arXiv:2210.01936). One thread; the
learning rate falls with the processor time that was used.
"""
import argparse
import json
import os
import shutil
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import torch
import torch.nn.functional as F

from data import Images, load_lists
from folder import load_part, read_config
from networks.clip import Clip
from tensor_file import save_floats
from tokenizer import Tokenizer

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
BATCH = 96
LEARNING_RATE = 1.2e-3
HELD_OUT = 2000
LIMIT_BYTES = 3_000_000


def make_config(text):
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": 64,
        "logit_scale_init_value": 2.6592,
        "text_config": {**{k: v for k, v in text.items() if k != "architectures"}, "projection_dim": 64},
        "vision_config": {
            "model_type": "clip_vision_model",
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "image_size": 64,
            "patch_size": 8,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-05,
            "projection_dim": 64,
        },
    }


def normalized(pixels):
    """[-1, 1] to the units of CLIP."""
    return (pixels / 2 + 0.5 - MEAN) / STD


def roughened(pixels, generator):
    """Renders are cleaner than what a model draws: some softness, some noise."""
    soft = F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(len(pixels), 1, 1, 1, generator=generator) * 0.7
    noise = torch.randn(pixels.shape, generator=generator)
    return torch.lerp(pixels, soft, share) + 0.04 * noise


def loss_of(model, pixels, true_ids, wrong_ids):
    images = model.encode_image(normalized(pixels))
    texts = model.encode_text(torch.cat([true_ids, wrong_ids]))
    scale = model.logit_scale.exp().clamp(max=100)
    logits = scale * images @ texts.T
    count = len(images)
    target = torch.arange(count)
    pair = torch.stack([logits.diagonal(), logits[:, count:].diagonal()], 1)
    loss = F.cross_entropy(logits, target) + F.cross_entropy(logits[:, :count].T, target)
    loss = loss + F.cross_entropy(pair, torch.zeros(count, dtype=torch.long))
    return loss, (pair[:, 0] > pair[:, 1]).float().mean(), (logits[:, :count].argmax(1) == target).float().mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--model", default="public/models/shapes")
    parser.add_argument("--out", default="public/models/shapes-clip")
    parser.add_argument("--minutes", type=float, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    folder = os.path.join(options.work, "data")
    images, captions = Images(folder), load_lists(folder, "captions")
    tokenizer = Tokenizer(os.path.join(options.model, "tokenizer"))
    usable = [i for i, pair in enumerate(captions) if all(pair)]
    held, usable = usable[-HELD_OUT:], usable[:-HELD_OUT]
    config = make_config(read_config(options.model, "text_encoder"))
    model = Clip(config)
    model.text_model.load_state_dict(load_part(options.model, "text_encoder").text_model.state_dict())
    text = list(model.text_model.parameters())
    text_ids = {id(p) for p in text}
    other = [p for p in model.parameters() if id(p) not in text_ids]
    rates = [LEARNING_RATE / 4, LEARNING_RATE]
    optimizer = torch.optim.AdamW([{"params": text}, {"params": other}], betas=(0.9, 0.98), weight_decay=0.01)
    generator, order = torch.Generator().manual_seed(2), np.random.default_rng(3)

    def batch_of(indices):
        ids = [torch.tensor([tokenizer.encode(captions[i][k]) for i in indices]) for k in (0, 1)]
        # Nothing after the longest text's end token is seen.
        length = int(torch.cat(ids).argmax(1).max()) + 1
        return images.batch(indices), ids[0][:, :length], ids[1][:, :length]

    began, step, budget = time.process_time(), 0, options.minutes * 60
    while (used := time.process_time() - began) < budget:
        factor = min(1, (step + 1) / 40) * (0.02 + 0.49 * (1 + np.cos(np.pi * used / budget)))
        for group, top in zip(optimizer.param_groups, rates):
            group["lr"] = top * factor
        pixels, true_ids, wrong_ids = batch_of(order.choice(usable, BATCH, replace=False))
        loss, pair, first = loss_of(model, roughened(pixels, generator), true_ids, wrong_ids)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 25 == 0:
            print(f"{step} {used:.0f} s loss {loss:.3f} pair {pair:.3f} first of {BATCH} {first:.3f}", flush=True)

    model.eval()
    with torch.no_grad():
        found = [loss_of(model, *batch_of(held[i : i + 100]))[1:] for i in range(0, len(held), 100)]
    facts = {
        "steps": step,
        "batch": BATCH,
        "held_out_images": len(held),
        "held_out_true_before_wrong": round(float(torch.stack([p for p, _ in found]).mean()), 4),
        "held_out_first_of_100": round(float(torch.stack([f for _, f in found]).mean()), 4),
    }
    print(facts)
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "config.json"), "w", encoding="utf-8") as file:
        json.dump({**config, "_training": facts}, file, indent=2)
        file.write("\n")
    path = os.path.join(options.out, "model.safetensors")
    save_floats(path, model.state_dict())
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(os.path.join(options.model, "tokenizer", name), options.out)
    if os.path.getsize(path) > LIMIT_BYTES:
        raise SystemExit(f"{os.path.getsize(path)} bytes are more than the {LIMIT_BYTES} the page may ship")


if __name__ == "__main__":
    main()
