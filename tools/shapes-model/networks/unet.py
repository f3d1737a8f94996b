"""UNet2DConditionModel as SD-2.1 configures it: cross attention at every listed level, linear projections."""
import torch
import torch.nn.functional as F
from torch import nn

from .blocks import Attention, Downsample, FeedForward, GroupNorm, LayerNorm, ResnetBlock, Upsample, timestep_embedding


class TransformerBlock(nn.Module):
    def __init__(self, width, context_width, heads):
        super().__init__()
        self.norm1 = LayerNorm(width)
        self.attn1 = Attention(width, width, heads)
        self.norm2 = LayerNorm(width)
        self.attn2 = Attention(width, context_width, heads)
        self.norm3 = LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, x, context):
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    def __init__(self, width, context_width, heads, groups):
        super().__init__()
        self.norm = GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, context_width, heads)])
        self.proj_out = nn.Linear(width, width)

    def forward(self, x, context):
        n, c, h, w = x.shape
        tokens = self.proj_in(self.norm(x).permute(0, 2, 3, 1).reshape(n, h * w, c))
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        return x + self.proj_out(tokens).view(n, h, w, c).permute(0, 3, 1, 2)


class Block(nn.Module):
    """One level: residual blocks, each followed by attention where the level has it."""

    def __init__(self, pairs, time_channels, context_width, heads, groups, eps, attention, down=False, up=False):
        super().__init__()
        width = pairs[-1][1]
        self.resnets = nn.ModuleList([ResnetBlock(i, o, time_channels, groups, eps) for i, o in pairs])
        count = len(pairs) if attention else 0
        self.attentions = nn.ModuleList([SpatialTransformer(width, context_width, heads, groups) for _ in range(count)])
        if down:
            self.downsamplers = nn.ModuleList([Downsample(width, symmetric=True)])
        if up:
            self.upsamplers = nn.ModuleList([Upsample(width)])

    def layer(self, index, x, temb, context):
        x = self.resnets[index](x, temb)
        return self.attentions[index](x, context) if len(self.attentions) else x


class MidBlock(nn.Module):
    def __init__(self, width, time_channels, context_width, heads, groups, eps):
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(width, width, time_channels, groups, eps) for _ in range(2)])
        self.attentions = nn.ModuleList([SpatialTransformer(width, context_width, heads, groups)])

    def forward(self, x, temb, context):
        return self.resnets[1](self.attentions[0](self.resnets[0](x, temb), context), temb)


class TimeEmbedding(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.linear_1 = nn.Linear(width, out)
        self.linear_2 = nn.Linear(out, out)

    def forward(self, x):
        return self.linear_2(F.silu(self.linear_1(x)))


class UNet(nn.Module):
    """Built from a diffusers config.json as a dict. `attention_head_dim` holds head counts (diffusers' quirk)."""

    def __init__(self, config):
        super().__init__()
        widths = config["block_out_channels"]
        heads = config["attention_head_dim"]
        layers, groups, eps = config["layers_per_block"], config["norm_num_groups"], config["norm_eps"]
        context_width, temb = config["cross_attention_dim"], widths[0] * 4
        shared = dict(time_channels=temb, context_width=context_width, groups=groups, eps=eps)
        last = len(widths) - 1
        self.time_width = widths[0]
        self.conv_in = nn.Conv2d(config["in_channels"], widths[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(widths[0], temb)
        self.down_blocks = nn.ModuleList()
        skips = [widths[0]]  # channels of every tensor handed across
        for level, width in enumerate(widths):
            start = widths[max(level - 1, 0)]
            pairs = [(start if i == 0 else width, width) for i in range(layers)]
            attention = config["down_block_types"][level] == "CrossAttnDownBlock2D"
            self.down_blocks.append(Block(pairs, heads=heads[level], attention=attention, down=level < last, **shared))
            skips += [width] * (layers + (level < last))
        self.mid_block = MidBlock(widths[-1], heads=heads[-1], **shared)
        self.up_blocks = nn.ModuleList()
        current = widths[-1]
        for i, level in enumerate(reversed(range(len(widths)))):
            pairs = []
            for _ in range(layers + 1):
                pairs.append((current + skips.pop(), widths[level]))
                current = widths[level]
            attention = config["up_block_types"][i] == "CrossAttnUpBlock2D"
            self.up_blocks.append(Block(pairs, heads=heads[level], attention=attention, up=level > 0, **shared))
        self.conv_norm_out = GroupNorm(groups, widths[0], eps=eps)
        self.conv_out = nn.Conv2d(widths[0], config["out_channels"], 3, padding=1)

    def forward(self, x, t, context):
        """x (N, 4, h, w), t (N,), context (N, L, D) -> prediction (N, 4, h, w)."""
        temb = self.time_embedding(timestep_embedding(t, self.time_width))
        x = self.conv_in(x)
        skips = [x]
        for block in self.down_blocks:
            for index in range(len(block.resnets)):
                x = block.layer(index, x, temb, context)
                skips.append(x)
            if hasattr(block, "downsamplers"):
                x = block.downsamplers[0](x)
                skips.append(x)
        x = self.mid_block(x, temb, context)
        for block in self.up_blocks:
            for index in range(len(block.resnets)):
                x = block.layer(index, torch.cat([x, skips.pop()], dim=1), temb, context)
            if hasattr(block, "upsamplers"):
                x = block.upsamplers[0](x, size=skips[-1].shape[2:])
        return self.conv_out(F.silu(self.conv_norm_out(x)))
