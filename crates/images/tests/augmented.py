#!/usr/bin/env python3
"""Writes fixtures/ with TorchVision: what its operations on images of Pillow's, its tables and its draws give.

    pip install torch==2.11.0 torchvision==0.26.0 pillow==13.0.0 && python3 augmented.py

`photo.png` is a small image with gradients, edges, gray and noise. `augmented.png` has a tile below a tile for each line
of `augmented.txt`: mode, sampling, operation, strength (of the image at half its contrast for AutoContrast and Equalize). `magnitudes.txt` has the policies' tables, `erasing.txt` means over
rectangles that RandomErasing draws.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, RandAugment, RandomErasing, TrivialAugmentWide
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import _apply_op

HERE = Path(__file__).parent / "fixtures"
SIDE = 24
SAMPLING = {"nearest": InterpolationMode.NEAREST, "bilinear": InterpolationMode.BILINEAR}


def photo():
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    red, green, blue = 20 + x * 9, 230 - y * 9, (x // 5 + y // 3) % 2 * 180 + 30
    rgb = np.stack([red, green, blue], -1)
    rgb[14:20, 3:11] = np.random.default_rng(0).integers(0, 256, (6, 8, 3))
    rgb[2:6, 14:22] = (np.arange(8) * 30)[None, :, None]
    return Image.fromarray(rgb.astype(np.uint8))


def cases():
    for sampling in SAMPLING:
        for shear in (0.0, 0.3, -0.3, 0.99, -0.66):
            yield sampling, "ShearX", shear
            yield sampling, "ShearY", shear
        for shift in (0, 5, -7, 30):
            yield sampling, "TranslateX", shift
            yield sampling, "TranslateY", shift
        for degrees in (0.0, 10.0, -30.0, 90.0, 180.0, -90.0, 135.0, 37.25):
            yield sampling, "Rotate", degrees
    for name in ("Brightness", "Color", "Contrast", "Sharpness"):
        for magnitude in (-1.0, -0.9, -0.33, 0.0, 0.27, 0.9, 2.5):
            yield "nearest", name, magnitude
    for bits in (8, 5, 4, 2):
        yield "nearest", "Posterize", bits
    for threshold in (255.0, 127.5, 0.0):
        yield "nearest", "Solarize", threshold
    yield "nearest", "AutoContrast", 0.0
    yield "nearest", "Equalize", 0.0
    for turn in (-0.5, -0.13, 0.0, 0.1, 0.5):
        yield "nearest", "Hue", turn
    yield "nearest", "VerticalFlip", 0
    yield "nearest", "Gray", 0
    for quarters in (0, 1, 2, 3):
        yield "nearest", "QuarterTurns", quarters
    for kernel, sigma in ((3, 0.1), (3, 0.8), (5, 1.0), (9, 2.0), (23, 5.0)):
        yield "nearest", f"Blur{kernel}", sigma


def operations():
    source = photo()
    source.save(HERE / "photo.png")
    lines, tiles = [], []
    for mode in ("RGB", "L"):
        for sampling, name, strength in cases():
            image = source.convert(mode)
            if name in ("AutoContrast", "Equalize"):
                image = F.adjust_contrast(image, 0.5)
            if name == "Hue":
                image = F.adjust_hue(image, strength)
            elif name == "VerticalFlip":
                image = F.vflip(image)
            elif name == "Gray":
                image = F.rgb_to_grayscale(image, num_output_channels=len(image.getbands()))
            elif name == "QuarterTurns":
                # 0 is no turn; counterclockwise, as torch.rot90.
                image = F.to_pil_image(torch.rot90(F.pil_to_tensor(image), strength, (1, 2)))
            elif name.startswith("Blur"):
                image = F.gaussian_blur(image, int(name[4:]), strength)
            else:
                image = _apply_op(image, name, strength, SAMPLING[sampling], None)
            tiles.append(np.asarray(image.convert("RGB")))
            lines.append(f"{mode} {sampling} {name} {strength}")
    Image.fromarray(np.concatenate(tiles)).save(HERE / "augmented.png", optimize=True)
    (HERE / "augmented.txt").write_text("\n".join(lines) + "\n")


def magnitudes():
    lines = []
    for policy, side, table in [("rand", 224, RandAugment()._augmentation_space(31, (224, 224))),
                                ("rand", 331, RandAugment()._augmentation_space(31, (331, 331))),
                                ("trivial", 224, TrivialAugmentWide()._augmentation_space(31))]:
        for name, (values, _) in table.items():
            if values.ndim == 0:
                continue
            for level, value in enumerate(values.tolist()):
                lines.append(f"{policy} {side} {name} {level} {value!r}")
    (HERE / "magnitudes.txt").write_text("\n".join(lines) + "\n")


def erasing():
    torch.manual_seed(0)
    image = torch.zeros(1, 64, 64)
    drawn = [RandomErasing.get_params(image, (0.02, 0.9), (0.3, 3.3), [0.0])[:4] for _ in range(100_000)]
    found = torch.tensor([(i, j, h, w, h * w) for i, j, h, w in drawn if h < 64], dtype=torch.float64)
    means = found.mean(0).tolist() + [1 - len(found) / len(drawn)]
    (HERE / "erasing.txt").write_text(" ".join(f"{mean:.6f}" for mean in means) + "\n")


if __name__ == "__main__":
    operations()
    magnitudes()
    erasing()
