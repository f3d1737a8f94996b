"""Writes the golden numbers of OWL-ViT: /usr/bin/python3 tests/golden/metrics/owl_vit/reference.py

A plain network with the names of transformers' OwlViTForObjectDetection, random weights and odd sizes, in float64 and in
float32. `--manifest` prints names and shapes of OWL-ViT base/32 in the form of metrics/manifests.json instead.
"""
import json
import math
import os
import re
import struct
import sys

import torch
import torch.nn.functional as F
from torch import nn

FOLDER = os.path.dirname(os.path.abspath(__file__))
SEED = 811
TINY = {
    "model_type": "owlvit",
    "projection_dim": 24,
    "text_config": {
        "vocab_size": 914, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2,
        "num_attention_heads": 3, "max_position_embeddings": 9, "layer_norm_eps": 1e-5,
    },
    "vision_config": {
        "hidden_size": 28, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 4,
        "image_size": 35, "patch_size": 7, "layer_norm_eps": 1e-5,
    },
}
FULL = {
    "model_type": "owlvit",
    "projection_dim": 512,
    "text_config": {
        "vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12,
        "num_attention_heads": 8, "max_position_embeddings": 16, "layer_norm_eps": 1e-5,
    },
    "vision_config": {
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "image_size": 768, "patch_size": 32, "layer_norm_eps": 1e-5,
    },
}


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, causal):
        count, length, width = x.shape
        split = lambda y: y.view(count, length, self.heads, -1).transpose(1, 2)
        q, k, v = split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // self.heads)
        if causal:
            scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), -math.inf)
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(count, length, width))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        h = self.fc1(x)
        return self.fc2(h * torch.sigmoid(1.702 * h))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, eps = c["hidden_size"], c["layer_norm_eps"]
        self.self_attn = Attention(width, c["num_attention_heads"])
        self.layer_norm1 = nn.LayerNorm(width, eps=eps)
        self.mlp = Mlp(width, c["intermediate_size"])
        self.layer_norm2 = nn.LayerNorm(width, eps=eps)

    def forward(self, x, causal):
        x = x + self.self_attn(self.layer_norm1(x), causal)
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))


class TextEmbeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.token_embedding = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.position_embedding = nn.Embedding(c["max_position_embeddings"], c["hidden_size"])


class Text(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embeddings, self.encoder = TextEmbeddings(c), Encoder(c)
        self.final_layer_norm = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])

    def forward(self, ids):
        e = self.embeddings
        x = e.token_embedding(ids) + e.position_embedding.weight[: ids.shape[1]]
        for layer in self.encoder.layers:
            x = layer(x, True)
        return self.final_layer_norm(x)[torch.arange(len(ids)), ids.argmax(-1)]


class VisionEmbeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, patch = c["hidden_size"], c["patch_size"]
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.patch_embedding = nn.Conv2d(3, width, patch, patch, bias=False)
        self.position_embedding = nn.Embedding((c["image_size"] // patch) ** 2 + 1, width)


class Vision(nn.Module):
    def __init__(self, c):
        super().__init__()
        norm = lambda: nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])
        self.embeddings, self.pre_layernorm, self.encoder, self.post_layernorm = (
            VisionEmbeddings(c), norm(), Encoder(c), norm(),
        )

    def forward(self, pixels):
        e = self.embeddings
        patches = e.patch_embedding(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([e.class_embedding.expand(len(pixels), 1, -1), patches], 1) + e.position_embedding.weight
        x = self.pre_layernorm(x)
        for layer in self.encoder.layers:
            x = layer(x, False)
        return self.post_layernorm(x)


class Towers(nn.Module):
    def __init__(self, c):
        super().__init__()
        text, vision = c["text_config"], c["vision_config"]
        self.text_model, self.vision_model = Text(text), Vision(vision)
        self.visual_projection = nn.Linear(vision["hidden_size"], c["projection_dim"], bias=False)
        self.text_projection = nn.Linear(text["hidden_size"], c["projection_dim"], bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(2.6592))


class ClassHead(nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c["vision_config"]["hidden_size"]
        self.dense0 = nn.Linear(width, c["text_config"]["hidden_size"])
        self.logit_shift, self.logit_scale = nn.Linear(width, 1), nn.Linear(width, 1)

    def forward(self, x, queries):
        unit = lambda y: y / (y.norm(dim=-1, keepdim=True) + 1e-6)
        cosines = unit(self.dense0(x)) @ unit(queries).T
        return (cosines + self.logit_shift(x)) * (F.elu(self.logit_scale(x)) + 1)


class BoxHead(nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c["vision_config"]["hidden_size"]
        self.dense0, self.dense1, self.dense2 = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, 4)

    def forward(self, x):
        return self.dense2(F.gelu(self.dense1(F.gelu(self.dense0(x)))))


class OwlViT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.owlvit, self.class_head, self.box_head = Towers(c), ClassHead(c), BoxHead(c)
        self.layer_norm = nn.LayerNorm(c["vision_config"]["hidden_size"])

    def forward(self, ids, pixels):
        states = self.owlvit.vision_model(pixels)
        features = self.layer_norm(states[:, 1:] * states[:, :1])
        texts = F.normalize(self.owlvit.text_projection(self.owlvit.text_model(ids)), dim=-1)
        grid = math.isqrt(features.shape[1])
        steps = torch.arange(1, grid + 1, dtype=pixels.dtype) / grid
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        places = torch.stack([x, y, torch.full_like(x, 1 / grid), torch.full_like(x, 1 / grid)], -1).view(-1, 4)
        bias = torch.log(places + 1e-4) - torch.log1p(1e-4 - places)
        return {
            "features": features,
            "text_embeds": texts,
            "logits": self.class_head(features, texts),
            "pred_boxes": torch.sigmoid(self.box_head(features) + bias),
        }


def save(path, tensors):
    header, body = {}, b""
    for name, tensor in sorted(tensors.items()):
        values = tensor.detach().contiguous().float().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(values)]}
        body += values
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def manifest():
    tensors = {name: list(tensor.shape) for name, tensor in OwlViT(FULL).state_dict().items()}
    layers = {"text_model": 12, "vision_model": 12}
    compact = {}
    for name, shape in tensors.items():
        match = re.match(r"(owlvit\.(\w+)\.encoder\.layers\.)(\d+)(\..*)", name)
        if match is None:
            compact[name] = [0, *shape]
        elif match[3] == "0":
            compact[f"{match[1]}*{match[4]}"] = [layers[match[2]], *shape]
    buffers = {f"owlvit.{tower}.embeddings.position_ids": [1, length] for tower, length in (("text_model", 16), ("vision_model", 577))}
    return {
        "config": FULL,
        "params": sum(math.prod(shape) for shape in tensors.values()),
        "entries": len(tensors),
        "may_also_be_in_a_file": buffers,
        "tensors": compact,
    }


def main():
    if "--manifest" in sys.argv:
        print(json.dumps({"owlvit_b32": manifest()}, separators=(",", ":")))
        return
    torch.manual_seed(SEED)
    model = OwlViT(TINY).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("logit_scale.bias"):
                parameter.copy_(torch.tensor([-0.8]).view_as(parameter))
            elif parameter.dim() > 1 and "embedding" not in name:
                parameter.copy_((torch.randn_like(parameter) / math.sqrt(parameter[0].numel())).float())
            else:
                parameter.copy_((parameter + 0.1 * torch.randn_like(parameter)).float())
        ids = torch.tensor([[912, 3, 9, 913, 0, 0], [912, 11, 5, 731, 7, 913], [912, 20, 913, 0, 0, 0]])
        pixels = torch.randn(2, 3, 35, 35).float().double()
        exact = model(ids, pixels)
        save(os.path.join(FOLDER, "model.safetensors"), model.state_dict())
        single = model.float()(ids, pixels.float())
        for name, values in exact.items():
            print(name, list(values.shape), "float32 off by", float((single[name] - values).abs().max()))
        save(os.path.join(FOLDER, "io.safetensors"), {**exact, "input_ids": ids.double(), "pixel_values": pixels})
        with open(os.path.join(FOLDER, "config.json"), "w", encoding="utf-8") as file:
            json.dump(TINY, file, indent=1)
            file.write("\n")


main()
