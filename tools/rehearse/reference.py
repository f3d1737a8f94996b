"""The rehearsal's UNet outputs, computed a second time with PyTorch and independently of the page.

    /usr/bin/python3 tools/rehearse/reference.py --model WORK/model --out reference.safetensors [--compare OUTPUTS]

Builds the network of tools/shapes-model/networks/unet.py from the folder's unet/config.json, fills it with the seeded
weights (formula: seededWeights.ts, written again here; `--from-file` reads the folder's file instead), rounds them to
half and computes in float32. `--compare` prints how far the page's file is from it. Needs numpy and torch, and 4 GB
of memory for SD-2.1.
"""
import argparse
import json
import math
import os
import struct
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shapes-model"))
from networks.unet import UNet  # noqa: E402
from tensor_file import load_tensors  # noqa: E402


def hash_name(name):
    """FNV-1a, 32 bits."""
    value = 2166136261
    for byte in name.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


def unit(name, count):
    """`count` numbers of mean 0 and variance 1, uniform, as float64."""
    x = np.arange(count, dtype=np.uint32)
    with np.errstate(over="ignore"):
        x *= np.uint32(2654435761)
        x += np.uint32(hash_name(name))
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
    return (x / 2.0**32 - 0.5) * math.sqrt(12)


def seeded_weight(name, shape):
    """A parameter as float32 numbers that are exact halves."""
    u = unit(name, int(np.prod(shape)))
    if len(shape) >= 2:
        u = 0.7 * u / math.sqrt(np.prod(shape[1:]))
    elif name.endswith(".weight"):
        u = 1 + 0.1 * u
    else:
        u = 0.02 * u
    return torch.from_numpy(u.astype(np.float16).astype(np.float32).reshape(shape))


def input_tensor(name, shape):
    return torch.from_numpy(unit(name, int(np.prod(shape))).astype(np.float32).reshape(shape))


def save_float(path, tensors):
    header, offset = {}, 0
    for name in sorted(tensors):
        size = tensors[name].numel() * 4
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(tensors[name].contiguous().numpy().tobytes())


def compute(model_folder, timesteps, latent_size, tokens, from_file):
    with open(os.path.join(model_folder, "unet", "config.json")) as file:
        config = json.load(file)
    started = time.time()
    with torch.no_grad():
        unet = UNet(config).eval()
        stored = load_tensors(os.path.join(model_folder, "unet", "diffusion_pytorch_model.safetensors")) if from_file else None
        for name, parameter in unet.named_parameters():
            parameter.copy_(stored.pop(name) if from_file else seeded_weight(name, tuple(parameter.shape)))
        if stored:
            raise ValueError(f"the file has {len(stored)} more tensors: {sorted(stored)[:5]}")
        print(f"{sum(p.numel() for p in unet.parameters()):,} parameters, {time.time() - started:.0f} s", flush=True)
        sample = input_tensor("sample", (1, config["in_channels"], latent_size, latent_size))
        print("sample", [float(f"{x:.9g}") for x in sample.flatten()[:3]], flush=True)
        width = config["cross_attention_dim"]
        results = {}
        for t in timesteps:
            for name in ("context", "uncond"):
                context = input_tensor(name, (1, tokens, width))
                results[f"out.{name}.t{t}"] = unet(sample, torch.tensor([t]), context)
                print(f"out.{name}.t{t}: {time.time() - started:.0f} s", flush=True)
            difference = (results[f"out.context.t{t}"] - results[f"out.uncond.t{t}"]).double()
            results[f"sq.t{t}"] = (difference**2).sum().float().reshape(1)
    return results


def compare(reference, path):
    found = load_tensors(path)
    worst = 0.0
    for name in sorted(reference):
        expected, value = reference[name].double(), found[name].double()
        assert expected.shape == value.shape, (name, expected.shape, value.shape)
        error = (value - expected).abs().max().item()
        scale = expected.abs().max().item()
        worst = max(worst, error / scale)
        print(f"{name:20s} max |error| {error:.3g}, of max |value| {scale:.4g}: {error / scale:.3g}")
    print(f"worst relative to the tensor's largest value: {worst:.3g}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="folder that `npm run rehearse` wrote")
    parser.add_argument("--out", required=True, help="file to write; read instead if it exists")
    parser.add_argument("--compare", help="unet-outputs.safetensors of the rehearsal")
    parser.add_argument("--timesteps", default="981,501,21")
    parser.add_argument("--latent-size", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=77)
    parser.add_argument("--from-file", action="store_true", help="weights from the folder, not from the formula")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if os.path.exists(options.out):
        results = load_tensors(options.out)
    else:
        timesteps = [int(t) for t in options.timesteps.split(",")]
        results = compute(options.model, timesteps, options.latent_size, options.tokens, options.from_file)
        save_float(options.out, results)
    for name in sorted(results):
        flat = results[name].flatten()
        print(f"{name:20s} {[float(f'{x:.6g}') for x in flat[:4]]}")
    if options.compare:
        compare(results, options.compare)


main()
