"""Writes tests/golden/python.json: files with what Python's own readers make of them.

    python3 tools/fuzz/second/pythonCorpus.py > tests/golden/python.json

Zip archives by `zipfile`, tables by `csv`, safetensors by `json` and `struct`, pixels of PNG files by `zlib` and the five
filters of the specification. Some are whole, the others have a few bytes changed: what is read of these has to be the same,
while a reader may refuse more than Python does. Standard library only; seeded.
"""

import base64
import csv
import hashlib
import io
import json
import random
import struct
import sys
import zipfile
import zlib

rng = random.Random(12)
MUTATED = 60


def b64(data):
    return base64.b64encode(data).decode()


def sha(data):
    return hashlib.sha256(data).hexdigest()


def mutated(data):
    """A copy with one to three bytes changed, removed or doubled."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(out))
        kind = rng.random()
        if kind < 0.6:
            out[at] ^= 1 << rng.randrange(8)
        elif kind < 0.8:
            del out[at]
        else:
            out.insert(at, out[at])
    return bytes(out)


class Pipe(io.RawIOBase):
    """Cannot seek back, so that sizes come after the data (data descriptors)."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def zips():
    texts = [b"", b"a", b"plain text\n" * 9, bytes(range(256)), rng.randbytes(90)]
    names = ["a.txt", "folder/b.bin", "\u00fcmlaut/\u65e5\u672c.txt", "c d.json", "e"]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for zip64 in (False, True):
            target = io.BytesIO()
            with zipfile.ZipFile(target, "w", method) as archive:
                for name, text in zip(names, texts):
                    with archive.open(zipfile.ZipInfo(name), "w", force_zip64=zip64) as entry:
                        entry.write(text)
                if zip64:
                    archive.comment = b"with a comment"
            yield target.getvalue()
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", b"")
        for name, text in zip(names, texts):
            archive.writestr(name, text)
    yield pipe.data


def read_zip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {i.filename: sha(archive.read(i)) for i in archive.infolist() if not i.is_dir()}


def tables():
    rows = [
        ["prompt", "category", "note"],
        ["a red circle", "single", ""],
        ['a "quoted" ring, with a comma', "b", "x"],
        ["two\nlines", "c,d", '"'],
        ["gr\u00fcner W\u00fcrfel \U0001f7e6", "", "tab\there"],
        ["", "no prompt", "y"],
    ]
    for options in (
        {},
        {"quoting": csv.QUOTE_ALL},
        {"lineterminator": "\n"},
        {"lineterminator": "\n", "quoting": csv.QUOTE_NONNUMERIC},
    ):
        target = io.StringIO(newline="")
        csv.writer(target, **options).writerows(rows)
        yield target.getvalue().encode()
    yield "prompt,category\r\n".encode() + b"a,b,c\r\nshort\r\n\r\nlast,without end"


def read_table(data):
    return [row[0] if row else "" for row in csv.reader(io.StringIO(data.decode(), newline=""))]


DTYPES = {"F32": ("f", 4), "F64": ("d", 8), "F16": ("e", 2), "I32": ("i", 4), "U8": ("B", 1), "I64": ("q", 8)}


def tensor_files():
    for padding in (0, 3):
        header, body = {"__metadata__": {"made": "by \u00fcs"}}, b""
        for name, (dtype, (code, _)) in zip("abcdef", DTYPES.items()):
            shape = [rng.randint(1, 3) for _ in range(rng.randint(0, 3))]
            count = 1
            for n in shape:
                count *= n
            values = [rng.randint(0, 100) for _ in range(count)]
            data = struct.pack(f"<{count}{code}", *values)
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
            body += data
        text = json.dumps(header).encode() + b" " * padding
        yield struct.pack("<Q", len(text)) + text + body


def rounded(value):
    """As float32, which is what the page computes with."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def read_tensors(data):
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    out = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        code, width = DTYPES[entry["dtype"]]
        start, end = entry["data_offsets"]
        raw = data[8 + size + start : 8 + size + end]
        values = struct.unpack(f"<{len(raw) // width}{code}", raw)
        out[name] = {"shape": entry["shape"], "values": [rounded(v) for v in values]}
    return out


CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def paeth(a, b, c):
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


def filtered(rows, channels):
    """Each row by a filter of its own, as section 9 of the specification says."""
    out, above = b"", bytes(len(rows[0]))
    for y, row in enumerate(rows):
        line = bytearray()
        for i, x in enumerate(row):
            a = row[i - channels] if i >= channels else 0
            c = above[i - channels] if i >= channels else 0
            b = above[i]
            line.append((x - (0, a, b, (a + b) // 2, paeth(a, b, c))[y % 5]) % 256)
        out += bytes([y % 5]) + line
        above = row
    return out


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pictures():
    width, height = 7, 11
    for color, channels in CHANNELS.items():
        palette = rng.randbytes(3 * 16)
        limit = 16 if color == 3 else 256
        rows = [bytes(rng.randrange(limit) for _ in range(width * channels)) for _ in range(height)]
        packed = zlib.compress(filtered(rows, channels))
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
        if color == 3:
            data += chunk(b"PLTE", palette)
        # In two pieces, which readers have to put together.
        data += chunk(b"IDAT", packed[:20]) + chunk(b"IDAT", packed[20:]) + chunk(b"IEND", b"")
        rgb = bytearray()
        for row in rows:
            for x in range(0, len(row), channels):
                pixel = row[x : x + channels]
                if color == 3:
                    rgb += palette[3 * pixel[0] : 3 * pixel[0] + 3]
                else:
                    rgb += pixel[:3] if color in (2, 6) else pixel[:1] * 3
        yield data, {"width": width, "height": height, "rgb": sha(bytes(rgb))}


def main():
    cases = []

    def add(kind, whole, data, read):
        try:
            expected = read(data)
        except Exception as error:  # what Python refuses, and why
            cases.append({"kind": kind, "whole": whole, "bytes": b64(data), "refused": type(error).__name__})
        else:
            cases.append({"kind": kind, "whole": whole, "bytes": b64(data), "expected": expected})

    for kind, files, read in (
        ("zip", zips, read_zip),
        ("csv", tables, read_table),
        ("safetensors", tensor_files, read_tensors),
    ):
        whole = list(files())
        for data in whole:
            add(kind, True, data, read)
        for _ in range(MUTATED):
            add(kind, False, mutated(rng.choice(whole)), read)
    for data, expected in pictures():
        cases.append({"kind": "png", "whole": True, "bytes": b64(data), "expected": expected})
    json.dump({"python": sys.version.split()[0], "cases": cases}, sys.stdout, ensure_ascii=False)
    print()


main()
