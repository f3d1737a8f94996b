"""The page's own noise: Philox4x32-10 in the layout of torch's CUDA generator, as `src/lib/philox.ts` has it."""
import numpy as np

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = 0x9E3779B9, 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)
_ROUNDS = 10


def torch_cuda_randn(seed, draw, count):
    """The `draw`-th successive torch.randn(count, device="cuda") after manual_seed(seed): (count,) float32."""
    x, y = _first_words(seed, draw, np.arange(count, dtype=np.uint64))
    radius = np.sqrt(-2 * np.log((x + 0.5) * 2.0**-32))
    return (radius * np.sin((y + 0.5) * 2.0**-32 * 2 * np.pi)).astype(np.float32)


def _first_words(seed, draw, element):
    """Words 0 and 1 of the counters (draw, element), float64."""
    key = [seed & 0xFFFFFFFF, seed >> 32]
    a, b = (np.full_like(element, word) for word in (draw & 0xFFFFFFFF, draw >> 32))
    c, d = element, np.zeros_like(element)
    for _ in range(_ROUNDS):
        left, right = _MULTIPLIERS[0] * a, _MULTIPLIERS[1] * c
        a, b = (right >> np.uint64(32)) ^ b ^ np.uint64(key[0]), right & _LOW
        c, d = (left >> np.uint64(32)) ^ d ^ np.uint64(key[1]), left & _LOW
        key = [(word + weyl) & 0xFFFFFFFF for word, weyl in zip(key, _WEYL)]
    return a.astype(np.float64), b.astype(np.float64)
