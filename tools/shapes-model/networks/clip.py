"""CLIPModel of transformers: a text tower, an image tower over patches, and a shared space. Names are those of its files."""
import torch
import torch.nn.functional as F
from torch import nn

from .blocks import LayerNorm
from .text_encoder import EncoderLayer, Layers, TextTransformer


class VisionEmbeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, patch = config["hidden_size"], config["patch_size"]
        self.class_embedding = nn.Parameter(torch.randn(width) * width**-0.5)
        self.patch_embedding = nn.Conv2d(3, width, patch, patch, bias=False)
        self.position_embedding = nn.Embedding((config["image_size"] // patch) ** 2 + 1, width)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, pixels):
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat([first, patches], 1) + self.position_embedding.weight


class VisionTransformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, eps = config["hidden_size"], config["layer_norm_eps"]
        self.embeddings = VisionEmbeddings(config)
        self.pre_layrnorm = LayerNorm(width, eps=eps)
        layer = lambda: EncoderLayer(width, config["intermediate_size"], config["num_attention_heads"], eps)
        self.encoder = Layers([layer() for _ in range(config["num_hidden_layers"])])
        self.post_layernorm = LayerNorm(width, eps=eps)

    def forward(self, pixels):
        x = self.pre_layrnorm(self.embeddings(pixels))
        for layer in self.encoder.layers:
            x = layer(x, 0)
        return self.post_layernorm(x[:, 0])


class Clip(nn.Module):
    """Pixels (N, 3, H, W) and ids (M, L) -> unit vectors (N, D), (M, D)."""

    def __init__(self, config):
        super().__init__()
        self.text_model = TextTransformer(config["text_config"])
        self.vision_model = VisionTransformer(config["vision_config"])
        size = config["projection_dim"]
        self.text_projection = nn.Linear(config["text_config"]["hidden_size"], size, bias=False)
        self.visual_projection = nn.Linear(config["vision_config"]["hidden_size"], size, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(config["logit_scale_init_value"]))

    def encode_image(self, pixels):
        return F.normalize(self.visual_projection(self.vision_model(pixels)), dim=-1)

    def encode_text(self, ids):
        """Pooled at the end token, which has the largest id."""
        hidden = self.text_model(ids)
        return F.normalize(self.text_projection(hidden[torch.arange(len(ids)), ids.argmax(1)]), dim=-1)
