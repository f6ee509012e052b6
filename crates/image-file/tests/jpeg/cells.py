#!/usr/bin/env python3
"""Writes matrix.bin (small JPEGs of every kind, one behind the other) and matrix.txt (what Pillow makes of them).

    pip install pillow==13.0.0 numpy && python3 cells.py

A line of matrix.txt is a cell: group, name, offset and length in matrix.bin, then either `pixels`, width, height and the
first 16 digits of the SHA-256 of Pillow's RGB; or `refused`, the kind of error (libjpeg::Error) and what Pillow does,
`refuses` or `reads`. Pillow reads files of which data is missing, and fills them with gray; those we refuse.
"""

import hashlib
import io
import itertools
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

import arithmetic
from codec import EOI, SOI, STANDARD, Frame, Scan, codes, dht, lossless, segment

HERE = Path(__file__).parent
CELLS = []


def add(group, name, file, refused=None, like=None):
    """`like`: a file of the same pixels, where Pillow refuses this one before its decoder sees it."""
    if isinstance(file, Frame):
        file = file.encode()
    CELLS.append((group, name, bytes(file), refused, like))


def pattern(width, height, channels=3):
    """Gradients, waves, edges and noise: [height, width, channels] of 0..255."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(100 * width + height).normal(0, 5, (height, width, channels))
    kinds = [40 + x * 5 + y * 2, 200 - y * 4 + 30 * np.sin(x / 2), 60 + x * 3 + (x // 5 + y // 7) % 2 * 80, 90 + 2 * x - y]
    return np.clip(np.stack(kinds[:channels], -1) + noise, 0, 255).astype(int)


def ycc(width=27, height=19):
    rgb = Image.fromarray(pattern(width, height).astype(np.uint8))
    return np.asarray(rgb.convert("YCbCr")).astype(int)


def usual(**how):
    """A small file in colour, 4:2:0 if nothing else is said."""
    settings = {"factors": SAMPLINGS["4:2:0"], **how}
    return Frame(settings.pop("samples", ycc()), settings.pop("factors"), **settings)


def jfif():
    return segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0")


def adobe(transform):
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


SAMPLINGS = {
    "4:4:4": [(1, 1)] * 3, "4:2:2": [(2, 1), (1, 1), (1, 1)], "4:4:0": [(1, 2), (1, 1), (1, 1)],
    "4:2:0": [(2, 2), (1, 1), (1, 1)], "4:1:1": [(4, 1), (1, 1), (1, 1)], "1x4": [(1, 4), (1, 1), (1, 1)],
    "4:1:0": [(4, 2), (1, 1), (1, 1)], "3x1": [(3, 1), (1, 1), (1, 1)], "1x3": [(1, 3), (1, 1), (1, 1)],
    "2x2-all": [(2, 2)] * 3, "2x1-all": [(2, 1)] * 3, "2x2-2x1": [(2, 2), (2, 1), (2, 1)], "2x2-1x2": [(2, 2), (1, 2), (1, 2)],
    "4x1-2x1": [(4, 1), (2, 1), (2, 1)], "1x1-2x2": [(1, 1), (2, 2), (2, 2)], "1x1-2x1": [(1, 1), (2, 1), (1, 1)],
    "2x1-1x2-1x1": [(2, 1), (1, 2), (1, 1)], "2x2-2x1-1x2": [(2, 2), (2, 1), (1, 2)], "2x2-1x1-2x2": [(2, 2), (1, 1), (2, 2)],
    "1x2-2x1-2x2": [(1, 2), (2, 1), (2, 2)], "3x2-1x2": [(3, 2), (1, 2), (1, 2)],
}
PARTS = {
    "one": [(0, 1, 2)], "y-cbcr": [(0,), (1, 2)], "ycb-cr": [(0, 1), (2,)], "cbcr-y": [(1, 2), (0,)], "ycr-cb": [(0, 2), (1,)],
    **{"".join("yur"[c] for c in order): [(c,) for c in order] for order in itertools.permutations(range(3))},
}


def dc_scans(parts, **bits):
    return [Scan(part, 0, 0, **bits) for part in parts]


def ac_scans(order, ss=1, se=63, **bits):
    return [Scan((c,), ss, se, **bits) for c in order]


# Progressive scripts, libjpeg's first.
SCRIPTS = {
    "usual": [Scan((0, 1, 2), 0, 0, 0, 1), Scan((0,), 1, 5, 0, 2), Scan((2,), 1, 63, 0, 1), Scan((1,), 1, 63, 0, 1),
              Scan((0,), 6, 63, 0, 2), Scan((0,), 1, 63, 2, 1), Scan((0, 1, 2), 0, 0, 1, 0), Scan((2,), 1, 63, 1, 0),
              Scan((1,), 1, 63, 1, 0), Scan((0,), 1, 63, 1, 0)],
    "spectral": dc_scans([(0, 1, 2)]) + ac_scans((0, 1, 2)),
    "dc-apart": dc_scans([(2,), (0,), (1,)]) + ac_scans((1, 2, 0)),
    "channel-by-channel": [scan for c in (2, 1, 0) for scan in dc_scans([(c,)]) + ac_scans([c])],
    "bands": dc_scans([(0, 1, 2)]) + [Scan((c,), a, b) for a, b in ((1, 1), (2, 9), (10, 10), (11, 62), (63, 63)) for c in (0, 1, 2)],
    "high-bands-first": dc_scans([(0, 1, 2)]) + [Scan((c,), a, b) for a, b in ((33, 63), (5, 32), (1, 4)) for c in (2, 0, 1)],
    "bit-by-bit": dc_scans([(0, 1, 2)], al=3) + ac_scans((0, 1, 2), al=3)
    + [scan for al in (2, 1, 0) for scan in dc_scans([(0, 1, 2)], ah=al + 1, al=al) + ac_scans((0, 1, 2), ah=al + 1, al=al)],
    "dc-refined-apart": dc_scans([(0, 1, 2)], al=1) + [Scan((c,), 0, 0, 1, 0) for c in (1, 0, 2)] + ac_scans((0, 1, 2)),
    "two-channels": dc_scans([(0, 1), (2,)]) + ac_scans((0, 1, 2)),
    "chroma-before-luma": dc_scans([(1, 2), (0,)]) + ac_scans((2, 1, 0), al=1) + ac_scans((0, 1, 2), ah=1, al=0),
    # Legal, though not all is sent: what is not, libjpeg smooths.
    "dc-alone": dc_scans([(0, 1, 2)]), "dc-rough": dc_scans([(0, 1, 2)], al=2),
    "luma-alone-refined": dc_scans([(0, 1, 2)]) + ac_scans((0,)), "first-bands-alone": dc_scans([(0, 1, 2)]) + ac_scans((0, 1, 2), se=5),
    "never-refined": dc_scans([(0, 1, 2)], al=1) + ac_scans((0, 1, 2), al=2),
    # Not legal, and read by libjpeg all the same.
    "ac-before-dc": ac_scans((0, 1, 2)) + dc_scans([(0, 1, 2)]),
    "sent-twice": dc_scans([(0, 1, 2)]) + ac_scans((0, 1, 2)) + ac_scans((0, 1, 2)) + dc_scans([(0, 1, 2)]),
    "bit-left-out": dc_scans([(0, 1, 2)], al=2) + dc_scans([(0, 1, 2)], ah=1, al=0) + ac_scans((0, 1, 2)),
}
PROCESSES = {
    "baseline": {}, "extended": {"sof": 0xC1}, "progressive": {"sof": 0xC2},
    "arithmetic": {"sof": 0xC9, "arithmetic": True}, "arithmetic-progressive": {"sof": 0xCA, "arithmetic": True},
}


def sampling_and_scans():
    for (sampling, factors), (name, parts) in itertools.product(SAMPLINGS.items(), PARTS.items()):
        blocks = max(sum(h * v for h, v in (factors[c] for c in part)) if len(part) > 1 else 1 for part in parts)
        refused = "Sampling" if blocks > 10 else None  # B.2.3
        add("scans", f"{sampling}/{name}", usual(factors=factors, scans=[Scan(part) for part in parts]), refused)
    for process, how in PROCESSES.items():
        progressive = "progressive" in process
        for sampling, factors in SAMPLINGS.items():
            scans = SCRIPTS["usual"] if progressive else None
            refused = "Sampling" if sum(h * v for h, v in factors) > 10 else None
            add("process", f"{process}/{sampling}", usual(factors=factors, scans=scans, **how), refused)
        if not progressive:
            add("process", f"{process}/three-scans", usual(scans=[Scan((c,)) for c in (1, 2, 0)], **how))
    for process in ("progressive", "arithmetic-progressive"):
        for name, script in SCRIPTS.items():
            for sampling in ("4:4:4", "4:2:0"):
                add("script", f"{process}/{name}/{sampling}", usual(factors=SAMPLINGS[sampling], scans=script, **PROCESSES[process]))
    large = [(4, 4), (1, 1), (1, 1)]
    add("scans", "4x4/three", usual(factors=large, scans=[Scan((c,)) for c in range(3)]))
    add("scans", "4x4/one", usual(factors=large), "Sampling")
    for name, factors in {"3x1-2x1": [(3, 1), (2, 1), (1, 1)], "2x3-1x2": [(2, 3), (1, 2), (1, 1)]}.items():
        add("scans", f"fraction/{name}", usual(factors=factors), "Sampling")


def restarts():
    for process, how in PROCESSES.items():
        progressive = "progressive" in process
        for interval in (1, 2, 3, 100):
            scans = SCRIPTS["usual"] if progressive else None
            add("restart", f"{process}/{interval}", usual(restart=interval, scans=scans, **how))
            if not progressive:
                parts = [Scan((0,)), Scan((1, 2))]
                add("restart", f"{process}/two-scans/{interval}", usual(restart=interval, scans=parts, **how))
    # The interval is taken back before the second scan.
    first, second = usual(scans=[Scan((0,))], restart=2).encode(b""), usual(scans=[Scan((1, 2))]).encode()
    at = second.index(b"\xff\xc4")
    add("restart", "taken-back", first + segment(0xDD, b"\0\0") + second[at:])
    file = usual(restart=1).encode()
    at = file.index(b"\xff\xd1")
    add("restart", "wrong-number", file[:at] + b"\xff\xd7" + file[at + 2:], "Damaged")
    add("restart", "one-left-out", file[:at] + file[at + 2:], "Damaged")
    add("restart", "fill-before", file[:at] + b"\xff\xff\xff" + file[at + 1:])


def sizes():
    for side in range(1, 34):
        for name in ("4:4:4", "4:2:2", "4:4:0", "4:2:0", "4:1:1", "1x4"):
            add("size", f"{name}/{side}x{34 - side}", usual(factors=SAMPLINGS[name], samples=ycc(side, 34 - side)))
        add("size", f"gray/{side}x{side}", usual(factors=[(1, 1)], samples=ycc(side, side)[:, :, :1]))
        scans = [Scan((c,)) for c in (2, 1, 0)]
        add("size", f"three-scans/{side}x{34 - side}", usual(scans=scans, samples=ycc(side, 34 - side)))
        add("size", f"progressive/{side}x{34 - side}", usual(scans=SCRIPTS["spectral"], sof=0xC2, samples=ycc(side, 34 - side)))


def wide():
    """Rows of more than vector instructions take at a time, and odd ends behind them."""
    for name, factors in SAMPLINGS.items():
        samples = ycc(150 if name in ("4:4:4", "4:2:2", "4:2:0") else 67, 17) // 16 * 16
        add("size", f"wide/{name}", usual(factors=factors, samples=samples, scans=[Scan((c,)) for c in range(3)], quantisers=[30]))


def colours():
    one, four = [(1, 1)], [(1, 1)] * 4
    gray, rgb, inks = ycc()[:, :, :1], pattern(27, 19), pattern(27, 19, 4)
    for name, factors in {"1x1": [(1, 1)], "2x2": [(2, 2)], "4x1": [(4, 1)], "1x3": [(1, 3)]}.items():
        add("colour", f"gray/{name}", usual(samples=gray, factors=factors))
        add("colour", f"gray/progressive/{name}", usual(samples=gray, factors=factors, sof=0xC2, scans=[Scan((0,), 0, 0), Scan((0,), 1, 63)]))
    add("colour", "gray/adobe", usual(samples=gray, factors=one, header=[adobe(0)]))
    add("colour", "gray/arithmetic", usual(samples=gray, factors=one, sof=0xC9, arithmetic=True))
    headers = {"bare": [], "jfif": [jfif()], "adobe-0": [adobe(0)], "adobe-1": [adobe(1)], "adobe-2": [adobe(2)],
               "jfif-adobe-0": [jfif(), adobe(0)], "adobe-0-jfif": [adobe(0), jfif()],
               "adobe-short": [segment(0xEE, b"Adobe\0\x64\0\0")], "jfif-short": [segment(0xE0, b"JFIF\0\1\2")]}
    idents = {"123": [1, 2, 3], "012": [0, 1, 2], "RGB": list(b"RGB"), "rgb": list(b"rgb"), "YCC": list(b"YCc"), "321": [3, 2, 1]}
    for (header, segments), (name, numbers) in itertools.product(headers.items(), idents.items()):
        add("colour", f"three/{header}/{name}", usual(samples=rgb, factors=SAMPLINGS["4:4:4"], header=segments, idents=numbers))
    for sampling in ("4:2:0", "4:2:2", "1x1-2x2"):
        add("colour", f"rgb/{sampling}", usual(samples=rgb, factors=SAMPLINGS[sampling], header=[adobe(0)], idents=list(b"RGB")))
    for header in ("bare", "jfif", "adobe-0", "adobe-1", "adobe-2", "adobe-0-jfif"):
        for name, samples in {"inks": inks, "inverted": 255 - inks}.items():
            add("colour", f"four/{header}/{name}", usual(samples=samples, factors=four, header=headers[header]))
    for name, factors in {"k-whole": [(2, 2), (1, 1), (1, 1), (2, 2)], "k-too": [(2, 2), (1, 1), (1, 1), (1, 1)],
                          "2x1": [(2, 1), (1, 1), (1, 1), (2, 1)]}.items():
        for transform in (0, 2):
            add("colour", f"four/{name}/adobe-{transform}", usual(samples=inks, factors=factors, header=[adobe(transform)]))
            scans = [Scan((c,)) for c in (3, 1, 0, 2)]
            add("colour", f"four/{name}/adobe-{transform}/scans", usual(samples=inks, factors=factors, header=[adobe(transform)], scans=scans))
            script = [Scan((0, 1, 2, 3), 0, 0, 0, 1)] + [Scan((c,), 1, 63) for c in (3, 2, 1, 0)] + [Scan((0, 1, 2, 3), 0, 0, 1, 0)]
            add("colour", f"four/{name}/adobe-{transform}/progressive", usual(samples=inks, factors=factors, header=[adobe(transform)], scans=script, sof=0xC2))
    add("colour", "two", usual(samples=inks[:, :, :2], factors=one * 2), "Channels")
    add("colour", "five", usual(samples=np.concatenate([inks, gray], -1), factors=one * 5, scans=[Scan((c,)) for c in range(5)]), "Channels")


def tables():
    for kind, sampling in itertools.product(("optimal", "standard", "none", "shared"), ("4:4:4", "4:2:2", "4:2:0")):
        add("tables", f"{kind}/{sampling}", usual(tables=kind, factors=SAMPLINGS[sampling]))
        add("tables", f"{kind}/three-scans/{sampling}", usual(tables=kind, factors=SAMPLINGS[sampling], scans=[Scan((c,)) for c in (0, 2, 1)]))
    avi = segment(0xE0, b"AVI1\0" + bytes(9))
    for name, header in {"avi1": [avi], "jfif": [jfif()], "avi1-jfif": [avi, jfif()]}.items():
        add("tables", f"none/{name}", usual(tables="none", factors=SAMPLINGS["4:2:2"], header=header))
        add("tables", f"none/restart/{name}", usual(tables="none", factors=SAMPLINGS["4:2:2"], header=header, restart=3))
    add("tables", "none/gray", usual(tables="none", factors=[(1, 1)], samples=ycc()[:, :, :1], header=[avi]))
    gray = usual(tables="none", factors=[(1, 1)], samples=ycc()[:, :, :1])
    add("tables", "none/but-one", SOI + dht(0, 0, STANDARD[0, 0]) + gray.encode()[2:])
    add("tables", "none/but-chroma", SOI + dht(0, 1, STANDARD[0, 1]) + dht(1, 1, STANDARD[1, 1]) + usual(tables="none").encode()[2:])
    add("tables", "none/progressive", usual(tables="none", sof=0xC2, scans=SCRIPTS["spectral"]), "Refused")
    for number, mixed in enumerate((("optimal", "standard", "optimal"), ("none", "optimal", "optimal"), ("standard", "shared", "shared"))):
        scans = [Scan((c,), tables=kind) for c, kind in enumerate(mixed)]
        header = [dht(*key, STANDARD[key]) for key in sorted(STANDARD)] if number == 0 else []
        add("tables", f"redefined/{number}", usual(scans=scans, tables=mixed[0], header=header))
    for name, changes in {"luma": {1: 30}, "chroma": {2: 30}}.items():
        frame = Frame(ycc(), SAMPLINGS["4:4:4"], quantisers=[6, 14], scans=[Scan((0,)), Scan((1,)), Scan((2,))], requantise=changes)
        add("tables", f"quantiser-redefined/{name}", frame)
    for process in ("extended", "progressive"):
        frame = usual(scans=SCRIPTS["usual"] if process == "progressive" else None, **PROCESSES[process])
        for number, one in enumerate(frame.components, 1):
            one.huffman = number
        add("tables", f"huffman-numbers/{process}", frame)
    for quantiser in (1, 2, 60, 255):
        add("tables", f"quantiser/{quantiser}", usual(quantisers=[quantiser]))
        add("tables", f"quantiser/wide/{quantiser}", usual(quantisers=[quantiser], wide_tables=True, sof=0xC1))
    add("tables", "quantiser/wide-baseline", usual(wide_tables=True))
    add("tables", "quantisers/three", usual(quantisers=[6, 14, 40]))
    file = usual(tables="standard").encode()
    frame = file.index(b"\xff\xc0")
    scan = file.index(b"\xff\xda")
    dqt, sof, dhts = file[2:frame], file[frame:frame + 19], file[frame + 19:scan]
    add("tables", "order/huffman-first", SOI + dhts + dqt + sof + file[scan:])
    add("tables", "order/frame-first", SOI + sof + dqt + dhts + file[scan:])
    add("tables", "order/twice", SOI + dqt + dhts + sof + dqt + dhts + file[scan:])
    together = segment(0xC4, b"".join(bytes([kind << 4 | number]) + b"".join(STANDARD[kind, number]) for kind, number in STANDARD))
    add("tables", "order/one-segment", SOI + dqt + sof + together + file[scan:])
    add("tables", "abbreviated", SOI + dqt + dhts + EOI + SOI + sof + file[scan:])
    add("tables", "no-quantiser", SOI + sof + dhts + file[scan:], "Refused")
    add("tables", "huffman-of-ones", SOI + dqt + sof + segment(0xC4, b"\0" + bytes([3] + [0] * 15) + b"\1\2\3") + file[scan:], "Refused")
    for number, values in enumerate(((0, 1, 5), (2, 4, 5), (0, 0, 1), (1, 3, 63))):
        arithmetic.SMALL, arithmetic.LARGE, arithmetic.KX = values
        low, high, kx = values
        dac = segment(0xCC, bytes(b for n in (0, 1) for b in (n, high << 4 | low, 0x10 | n, kx)))
        add("tables", f"conditioning/{number}", usual(sof=0xC9, arithmetic=True, header=[dac]))
        add("tables", f"conditioning/progressive/{number}", usual(sof=0xCA, arithmetic=True, header=[dac], scans=SCRIPTS["usual"]))
    arithmetic.SMALL, arithmetic.LARGE, arithmetic.KX = 0, 1, 5


def markers():
    icc = b"ICC_PROFILE\0"
    thumbnail = usual(samples=ycc(8, 8)).encode()
    pieces = {
        "comment": segment(0xFE, b"drawn"), "comment-empty": segment(0xFE, b""), "comment-of-markers": segment(0xFE, b"\xff\xd9\xff\xda\xff\xd8"),
        "app0-late": jfif(), "jfxx": segment(0xE0, b"JFXX\0\x10" + thumbnail), "exif-thumbnail": segment(0xE1, b"Exif\0\0II*\0\0\0\0\0" + thumbnail),
        "icc": segment(0xE2, icc + b"\1\1" + bytes(40)), "icc-two": segment(0xE2, icc + b"\2\2" + bytes(9)) + segment(0xE2, icc + b"\1\2" + bytes(9)),
        "icc-broken": segment(0xE2, icc + b"\3\2xx"), "photoshop": segment(0xED, b"Photoshop 3.0\0" + bytes(20)), "app15": segment(0xEF, bytes(3)),
        "app-large": segment(0xE9, bytes(3000)), "fill": b"\xff\xff\xff\xff" + segment(0xFE, b"x"), "dri-0": segment(0xDD, b"\0\0"), "tem": b"\xff\x01",
    }
    scans = [Scan((0,)), Scan((1, 2))]
    for name, piece in pieces.items():
        file = usual(samples=ycc(19, 18)).encode()
        like = file if name == "tem" else None
        add("markers", f"front/{name}", usual(header=[piece], samples=ycc(19, 18)), like=like)
        at = file.index(b"\xff\xda")
        add("markers", f"before-scan/{name}", file[:at] + piece + file[at:], like=like)
        add("markers", f"between-scans/{name}", usual(scans=scans, between={1: piece}, samples=ycc(19, 18)))
        add("markers", f"before-end/{name}", usual(after_scan={0: piece}, samples=ycc(19, 18)))
        add("markers", f"before-end-of-scans/{name}", usual(scans=scans, after_scan={1: piece}, samples=ycc(19, 18)))
    for fill in (1, 7):
        add("markers", f"fill/{fill}", usual(fill=fill, header=[jfif()]))
    file = usual(header=[jfif()]).encode()
    at = file.index(b"\xff\xdb")
    add("markers", "bytes-between", file[:at] + b"\0\0abc" + file[at:])
    add("markers", "zeros-before-end", file[:-2] + bytes(5) + EOI)
    add("markers", "unknown", file[:at] + segment(0xF3, b"x") + file[at:], "Refused")
    add("markers", "two-frames", file[:file.index(b"\xff\xda")] + usual().frame_header() + file[file.index(b"\xff\xda"):], "Refused")
    add("markers", "soi-twice", SOI + file, "Refused")
    add("markers", "no-frame", SOI + jfif() + file[file.index(b"\xff\xda"):], "Refused")
    add("markers", "no-scan", file[:file.index(b"\xff\xda")] + EOI, "Refused")
    add("markers", "comment-length-0", SOI + b"\xff\xfe\0\0" + file[2:])
    lines = struct.pack(">H", 19)
    add("markers", "dnl", usual(after_scan={0: segment(0xDC, lines)}))
    add("markers", "dnl-needed", usual(height=0, after_scan={0: segment(0xDC, lines)}), "Height")


def kinds():
    gray = ycc()[:, :, 0]
    add("kind", "lossless", lossless(gray), "Process")
    for sof in (0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF):
        file = usual().encode()
        add("kind", f"frame-{sof:02x}", file.replace(b"\xff\xc0", bytes([0xFF, sof])), "Process")
    deep = usual(samples=ycc() * 16, precision=12, sof=0xC1, quantisers=[40])
    add("kind", "12-bit", deep, "Precision")
    add("kind", "12-bit/progressive", usual(samples=ycc() * 16, precision=12, sof=0xC2, scans=SCRIPTS["spectral"], quantisers=[40]), "Precision")
    add("kind", "12-bit/arithmetic", usual(samples=ycc() * 16, precision=12, sof=0xC9, arithmetic=True, quantisers=[40]), "Precision")
    add("kind", "16-bit", deep.encode().replace(b"\xff\xc1\0\x11\x0c", b"\xff\xc1\0\x11\x10"), "Precision")
    for quality, subsampling, how in itertools.product((30, 90, 100), (0, 1, 2), ("baseline", "progressive", "optimize", "restart")):
        options = {"progressive": {"progressive": True}, "optimize": {"optimize": True}, "restart": {"restart_marker_blocks": 2}}.get(how, {})
        out = io.BytesIO()
        Image.fromarray(pattern(33, 21).astype(np.uint8)).save(out, "JPEG", quality=quality, subsampling=subsampling, **options)
        add("pillow", f"{how}/{quality}/{subsampling}", out.getvalue())
    for name, image in {"rgb": Image.fromarray(pattern(33, 21).astype(np.uint8)), "cmyk": Image.fromarray(pattern(33, 21, 4).astype(np.uint8), "CMYK")}.items():
        for progressive in (False, True):
            out = io.BytesIO()
            image.save(out, "JPEG", quality=80, keep_rgb=name == "rgb", progressive=progressive)
            add("pillow", f"{name}/{'progressive' if progressive else 'baseline'}", out.getvalue())


def ends():
    files = {
        "baseline": usual(header=[jfif()]), "restart": usual(header=[jfif()], restart=2), "gray": usual(samples=ycc()[:, :, :1], factors=[(1, 1)]),
        "three-scans": usual(scans=[Scan((c,)) for c in range(3)]), "progressive": usual(sof=0xC2, scans=SCRIPTS["usual"]),
        "arithmetic": usual(sof=0xC9, arithmetic=True),
    }
    motion = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) + b"\xff\xd9moov\xff\xda\xff\xc0" + bytes(9)
    trailers = {"zeros": bytes(64), "motion": motion, "samsung": b"\0\0\x01\x0aMotionPhoto_Data" + bytes(20) + b"SEFH" + bytes(24) + b"SEFT",
                "ones": b"\xff" * 30, "text": b"<!-- served by a camera -->\r\n", "end": EOI, "jpeg": usual(samples=ycc(9, 9)).encode(),
                "half-jpeg": usual(samples=ycc(9, 9)).encode()[:200], "start": SOI}
    for name, frame in files.items():
        whole = frame.encode()
        scan = whole.index(b"\xff\xda")
        single = name not in ("three-scans", "progressive")
        cut = "Truncated|Missing|Damaged|Refused"
        for trailer, data in trailers.items():
            add("end", f"{name}/behind/{trailer}", whole + data)
        # Pillow's decoder asks for bytes behind the last code; of several scans it wants the end.
        add("end", f"{name}/none", whole[:-2], "Truncated")
        add("end", f"{name}/half-a-marker", whole[:-1], "Truncated")
        for trailer in ("zeros", "samsung", "text", "motion"):
            # An end marker stands in "motion", and what is before it cannot be told from data that the decoder lost.
            refused = "Damaged" if trailer == "motion" else None if single else "Truncated"
            add("end", f"{name}/instead/{trailer}", whole[:-2] + trailers[trailer], refused)
        for share in (0.1, 0.5, 0.8):
            at = int(scan + (len(whole) - scan) * share)
            at -= whole[at - 1] == 0xFF
            add("end", f"{name}/cut/{share}", whole[:at], "Truncated")
            # In arithmetic coding zeros are left out at the end, so that a cut is as good as a flat image.
            if name != "arithmetic":
                add("end", f"{name}/cut-and-end/{share}", whole[:at] + EOI, cut)
                add("end", f"{name}/cut-and-jpeg/{share}", whole[:at] + usual(samples=ycc(9, 9)).encode(), cut)
                add("end", f"{name}/cut-and-zeros/{share}", whole[:at] + bytes(1500), cut)
        add("end", f"{name}/header-alone", whole[:scan], "Truncated")
        add("end", f"{name}/half-a-header", whole[:scan // 2], "Truncated")
        add("end", f"{name}/no-data", whole[:scan + 8 + 2 * whole[scan + 4]] + EOI, None if name == "arithmetic" else "Missing")
    add("end", "scan-left-out", usual(scans=[Scan((0,)), Scan((1,))]), "Missing")
    add("end", "chroma-left-out", usual(scans=[Scan((0,))]), "Missing")
    add("end", "progressive/dc-left-out", usual(sof=0xC2, scans=[Scan((0, 1), 0, 0)] + ac_scans((0, 1))), "Missing")
    mpf = segment(0xE2, b"MPF\0" + b"II*\0\x08\0\0\0" + bytes(20))
    add("end", "mpo", usual(header=[jfif(), mpf]).encode() + usual(samples=ycc(9, 9)).encode())


def pillow(file):
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(file)) as opened:
            warnings.simplefilter("ignore")
            return opened.convert("RGB")
    except Exception:
        return None


def main():
    for group in (sampling_and_scans, restarts, sizes, wide, colours, tables, markers, kinds, ends):
        group()
    lines, packed, seen = [], b"", set()
    for group, name, file, refused, like in CELLS:
        assert (group, name) not in seen, name
        seen.add((group, name))
        line = f"{group} {name} {len(packed)} {len(file)}"
        packed += file
        image = pillow(like or file)
        if refused:
            line += f" refused {refused} {'refuses' if image is None else 'reads'}"
        else:
            assert image is not None, f"{group} {name}: Pillow refuses it; name the kind of error"
            digest = hashlib.sha256(image.tobytes()).hexdigest()[:16]
            line += f" pixels {image.width} {image.height} {digest}"
        lines.append(line)
    (HERE / "matrix.bin").write_bytes(packed)
    (HERE / "matrix.txt").write_text("\n".join(lines) + "\n")
    print(len(CELLS), "cells,", len(packed), "bytes")


if __name__ == "__main__":
    main()
