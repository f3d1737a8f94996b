"""safetensors files through numpy: all that the export, the loader and drawn pools need.

Format: 8 bytes header length, JSON header {name: {dtype, shape, data_offsets}}, raw little-endian data.
"""
import json
import struct

import numpy as np
import torch

_TO_NUMPY = {"F32": np.float32, "F16": np.float16, "I32": np.int32}
_FLOATS = {"F32": np.float32, "F16": np.float16}


def load_tensors(path):
    """Reads a file into {name: float32 tensor} (int32 stays int32)."""
    with open(path, "rb") as file:
        header_size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(header_size))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        flat = np.frombuffer(data[start:end], dtype=_TO_NUMPY[entry["dtype"]])
        flat = flat.astype(np.int32 if entry["dtype"] == "I32" else np.float32)
        tensors[name] = torch.from_numpy(flat.reshape(entry["shape"]).copy())
    return tensors


def save_floats(path, tensors, dtype="F16"):
    """Writes {name: tensor}, sorted by name, with the `pt` format tag diffusers asks for."""
    header, chunks, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        array = tensors[name].detach().float().contiguous().numpy().astype(_FLOATS[dtype])
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds values that are not numbers in {dtype}")
        chunk = array.tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + len(chunk)]}
        chunks.append(chunk)
        offset += len(chunk)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for chunk in chunks:
            file.write(chunk)
