#!/usr/bin/env python3
"""Writes fixtures/formats/ and fixtures/formats.txt: small files of every kind that PNG, TIFF, GIF, BMP, WebP and PNM
know, and what Pillow reads from each.

    pip install pillow==13.0.0 numpy && python3 formats.py

A line for each file: its name, then `refused`, or width, height, tolerance and RGB in hex. `OURS` names the files for which
this crate's answer is another than Pillow's, and why. `formats.rs` reads both.
"""

import io
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).parent / "fixtures"
WIDTH, HEIGHT = 13, 11


# ------------------------------------------------------------------------------------------------------------- pixels


def rgb(width=WIDTH, height=HEIGHT):
    """Smooth in one channel, textured in another, edges in the third; uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 17 + y * 5) % 256, (x * x + 7 * y * y) % 256, (x // 3 + y // 4) % 2 * 255], -1).astype(np.uint8)


def soft(width=WIDTH, height=HEIGHT):
    """What lossy coding keeps nearly unchanged."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([40 + x * 12, 200 - y * 12, 90 + x * 5 + y * 6], -1).astype(np.uint8)


def gray(width=WIDTH, height=HEIGHT):
    return rgb(width, height)[:, :, 1]


def alpha():
    return (np.arange(WIDTH * HEIGHT) * 5 % 256).reshape(HEIGHT, WIDTH).astype(np.uint8)


def packed(values, bits):
    """Rows of numbers below 2^bits, most significant first, each row padded to a byte."""
    rows = []
    for row in values:
        digits = "".join(format(int(v), f"0{bits}b") for v in row)
        digits += "0" * (-len(digits) % 8)
        rows.append(bytes(int(digits[i:i + 8], 2) for i in range(0, len(digits), 8)))
    return rows


# --------------------------------------------------------------------------------------------------------------- TIFF


def packbits(data):
    return b"".join(bytes([len(data[i:i + 100]) - 1]) + data[i:i + 100] for i in range(0, len(data), 100))


COMPRESS = {1: lambda d: d, 8: zlib.compress, 32946: zlib.compress, 32773: packbits}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 11: 4, 12: 8, 13: 4, 16: 8}
CODES = {1: "B", 2: "B", 3: "H", 4: "I", 7: "B", 11: "f", 12: "d", 13: "I", 16: "Q"}


def tiff(chunks, width=WIDTH, height=HEIGHT, *, bits=(8,), photometric=1, compression=1, tags=(), order="<", big=False,
         tile=None, rows=None, leave_out=(), pages=1, encoded=False):
    """A TIFF of these strips or tiles. `tags`: (tag, type, values) in addition to the usual ones, replacing those."""
    parts = [bytes(c) if encoded else COMPRESS[compression](bytes(c)) for c in chunks]
    head = 16 if big else 8
    offsets, at = [], head
    for part in parts:
        offsets.append(at)
        at += len(part) + len(part) % 2
    entries = {256: (4, [width]), 257: (4, [height]), 258: (3, list(bits)), 259: (3, [compression]),
               262: (3, [photometric]), 277: (3, [len(bits)])}
    lengths = [len(part) for part in parts]
    if tile:
        entries |= {322: (4, [tile[0]]), 323: (4, [tile[1]]), 324: (4, offsets), 325: (4, lengths)}
    else:
        entries |= {273: (4, offsets), 278: (4, [rows or height]), 279: (4, lengths)}
    for tag, kind, values in tags:
        entries[tag] = (kind, values)
    for tag in leave_out:
        del entries[tag]

    def directory(start, following):
        inline, word = (8, "Q") if big else (4, "I")
        entry = 20 if big else 12
        outside, body = b"", b""
        data_at = start + (8 if big else 2) + entry * len(entries) + inline
        for tag, (kind, values) in sorted(entries.items()):
            packed_values = struct.pack(f"{order}{len(values)}{CODES[kind]}", *values)
            if len(packed_values) > inline:
                place = struct.pack(order + word, data_at + len(outside))
                outside += packed_values + b"\0" * (len(packed_values) % 2)
            else:
                place = packed_values.ljust(inline, b"\0")
            body += struct.pack(f"{order}HH{word}", tag, kind, len(values)) + place
        count = struct.pack(order + ("Q" if big else "H"), len(entries))
        next_at = data_at + len(outside) if following else 0
        return count + body + struct.pack(order + word, next_at) + outside

    mark = b"II" if order == "<" else b"MM"
    if big:
        out = mark + struct.pack(order + "HHHQ", 43, 8, 0, at)
    else:
        out = mark + struct.pack(order + "HI", 42, at)
    for part in parts:
        out += part + b"\0" * (len(part) % 2)
    for page in range(pages):
        out += directory(len(out), page + 1 < pages)
    return out


def tiles(pixels, side):
    """Tiles of side x side, row by row, padded with zeros; pixels [height, width, ...]."""
    height, width = pixels.shape[:2]
    found = []
    for top in range(0, height, side):
        for left in range(0, width, side):
            piece = np.zeros((side, side) + pixels.shape[2:], pixels.dtype)
            part = pixels[top:top + side, left:left + side]
            piece[:part.shape[0], :part.shape[1]] = part
            found.append(piece)
    return found


def of_pillow(image, **how):
    out = io.BytesIO()
    image.save(out, **how)
    return out.getvalue()


