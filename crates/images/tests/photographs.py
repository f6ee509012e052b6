#!/usr/bin/env python3
"""Writes the fixtures photograph-*.png: parts of two photographs, and what Pillow makes of them.

    pip install pillow==13.0.0 && python3 photographs.py FOLDER

FOLDER holds chelsea.png (a cat, by Stefan van der Walt) and coffee.png (by Rachel Michetti), both dedicated to the public
domain (CC0), from the folder skimage/data of the package scikit-image 0.26.0. Each part becomes the 224 x 224 pixels that
TorchVision's presets cut: the shorter side resized to 256 by an antialiased filter, then the centre.
"""

import sys
from pathlib import Path

from PIL import Image

from resized import HERE, center_crop

PARTS = {"chelsea": (75, 0, 375, 300), "coffee": (150, 60, 450, 280)}
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def main():
    for name, part in PARTS.items():
        photograph = Image.open(Path(sys.argv[1]) / f"{name}.png").convert("RGB").crop(part)
        photograph.save(HERE / f"photograph-{name}.png", optimize=True)
        short = min(photograph.size)
        size = tuple(int(256 * side / short) for side in photograph.size)
        for kind, resample in FILTERS.items():
            square = center_crop(photograph.resize(size, resample), 224)
            square.save(HERE / f"photograph-{name}-{kind}.png", optimize=True)


if __name__ == "__main__":
    main()
