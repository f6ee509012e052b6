#!/usr/bin/env python3
"""Damaged images here and in Pillow: who reads what, and whether the pixels agree.

    pip install pillow==13.0.0 numpy
    python3 differential.py whole                      writes whole/, the files that are damaged
    python3 differential.py expect TOOL                writes expected.txt, Pillow's verdict on the first 300 of seed 1
    python3 differential.py compare TOOL COUNT [SEED]  compares COUNT files, prints the groups, exits with 1 on a finding

TOOL is the built example `differential` of the crate `image-file`, which makes the damaged files and reads them.
`README.md` says what the groups are and why each is as it is.
"""

import collections
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).parent
SEED, COUNT = 1, 300
# Levels by which pixels may differ: those of the goldens in fixtures/.
LOSSY, EXACT = 6, 1


def whole():
    """The files of whole/: each format in the kinds that its decoder treats apart, small enough to be hit anywhere."""
    folder = HERE / "whole"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    y, x = np.mgrid[0:21, 0:33]
    soft = Image.fromarray(np.stack([40 + x * 5, 220 - y * 8, 90 + x * 2 + y * 3], -1).astype(np.uint8))
    sharp = Image.fromarray(np.stack([(x * 7 + y * 3) % 256, (x * x + 7 * y * y) % 256, (x // 3 + y // 4) % 2 * 255], -1).astype(np.uint8))
    clear = sharp.copy()
    clear.putalpha(Image.fromarray(((x + y) * 4 % 256).astype(np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 6
    palette, gray, bits = sharp.quantize(32), sharp.convert("L"), sharp.convert("1")
    save = lambda name, image, **how: image.save(folder / name, **how)
    save("baseline.jpg", soft, quality=85, subsampling=2, exif=exif)
    save("progressive.jpg", soft, quality=85, subsampling=0, progressive=True)
    save("restart.jpg", soft, quality=85, subsampling=1, restart_marker_blocks=2)
    save("gray.jpg", soft.convert("L"), quality=85)
    save("cmyk.jpg", soft.convert("CMYK"), quality=85)
    save("rgb.png", sharp, exif=exif)
    save("alpha.png", clear)
    save("palette.png", palette, transparency=3)
    save("bits.png", bits)
    save("rgb.tiff", sharp)
    save("lzw.tiff", sharp, compression="tiff_lzw")
    save("deflate.tiff", gray, compression="tiff_adobe_deflate", tiffinfo={317: 2})
    save("packbits.tiff", palette, compression="packbits")
    save("group4.tiff", bits, compression="group4")
    save("jpeg.tiff", soft, compression="jpeg", quality=85)
    save("lossy.webp", soft, quality=85, exif=exif)
    save("lossless.webp", clear, lossless=True, exact=True)
    save("rgb.bmp", sharp)
    save("palette.bmp", palette)
    save("palette.gif", palette, transparency=3)
    save("animated.gif", palette, save_all=True, append_images=[palette.rotate(180)])
    save("rgb.ppm", sharp)
    save("bits.pbm", bits)
    (folder / "plain.pgm").write_text("P2\n33 21\n255\n" + "\n".join(" ".join(map(str, row)) for row in np.asarray(gray)) + "\n")


def pillow(path):
    """Pixels or None, and whether there was a warning."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            with Image.open(path) as opened:
                if opened.format not in ("JPEG", "MPO", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM"):
                    return None, False
                pixels = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
        except Exception:
            return None, bool(said)
    return pixels, bool(said)


def coarse(pixels):
    """Means of a grid of 3 x 4 cells, 36 numbers: a digest that a lossy format's last bits do not change."""
    height, width, _ = pixels.shape
    cell = lambda row, column: pixels[row * height // 3:max((row + 1) * height // 3, row * height // 3 + 1),
                                      column * width // 4:max((column + 1) * width // 4, column * width // 4 + 1)]
    means = [cell(row, column).reshape(-1, 3).astype(int).sum(0) // (cell(row, column).size // 3) for row in range(3) for column in range(4)]
    return np.concatenate(means).astype(np.uint8).tobytes().hex()


def make(tool, seed, count, folder):
    subprocess.run([tool, "make", str(seed), str(count), str(folder)], check=True)
    return sorted(Path(folder).iterdir())


def expect(tool):
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for path in make(tool, SEED, COUNT, folder):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            pixels, warned = pillow(path)
            if pixels is None:
                lines.append(f"{path.name} {digest} refused")
            else:
                height, width, _ = pixels.shape
                exact = hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
                lines.append(f"{path.name} {digest} {'warned' if warned else 'read'} {width} {height} {exact} {coarse(pixels)}")
    (HERE / "expected.txt").write_text("\n".join(lines) + "\n")


class Ours:
    """The example, started again when it dies or does not answer."""

    def __init__(self, tool):
        self.tool, self.process = tool, None

    def read(self, path):
        """Pixels or words, and seconds."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen([self.tool, "read"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        start = time.monotonic()
        self.process.stdin.write(f"{path}\n".encode())
        self.process.stdin.flush()
        words = self.process.stdout.readline().decode(errors="replace").split()
        seconds = time.monotonic() - start
        if not words:
            return "died", seconds
        if words[0] != "ok":
            return " ".join(words), seconds
        width, height = int(words[1]), int(words[2])
        return np.frombuffer(self.process.stdout.read(width * height * 3), np.uint8).reshape(height, width, 3), seconds


def group(name, ours, theirs, warned):
    """Which group a file belongs to, and whether that is a finding."""
    if isinstance(ours, str) and ours.startswith(("panicked", "died")):
        return "panic", True
    if theirs is None:
        return ("both refuse", False) if isinstance(ours, str) else ("read by us alone", False)
    if isinstance(ours, str):
        return "read by Pillow alone", False
    if ours.shape != theirs.shape:
        return "other size", True
    kind = name.split("-")[1]
    off = abs(ours.astype(int) - theirs)
    lossy = name.endswith((".jpg", "jpeg.tiff", "lossy.webp"))
    if off.max() <= (LOSSY if lossy else EXACT):
        return "same pixels", False
    if kind == "trailer" or not warned and kind == "whole":
        return "other pixels", True
    # Damage that leaves the format's grammar intact: all that lies before it agrees.
    rows = np.nonzero(off.max((1, 2)) > (LOSSY if lossy else EXACT))[0]
    return f"other pixels behind the damage{', Pillow warns' if warned else ''}", bool(len(rows) == len(off) and kind in ("cut",))


def compare(tool, count, seed=SEED):
    ours, groups, slowest, findings = Ours(tool), collections.defaultdict(list), (0, ""), []
    folder = tempfile.mkdtemp()
    for path in make(tool, seed, count, folder):
        mine, seconds = ours.read(path)
        theirs, warned = pillow(path)
        name, found = group(path.name, mine, theirs, warned)
        detail = mine if isinstance(mine, str) else ""
        groups[name].append((path.name, detail))
        slowest = max(slowest, (seconds, path.name))
        if found or seconds > 2:
            findings.append(f"{path.name}: {name}, {seconds:.2f} s {detail}")
    print(f"{count} files of seed {seed}, slowest {slowest[0]:.3f} s ({slowest[1]})")
    for name, files in sorted(groups.items(), key=lambda item: -len(item[1])):
        by_format = collections.Counter(file.rsplit(".", 1)[1] for file, _ in files)
        print(f"  {len(files):6} {name}: " + ", ".join(f"{kind} {many}" for kind, many in sorted(by_format.items())))
    if "-v" in sys.argv:
        for name in groups:
            if name not in ("both refuse", "same pixels"):
                for file, detail in groups[name][:400]:
                    print(f"{name}: {folder}/{file} {detail}")
    else:
        shutil.rmtree(folder)
    print("\n".join(findings) if findings else "no finding")
    return 1 if findings else 0


if __name__ == "__main__":
    match [word for word in sys.argv[1:] if word != "-v"]:
        case ["whole"]:
            whole()
        case ["expect", tool]:
            expect(tool)
        case ["compare", tool, count, *seed]:
            sys.exit(compare(tool, int(count), *map(int, seed)))
        case _:
            sys.exit(__doc__)
