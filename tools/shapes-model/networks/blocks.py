"""Building blocks shared by the UNet and the autoencoder. Activations are NCHW or (N, L, D)."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class GroupNorm(nn.GroupNorm):
    """In float32 under autocast too: statistics of bfloat16 values would be too coarse."""

    def forward(self, x):
        return super().forward(x.float())


class LayerNorm(nn.LayerNorm):
    """In float32 under autocast too."""

    def forward(self, x):
        return super().forward(x.float())


class ResnetBlock(nn.Module):
    """GroupNorm-SiLU-conv twice around an optional time shift, with a 1x1 shortcut where widths differ."""

    def __init__(self, in_channels, out_channels, time_channels, groups, eps):
        super().__init__()
        self.norm1 = GroupNorm(groups, in_channels, eps=eps)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        if time_channels:
            self.time_emb_proj = nn.Linear(time_channels, out_channels)
        self.norm2 = GroupNorm(groups, out_channels, eps=eps)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if in_channels != out_channels:
            self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x, temb=None):
        h = self.conv1(F.silu(self.norm1(x)))
        if temb is not None:
            h = h + self.time_emb_proj(F.silu(temb))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x) + h


class Downsample(nn.Module):
    """3x3 convolution with stride 2. The autoencoder pads bottom and right only."""

    def __init__(self, channels, symmetric):
        super().__init__()
        self.symmetric = symmetric
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1 if symmetric else 0)

    def forward(self, x):
        return self.conv(x if self.symmetric else F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Nearest-neighbor doubling (or resizing to `size`) and a 3x3 convolution."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x, size=None):
        x = F.interpolate(x, scale_factor=2.0, mode="nearest") if size is None else F.interpolate(x, size=size, mode="nearest")
        return self.conv(x)


class Attention(nn.Module):
    """Multi-head attention with diffusers' names. softmax(q k^T / sqrt(d)) v, then to_out.0."""

    def __init__(self, query_width, key_width, heads, bias=False):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(query_width, query_width, bias=bias)
        self.to_k = nn.Linear(key_width, query_width, bias=bias)
        self.to_v = nn.Linear(key_width, query_width, bias=bias)
        self.to_out = nn.ModuleList([nn.Linear(query_width, query_width)])

    def forward(self, x, context=None):
        context = x if context is None else context
        n, length, width = x.shape
        split = lambda y: y.view(n, -1, self.heads, width // self.heads).transpose(1, 2)
        q, k, v = split(self.to_q(x)), split(self.to_k(context)), split(self.to_v(context))
        scores = torch.matmul(q * (width // self.heads) ** -0.5, k.transpose(2, 3))
        mixed = torch.matmul(scores.softmax(-1), v)  # (N, heads, L, d)
        return self.to_out[0](mixed.transpose(1, 2).reshape(n, length, width))


class GatedProjection(nn.Module):
    """GEGLU: the first half times gelu of the second half."""

    def __init__(self, width, inner):
        super().__init__()
        self.proj = nn.Linear(width, inner * 2)

    def forward(self, x):
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.ModuleList([GatedProjection(width, width * 4), nn.Identity(), nn.Linear(width * 4, width)])

    def forward(self, x):
        return self.net[2](self.net[0](x))


def timestep_embedding(t, width):
    """Sinusoidal embedding (N,) -> (N, width), cosines first (flip_sin_to_cos), freq_shift 0."""
    half = width // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angles = t.float()[:, None] * frequencies[None]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
