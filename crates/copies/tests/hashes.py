"""Hashes of a photograph in eight orientations by numpy, for tests/copies.rs: python hashes.py > hashes.txt

A line for each orientation (1: mirrored left to right, 2: up to down, 4: rows and columns exchanged, added up): the signs of the
16 x 16 lowest frequencies of the DCT-II of the image at 32 x 32 gray pixels, row by row, the mean as 0."""

from pathlib import Path

import numpy as np
from PIL import Image

path = Path(__file__).parent / "../../images/tests/fixtures/photograph-coffee.png"
gray = Image.open(path).convert("RGB").convert("L").resize((64, 64), Image.BILINEAR)
plane = np.asarray(gray, float).reshape(32, 2, 32, 2).mean((1, 3))
pixel, frequency = np.arange(32), np.arange(16)
basis = np.cos(np.pi / 32 * (pixel[None] + 0.5) * frequency[:, None])
for orientation in range(8):
    image = plane
    # A pixel of the turned image comes from the mirrored, then exchanged place.
    if orientation & 4:
        image = image.T
    if orientation & 2:
        image = image[::-1]
    if orientation & 1:
        image = image[:, ::-1]
    values = basis @ image @ basis.T
    bits = (values > 0).astype(int).ravel()
    bits[0] = 0
    print("".join(map(str, bits)))
