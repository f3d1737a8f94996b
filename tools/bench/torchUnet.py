"""The shapes model's UNet in PyTorch on one thread, timed on request: one JSON object per line in, one per line out.

    {"unet": FOLDER}                                      -> {"version", "threads", "simd"}
    {"zt": [...], "ztShape", "context", "contextShape", "t"} -> {"output": [...]}   kept as the inputs to time
    {"time": true}                                        -> {"ms": milliseconds of one forward}
"""
import json
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "shapes-model"))
from networks.unet import UNet  # noqa: E402
from tensor_file import load_tensors  # noqa: E402


def simd():
    for line in torch.__config__.show().splitlines():
        if "CPU capability usage" in line:
            return line.split(":")[-1].strip()
    return "unknown SIMD"


def load(folder):
    unet = UNet(json.loads((folder / "config.json").read_text()))
    unet.load_state_dict(load_tensors(folder / "diffusion_pytorch_model.safetensors"))
    return unet.eval()


def tensor(values, shape):
    return torch.tensor(values, dtype=torch.float32).view(shape)


def main():
    torch.set_num_threads(1)
    unet, inputs = None, None
    with torch.inference_mode():
        for line in sys.stdin:
            request = json.loads(line)
            if "unet" in request:
                unet = load(Path(request["unet"]))
                answer = {"version": torch.__version__, "threads": torch.get_num_threads(), "simd": simd()}
            elif "zt" in request:
                zt = tensor(request["zt"], request["ztShape"])
                context = tensor(request["context"], request["contextShape"])
                inputs = zt, torch.full([len(zt)], float(request["t"])), context
                answer = {"output": unet(*inputs).flatten().tolist()}
            else:
                start = time.perf_counter()
                unet(*inputs)
                answer = {"ms": 1000 * (time.perf_counter() - start)}
            print(json.dumps(answer), flush=True)


main()
