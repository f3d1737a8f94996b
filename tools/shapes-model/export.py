"""Writes the diffusers folder: python3 tools/shapes-model/export.py --work DIR [--out public/models/shapes]

Uses the averaged weights of the last checkpoints, so it may run while the training does. Fails above 12 MB.
"""
import argparse
import json
import os
import shutil

import configs
import train_diffusion
from card import write_card
from folder import WEIGHTS
from progress import load_checkpoint
from tensor_file import save_floats
from train_diffusion import load_average as load_diffusion
from train_decoder import load_average as load_vae

LIMIT_BYTES = 12_000_000


def write_json(folder, name, content):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", default="public/models/shapes")
    options = parser.parse_args()
    text, unet, scale, vocabulary, steps, hours = load_diffusion(options.work)
    text_config = {
        **configs.TEXT_ENCODER,
        "vocab_size": vocabulary,
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
    }
    parts = {
        "vae": (load_vae(options.work), {**configs.VAE, "scaling_factor": round(scale, 6)}),
        "text_encoder": (text, text_config),
        "unet": (unet, configs.UNET),
    }
    for part, (network, config) in parts.items():
        folder = os.path.join(options.out, part)
        write_json(folder, "config.json", config)
        save_floats(os.path.join(folder, WEIGHTS[part]), network.state_dict())
    write_json(os.path.join(options.out, "scheduler"), "scheduler_config.json", configs.SCHEDULER)
    write_json(options.out, "model_index.json", configs.MODEL_INDEX)
    target = os.path.join(options.out, "tokenizer")
    shutil.copytree(os.path.join(options.work, "tokenizer"), target, dirs_exist_ok=True)
    autoencoder = load_checkpoint(os.path.join(options.work, "vae.pt"))
    decoder = load_checkpoint(os.path.join(options.work, "decoder.pt")) or {"step": 0, "seconds": 0.0}
    facts = {
        "vocabulary": vocabulary,
        "scale": scale,
        "steps": steps,
        "hours": hours,
        "batch": train_diffusion.BATCH,
        "rate": train_diffusion.LEARNING_RATE,
        "average": train_diffusion.AVERAGE_DECAY,
        "dropout": train_diffusion.CAPTION_DROPOUT,
        "last_dropout": train_diffusion.CALIBRATION_DROPOUT,
        "calibration_steps": train_diffusion.CALIBRATION_STEPS,
        "vae_steps": autoencoder["step"],
        "vae_hours": autoencoder["seconds"] / 3600,
        "decoder_steps": decoder["step"],
        "decoder_hours": decoder["seconds"] / 3600,
    }
    write_card(options.work, options.out, facts)
    size = sum(os.path.getsize(os.path.join(root, name)) for root, _, names in os.walk(options.out) for name in names)
    print(f"{options.out}: {size} bytes, {steps} steps, {hours:.2f} hours of diffusion training")
    if size > LIMIT_BYTES:
        raise SystemExit(f"{size} bytes are more than the {LIMIT_BYTES} the page may ship")


if __name__ == "__main__":
    main()
