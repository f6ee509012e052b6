"""The arithmetic coder of JPEG (ITU T.81, annexes D, F.1.4 and G.1.3), with the code as one long Python integer."""

# Table D.3: for each state Qe, the states after the less and the more probable symbol, and whether their sense changes.
TABLE = """
    5a1d:1:1:1 2586:14:2:0 1114:16:3:0 080b:18:4:0 03d8:20:5:0 01da:23:6:0 00e5:25:7:0 006f:28:8:0
    0036:30:9:0 001a:33:10:0 000d:35:11:0 0006:9:12:0 0003:10:13:0 0001:12:13:0 5a7f:15:15:1 3f25:36:16:0
    2cf2:38:17:0 207c:39:18:0 17b9:40:19:0 1182:42:20:0 0cef:43:21:0 09a1:45:22:0 072f:46:23:0 055c:48:24:0
    0406:49:25:0 0303:51:26:0 0240:52:27:0 01b1:54:28:0 0144:56:29:0 00f5:57:30:0 00b7:59:31:0 008a:60:32:0
    0068:62:33:0 004e:63:34:0 003b:32:35:0 002c:33:9:0 5ae1:37:37:1 484c:64:38:0 3a0d:65:39:0 2ef1:67:40:0
    261f:68:41:0 1f33:69:42:0 19a8:70:43:0 1518:72:44:0 1177:73:45:0 0e74:74:46:0 0bfb:75:47:0 09f8:77:48:0
    0861:78:49:0 0706:79:50:0 05cd:48:51:0 04de:50:52:0 040f:50:53:0 0363:51:54:0 02d4:52:55:0 025c:53:56:0
    01f8:54:57:0 01a4:55:58:0 0160:56:59:0 0125:57:60:0 00f6:58:61:0 00cb:59:62:0 00ab:61:63:0 008f:61:32:0
    5b12:65:65:1 4d04:80:66:0 412c:81:67:0 37d8:82:68:0 2fe8:83:69:0 293c:84:70:0 2379:86:71:0 1edf:87:72:0
    1aa9:87:73:0 174e:72:74:0 1424:72:75:0 119c:74:76:0 0f6b:74:77:0 0d51:75:78:0 0bb6:77:79:0 0a40:77:48:0
    5832:80:81:1 4d1c:88:82:0 438e:89:83:0 3bdd:90:84:0 34ee:91:85:0 2eae:92:86:0 299a:93:87:0 2516:86:71:0
    5570:88:89:1 4ca9:95:90:0 44d9:96:91:0 3e22:97:92:0 3824:99:93:0 32b4:99:94:0 2e17:93:86:0 56a8:95:96:1
    4f46:101:97:0 47e5:102:98:0 41cf:103:99:0 3c3d:104:100:0 375e:99:93:0 5231:105:102:0 4c0f:106:103:0 4639:107:104:0
    415e:103:99:0 5627:105:106:1 50e7:108:107:0 4b85:109:103:0 5597:110:109:0 504f:111:107:0 5a10:110:111:1 5522:112:109:0
    59eb:112:111:1
"""
STATES = [(int(q, 16), int(less), int(more), int(switch))
          for q, less, more, switch in (entry.split(":") for entry in TABLE.split())]
# The default conditioning (F.1.4.4): L = 0 and U = 1 for DC, Kx = 5 for AC.
SMALL, LARGE, KX = 0, 1, 5


class Coder:
    """One entropy-coded segment."""

    def __init__(self):
        self.code, self.interval, self.shifts = 0, 0x10000, 0

    def put(self, bins, at, bit):
        """Codes one decision with the statistics `bins[at]` = [state, more probable symbol]; `None` is one half."""
        state, likely = bins[at] if bins is not None else (None, 0)
        qe, less, more, switch = STATES[state] if state is not None else (0x5A1D, None, None, 0)
        self.interval -= qe
        exchanged = self.interval < qe
        if bit == likely and self.interval >= 0x8000:
            return
        if (bit == likely) == exchanged:
            self.code += self.interval
            self.interval = qe
        if state is not None:
            bins[at] = [more, likely] if bit == likely else [less, likely ^ switch]
        while self.interval < 0x8000:
            self.interval <<= 1
            self.code <<= 1
            self.shifts += 1

    def bytes(self):
        """D.1.8: the value within the interval with most zeros at its end, which are left out."""
        value = (self.code + self.interval - 1) & ~0xFFFF
        if value < self.code:
            value += 0x8000
        length = 16 + self.shifts
        value <<= -length % 8
        data = value.to_bytes((length + 7) // 8, "big").rstrip(b"\0")
        return data.replace(b"\xff", b"\xff\0")


class Statistics:
    """What a scan has learnt, from one restart to the next."""

    def __init__(self):
        fresh = lambda count: [[0, 0] for _ in range(count)]
        self.dc = [fresh(64) for _ in range(4)]
        self.ac = [fresh(256) for _ in range(4)]
        self.before, self.context = {}, {}


def magnitude(coder, bins, first, second, third, value):
    """Figures F.8 and F.9 of value - 1, in the bins `first`, `second` and from `third` on."""
    value -= 1
    at, category = first, 0
    if value:
        coder.put(bins, first, 1)
        category, at = 1, second
        rest = value >> 1
        while rest:
            coder.put(bins, at, 1)
            at = third if at == second and third != second else at + 1
            category <<= 1
            rest >>= 1
    coder.put(bins, at, 0)
    bit = category >> 1
    while bit:
        coder.put(bins, at + 14, int(bool(bit & value)))
        bit >>= 1
    return category


def dc(coder, learnt, component, table, value):
    """F.1.4.1: the difference to the block before."""
    bins, base = learnt.dc[table], learnt.context.get(component, 0)
    difference = value - learnt.before.get(component, 0)
    learnt.before[component] = value
    if difference == 0:
        coder.put(bins, base, 0)
        learnt.context[component] = 0
        return
    coder.put(bins, base, 1)
    negative = int(difference < 0)
    coder.put(bins, base + 1, negative)
    category = magnitude(coder, bins, base + 2 + negative, 20, 20, abs(difference))
    context = 8 if negative else 4
    if category < (1 << SMALL) >> 1:
        context = 0
    elif category > (1 << LARGE) >> 1:
        context += 8
    learnt.context[component] = context


def ac(coder, learnt, table, values, first, last, before=None):
    """F.1.4.2 and G.1.3.3: the coefficients of one block, shifted already; `before`: as the scan before had them."""
    bins = learnt.ac[table]
    end = max([k for k in range(first, last + 1) if values[k]], default=0)
    known = max([k for k in range(first, last + 1) if before is not None and before[k]], default=0)
    k = first
    while k <= end:
        if k > known:
            coder.put(bins, 3 * (k - 1), 0)
        while not values[k]:
            coder.put(bins, 3 * (k - 1) + 1, 0)
            k += 1
        if before is not None and before[k]:
            coder.put(bins, 3 * (k - 1) + 2, abs(values[k]) & 1)
        else:
            coder.put(bins, 3 * (k - 1) + 1, 1)
            coder.put(None, 0, int(values[k] < 0))
            if before is None:
                at = 3 * (k - 1) + 2
                magnitude(coder, bins, at, at, 189 if k <= KX else 217, abs(values[k]))
        k += 1
    if k <= last:
        coder.put(bins, 3 * (k - 1), 1)
