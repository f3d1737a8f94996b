"""Access to the rendered shards."""
import json
import os

import numpy as np
import torch

BYTES_PER_IMAGE = 64 * 64 * 3


class Images:
    """Memory-mapped images of all finished shards."""

    def __init__(self, folder):
        names = sorted(name for name in os.listdir(folder) if name.startswith("images-") and name.endswith(".u8"))
        self.shards = [
            np.memmap(os.path.join(folder, name), dtype=np.uint8, mode="r").reshape(-1, 64, 64, 3) for name in names
        ]
        self.starts = np.cumsum([0] + [len(shard) for shard in self.shards])

    def __len__(self):
        return int(self.starts[-1])

    def batch(self, indices):
        """Images (N, 3, 64, 64) in [-1, 1]."""
        rows = []
        for index in indices:
            shard = int(np.searchsorted(self.starts, index, side="right")) - 1
            rows.append(self.shards[shard][int(index) - self.starts[shard]])
        return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).float() / 127.5 - 1


def load_lists(folder, kind):
    """What the shards say of every image, in the order of `Images`; `kind`: captions (texts) or objects ([shape, color])."""
    lists = []
    for name in sorted(os.listdir(folder)):
        if name.startswith(f"{kind}-") and name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                lists += json.load(file)
    return lists
