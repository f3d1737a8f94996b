"""Trains the shapes model: python3 tools/shapes-model/train.py --work DIR [--stage vae|latents|decoder|diffusion|all]

Renders nothing itself: run renderData.ts into DIR/data first (it may still be running). Stages resume from their
checkpoints, so the command can be killed and repeated. One thread: for networks this small two are slower.
"""
import argparse
import fcntl
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once, when torch is imported: torch.set_num_threads does not reach it

import torch

import train_vae
from progress import Log


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--stage", default="all", choices=["vae", "latents", "decoder", "diffusion", "all"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    lock = open(os.path.join(options.work, "lock"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a second training would halve the speed of both
    log = Log(options.work)
    if options.stage in ("vae", "all"):
        train_vae.train(options.work, log)
    if options.stage in ("latents", "all"):
        import encode

        encode.encode(options.work, log)
    if options.stage in ("decoder", "all"):
        import train_decoder

        train_decoder.train(options.work, log)
    if options.stage in ("diffusion", "all"):
        import train_diffusion

        train_diffusion.train(options.work, log)


if __name__ == "__main__":
    main()
