"""Writes JPEG files of kinds that Pillow cannot write, coefficient by coefficient (ITU T.81). Needs numpy."""

import struct
from dataclasses import dataclass, field

import numpy as np

import arithmetic

ZIGZAG = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14,
          21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53,
          60, 61, 54, 47, 55, 62, 63]
FREQUENCY = np.add.outer(np.arange(8), np.arange(8))
COSINE = np.array([[np.cos((2 * x + 1) * u * np.pi / 16) * (0.5 if u else np.sqrt(0.125)) for x in range(8)]
                   for u in range(8)])
SOI, EOI = b"\xff\xd8", b"\xff\xd9"

# The tables of annex K.3, as (counts by length, symbols).
STANDARD = {
    (0, 0): (bytes([0, 1, 5, 1, 1, 1, 1, 1, 1] + [0] * 7), bytes(range(12))),
    (0, 1): (bytes([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1] + [0] * 5), bytes(range(12))),
    (1, 0): (bytes([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125]), bytes.fromhex(
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738"
        "393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5"
        "a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa")),
    (1, 1): (bytes([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119]), bytes.fromhex(
        "0001020311040521310612415107617113223281081442 91a1b1c109233352f0156272d10a162434e125f11718191a262728292a353637"
        "38393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3"
        "a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
        .replace(" ", ""))),
}


def segment(marker, payload):
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


@dataclass
class Component:
    """One channel: its identifier, sampling factors, table of quantisation, and samples [height, width]."""

    ident: int
    h: int
    v: int
    tq: int
    plane: np.ndarray
    huffman: int = 0
    blocks: np.ndarray = None
    wide: int = 0
    high: int = 0


@dataclass
class Scan:
    """Which components, and in progressive files which coefficients and bits. `tables` of this scan alone."""

    components: tuple
    ss: int = 0
    se: int = 63
    ah: int = 0
    al: int = 0
    tables: str = ""