def tiffs():
    colours, light, see_through = rgb(), gray(), alpha()
    image = Image.fromarray(colours)
    table = [int(v) * 257 for v in np.random.default_rng(1).integers(0, 256, 768)]
    for bits in (1, 2, 4, 8):
        levels = 1 << bits
        values = light.astype(int) % levels
        data = b"".join(packed(values, bits))
        channel = np.array(table).reshape(3, 256)[:, :levels].reshape(-1).tolist()
        yield f"palette{bits}.tiff", tiff([data], bits=[bits], photometric=3, tags=[(320, 3, channel)])
        yield f"gray{bits}.tiff", tiff([data], bits=[bits])
        yield f"white-is-zero{bits}.tiff", tiff([data], bits=[bits], photometric=0)
        reverse = bytes(int(format(b, "08b")[::-1], 2) for b in data)
        yield f"fill-order{bits}.tiff", tiff([reverse], bits=[bits], tags=[(266, 3, [2])])
    indices = [[int(v)] for v in light.reshape(-1)]
    flat = bytes(v for [v] in indices)
    yield "palette-mm.tiff", tiff([flat], photometric=3, tags=[(320, 3, table)], order=">")
    yield "palette-deflate-strips.tiff", tiff(
        [light[at:at + 3].tobytes() for at in range(0, HEIGHT, 3)], photometric=3, tags=[(320, 3, table)], rows=3, compression=8)
    yield "palette-tiled.tiff", tiff([t.tobytes() for t in tiles(light, 16)], photometric=3, tags=[(320, 3, table)], tile=(16, 16))
    wide_light = gray(37, 35)
    yield "palette-tiled-many.tiff", tiff(
        [t.tobytes() for t in tiles(wide_light, 16)], 37, 35, photometric=3, tags=[(320, 3, table)], tile=(16, 16), compression=8)
    yield "palette-lzw.tiff", of_pillow(image.quantize(16), format="TIFF", compression="tiff_lzw")
    yield "palette-alpha.tiff", tiff([np.stack([light, see_through], -1).tobytes()], bits=[8, 8], photometric=3,
                                     tags=[(320, 3, table), (338, 3, [2])])
    for name, extra in (("x", 0), ("a-associated", 1), ("a", 2)):
        pair = np.stack([light, see_through], -1)
        yield f"gray-{name}.tiff", tiff([pair.tobytes()], bits=[8, 8], tags=[(338, 3, [extra])])
        four = np.concatenate([colours, see_through[:, :, None]], -1)
        yield f"rgb-{name}.tiff", tiff([four.tobytes()], bits=[8] * 4, photometric=2, tags=[(338, 3, [extra])])
        yield f"rgb-{name}-planar.tiff", tiff([four[:, :, c].tobytes() for c in range(4)], bits=[8] * 4, photometric=2,
                                              tags=[(338, 3, [extra]), (284, 3, [2])])
        sixteen = four.astype("<u2") * 257
        yield f"rgb16-{name}.tiff", tiff([sixteen.tobytes()], bits=[16] * 4, photometric=2, tags=[(338, 3, [extra])])
    yield "rgb-no-extra.tiff", tiff([four.tobytes()], bits=[8] * 4, photometric=2)
    five = np.concatenate([four, see_through[:, :, None]], -1)
    yield "rgb-two-extras.tiff", tiff([five.tobytes()], bits=[8] * 5, photometric=2, tags=[(338, 3, [0, 0])])
    yield "rgba-and-extra.tiff", tiff([five.tobytes()], bits=[8] * 5, photometric=2, tags=[(338, 3, [2, 0])])
    for order in "<>":
        end = "ii" if order == "<" else "mm"
        wide = (colours.astype(int) * 251).astype(order + "u2")
        wide_gray = (light.astype(int) * 251).astype(order + "u2").tobytes()
        yield f"rgb16-{end}.tiff", tiff([wide.tobytes()], bits=[16] * 3, photometric=2, order=order)
        yield f"gray16-{end}.tiff", tiff([wide_gray], bits=[16], order=order)
        yield f"gray16-white-is-zero-{end}.tiff", tiff([wide_gray], bits=[16], order=order, photometric=0)
        for bits in (16, 32):
            for kind, values in (("", light.astype(int)), ("-large", light.astype(int) * 100 - 50)):
                data = values.astype(f"{order}i{bits // 8}").tobytes()
                yield f"int{bits}{kind}-{end}.tiff", tiff([data], bits=[bits], order=order, tags=[(339, 3, [2])])
        yield f"uint32-{end}.tiff", tiff([light.astype(order + "u4").tobytes()], bits=[32], order=order)
        real = light.astype("f4") + np.float32(0.75)
        real[real > 255] = 255
        for kind, factor in (("", 1), ("-unit", 1 / 256), ("-large", 90)):
            yield f"float32{kind}-{end}.tiff", tiff([(real * order_float(factor)).astype(order + "f4").tobytes()], bits=[32], order=order, tags=[(339, 3, [3])])
        yield f"float64-{end}.tiff", tiff([real.astype(order + "f8").tobytes()], bits=[64], order=order, tags=[(339, 3, [3])])
    yield "int8.tiff", tiff([(light // 2).tobytes()], tags=[(339, 3, [2])])
    yield "int8-negative.tiff", tiff([light.tobytes()], tags=[(339, 3, [2])])
    yield "two-bands.tiff", tiff([np.stack([light, see_through], -1).tobytes()], bits=[8, 8])
    yield "four-bands.tiff", tiff([four.tobytes()], bits=[8] * 4)
    yield "four-bands16.tiff", tiff([(four.astype("<u2") * 257).tobytes()], bits=[16] * 4)
    broken = light.astype("<f4")
    broken[3, 4] = np.nan
    yield "float32-nan.tiff", tiff([broken.tobytes()], bits=[32], tags=[(339, 3, [3])])
    yield "float16.tiff", tiff([light.astype("<f2").tobytes()], bits=[16], tags=[(339, 3, [3])])
    yield "float32-rgb.tiff", tiff([colours.astype("<f4").tobytes()], bits=[32] * 3, photometric=2, tags=[(339, 3, [3] * 3)])
    yield "float32-white-is-zero.tiff", tiff([light.astype("<f4").tobytes()], bits=[32], photometric=0, tags=[(339, 3, [3])])
    difference = light.astype("<f4")
    as_bytes = difference.view(np.uint8).reshape(HEIGHT, WIDTH, 4)[:, :, ::-1].transpose(0, 2, 1).reshape(HEIGHT, -1)
    shuffled = np.concatenate([as_bytes[:, :1], (as_bytes[:, 1:].astype(int) - as_bytes[:, :-1]) % 256], 1).astype(np.uint8)
    yield "float32-predictor.tiff", tiff([shuffled.tobytes()], bits=[32], compression=8, tags=[(339, 3, [3]), (317, 3, [3])])
    yield "rgb.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2)
    yield "rgb-bits-once.tiff", tiff([colours.tobytes()], bits=[8], photometric=2, tags=[(277, 3, [3])])
    yield "rgb-big.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2, big=True)
    yield "rgb-big-mm.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2, big=True, order=">", compression=8)
    yield "palette-big.tiff", tiff([flat], photometric=3, tags=[(320, 3, table)], big=True)
    yield "rgb-pages.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2, pages=3)
    yield "rgb-strips.tiff", tiff([colours[at:at + 4].tobytes() for at in range(0, HEIGHT, 4)], bits=[8] * 3, photometric=2, rows=4)
    yield "rgb-planar.tiff", tiff([colours[:, :, c].tobytes() for c in range(3)], bits=[8] * 3, photometric=2, tags=[(284, 3, [2])])
    yield "rgb-planar-strips.tiff", tiff([colours[at:at + 4, :, c].tobytes() for c in range(3) for at in range(0, HEIGHT, 4)],
                                         bits=[8] * 3, photometric=2, rows=4, tags=[(284, 3, [2])], compression=8)
    wide_rgb = rgb(37, 35)
    yield "rgb-tiled.tiff", tiff([t.tobytes() for t in tiles(wide_rgb, 16)], 37, 35, bits=[8] * 3, photometric=2, tile=(16, 16))
    yield "rgb-tiled-planar.tiff", tiff([t[:, :, c].tobytes() for c in range(3) for t in tiles(wide_rgb, 16)], 37, 35, bits=[8] * 3,
                                        photometric=2, tile=(16, 16), tags=[(284, 3, [2])], compression=8)
    yield "gray-tiled-deflate.tiff", tiff([t.tobytes() for t in tiles(gray(37, 35), 32)], 37, 35, tile=(32, 32), compression=32946)
    yield "rgb-packbits.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2, compression=32773)
    for bits, kind in ((8, np.uint8), (16, "<u2")):
        base = colours.astype(kind) * (1 if bits == 8 else 251)
        step = base.copy()
        step[:, 1:] -= base[:, :-1]
        yield f"rgb{bits}-predictor.tiff", tiff([step.tobytes()], bits=[bits] * 3, photometric=2, compression=8, tags=[(317, 3, [2])])
    yield "rgb-lzw.tiff", of_pillow(image, format="TIFF", compression="tiff_lzw")
    yield "gray4-lzw.tiff", of_pillow(image.convert("L"), format="TIFF", compression="tiff_lzw")
    for name in ("group3", "group4", "tiff_ccitt", "lzma", "zstd", "webp", "packbits", "tiff_adobe_deflate"):
        mode = "1" if name in ("group3", "group4", "tiff_ccitt") else "RGB"
        try:
            yield f"compressed-{name}.tiff", of_pillow(image.convert(mode), format="TIFF", compression=name)
        except Exception as why:
            print("cannot write", name, why, file=sys.stderr)
    yield "group4-white-is-zero.tiff", of_pillow(image.convert("1"), format="TIFF", compression="group4", tiffinfo={262: 0})
    ink = 255 - four
    yield "cmyk.tiff", tiff([ink.tobytes()], bits=[8] * 4, photometric=5)
    yield "cmyk-deflate.tiff", tiff([ink.tobytes()], bits=[8] * 4, photometric=5, compression=8)
    yield "cmyk-planar.tiff", tiff([ink[:, :, c].tobytes() for c in range(4)], bits=[8] * 4, photometric=5, tags=[(284, 3, [2])])
    yield "cmyk16.tiff", tiff([(ink.astype("<u2") * 257).tobytes()], bits=[16] * 4, photometric=5)
    yield "cmyk-extra.tiff", tiff([(255 - five).tobytes()], bits=[8] * 5, photometric=5, tags=[(338, 3, [0])])
    luma = np.asarray(image.convert("YCbCr"))
    yield "ycbcr-444.tiff", tiff([luma.tobytes()], bits=[8] * 3, photometric=6, tags=[(530, 3, [1, 1])])
    yield "ycbcr-444-deflate.tiff", tiff([luma.tobytes()], bits=[8] * 3, photometric=6, tags=[(530, 3, [1, 1])], compression=8)
    yield "ycbcr-unsaid.tiff", tiff([luma.tobytes()], bits=[8] * 3, photometric=6)
    units = []
    plain = np.asarray(Image.fromarray(soft(12, 10)).convert("YCbCr"))
    for top in range(0, 10, 2):
        for left in range(0, 12, 2):
            block = plain[top:top + 2, left:left + 2]
            units.append(bytes(block[:, :, 0].reshape(-1)) + bytes(block[:, :, 1:].reshape(4, 2).mean(0).astype(np.uint8)))
    yield "ycbcr-420.tiff", tiff([b"".join(units)], 12, 10, bits=[8] * 3, photometric=6, tags=[(530, 3, [2, 2])])
    yield "ycbcr-420-deflate.tiff", tiff([b"".join(units)], 12, 10, bits=[8] * 3, photometric=6, tags=[(530, 3, [2, 2])], compression=8)
    smooth = Image.fromarray(soft())
    yield "jpeg-ycbcr.tiff", of_pillow(smooth, format="TIFF", compression="jpeg", quality=95)
    yield "jpeg-gray.tiff", of_pillow(smooth.convert("L"), format="TIFF", compression="jpeg", quality=95)
    yield "jpeg-cmyk.tiff", of_pillow(smooth.convert("CMYK"), format="TIFF", compression="jpeg", quality=95)
    whole = of_pillow(smooth, format="JPEG", quality=95, subsampling=0)
    half = of_pillow(smooth, format="JPEG", quality=95, subsampling=2)
    keep = of_pillow(smooth, format="JPEG", quality=95, subsampling=0, keep_rgb=True)
    yield "jpeg-whole-444.tiff", tiff([whole], bits=[8] * 3, photometric=6, compression=7, encoded=True, tags=[(530, 3, [1, 1])])
    yield "jpeg-whole-420.tiff", tiff([half], bits=[8] * 3, photometric=6, compression=7, encoded=True, tags=[(530, 3, [2, 2])])
    yield "jpeg-rgb.tiff", tiff([keep], bits=[8] * 3, photometric=2, compression=7, encoded=True)
    pieces = [of_pillow(Image.fromarray(t), format="JPEG", quality=95, subsampling=2) for t in tiles(soft(37, 35), 16)]
    yield "jpeg-tiled.tiff", tiff(pieces, 37, 35, bits=[8] * 3, photometric=6, compression=7, encoded=True, tile=(16, 16), tags=[(530, 3, [2, 2])])
    yield "lab.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=8)
    twelve = b"".join(packed(light.astype(int) * 16, 12))
    yield "gray12.tiff", tiff([twelve], bits=[12])
    yield "no-byte-counts.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2, leave_out=[279])
    yield "no-photometric.tiff", tiff([light.tobytes()], leave_out=[262])
    yield "no-rows.tiff", tiff([light.tobytes()], leave_out=[278])
    yield "mixed-depths.tiff", tiff([colours.tobytes()], bits=[8, 8, 16], photometric=2)
    yield "rgb-trailer.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2) + b"and more" * 20
    for orientation in range(0, 10):
        yield f"orientation-{orientation}.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2, tags=[(274, 3, [orientation])])
    yield "orientation-long.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2, tags=[(274, 4, [6])], order=">")
    yield "orientation-deflate.tiff", tiff([colours.tobytes()], bits=[8] * 3, photometric=2, tags=[(274, 3, [8])], compression=8)


def order_float(value):
    return np.float32(value)


# ---------------------------------------------------------------------------------------------------------------- PNG


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(rows, color_type, depth, extra=b"", width=WIDTH, height=HEIGHT, interlaced=False):
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    data = b"".join(b"\0" + row for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def pngs():
    rng = np.random.default_rng(3)
    for color_type, channels, depths in ((0, 1, (1, 2, 4, 8, 16)), (2, 3, (8, 16)), (3, 1, (1, 2, 4, 8)), (4, 2, (8, 16)), (6, 4, (8, 16))):
        for depth in depths:
            values = rng.integers(0, 1 << depth, (HEIGHT, WIDTH, channels))
            value = int(values[4, 5, 0])
            flat = lambda part: packed(part.reshape(part.shape[0], -1), depth)
            palette = chunk(b"PLTE", bytes(rng.integers(0, 256, 3 << depth).astype(np.uint8))) if color_type == 3 else b""
            name = f"png-{color_type}-{depth}"
            yield f"{name}.png", png(flat(values), color_type, depth, palette)
            passes = [row for left, top, across, down in ADAM7 for row in flat(values[top::down, left::across]) if row]
            yield f"{name}-interlaced.png", png(passes, color_type, depth, palette, interlaced=True)
            if color_type in (0, 2):
                trns = chunk(b"tRNS", b"".join(struct.pack(">H", int(v)) for v in values[4, 5]))
                yield f"{name}-transparent.png", png(flat(values), color_type, depth, trns)
            if color_type == 3:
                trns = chunk(b"tRNS", bytes([0, 200][:1 << depth]))
                yield f"{name}-transparent.png", png(flat(values), color_type, depth, palette + trns)
                few = chunk(b"PLTE", bytes(range(3)))
                yield f"{name}-short-palette.png", png(flat(values), color_type, depth, few)
    colours = [row.tobytes() for row in rgb()]
    whole = png(colours, 2, 8)
    yield "png-gamma.png", png(colours, 2, 8, chunk(b"gAMA", struct.pack(">I", 100000)))
    yield "png-trailer.png", whole + b"trailing bytes" * 9
    yield "png-no-end.png", whole[:-12]
    yield "png-cut.png", whole[:-60]
    yield "png-cut-crc.png", whole[:-14]
    data = b"".join(b"\0" + row for row in colours)
    short = zlib.compress(data)[:-4]
    head = whole[:33]
    yield "png-no-adler.png", head + chunk(b"IDAT", short) + chunk(b"IEND", b"")
    wrong = zlib.compress(data)[:-4] + b"\1\2\3\4"
    yield "png-wrong-adler.png", head + chunk(b"IDAT", wrong) + chunk(b"IEND", b"")
    packed_data = zlib.compress(data)
    many = b"".join(chunk(b"IDAT", packed_data[at:at + 9]) for at in range(0, len(packed_data), 9))
    yield "png-many-idat.png", head + many + chunk(b"IEND", b"")
    bad_crc = bytearray(whole)
    bad_crc[-16] ^= 1
    yield "png-wrong-crc.png", bytes(bad_crc)
    yield "png-too-much-data.png", head + chunk(b"IDAT", zlib.compress(data + b"\0" * 90)) + chunk(b"IEND", b"")
    yield "png-wrong-text.png", whole[:33] + chunk(b"tEXt", b"Comment\0x")[:-1] + b"?" + whole[33:]
    first, second = Image.fromarray(rgb()), Image.fromarray(rgb()[::-1].copy())
    yield "png-animated.png", of_pillow(first, format="PNG", save_all=True, append_images=[second])
    yield "png-animated-default.png", of_pillow(first, format="PNG", save_all=True, append_images=[second], default_image=True)


# ---------------------------------------------------------------------------------------------------------------- GIF


def lzw(indices, bits):
    """GIF's LZW without ever building a table: a clear code before each run of codes that would widen them."""
    clear, width = 1 << bits, bits + 1
    digits, count = [], 0
    for value in indices:
        if count % (clear - 2 if clear > 2 else 1) == 0:
            digits.append(clear)
        digits.append(int(value))
        count += 1
    digits.append(clear + 1)
    number = sum(code << (width * place) for place, code in enumerate(digits))
    data = number.to_bytes((len(digits) * width + 7) // 8, "little")
    blocks = b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255))
    return bytes([bits]) + blocks + b"\0"


def gif(frames, width=WIDTH, height=HEIGHT, palette=None, background=0):
    """frames: (indices [h, w], left, top, dict(transparent, palette, interlaced))"""
    flags = 0xF0 | 7 if palette else 0
    out = b"GIF89a" + struct.pack("<HHBBB", width, height, flags, background, 0) + (palette or b"")
    for indices, left, top, how in frames:
        if "transparent" in how:
            out += b"\x21\xF9\x04" + struct.pack("<BHB", 1, 0, how["transparent"]) + b"\0"
        local = how.get("palette")
        if how.get("interlaced"):
            rows = [y for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for y in range(start, indices.shape[0], step)]
            indices = indices[rows]
        flag = (0x80 | 7 if local else 0) | (0x40 if how.get("interlaced") else 0)
        out += b"," + struct.pack("<HHHHB", left, top, indices.shape[1], indices.shape[0], flag) + (local or b"")
        out += lzw(indices.reshape(-1), 8)
    return out + b";"


def gifs():
    rng = np.random.default_rng(5)
    table, other = (bytes(rng.integers(0, 256, 768).astype(np.uint8)) for _ in range(2))
    full = gray()
    part = full[:6, :7]
    yield "gif-global.gif", gif([(full, 0, 0, {})], palette=table)
    yield "gif-local.gif", gif([(full, 0, 0, {"palette": other})], palette=table)
    yield "gif-local-only.gif", gif([(full, 0, 0, {"palette": other})])
    yield "gif-no-palette.gif", gif([(full, 0, 0, {})])
    yield "gif-gray-palette.gif", gif([(full, 0, 0, {})], palette=bytes(v for v in range(256) for _ in range(3)))
    yield "gif-interlaced.gif", gif([(full, 0, 0, {"interlaced": True})], palette=table)
    value = int(full[2, 3])
    yield "gif-transparent.gif", gif([(full, 0, 0, {"transparent": value})], palette=table)
    yield "gif-offset.gif", gif([(part, 4, 3, {})], palette=table, background=9)
    yield "gif-offset-transparent.gif", gif([(part, 4, 3, {"transparent": 77})], palette=table, background=9)
    yield "gif-offset-local.gif", gif([(part, 4, 3, {"palette": other})], palette=table, background=9)
    yield "gif-offset-no-palette.gif", gif([(part, 4, 3, {})])
    yield "gif-beyond.gif", gif([(part, 9, 8, {})], palette=table)
    yield "gif-two-frames.gif", gif([(full, 0, 0, {}), (part, 2, 2, {})], palette=table)
    yield "gif-no-end.gif", gif([(full, 0, 0, {})], palette=table)[:-1]
    yield "gif-trailer.gif", gif([(full, 0, 0, {})], palette=table) + b"more" * 30
    yield "gif-cut.gif", gif([(full, 0, 0, {})], palette=table)[:-40]
    yield "gif-cut-second.gif", gif([(full, 0, 0, {}), (full, 0, 0, {})], palette=table)[:-70]
    yield "gif-87.gif", b"GIF87a" + gif([(full, 0, 0, {})], palette=table)[6:]
    image = Image.fromarray(rgb(60, 50)).quantize(200)
    yield "gif-pillow.gif", of_pillow(image, format="GIF")


# ---------------------------------------------------------------------------------------------------------------- BMP


def bmp(rows, bits, *, palette=b"", compression=0, header=40, masks=(), width=WIDTH, height=HEIGHT, colours=0, size=None):
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        body = b"".join(rows)
        info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(body), 2835, 2835, colours, 0)
        mask = b"".join(struct.pack("<I", m) for m in masks)
        info += mask.ljust(header - 40, b"\0")[:max(header - 40, len(mask))] if header > 40 else mask
    at = 14 + len(info) + len(palette)
    data = b"".join(rows)
    return b"BM" + struct.pack("<IHHI", at + len(data), 0, 0, at) + info + palette + data


def padded(row):
    return row + b"\0" * (-len(row) % 4)


def bmps():
    rng = np.random.default_rng(7)
    full = gray()
    for bits in (1, 4, 8):
        levels = 1 << bits
        rows = [padded(r) for r in packed(full.astype(int) % levels, bits)][::-1]
        quads = b"".join(bytes(rng.integers(0, 256, 3).astype(np.uint8)) + b"\0" for _ in range(levels))
        yield f"bmp-{bits}.bmp", bmp(rows, bits, palette=quads)
        yield f"bmp-{bits}-top-down.bmp", bmp(rows[::-1], bits, palette=quads, height=-HEIGHT)
        triples = b"".join(quads[i:i + 3] for i in range(0, len(quads), 4))
        yield f"bmp-{bits}-os2.bmp", bmp(rows, bits, palette=triples, header=12)
        few = quads[:4 * max(levels // 2, 1)]
        yield f"bmp-{bits}-few-colours.bmp", bmp(rows, bits, palette=few, colours=len(few) // 4)
        grays = b"".join(bytes([v * 255 // (levels - 1)] * 3) + b"\0" for v in range(levels))
        yield f"bmp-{bits}-gray.bmp", bmp(rows, bits, palette=grays)
    black_on_white = b"\xff\xff\xff\0\0\0\0\0"
    yield "bmp-1-white-first.bmp", bmp([padded(r) for r in packed(full.astype(int) % 2, 1)], 1, palette=black_on_white)
    colours = rgb()
    five = [padded(b"".join(struct.pack("<H", int(r) >> 3 << 10 | int(g) >> 3 << 5 | int(b) >> 3) for r, g, b in row)) for row in colours][::-1]
    six = [padded(b"".join(struct.pack("<H", int(r) >> 3 << 11 | int(g) >> 2 << 5 | int(b) >> 3) for r, g, b in row)) for row in colours][::-1]
    yield "bmp-555.bmp", bmp(five, 16)
    yield "bmp-555-masks.bmp", bmp(five, 16, compression=3, masks=(0x7C00, 0x3E0, 0x1F))
    yield "bmp-565.bmp", bmp(six, 16, compression=3, masks=(0xF800, 0x7E0, 0x1F))
    yield "bmp-24.bmp", bmp([padded(r[:, ::-1].tobytes()) for r in colours][::-1], 24)
    yield "bmp-24-os2.bmp", bmp([padded(r[:, ::-1].tobytes()) for r in colours][::-1], 24, header=12)
    yield "bmp-24-trailer.bmp", bmp([padded(r[:, ::-1].tobytes()) for r in colours][::-1], 24) + b"more" * 20
    yield "bmp-24-cut.bmp", bmp([padded(r[:, ::-1].tobytes()) for r in colours][::-1], 24)[:-100]
    yield "bmp-24-padding-cut.bmp", bmp([padded(r[:, ::-1].tobytes()) for r in colours][::-1], 24)[:-1]
    four = np.concatenate([colours[:, :, ::-1], alpha()[:, :, None]], -1)
    rows = [r.tobytes() for r in four][::-1]
    yield "bmp-32.bmp", bmp(rows, 32)
    yield "bmp-32-masks.bmp", bmp(rows, 32, compression=3, masks=(0xFF0000, 0xFF00, 0xFF))
    yield "bmp-32-v4.bmp", bmp(rows, 32, compression=3, header=108, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    yield "bmp-32-v5.bmp", bmp(rows, 32, compression=3, header=124, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    yield "bmp-32-xbgr.bmp", bmp(rows, 32, compression=3, header=56, masks=(0xFF000000, 0xFF0000, 0xFF00, 0xFF))
    yield "bmp-32-rgba.bmp", bmp(rows, 32, compression=3, header=56, masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000))
    quads = b"".join(bytes(rng.integers(0, 256, 3).astype(np.uint8)) + b"\0" for _ in range(256))
    eight = b"".join(b"".join(bytes([1, v]) for v in row) + b"\0\0" for row in full[::-1]) + b"\0\1"
    yield "bmp-rle8.bmp", bmp([eight], 8, palette=quads, compression=1)
    absolute = b"".join(bytes([0, WIDTH]) + row.tobytes() + b"\0" * (WIDTH % 2) + b"\0\0" for row in full[::-1]) + b"\0\1"
    yield "bmp-rle8-absolute.bmp", bmp([absolute], 8, palette=quads, compression=1)
    skips = b"\x04\x07\0\x02\x03\x02" + b"\x05\x09" + b"\0\1"
    yield "bmp-rle8-delta.bmp", bmp([skips], 8, palette=quads, compression=1)
    short = b"".join(b"\x06\x21\0\0" for _ in range(HEIGHT)) + b"\0\1"
    yield "bmp-rle8-short-rows.bmp", bmp([short], 8, palette=quads, compression=1)
    nibbles = full.astype(int) % 16
    sixteen = quads[:64]
    four_bits = b"".join(b"".join(bytes([1, v << 4]) for v in row) + b"\0\0" for row in nibbles[::-1]) + b"\0\1"
    yield "bmp-rle4.bmp", bmp([four_bits], 4, palette=sixteen, compression=2)
    yield "bmp-rle4-pairs.bmp", bmp([b"".join(bytes([WIDTH, 0x3A]) + b"\0\0" for _ in range(HEIGHT)) + b"\0\1"], 4, palette=sixteen, compression=2)
    yield "bmp-rle8-cut.bmp", bmp([eight[:100]], 8, palette=quads, compression=1)
    inside = of_pillow(Image.fromarray(soft()), format="JPEG")
    yield "bmp-jpeg.bmp", bmp([inside], 24, compression=4)


# --------------------------------------------------------------------------------------------------------------- WebP


def webps():
    smooth, sharp = Image.fromarray(soft(40, 36)), Image.fromarray(rgb(40, 36))
    clear = sharp.copy()
    clear.putalpha(Image.fromarray((np.arange(40 * 36) * 5 % 256).reshape(36, 40).astype(np.uint8)))
    yield "webp-lossy.webp", of_pillow(smooth, format="WEBP", quality=90)
    yield "webp-lossy-alpha.webp", of_pillow(Image.merge("RGBA", (*smooth.split(), clear.getchannel("A"))), format="WEBP", quality=90, exact=True)
    yield "webp-lossless.webp", of_pillow(sharp, format="WEBP", lossless=True)
    yield "webp-lossless-alpha.webp", of_pillow(clear, format="WEBP", lossless=True, exact=True)
    gray_image = sharp.convert("L")
    yield "webp-palette.webp", of_pillow(gray_image.point(lambda v: v // 64 * 64), format="WEBP", lossless=True)
    turned = sharp.transpose(Image.Transpose.ROTATE_180)
    yield "webp-animated.webp", of_pillow(sharp, format="WEBP", save_all=True, append_images=[turned], lossless=True)
    whole = of_pillow(sharp, format="WEBP", lossless=True)
    yield "webp-trailer.webp", whole + b"more" * 30
    yield "webp-cut.webp", whole[:-40]
    still = of_pillow(Image.fromarray(rgb(20, 16)), format="WEBP", lossless=True)[12:]
    frame = struct.pack("<I", 2)[:3] + struct.pack("<I", 3)[:3] + struct.pack("<I", 19)[:3] + struct.pack("<I", 15)[:3] + struct.pack("<I", 50)[:3] + b"\0" + still
    canvas = struct.pack("<I", 39)[:3] + struct.pack("<I", 35)[:3]
    body = (b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + canvas + b"ANIM" + struct.pack("<I", 6) + b"\x10\x60\xA0\xFF\0\0"
            + b"ANMF" + struct.pack("<I", len(frame)) + frame)
    yield "webp-animated-offset.webp", b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


# ---------------------------------------------------------------------------------------------------------------- PNM


def pnms():
    colours, light = rgb(), gray()
    head = f"{WIDTH} {HEIGHT}"
    yield "p1.pbm", f"P1\n# one\n{head}\n".encode() + "\n".join("".join(str(v % 2) for v in row) for row in light).encode()
    yield "p1-spaces.pbm", f"P1\n{head}\n".encode() + "\n".join(" ".join(str(v % 2) for v in row) for row in light).encode()
    yield "p4.pbm", f"P4\n{head}\n".encode() + b"".join(packed(light % 2, 1))
    for top in (1, 15, 100, 255, 300, 1000, 4095, 65535):
        scaled = light.astype(int) * top // 255
        yield f"p2-{top}.pgm", f"P2\n{head}\n# two\n{top}\n".encode() + "\n".join(" ".join(map(str, row)) for row in scaled).encode() + b"\n"
        kind = np.uint8 if top < 256 else ">u2"
        yield f"p5-{top}.pgm", f"P5 {head} {top}\n".encode() + scaled.astype(kind).tobytes()
        many = colours.astype(int) * top // 255
        yield f"p3-{top}.ppm", f"P3\n{head}\n{top}\n".encode() + "\n".join(" ".join(map(str, row.reshape(-1))) for row in many).encode() + b"\n"
        yield f"p6-{top}.ppm", f"P6\n#c\n{head}\n{top}\n".encode() + many.astype(kind).tobytes()
    yield "p6-trailer.ppm", f"P6 {head} 255\n".encode() + colours.tobytes() + b"more"
    yield "p6-cut.ppm", f"P6 {head} 255\n".encode() + colours.tobytes()[:-1]
    yield "p5-above.pgm", f"P5 {head} 100\n".encode() + np.minimum(light, 100).tobytes()
    yield "p3-cut.ppm", f"P3 {head} 255\n".encode() + b"1 2 3 4 5"
    real = (light.astype("<f4") + np.float32(0.25)).clip(0, 255)
    yield "pf-little.pfm", f"Pf\n{head}\n-1.0\n".encode() + real[::-1].tobytes()
    yield "pf-big.pfm", f"Pf\n{head}\n1.0\n".encode() + real[::-1].astype(">f4").tobytes()
    yield "pf-unit.pfm", f"Pf\n{head}\n-1.0\n".encode() + (real / 256).tobytes()
    yield "pf-color.pfm", f"PF\n{head}\n-1.0\n".encode() + colours[::-1].astype("<f4").tobytes()
    for name, depth, kind, data in (("gray", 1, "GRAYSCALE", light), ("rgb", 3, "RGB", colours)):
        yield f"p7-{name}.pam", f"P7\nWIDTH {WIDTH}\nHEIGHT {HEIGHT}\nDEPTH {depth}\nMAXVAL 255\nTUPLTYPE {kind}\nENDHDR\n".encode() + data.tobytes()


# -------------------------------------------------------------------------------------------------------- orientation


def directory(tags, order="<", at=8, mark=None):
    """A TIFF block of one directory: tags of (tag, type, count, up to 4 bytes or an offset)."""
    head = (mark or (b"II*\0" if order == "<" else b"MM\0*")) + struct.pack(order + "I", at)
    entries = b"".join(struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in tags)
    return head + struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0"


def exif(value=6, kind=3, order="<", count=1):
    codes = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 13: "I"}
    return directory([(0x0112, kind, count, struct.pack(order + codes[kind], value))], order)


def ratio(above, below, kind=5):
    block = directory([(0x0112, kind, 1, struct.pack("<I", 26))])
    return block + struct.pack("<II", above, below)


def xmp(value, attribute=False):
    inside = (f'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{value}"/>' if attribute else
              f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><tiff:Orientation>{value}</tiff:Orientation></rdf:Description>')
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{inside}</rdf:RDF></x:xmpmeta>'.encode()


def blocks():
    """EXIF blocks that say 6, or nothing, in every way that Pillow tells apart."""
    for order in "<>":
        end = "ii" if order == "<" else "mm"
        for kind in (1, 2, 3, 4, 6, 7, 8, 9, 11, 13):
            yield f"type{kind}-{end}", exif(ord("6") if kind == 2 else 6, kind, order)
    yield "rational", ratio(12, 2)
    yield "rational-zero", ratio(6, 0)
    yield "signed-rational", ratio(6, 1, 10)
    yield "double", directory([(0x0112, 12, 1, struct.pack("<I", 26))]) + struct.pack("<d", 6)
    yield "half", directory([(0x0112, 11, 1, struct.pack("<f", 6.5))])
    yield "two-values", directory([(0x0112, 3, 2, struct.pack("<HH", 6, 3))])
    yield "four-values", directory([(0x0112, 3, 4, struct.pack("<I", 26))]) + struct.pack("<4H", 8, 6, 3, 1)
    yield "no-values", directory([(0x0112, 3, 0, b"\6\0")])
    yield "unknown-type", directory([(0x0112, 99, 1, b"\6\0")])
    yield "twice", directory([(0x0112, 3, 1, b"\x08\0"), (0x0112, 3, 1, b"\6\0")])
    yield "behind-unknown", directory([(0x010F, 99, 9, b"abcd"), (0x0112, 3, 1, b"\6\0")])
    yield "behind-damaged", directory([(0x010F, 2, 99, struct.pack("<I", 9000)), (0x0112, 3, 1, b"\6\0")])
    yield "behind-too-long", directory([(0x010F, 2, 1 << 30, struct.pack("<I", 8)), (0x0112, 3, 1, b"\6\0")])
    yield "count-too-large", directory([(0x0112, 3, 1, b"\6\0")])[:8] + struct.pack("<H", 900) + exif()[10:]
    yield "cut", exif()[:-6]
    yield "cut-entry", exif()[:15]
    yield "out-of-order-header", directory([(0x0112, 3, 1, b"\6\0")], mark=b"II\0*")
    yield "far-directory", exif()[:4] + struct.pack("<I", 40) + bytes(32) + exif()[8:]
    yield "no-directory", exif()[:4] + struct.pack("<I", 4000) + exif()[8:]
    yield "zero", exif(0)
    yield "nine", exif(9)
    yield "large", exif(6 + 256)
    yield "empty", b""
    yield "no-header", b"garbage that is no TIFF"
    yield "short-header", b"II*\0\x08"
    yield "twice-headed", b"Exif\0\0" + exif()


def segment(marker, payload):
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


XAP = b"http://ns.adobe.com/xap/1.0/\0"


def orientations():
    pattern = Image.fromarray(soft(12, 8))
    jpeg = of_pillow(pattern, format="JPEG", quality=90, subsampling=0)
    plain = of_pillow(pattern, format="PNG")
    app1 = lambda payload: jpeg[:2] + segment(0xE1, payload) + jpeg[2:]
    for name, block in blocks():
        yield f"o-{name}.jpg", app1(b"Exif\0\0" + block)
        yield f"o-{name}.png", plain[:33] + chunk(b"eXIf", block) + plain[33:]
    for value in range(10):
        yield f"o-value{value}.jpg", app1(b"Exif\0\0" + exif(value))
        yield f"o-xmp{value}.jpg", app1(XAP + xmp(value))
    yield "o-xmp-attribute.jpg", app1(XAP + xmp(6, True))
    yield "o-xmp-two-digits.jpg", app1(XAP + xmp(16))
    yield "o-xmp-space.jpg", app1(XAP + b'tiff:Orientation = "6"')
    yield "o-xmp-single-quotes.jpg", app1(XAP + b"tiff:Orientation='6'")
    yield "o-xmp-twice.jpg", jpeg[:2] + segment(0xE1, XAP + xmp(3)) + segment(0xE1, XAP + xmp(6)) + jpeg[2:]
    yield "o-xmp-then-exif.jpg", jpeg[:2] + segment(0xE1, XAP + xmp(3)) + segment(0xE1, b"Exif\0\0" + exif(6)) + jpeg[2:]
    other = directory([(0x010F, 2, 2, b"A\0")])
    yield "o-exif-without-then-xmp.jpg", jpeg[:2] + segment(0xE1, b"Exif\0\0" + other) + segment(0xE1, XAP + xmp(6)) + jpeg[2:]
    yield "o-exif-one-then-xmp.jpg", jpeg[:2] + segment(0xE1, b"Exif\0\0" + exif(1)) + segment(0xE1, XAP + xmp(6)) + jpeg[2:]
    yield "o-byte-then-xmp.jpg", jpeg[:2] + segment(0xE1, b"Exif\0\0" + exif(6, 1)) + segment(0xE1, XAP + xmp(8)) + jpeg[2:]
    yield "o-two-blocks.jpg", jpeg[:2] + segment(0xE1, b"Exif\0\0" + other) + segment(0xE1, b"Exif\0\0" + exif(6)) + jpeg[2:]
    yield "o-split.jpg", jpeg[:2] + segment(0xE1, b"Exif\0\0" + exif(6)[:13]) + segment(0xE1, b"Exif\0\0" + exif(6)[13:]) + jpeg[2:]
    yield "o-after-other.jpg", jpeg[:2] + segment(0xE1, b"something else") + segment(0xE1, b"Exif\0\0" + exif(6)) + jpeg[2:]
    yield "o-in-front-of-jfif.jpg", jpeg[:2] + b"\xFF\xFF\xFF" + segment(0xE1, b"Exif\0\0" + exif(6))[1:] + jpeg[2:]
    at = jpeg.index(b"\xFF\xDA")
    yield "o-late.jpg", jpeg[:at] + segment(0xE1, b"Exif\0\0" + exif(6)) + jpeg[at:]
    yield "o-in-comment.jpg", jpeg[:2] + segment(0xFE, segment(0xE1, b"Exif\0\0" + exif(6))) + jpeg[2:]
    yield "o-lower-case.jpg", app1(b"exif\0\0" + exif(6))
    yield "o-trailing.jpg", jpeg + segment(0xE1, b"Exif\0\0" + exif(6))
    raw = lambda block, name=b"exif": b"\n" + name + f"\n{len(block):8}\n".encode() + block.hex().encode() + b"\n"
    text = lambda key, value: chunk(b"tEXt", key + b"\0" + value)
    zipped = lambda key, value: chunk(b"zTXt", key + b"\0\0" + zlib.compress(value))
    utf = lambda key, value, flag=0: chunk(b"iTXt", key + b"\0" + bytes([flag, 0]) + b"\0\0" + (zlib.compress(value) if flag else value))
    key, packet = b"Raw profile type exif", b"XML:com.adobe.xmp"
    whole = b"Exif\0\0" + exif(6)
    broken = bytearray(chunk(b"eXIf", exif(6)))
    broken[-1] ^= 1
    extras = {
        "exif-prefixed": chunk(b"eXIf", whole), "raw-text": text(key, raw(whole)), "raw-zipped": zipped(key, raw(whole)),
        "raw-utf": utf(key, raw(whole)), "raw-no-prefix": text(key, raw(exif(6))), "raw-app1": text(b"Raw profile type APP1", raw(whole, b"generic")),
        "raw-app1-zipped": zipped(b"Raw profile type APP1", raw(whole)), "raw-upper": text(b"Raw profile type EXIF", raw(whole)),
        "raw-odd-digits": text(key, raw(whole)[:-2]), "raw-no-digits": text(key, b"\nexif\n 3\nxyz"), "raw-short": text(key, b"exif"),
        "raw-lines": text(key, b"\nexif\n      32\n" + b"\n".join(whole.hex().encode()[i:i + 7] for i in range(0, 2 * len(whole), 7))),
        "raw-and-exif": text(key, raw(b"Exif\0\0" + exif(3))) + chunk(b"eXIf", exif(6)),
        "raw-damaged-zip": chunk(b"zTXt", key + b"\0\0not a stream") + utf(packet, xmp(6)),
        "text-exif": text(b"exif", whole),
        "xmp": utf(packet, xmp(6)), "xmp-zipped": utf(packet, xmp(6), 1), "xmp-text": text(packet, xmp(6)), "xmp-zipped-text": zipped(packet, xmp(6)),
        "xmp-attribute": utf(packet, xmp(8, True)), "xmp-not-utf8": utf(packet, b"\xff\xfe" + xmp(6)), "xmp-other-key": utf(b"xmp", xmp(6)),
        "xmp-and-exif": utf(packet, xmp(3)) + chunk(b"eXIf", exif(6)), "xmp-and-other-exif": utf(packet, xmp(6)) + chunk(b"eXIf", other),
        "xmp-and-byte": utf(packet, xmp(3)) + chunk(b"eXIf", exif(6, 1)), "two-exif": chunk(b"eXIf", exif(3)) + chunk(b"eXIf", exif(6)),
        "exif-wrong-crc": bytes(broken),
    }
    for name, extra in extras.items():
        yield f"o-{name}.png", plain[:33] + extra + plain[33:]
        yield f"o-{name}-behind.png", plain[:-12] + extra + plain[-12:]
    yield "o-behind-end.png", plain + chunk(b"eXIf", exif(6))
    still = of_pillow(pattern, format="WEBP", lossless=True)[12:]
    wide = struct.pack("<I", 11)[:3] + struct.pack("<I", 7)[:3]
    part = lambda kind, payload: kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)

    def webp(flags, *parts):
        body = b"VP8X" + struct.pack("<I", 10) + bytes([flags, 0, 0, 0]) + wide + b"".join(parts)
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body

    yield "o-exif.webp", webp(8, still, part(b"EXIF", exif(6)))
    yield "o-prefixed.webp", webp(8, still, part(b"EXIF", whole))
    yield "o-long.webp", webp(8, still, part(b"EXIF", exif(6, 4, ">")))
    yield "o-in-front.webp", webp(8, part(b"EXIF", exif(6)), still)
    yield "o-unflagged.webp", webp(0, still, part(b"EXIF", exif(6)))
    yield "o-xmp.webp", webp(4, still, part(b"XMP ", xmp(6)))
    yield "o-xmp-unflagged.webp", webp(8, still, part(b"XMP ", xmp(6)))
    yield "o-xmp-and-exif.webp", webp(12, still, part(b"EXIF", exif(6)), part(b"XMP ", xmp(3)))
    yield "o-two.webp", webp(8, still, part(b"EXIF", exif(6)), part(b"EXIF", exif(3)))
    yield "o-damaged.webp", webp(8, still, part(b"EXIF", b"garbage"))
    yield "o-odd-length.webp", webp(12, still, part(b"EXIF", other + b"x"), part(b"XMP ", xmp(8)))
    colours = soft(12, 8)
    page = lambda **how: tiff([colours.tobytes()], 12, 8, bits=[8] * 3, photometric=2, **how)
    for kind in (1, 4, 7, 11, 16):
        yield f"o-type{kind}.tiff", page(tags=[(274, kind, [6])])
    yield "o-xmp.tiff", page(tags=[(700, 1, list(xmp(6)))])
    yield "o-xmp-undefined.tiff", page(tags=[(700, 7, list(xmp(8, True)))])
    yield "o-xmp-and-tag.tiff", page(tags=[(700, 1, list(xmp(3))), (274, 3, [6])])
    yield "o-big.tiff", page(tags=[(274, 3, [6])], big=True)


# ----------------------------------------------------------------------------------------------------------- answers


def upper(path):
    """The upper 8 of 16 bits, where Pillow clips at 255: turned to RGB, nearly every such image would be white."""
    with Image.open(path) as opened:
        values = np.asarray(opened)
    return np.repeat((values.astype(np.int64) >> 8).clip(0, 255)[:, :, None], 3, -1)


def unturned(path):
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def three(values):
    return np.repeat(np.asarray(values, dtype=np.uint8)[:, :, None], 3, -1)


def pillow(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as opened:
                return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
        except Exception as why:
            return str(why) or type(why).__name__


def divided(levels):
    """Colour that was multiplied with its alpha, as Pillow divides it."""
    clear = alpha().astype(int)
    return np.where(clear == 0, 0, np.minimum(255 * levels.astype(int) // np.maximum(clear, 1), 255))


WHITE_IS_ZERO = 255 - (gray().astype(int) * 251 >> 8)
# Where this crate's answer is another than Pillow's on purpose; None: a refusal in words.
OURS = {
    # 16 bits of gray: the upper 8.
    **dict.fromkeys(["gray16-ii.tiff", "gray16-mm.tiff", "png-0-16.png", "png-0-16-interlaced.png", "png-0-16-transparent.png"], upper),
    **{f"p{kind}-{top}.pgm": (lambda path, top=top: three(gray().astype(int) * top // 255 * 65535 // top >> 8))
       for kind in (2, 5) for top in (300, 1000, 4095, 65535)},
    "gray12.tiff": lambda path: three(gray()),
    # Pillow does not invert these, or reads one order of bytes alone.
    "gray16-white-is-zero-ii.tiff": lambda path: three(WHITE_IS_ZERO),
    "gray16-white-is-zero-mm.tiff": lambda path: three(WHITE_IS_ZERO),
    # Numbers that are no brightnesses, which Pillow clips in silence; and what has no decoder here.
    **dict.fromkeys([f"{kind}-{end}.tiff" for kind in ("int16-large", "int32-large", "float32-unit", "float32-large") for end in ("ii", "mm")]),
    **dict.fromkeys(["float32-nan.tiff", "int8-negative.tiff", "float32-white-is-zero.tiff", "lab.tiff", "jpeg-cmyk.tiff", "compressed-group3.tiff",
                     "compressed-tiff_ccitt.tiff", "compressed-lzma.tiff", "compressed-zstd.tiff", "pf-little.pfm", "pf-big.pfm", "pf-unit.pfm"]),
    # Read here and not by Pillow.
    "rgb-x-planar.tiff": lambda path: rgb(),
    "rgb-big-mm.tiff": lambda path: rgb(),
    "uint32-mm.tiff": lambda path: three(gray()),
    "gray-a-associated.tiff": lambda path: three(divided(gray())),
    "rgb-a-associated-planar.tiff": lambda path: np.stack([divided(rgb()[:, :, c]) for c in range(3)], -1),
    "ycbcr-420.tiff": lambda path: soft(12, 10),
    "png-wrong-text.png": lambda path: rgb(),
    "p7-gray.pam": lambda path: three(gray()),
    "p7-rgb.pam": lambda path: rgb(),
}
TOLERANCES = {"ycbcr-420.tiff": 12, "ycbcr-420-deflate.tiff": 1, "ycbcr-444.tiff": 1, "ycbcr-444-deflate.tiff": 1, "ycbcr-unsaid.tiff": 1,
              "bmp-555.bmp": 1, "bmp-555-masks.bmp": 1, "bmp-565.bmp": 1, "webp-animated-offset.webp": 1}


def tolerance(name):
    """What JPEG and lossy WebP leave to the decoder, and one level where 31 or 1000 levels become 256."""
    if name.startswith(("p2-", "p3-", "p5-", "p6-")):
        return 1
    lossy = name.startswith(("jpeg-", "webp-lossy")) or name.endswith(".jpg")
    return TOLERANCES.get(name, 6 if lossy else 0)


def main():
    folder = HERE / "formats"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    lines = []
    for name, data in [*tiffs(), *pngs(), *gifs(), *bmps(), *webps(), *pnms(), *orientations()]:
        path = folder / name
        path.write_bytes(data)
        answer = pillow(path)
        if name in OURS:
            answer = OURS[name](path) if OURS[name] else "on purpose"
        elif isinstance(answer, str) and name.startswith("o-"):
            # Metadata that Pillow stumbles over does not spoil the image.
            answer = unturned(path) if "wrong-crc" not in name else soft(12, 8)
        if isinstance(answer, str):
            lines.append(f"{name} refused")
            continue
        lines.append(f"{name} {answer.shape[1]} {answer.shape[0]} {tolerance(name)} {answer.astype(np.uint8).tobytes().hex()}")
    (HERE / "formats.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
