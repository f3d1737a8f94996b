"""UNets in PyTorch, timed on request: one JSON object per line in, one per line out.

    {"unet": FOLDER, "device": "cpu" | "cuda"}               -> {"version", "threads", "simd"}   the shapes model's; one thread
    {"zt": [...], "ztShape", "context", "contextShape", "t"} -> {"output": [...]}   kept as the inputs to time
    {"time": true}                                           -> {"ms": milliseconds of one forward}
    {"sd": CONFIG}            -> {"latents", "times": [{"precision", "batch", "ms"}]}   SD-2.1, random weights
"""
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "shapes-model"))
from networks import blocks, unet as network  # noqa: E402
from tensor_file import load_tensors  # noqa: E402

PRECISIONS = (("fp32", torch.float32, False), ("TF32", torch.float32, True), ("fp16", torch.float16, True))
# One thread of a CPU has no other precision, and takes seconds for the smallest image.
SIZES = {"cuda": (PRECISIONS, (1, 2, 8), 64, 9), "cpu": (PRECISIONS[:1], (1,), 8, 3)}


def simd(device):
    if device == "cuda":
        return torch.cuda.get_device_name()
    for line in torch.__config__.show().splitlines():
        if "CPU capability usage" in line:
            return line.split(":")[-1].strip()
    return "unknown SIMD"


def load(folder, device):
    unet = network.UNet(json.loads((folder / "config.json").read_text()))
    unet.load_state_dict(load_tensors(folder / "diffusion_pytorch_model.safetensors"))
    return unet.eval().to(device)


def tensor(values, shape, device):
    return torch.tensor(values, dtype=torch.float32, device=device).view(shape)


def elapsed(device, run):
    start = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start)


def fused_attention(self, x, context=None):
    """What PyTorch is fastest with."""
    context = x if context is None else context
    n, length, width = x.shape

    def split(y):
        return y.view(n, -1, self.heads, width // self.heads).transpose(1, 2)

    o = F.scaled_dot_product_attention(split(self.to_q(x)), split(self.to_k(context)), split(self.to_v(context)))
    return self.to_out[0](o.transpose(1, 2).reshape(n, length, width))


def time_stable_diffusion(config, device):
    # Since PyTorch 2.0.
    if hasattr(F, "scaled_dot_product_attention"):
        blocks.Attention.forward = fused_attention
    blocks.GroupNorm.forward = torch.nn.GroupNorm.forward
    blocks.LayerNorm.forward = torch.nn.LayerNorm.forward
    embed = network.timestep_embedding
    unet = network.UNet(config).eval().to(device)
    precisions, batches, latents, repeats = SIZES[device]
    times = []
    for precision, dtype, tf32 in precisions:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        unet = unet.to(dtype)
        # The embedding is made in float32 on the CPU.
        network.timestep_embedding = lambda t, width, dtype=dtype: embed(t.cpu(), width).to(device, dtype)
        for batch in batches:
            zt = torch.randn(batch, 4, latents, latents, device=device, dtype=dtype)
            context = torch.randn(batch, 77, 1024, device=device, dtype=dtype)
            t = torch.full((batch,), 501.0, device=device)
            runs = sorted(elapsed(device, lambda: unet(zt, t, context)) for _ in range(repeats))
            times.append({"precision": precision, "batch": batch, "ms": runs[repeats // 2]})
    return {"latents": latents, "times": times}


def main():
    torch.set_num_threads(1)
    unet, inputs, device = None, None, "cpu"
    with torch.inference_mode():
        for line in sys.stdin:
            request = json.loads(line)
            if "unet" in request:
                device = request["device"]
                unet = load(Path(request["unet"]), device)
                answer = {"version": torch.__version__, "threads": torch.get_num_threads(), "simd": simd(device)}
            elif "zt" in request:
                zt = tensor(request["zt"], request["ztShape"], device)
                context = tensor(request["context"], request["contextShape"], device)
                inputs = zt, torch.full([len(zt)], float(request["t"]), device=device), context
                answer = {"output": unet(*inputs).flatten().tolist()}
            elif "sd" in request:
                answer = time_stable_diffusion(request["sd"], device)
            else:
                answer = {"ms": elapsed(device, lambda: unet(*inputs))}
            print(json.dumps(answer), flush=True)


main()