@dataclass
class Frame:
    """A JPEG to be written. `rgb` of any channels, [height, width, channels], is sampled by `factors` (h, v)."""

    samples: np.ndarray
    factors: list
    idents: list = None
    sof: int = 0xC0
    scans: list = None
    restart: int = 0
    quantisers: list = field(default_factory=lambda: [12])
    precision: int = 8
    tables: str = "optimal"  # "optimal", "standard", "none" (the standard ones, unsaid), "shared" (one pair for all)
    arithmetic: bool = False
    header: list = field(default_factory=list)  # segments behind SOI
    between: dict = field(default_factory=dict)  # bytes before the scan of this number
    height: int = None  # what stands in the frame, if it is another
    wide_tables: bool = False  # quantisers of 16 bits
    after_scan: dict = field(default_factory=dict)
    fill: int = 0  # bytes FF before each marker
    requantise: dict = field(default_factory=dict)  # scan number -> quantiser, sent before that scan

    def __post_init__(self):
        height, width, channels = self.samples.shape
        self.idents = self.idents or list(range(1, channels + 1))
        self.hmax, self.vmax = (max(f[i] for f in self.factors) for i in (0, 1))
        self.components = []
        for c, (h, v) in enumerate(self.factors):
            rows, columns = -(-height * v // self.vmax), -(-width * h // self.hmax)
            ys = np.minimum(np.arange(rows) * self.vmax // v, height - 1)
            xs = np.minimum(np.arange(columns) * self.hmax // h, width - 1)
            plane = self.samples[:, :, c][np.ix_(ys, xs)].astype(float)
            tq = min(c, len(self.quantisers) - 1)
            one = Component(self.idents[c], h, v, tq, plane, 0 if c == 0 or self.tables == "shared" else 1)
            self.transform(one, self.quantisers[tq])
            self.components.append(one)
        self.width, self.rows = width, height
        self.scans = self.scans or [Scan(tuple(range(channels)))]

    def transform(self, one, quantiser):
        """Blocks [rows, columns, 64] in zigzag order, filled up to whole MCUs."""
        rows, columns = one.plane.shape
        one.high, one.wide = -(-rows // 8), -(-columns // 8)
        mcu_rows, mcu_columns = -(-self.samples.shape[0] // (8 * self.vmax)), -(-self.samples.shape[1] // (8 * self.hmax))
        full = mcu_rows * one.v * 8, mcu_columns * one.h * 8
        padded = np.pad(one.plane, ((0, full[0] - rows), (0, full[1] - columns)), "edge") - (1 << self.precision - 1)
        blocks = padded.reshape(full[0] // 8, 8, full[1] // 8, 8).transpose(0, 2, 1, 3)
        frequencies = COSINE @ blocks @ COSINE.T
        table = self.table(quantiser)
        one.blocks = np.rint(frequencies / table).astype(int).reshape(*blocks.shape[:2], 64)[:, :, ZIGZAG]

    @staticmethod
    def table(quantiser):
        return np.minimum(quantiser + FREQUENCY * quantiser // 3, 255)

    # ------------------------------------------------------------------------------------------------- the file

    def dqt(self, number, quantiser):
        values = self.table(quantiser).reshape(64)[ZIGZAG]
        kind = ">u2" if self.wide_tables else "u1"
        return segment(0xDB, bytes([self.wide_tables << 4 | number]) + values.astype(kind).tobytes())

    def frame_header(self):
        height = self.rows if self.height is None else self.height
        payload = struct.pack(">BHHB", self.precision, height, self.width, len(self.components))
        for one in self.components:
            payload += bytes([one.ident, one.h << 4 | one.v, one.tq])
        return segment(self.sof, payload)

    def encode(self, end=EOI):
        parts = list(self.header)
        parts += [self.dqt(number, quantiser) for number, quantiser in enumerate(self.quantisers)]
        parts.append(self.frame_header())
        if self.tables == "standard":
            parts += [dht(*key, STANDARD[key]) for key in sorted(STANDARD)]
        if self.restart:
            parts.append(segment(0xDD, struct.pack(">H", self.restart)))
        out = SOI + b"".join(b"\xff" * self.fill + part for part in parts)
        for number, scan in enumerate(self.scans):
            if number in self.requantise:
                which = self.components[scan.components[0]]
                self.transform(which, self.requantise[number])
                out += self.dqt(which.tq, self.requantise[number])
            out += self.between.get(number, b"") + self.scan(scan) + self.after_scan.get(number, b"")
        return out + b"\xff" * self.fill + end

    def mcus(self, scan):
        """Lists of (component, block) in the order in which they are written."""
        if len(scan.components) == 1:
            one = self.components[scan.components[0]]
            for row in range(one.high):
                for column in range(one.wide):
                    yield [(scan.components[0], one.blocks[row, column])]
            return
        first = self.components[0]
        for my in range(first.blocks.shape[0] // first.v):
            for mx in range(first.blocks.shape[1] // first.h):
                yield [(c, self.components[c].blocks[my * one.v + row, mx * one.h + column])
                       for c in scan.components for one in [self.components[c]]
                       for row in range(one.v) for column in range(one.h)]

    def scan(self, scan):
        tables = scan.tables or self.tables
        header = bytes([len(scan.components)])
        for c in scan.components:
            number = self.components[c].huffman
            header += bytes([self.components[c].ident, number << 4 | number])
        header = segment(0xDA, header + bytes([scan.ss, scan.se, scan.ah << 4 | scan.al]))
        pieces, piece, count = [], [], 0
        for mcu in self.mcus(scan):
            if self.restart and count == self.restart:
                pieces.append(piece)
                piece, count = [], 0
            piece.append(mcu)
            count += 1
        pieces.append(piece)
        coded = self.with_arithmetic(scan, pieces) if self.arithmetic else None
        defined = b""
        if coded is None:
            symbols = [self.symbols(scan, piece) for piece in pieces]
            coders = {}
            for key in sorted({(kind, number) for part in symbols for kind, number, *_ in part if kind is not None}):
                if tables in ("optimal", "shared"):
                    used = [s for part in symbols for kind, number, s, *_ in part if (kind, number) == key]
                    definition = optimal(used)
                    defined += dht(*key, definition)
                else:
                    definition = STANDARD[key]
                coders[key] = codes(definition)
            coded = [packed(part, coders) for part in symbols]
        out = defined + header
        for number, data in enumerate(coded):
            out += (bytes([0xFF, 0xD0 + (number - 1) % 8]) if number else b"") + data
        return out

    # ----------------------------------------------------------------------------------------- entropy coding

    def symbols(self, scan, piece):
        """(table class, table, symbol, extra bits, their number) of one piece between restarts."""
        out, before, run, pending = [], {}, 0, []
        progressive = self.sof in (0xC2, 0xCA)

        def end_of_bands():
            nonlocal run, pending
            if run:
                size = run.bit_length() - 1
                out.append((1, number, size << 4, run - (1 << size), size))
                out.extend((None, None, None, bit, 1) for bit in pending)
            run, pending = 0, []

        for mcu in piece:
            for c, block in mcu:
                number = self.components[c].huffman
                if scan.ss == 0:
                    value = int(block[0]) >> scan.al
                    if scan.ah:
                        out.append((None, None, None, value & 1, 1))
                    else:
                        difference = value - before.get(c, 0)
                        before[c] = value
                        size, extra = signed(difference)
                        out.append((0, number, size, extra, size))
                    if progressive:
                        continue
                values = [shifted(int(value), scan.al) for value in block]
                first = max(scan.ss, 1)
                if scan.ah:
                    end = max([k for k in range(first, scan.se + 1) if abs(values[k]) == 1], default=0)
                    zeros, bits = 0, []
                    for k in range(first, scan.se + 1):
                        value = abs(values[k])
                        if value == 0:
                            zeros += 1
                            continue
                        while zeros > 15 and k <= end:
                            end_of_bands()
                            out.append((1, number, 0xF0, 0, 0))
                            out.extend((None, None, None, bit, 1) for bit in bits)
                            zeros, bits = zeros - 16, []
                        if value > 1:
                            bits.append(value & 1)
                            continue
                        end_of_bands()
                        out.append((1, number, zeros << 4 | 1, int(values[k] > 0), 1))
                        out.extend((None, None, None, bit, 1) for bit in bits)
                        zeros, bits = 0, []
                    if zeros or bits:
                        run += 1
                        pending += bits
                        if run == 0x7FFF or len(pending) > 900:
                            end_of_bands()
                    continue
                zeros, last = 0, max([k for k in range(first, scan.se + 1) if values[k]], default=0)
                for k in range(first, last + 1):
                    if values[k] == 0:
                        zeros += 1
                        continue
                    end_of_bands()
                    while zeros > 15:
                        out.append((1, number, 0xF0, 0, 0))
                        zeros -= 16
                    size, extra = signed(values[k])
                    out.append((1, number, zeros << 4 | size, extra, size))
                    zeros = 0
                if last < scan.se:
                    if progressive:
                        run += 1
                        if run == 0x7FFF:
                            end_of_bands()
                    else:
                        out.append((1, number, 0, 0, 0))
        end_of_bands()
        return out

    def with_arithmetic(self, scan, pieces):
        coded = []
        for piece in pieces:
            coder, learnt = arithmetic.Coder(), arithmetic.Statistics()
            for mcu in piece:
                for c, block in mcu:
                    number = self.components[c].huffman
                    if scan.ss == 0:
                        value = int(block[0]) >> scan.al
                        if scan.ah:
                            coder.put(None, 0, value & 1)
                        else:
                            arithmetic.dc(coder, learnt, c, number, value)
                        if self.sof == 0xCA:
                            continue
                    values = [shifted(int(value), scan.al) for value in block]
                    before = [shifted(int(value), scan.ah) for value in block] if scan.ah else None
                    arithmetic.ac(coder, learnt, number, values, max(scan.ss, 1), scan.se, before)
            coded.append(coder.bytes())
        return coded


def shifted(value, by):
    return value >> by if value >= 0 else -(-value >> by)


def signed(value):
    size = abs(value).bit_length()
    return size, value if value >= 0 else value + (1 << size) - 1


def dht(kind, number, definition):
    counts, symbols = definition
    return segment(0xC4, bytes([kind << 4 | number]) + counts + symbols)


def codes(definition):
    counts, symbols = definition
    code, at, found = 0, 0, {}
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            found[symbols[at]] = (code, length)
            code, at = code + 1, at + 1
        code <<= 1
    return found


def optimal(used):
    """A Huffman table for these symbols, no code longer than 16 bits and none of ones alone (K.2)."""
    weights = {symbol: used.count(symbol) for symbol in set(used)} or {0: 1}
    groups = [(weight, [symbol]) for symbol, weight in weights.items()] + [(0, [256])]
    lengths = dict.fromkeys([*weights, 256], 0)
    while len(groups) > 1:
        groups.sort(key=lambda group: (group[0], -max(group[1])))
        (a, first), (b, second) = groups[:2]
        for symbol in first + second:
            lengths[symbol] += 1
        groups = groups[2:] + [(a + b, first + second)]
    longest = max(lengths.values())
    bits = [0] * (max(longest, 16) + 1)
    for length in lengths.values():
        bits[length] += 1
    for length in range(longest, 16, -1):
        while bits[length]:
            shorter = length - 2
            while not bits[shorter]:
                shorter -= 1
            bits[length] -= 2
            bits[length - 1] += 1
            bits[shorter + 1] += 2
            bits[shorter] -= 1
    last = max(length for length in range(1, 17) if bits[length])
    bits[last] -= 1
    order = sorted(weights, key=lambda symbol: (lengths[symbol], symbol))
    return bytes(bits[1:17]), bytes(order)


def packed(symbols, coders):
    bits = []
    for kind, number, symbol, extra, count in symbols:
        if kind is not None:
            code, length = coders[kind, number][symbol]
            bits.append(format(code, f"0{length}b"))
        if count:
            bits.append(format(extra, f"0{count}b"))
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big") if text else b""
    return data.replace(b"\xff", b"\xff\0")


def lossless(gray):
    """A lossless file (SOF3) of one channel: differences to the left (the first of a row: to above), annex H."""
    rows, columns = gray.shape
    symbols = []
    for y in range(rows):
        for x in range(columns):
            near = 128 if x == y == 0 else int(gray[y, x - 1] if x else gray[y - 1, x])
            size, extra = signed(int(gray[y, x]) - near)
            symbols.append((0, 0, size, extra, size))
    definition = optimal([symbol for _, _, symbol, *_ in symbols])
    frame = segment(0xC3, struct.pack(">BHHB", 8, rows, columns, 1) + bytes([1, 0x11, 0]))
    scan = segment(0xDA, bytes([1, 1, 0, 1, 0, 0]))
    return SOI + frame + dht(0, 0, definition) + scan + packed(symbols, {(0, 0): codes(definition)}) + EOI
