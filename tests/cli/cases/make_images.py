#!/usr/bin/env python3
"""Makes the images of tests/cli/cases.rs: python tests/cli/cases/make_images.py (needs Pillow and numpy).

Each is next to its twin: the same pixels in the usual form. All are 64 x 64; the bar is upright where it is looked at as
its orientation says.
"""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
SIDE = 64


def bar(kind, number):
    """An upright, lying or diagonal bright bar on a dark noisy ground, RGB."""
    rng = np.random.default_rng(number + 1000)
    image = rng.integers(10, 60, (SIDE, SIDE, 3), dtype=np.int64)
    place, half = int(rng.integers(20, 44)), 5
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    across = {"upright": x - place, "lying": y - place, "diagonal": (x - y) // 2}[kind]
    along = {"upright": y, "lying": x, "diagonal": x}[kind]
    inside = (abs(across) <= half) & (along > 6) & (along < SIDE - 7)
    image[inside] = [235, 225, 200]
    return Image.fromarray(image.astype(np.uint8), "RGB")


def square(kind, number):
    """A red or green square on gray, RGB."""
    rng = np.random.default_rng(number + 5000)
    image = rng.integers(100, 130, (SIDE, SIDE, 3), dtype=np.int64)
    x, y = (int(v) for v in rng.integers(4, 28, 2))
    image[y : y + 32, x : x + 32] = {"red": [220, 30, 30], "green": [30, 170, 40]}[kind]
    return Image.fromarray(image.astype(np.uint8), "RGB")


def segments(data):
    """(marker, payload) up to and with SOS, then the compressed data."""
    at, found = 2, []
    while True:
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        found.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + length
        if marker == 0xDA:
            return found, data[at:-2]


def huffman_tables(found):
    """{(class, id): {code string: symbol}}"""
    tables = {}
    for marker, payload in found:
        while marker == 0xC4 and payload:
            counts, code, table, at = payload[1:17], 0, {}, 17
            for length, count in enumerate(counts, 1):
                for _ in range(count):
                    table[format(code, f"0{length}b")] = payload[at]
                    code, at = code + 1, at + 1
                code <<= 1
            tables[payload[0] >> 4, payload[0] & 15] = table
            payload = payload[at:]
    return tables


class Bits:
    def __init__(self, data):
        self.bits, self.at = "".join(format(b, "08b") for b in data.replace(b"\xff\x00", b"\xff")), 0

    def take(self, count):
        self.at += count
        return self.bits[self.at - count : self.at]

    def symbol(self, table):
        code = ""
        while code not in table:
            code += self.take(1)
        return table[code]

    def number(self, size):
        if not size:
            return 0
        bits = self.take(size)
        return int(bits, 2) if bits[0] == "1" else int(bits, 2) - (1 << size) + 1


def read_blocks(frame, bits, tables):
    """Quantised coefficients of each component, by block: blocks[c][(row, column)] = 64 numbers in zigzag order."""
    blocks, before = [{} for _ in frame], [0] * len(frame)
    h_max, v_max = max(c[1] for c in frame), max(c[2] for c in frame)
    for my in range(SIDE // (8 * v_max)):
        for mx in range(SIDE // (8 * h_max)):
            for index, (_, h, v, dc, ac) in enumerate(frame):
                for row in range(v):
                    for column in range(h):
                        before[index] += bits.number(bits.symbol(tables[0, dc]))
                        block, at = [before[index]] + [0] * 63, 1
                        while at < 64:
                            symbol = bits.symbol(tables[1, ac])
                            if symbol == 0:
                                break
                            at += symbol >> 4
                            if symbol & 15:
                                block[at] = bits.number(symbol & 15)
                            at += 1
                        blocks[index][my * v + row, mx * h + column] = block
    return blocks


def written(blocks, dc_table, ac_table):
    """One component alone, in raster order, as entropy-coded data."""
    dc_code = {symbol: code for code, symbol in dc_table.items()}
    ac_code = {symbol: code for code, symbol in ac_table.items()}

    def tail(value):
        size = abs(value).bit_length()
        return size, (format(value if value > 0 else value + (1 << size) - 1, f"0{size}b") if size else "")

    out, before = [], 0
    for place in sorted(blocks):
        block = blocks[place]
        size, bits = tail(block[0] - before)
        before = block[0]
        out.append(dc_code[size] + bits)
        last, zeros = max([i for i in range(64) if block[i]] + [0]), 0
        for value in block[1 : last + 1]:
            if value == 0:
                zeros += 1
                continue
            while zeros > 15:
                out.append(ac_code[0xF0])
                zeros -= 16
            size, bits = tail(value)
            out.append(ac_code[zeros << 4 | size] + bits)
            zeros = 0
        if last < 63:
            out.append(ac_code[0])
    bits = "".join(out)
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\x00")


def segment(marker, payload):
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def jpeg(image, **how):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, **how)
    return out.getvalue()


def one_scan_per_component(data, order=(0, 1, 2)):
    """The same coefficients in three scans of one component each: valid baseline, ITU T.81 A.2."""
    found, compressed = segments(data)
    tables = huffman_tables(found)
    sof, sos = dict(found)[0xC0], dict(found)[0xDA]
    chosen = {sos[1 + 2 * i]: (sos[2 + 2 * i] >> 4, sos[2 + 2 * i] & 15) for i in range(sos[0])}
    frame = []
    for i in range(sof[5]):
        ident, sampling = sof[6 + 3 * i], sof[7 + 3 * i]
        frame.append((ident, sampling >> 4, sampling & 15, *chosen[ident]))
    blocks = read_blocks(frame, Bits(compressed), tables)
    out = b"\xff\xd8" + b"".join(segment(m, p) for m, p in found if m != 0xDA)
    for index in order:
        ident, _, _, dc, ac = frame[index]
        out += segment(0xDA, bytes([1, ident, dc << 4 | ac, 0, 63, 0]))
        out += written(blocks[index], tables[0, dc], tables[1, ac])
    return out + b"\xff\xd9"


def without_tables(data):
    """Without Huffman tables, as frames of a webcam's MJPEG are saved; the standard ones are meant."""
    found, compressed = segments(data)
    kept = [(m, p) for m, p in found if m != 0xC4]
    return b"\xff\xd8" + b"".join(segment(m, p) for m, p in kept) + compressed + b"\xff\xd9"


def exif(value, kind=3):
    """A TIFF block with the orientation alone: type 3 is SHORT, as it should be, 4 is LONG, as some phones write it."""
    entry = struct.pack("<HHI", 0x0112, kind, 1) + struct.pack("<I", value)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + b"\0\0\0\0"


def xmp(value):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/">'
        f"<tiff:Orientation>{value}</tiff:Orientation></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def chunk(kind, payload):
    body = kind + payload
    return struct.pack(">I", len(payload)) + body + struct.pack(">I", zlib.crc32(body))


def png_with(image, extra, before_pixels=True):
    out = io.BytesIO()
    image.save(out, "PNG")
    data = out.getvalue()
    at = 33 if before_pixels else len(data) - 12  # behind IHDR, or before IEND
    return data[:at] + extra + data[at:]


def main():
    save = lambda name, data: (HERE / name).write_bytes(data)
    usual = jpeg(square("red", 300), subsampling="4:2:0")
    save("scans-usual.jpg", usual)
    save("scans-three.jpg", one_scan_per_component(usual, order=(2, 0, 1)))
    upright = bar("upright", 300)
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    save("orientation-usual.jpg", jpeg(stored, exif=b"Exif\0\0" + exif(6)))
    save("orientation-long.jpg", jpeg(stored, exif=b"Exif\0\0" + exif(6, kind=4)))
    block = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(6))
    save("orientation-xmp.jpg", jpeg(stored)[:2] + block + jpeg(stored)[2:])
    save("orientation-usual.png", png_with(stored, chunk(b"eXIf", exif(6))))
    save("orientation-behind.png", png_with(stored, chunk(b"eXIf", exif(6)), before_pixels=False))
    gray = upright.convert("L").quantize(16).convert("RGB")
    gray.save(HERE / "tiff-usual.png")
    gray.convert("P", palette=Image.Palette.ADAPTIVE).save(HERE / "tiff-palette.tiff")
    frame = jpeg(upright, subsampling="4:2:2")
    save("frame-usual.jpg", frame)
    save("frame-no-tables.jpg", without_tables(frame))


if __name__ == "__main__":
    main()
