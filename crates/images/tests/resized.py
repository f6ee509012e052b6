#!/usr/bin/env python3
"""Writes fixtures/resized.txt with Pillow: images resized and cropped as TorchVision's presets do.

    pip install pillow==13.0.0 numpy && python3 resized.py

It has a line for each case: name, source width and height, resize, crop, filter, mode, pixels in hex. The source is
`pattern(width, height)`, written the same in transform.rs.
"""

from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent / "fixtures"


def pattern(width, height):
    """Smooth in one channel, textured in another, edges in the third; uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 5 + y * 3) % 256, (x * x + 7 * y * y) % 256, (x // 3 + y // 4) % 2 * 255], -1).astype(np.uint8)


def center_crop(image, crop):
    """torchvision/transforms/functional.py, center_crop."""
    width, height = image.size
    left, top = max(crop - width, 0) // 2, max(crop - height, 0) // 2
    padded = Image.new(image.mode, (max(width, crop), max(height, crop)))
    padded.paste(image, (left, top))
    left, top = round((padded.width - crop) / 2), round((padded.height - crop) / 2)
    return padded.crop((left, top, left + crop, top + crop))


def resized():
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    cases = [
        ("shrink", 61, 47, 24, 20, "bilinear", "RGB"),
        ("shrink", 61, 47, 24, 20, "bicubic", "RGB"),
        ("tall", 31, 90, 17, 16, "bilinear", "RGB"),
        ("enlarge", 9, 13, 16, 14, "bilinear", "RGB"),
        ("enlarge", 9, 13, 16, 14, "bicubic", "RGB"),
        ("pad", 40, 23, 10, 13, "bilinear", "RGB"),
        ("crop-only", 21, 16, 16, 11, "bilinear", "RGB"),
        ("unchanged", 12, 12, 12, 12, "bicubic", "RGB"),
        ("luma", 61, 47, 24, 20, "bilinear", "L"),
        ("squeeze", 40, 20, 0, 12, "bilinear", "RGB"),
    ]
    lines = []
    for name, width, height, size, crop, kind, mode in cases:
        image = Image.fromarray(pattern(width, height)).convert(mode)
        if name == "squeeze":
            image = image.resize((crop, crop), filters[kind])
        else:
            short = min(width, height)
            image = image.resize((int(size * width / short), int(size * height / short)), filters[kind])
            image = center_crop(image, crop)
        lines.append(f"{name} {width} {height} {size} {crop} {kind} {mode} {image.tobytes().hex()}")
    (HERE / "resized.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    resized()
