#!/usr/bin/env python3
"""Writes fixtures/fits.txt: what Pillow and TorchVision make of a whole image, padded or squashed into a square.

    pip install torch==2.11.0 torchvision==0.26.0 pillow==13.0.0 && python3 fits.py

A line for each case: fit, source width and height, side of the square, filter, mode, fill in hex, pixels in hex. The source
is `pattern(width, height)` of resized.py. Padding is `PIL.ImageOps.pad`, and by hand where that leaves nothing of a thin image,
of which a row or column is shown here; squashing is `torchvision.transforms.functional.resize` to both sides. Pillow 13 resizes the columns of tall images first,
where earlier ones begin with the rows as we do; what a bicubic filter clips at hard edges depends on it. So bicubic images
are resized in two steps here, and the script prints how far that lies from one step.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from resized import pattern
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

HERE = Path(__file__).parent / "fixtures"
SIDE = 12
FILTERS = {
    "bilinear": (Image.Resampling.BILINEAR, InterpolationMode.BILINEAR),
    "bicubic": (Image.Resampling.BICUBIC, InterpolationMode.BICUBIC),
}
# Landscape, portrait, square; odd and even rests; enlarged; one pixel wide, high and both.
SIZES = [
    (40, 30), (30, 40), (41, 17), (17, 41), (24, 24), (12, 12), (12, 7), (5, 12), (9, 4), (3, 8), (6, 6), (2, 3), (3, 2),
    (1, 1), (2, 1), (1, 5), (5, 1), (1, 60), (60, 1), (7, 200), (200, 7),
]
FILL = (124, 116, 104)


def padded(image, side, method, fill):
    width, height = image.size
    longer = max(width, height)
    size = (max(round(width / longer * side), 1), max(round(height / longer * side), 1))
    resized = image.resize((size[0], height), method).resize(size, method)
    square = Image.new(image.mode, (side, side), fill)
    square.paste(resized, (round((side - size[0]) * 0.5), round((side - size[1]) * 0.5)))
    return square


def squashed(image, side, method):
    rows = F.resize(image, [image.height, side], method, antialias=True)
    return F.resize(rows, [side, side], method, antialias=True)


def distance(one, other):
    return int(np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).max())


def main():
    lines, farthest = [], {}
    for width, height in SIZES:
        for kind, (method, torchvision) in FILTERS.items():
            for mode in ("RGB", "L"):
                image = Image.fromarray(pattern(width, height)).convert(mode)
                fill = FILL if mode == "RGB" else FILL[0]
                squares = {"squash": F.resize(image, [SIDE, SIDE], torchvision, antialias=True)}
                if 2 * SIDE * min(width, height) > max(width, height):  # else Pillow leaves nothing of it
                    squares["pad"] = ImageOps.pad(image, (SIDE, SIDE), method, fill)
                in_two = {"pad": padded(image, SIDE, method, fill), "squash": squashed(image, SIDE, torchvision)}
                for fit, two in in_two.items():
                    one = squares.get(fit, two)
                    farthest[kind, fit] = max(farthest.get((kind, fit), 0), distance(one, two))
                    square = one if kind == "bilinear" else two
                    shown = bytes(FILL if mode == "RGB" else FILL[:1]).hex()
                    lines.append(f"{fit} {width} {height} {SIDE} {kind} {mode} {shown} {square.tobytes().hex()}")
    (HERE / "fits.txt").write_text("\n".join(lines) + "\n")
    print("one step and two differ by at most", farthest)


if __name__ == "__main__":
    main()
