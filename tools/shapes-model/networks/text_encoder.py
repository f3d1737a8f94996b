"""CLIP text model: pre-norm transformer with a causal mask; the output is the last hidden state."""
import torch
import torch.nn.functional as F
from torch import nn

from .blocks import LayerNorm


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x, mask):
        n, length, width = x.shape
        split = lambda y: y.view(n, length, self.heads, width // self.heads).transpose(1, 2)
        q, k, v = split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))
        scores = torch.matmul(q * (width // self.heads) ** -0.5, k.transpose(2, 3)) + mask
        mixed = torch.matmul(scores.softmax(-1), v).transpose(1, 2).reshape(n, length, width)
        return self.out_proj(mixed)


class Mlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class EncoderLayer(nn.Module):
    def __init__(self, width, inner, heads, eps):
        super().__init__()
        self.self_attn = SelfAttention(width, heads)
        self.layer_norm1 = LayerNorm(width, eps=eps)
        self.mlp = Mlp(width, inner)
        self.layer_norm2 = LayerNorm(width, eps=eps)

    def forward(self, x, mask):
        x = x + self.self_attn(self.layer_norm1(x), mask)
        return x + self.mlp(self.layer_norm2(x))


class Embeddings(nn.Module):
    def __init__(self, vocabulary, width, positions):
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Embedding(positions, width)

    def forward(self, ids):
        return self.token_embedding(ids) + self.position_embedding.weight[: ids.shape[1]]


class Layers(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)


class TextTransformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, eps = config["hidden_size"], config["layer_norm_eps"]
        self.embeddings = Embeddings(config["vocab_size"], width, config["max_position_embeddings"])
        layer = lambda: EncoderLayer(width, config["intermediate_size"], config["num_attention_heads"], eps)
        self.encoder = Layers([layer() for _ in range(config["num_hidden_layers"])])
        self.final_layer_norm = LayerNorm(width, eps=eps)

    def forward(self, ids):
        mask = torch.full((ids.shape[1], ids.shape[1]), float("-inf"), device=ids.device).triu(1)
        x = self.embeddings(ids)
        for layer in self.encoder.layers:
            x = layer(x, mask)
        return self.final_layer_norm(x)


class TextEncoder(nn.Module):
    """ids (N, L) -> (N, L, D)."""

    def __init__(self, config):
        super().__init__()
        if config["hidden_act"] != "gelu":
            raise ValueError(f"unsupported activation {config['hidden_act']}")
        self.text_model = TextTransformer(config)

    def forward(self, ids):
        return self.text_model(ids)
