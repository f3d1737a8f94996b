"""8-bit RGB PNG files."""
import struct
import zlib

import numpy as np


def write_png(path, pixels):
    """`pixels` (H, W, 3) uint8."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + pixels[y].tobytes() for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)))
        file.write(chunk(b"IEND", b""))


def read_png(path):
    """Reads the unfiltered or filtered 8-bit RGB files that the tools of this project write."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed, width, height = 8, b"", 0, 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
            if (depth, color) != (8, 2):
                raise ValueError(f"{path}: only 8-bit RGB is read")
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * 3)
    pixels = np.zeros((height, width * 3), np.uint8)
    for y in range(height):
        pixels[y] = unfilter(rows[y, 0], rows[y, 1:], pixels[y - 1] if y else np.zeros(width * 3, np.uint8))
    return pixels.reshape(height, width, 3)


def unfilter(kind, row, above):
    if kind == 0:
        return row
    if kind == 2:
        return row + above
    out = np.zeros(len(row), np.int32)
    for i, value in enumerate(row.astype(np.int32)):
        left = out[i - 3] if i >= 3 else 0
        up, corner = int(above[i]), int(above[i - 3]) if i >= 3 else 0
        distances = [abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)]
        paeth = [left, up, corner][distances.index(min(distances))]
        out[i] = (value + {1: left, 3: (left + up) // 2, 4: paeth}[int(kind)]) % 256
    return out.astype(np.uint8)
