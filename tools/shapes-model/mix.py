"""A model between two of one ancestry: every weight is (1 - share) of the first and `share` of the second.

python3 tools/shapes-model/mix.py FIRST SECOND SHARE OUT
"""
import os
import shutil
import sys

from folder import WEIGHTS
from tensor_file import load_tensors, save_floats


def main():
    first, second, share, out = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
    shutil.copytree(second, out)
    for part in ("unet", "text_encoder"):
        before, after = (load_tensors(os.path.join(folder, part, WEIGHTS[part])) for folder in (first, second))
        if before.keys() != after.keys():
            raise ValueError(f"{first} and {second} have different tensors in {part}")
        mixed = {name: (1 - share) * before[name] + share * after[name] for name in before}
        # A new file: the copy may be a link to the model's own.
        os.remove(os.path.join(out, part, WEIGHTS[part]))
        save_floats(os.path.join(out, part, WEIGHTS[part]), mixed)


if __name__ == "__main__":
    main()
