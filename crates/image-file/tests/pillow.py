#!/usr/bin/env python3
"""Writes fixtures/ with Pillow and numpy: small images of every kind, and what Pillow makes of them.

    pip install pillow==13.0.0 numpy && python3 pillow.py

`decoded.txt` has a line for each image: name, width, height, tolerance, RGB in hex. The tolerance covers what lossy
WebP leaves to the decoder (upsampling of colour); JPEG is decoded as Pillow does it, to the bit.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).parent / "fixtures"
WIDTH, HEIGHT = 8, 6


def pattern(width, height):
    """Smooth in one channel, textured in another, edges in the third; uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 5 + y * 3) % 256, (x * x + 7 * y * y) % 256, (x // 3 + y // 4) % 2 * 255], -1).astype(np.uint8)


def smooth(width, height):
    """What JPEG keeps nearly unchanged."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([40 + x * 20, 200 - y * 20, 90 + x * 5 + y * 8], -1).astype(np.uint8)


def pillow_rgb(path):
    with Image.open(path) as opened:
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))


def png16(channels, color_type, wide):
    """A 16-bit PNG; Pillow writes only the grayscale one."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in wide)
    header = struct.pack(">IIBBBBB", wide.shape[1], wide.shape[0], 16, color_type, 0, 0, 0)
    assert wide.shape[2] == channels
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def decoded():
    lines = []

    def add(name, tolerance=0, expected=None):
        rgb = pillow_rgb(HERE / name) if expected is None else expected
        height, width, _ = rgb.shape
        lines.append(f"{name} {width} {height} {tolerance} {rgb.astype(np.uint8).tobytes().hex()}")

    def save(name, image, tolerance=0, **options):
        image.save(HERE / name, **options)
        add(name, tolerance)

    rgb = Image.fromarray(pattern(WIDTH, HEIGHT))
    soft = Image.fromarray(smooth(WIDTH, HEIGHT))
    gray = rgb.convert("L")
    alpha = Image.fromarray((np.arange(WIDTH * HEIGHT) * 5 % 256).reshape(HEIGHT, WIDTH).astype(np.uint8))
    with_alpha = rgb.copy()
    with_alpha.putalpha(alpha)
    palette = rgb.quantize(16)

    save("rgb.png", rgb)
    save("gray.png", gray)
    save("gray-alpha.png", Image.merge("LA", (gray, alpha)))
    save("alpha.png", with_alpha)
    save("palette.png", palette)
    save("palette-transparent.png", palette, transparency=3)
    save("one-bit.png", rgb.convert("1"))
    save("rgb-transparent.png", rgb, transparency=tuple(pattern(WIDTH, HEIGHT)[2, 3].tolist()))
    save("animated.png", rgb, save_all=True, append_images=[rgb.transpose(Image.Transpose.ROTATE_180)])
    save("rgb.bmp", rgb)
    save("palette.bmp", palette)
    save("one-bit.bmp", rgb.convert("1"))
    save("rgb.tiff", rgb, compression="tiff_lzw")
    save("gray.tiff", gray, compression="tiff_adobe_deflate")
    save("one-bit.tiff", rgb.convert("1"))
    save("alpha.tiff", with_alpha)
    save("cmyk.tiff", rgb.convert("CMYK"))
    save("rgb.ppm", rgb)
    save("gray.pgm", gray)
    save("lossless.webp", with_alpha, lossless=True, exact=True)
    save("lossy.webp", soft, 6, quality=95)
    save("palette.gif", palette)
    save("animated.gif", palette, save_all=True, append_images=[palette.rotate(180)], transparency=3)
    save("rgb.jpg", soft, quality=95, subsampling=0)
    save("subsampled.jpg", soft, quality=95, subsampling=2)
    save("progressive.jpg", soft, quality=95, subsampling=0, progressive=True)
    save("gray.jpg", soft.convert("L"), quality=95)
    save("cmyk.jpg", soft.convert("CMYK"), quality=95, subsampling=0)

    # The same file with an Adobe marker that says YCCK: other colours, but the same way to read it.
    file = (HERE / "cmyk.jpg").read_bytes()
    at = file.index(b"Adobe")
    ycck = file[:at + 11] + b"\x02" + file[at + 12:]
    (HERE / "ycck.jpg").write_bytes(ycck)
    add("ycck.jpg")

    # 16 bits: Pillow keeps the upper 8 of colour, and clips grayscale at 255. The latter we do not follow.
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    wide = np.stack([x * 9000 + y * 300, x * 77 + y * 12000, (x + y) * 4999, 65535 - x * 1234], -1) % 65536
    for name, channels, color_type in [("gray16.png", [0], 0), ("gray-alpha16.png", [0, 3], 4),
                                       ("rgb16.png", [0, 1, 2], 2), ("alpha16.png", [0, 1, 2, 3], 6)]:
        (HERE / name).write_bytes(png16(len(channels), color_type, wide[:, :, channels]))
        add(name, expected=np.repeat(wide[:, :, :1] >> 8, 3, -1) if name == "gray16.png" else None)
    Image.fromarray(wide[:, :, 0].astype(np.uint16)).save(HERE / "gray16.tiff")
    add("gray16.tiff", expected=np.repeat(wide[:, :, :1] >> 8, 3, -1))

    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        save(f"orientation-{orientation}.jpg", soft, quality=90, subsampling=0, exif=exif)
    exif[0x0112] = 6
    save("orientation.png", rgb, exif=exif)
    save("orientation.tiff", rgb, exif=exif)
    save("orientation.webp", rgb, lossless=True, exif=exif)
    (HERE / "decoded.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    decoded()
