"""A CLIP byte-pair tokenizer: building its files for a small word list, and encoding with them.

Layout of the vocabulary as CLIP has it: 256 byte symbols, the same with `</w>`, one entry per merge, then
<|startoftext|> and <|endoftext|>. Id 0 ("!") pads, as SD-2.1 does.
"""
import json
import os
import re

_PATTERN = re.compile(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|[^\s\w]+|_+")


def byte_symbols():
    """The printable stand-ins of the 256 bytes, in CLIP's order."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    codes, extra = list(printable), 0
    for byte in range(256):
        if byte not in printable:
            printable.append(byte)
            codes.append(256 + extra)
            extra += 1
    return dict(zip(printable, map(chr, codes)))


def merges_for(words):
    """Merges that turn every word into a single token: most frequent pair first, ties alphabetically."""
    pieces = {word: tuple(word[:-1]) + (word[-1] + "</w>",) for word in words}
    merges = []
    while True:
        counts = {}
        for parts in pieces.values():
            for pair in zip(parts, parts[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            return merges
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        pieces = {word: merge(parts, best) for word, parts in pieces.items()}


def merge(parts, pair):
    """Joins every occurrence of `pair` in a tuple of symbols, left to right."""
    joined, index = [], 0
    while index < len(parts):
        if parts[index : index + 2] == pair:
            joined.append(parts[index] + parts[index + 1])
            index += 2
        else:
            joined.append(parts[index])
            index += 1
    return tuple(joined)


def write_tokenizer(folder, words, positions):
    """Writes vocab.json, merges.txt and the two config files."""
    os.makedirs(folder, exist_ok=True)
    symbols, merges = list(byte_symbols().values()), merges_for(words)
    entries = symbols + [symbol + "</w>" for symbol in symbols] + ["".join(pair) for pair in merges]
    entries += ["<|startoftext|>", "<|endoftext|>"]
    special = {
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": "!",
    }
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": positions,
        **special,
        "do_lower_case": True,
        "add_prefix_space": False,
    }
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump({entry: index for index, entry in enumerate(entries)}, file, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    for name, content in (("tokenizer_config.json", config), ("special_tokens_map.json", special)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
    return len(entries)


class Tokenizer:
    """Encodes text to padded ids with the files of a tokenizer folder."""

    def __init__(self, folder):
        with open(os.path.join(folder, "vocab.json"), encoding="utf-8") as file:
            self.vocabulary = json.load(file)
        with open(os.path.join(folder, "merges.txt"), encoding="utf-8") as file:
            lines = file.read().splitlines()[1:]
        with open(os.path.join(folder, "tokenizer_config.json"), encoding="utf-8") as file:
            self.length = json.load(file)["model_max_length"]
        self.ranks = {tuple(line.split()): rank for rank, line in enumerate(lines)}
        self.bytes = byte_symbols()
        self.words = {}

    def encode(self, text):
        """Start, tokens, end; truncated and padded with id 0 to the model's length."""
        ids = [token for word in _PATTERN.findall(text.lower()) for token in self.encode_word(word)]
        ids = [self.vocabulary["<|startoftext|>"]] + ids[: self.length - 2] + [self.vocabulary["<|endoftext|>"]]
        return ids + [0] * (self.length - len(ids))

    def encode_word(self, word):
        if word not in self.words:
            symbols = [self.bytes[byte] for byte in word.encode("utf-8")]
            parts = tuple(symbols[:-1]) + (symbols[-1] + "</w>",)
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
                if best not in self.ranks:
                    break
                parts = merge(parts, best)
            self.words[word] = [self.vocabulary[part] for part in parts]
        return self.words[word]
