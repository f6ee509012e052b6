"""A canvas for the guide's schematic figures: boxes, arrows and text as one SVG file, without dependencies.

Every figure brings its own white paper, so that it reads the same on a light and on a dark page.
"""

from xml.sax.saxutils import escape

INK = "#1c2127"
SOFT = "#59616b"
RULE = "#c9ccc8"
BLUE = "#0a5a9c"
ORANGE = "#c04a00"
GREEN = "#00735a"
FROZEN = "#e4e6e8"
PALE_BLUE = "#dcebf7"
PALE_ORANGE = "#fbe6d8"
PALE_GREEN = "#dff1ec"

STYLE = (
    f'text {{ fill: {INK}; font-family: "DejaVu Sans", Verdana, sans-serif; font-size: 14px; }} '
    f".soft {{ fill: {SOFT}; }} .small {{ font-size: 12px; }} .tiny {{ font-size: 11px; }} "
    f".strong {{ font-weight: bold; }} .mono {{ font-family: \"DejaVu Sans Mono\", monospace; font-size: 12px; }} "
    f".white {{ fill: #fff; }} .blue {{ fill: {BLUE}; }} .orange {{ fill: {ORANGE}; }} .green {{ fill: {GREEN}; }}"
)


def number(value):
    """A coordinate with one decimal at most."""
    return f"{round(value, 1):g}"


class Figure:
    """One figure of `width` x `height` pixels; `title` is what a screen reader says."""

    def __init__(self, width, height, title):
        self.width, self.height, self.title = width, height, title
        self.parts = []

    def text(self, x, y, words, kind="", anchor="middle"):
        """Text whose baseline is at `y`; several lines are 1.3 times their size apart."""
        size = 11 if "tiny" in kind else 12 if "small" in kind or "mono" in kind else 14
        for line, part in enumerate(words.split("\n")):
            kinds = f' class="{kind}"' if kind else ""
            at = f'x="{number(x)}" y="{number(y + line * size * 1.3)}"'
            self.parts.append(f'<text {at} text-anchor="{anchor}"{kinds}>{escape(part)}</text>')

    def box(self, x, y, width, height, fill="#fff", stroke=SOFT, dashed=False, radius=5, thickness=1.4):
        """A rectangle by its upper left corner."""
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" rx="{radius}" '
            f'fill="{fill}" stroke="{stroke}" stroke-width="{thickness}"{dashes}/>'
        )

    def labelled(self, x, y, width, height, words, fill="#fff", stroke=SOFT, kind="", dashed=False):
        """A rectangle with text in its middle."""
        self.box(x, y, width, height, fill, stroke, dashed)
        size = 11 if "tiny" in kind else 12 if "small" in kind or "mono" in kind else 14
        lines = words.count("\n") + 1
        self.text(x + width / 2, y + height / 2 + size * 0.35 - (lines - 1) * size * 0.65, words, kind)

    def line(self, points, stroke=SOFT, dashed=False, thickness=1.5):
        """A polyline through `points`."""
        path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="{thickness}" stroke-linejoin="round"{dashes}/>'
        )

    def arrow(self, points, stroke=SOFT, dashed=False, thickness=1.5):
        """A polyline with a head at its last point."""
        (x0, y0), (x, y) = points[-2], points[-1]
        length = ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5
        dx, dy = (x - x0) / length, (y - y0) / length
        self.line([*points[:-1], (x - 6 * dx, y - 6 * dy)], stroke, dashed, thickness)
        corners = [(x, y), (x - 8 * dx - 4 * dy, y - 8 * dy + 4 * dx), (x - 8 * dx + 4 * dy, y - 8 * dy - 4 * dx)]
        self.parts.append(
            f'<polygon points="{" ".join(f"{number(a)},{number(b)}" for a, b in corners)}" fill="{stroke}"/>'
        )

    def dot(self, x, y, radius=5, fill=BLUE):
        """A disc."""
        self.parts.append(f'<circle cx="{number(x)}" cy="{number(y)}" r="{radius}" fill="{fill}"/>')

    def stages(self, x, y, kinds, width=18, height=46, gap=4):
        """A network as a row of stages: f(rozen), l(ive), o(f the source), h(ead, live), n(ew head), s(ource's head)."""
        looks = {
            "f": (FROZEN, SOFT), "l": (BLUE, BLUE), "o": (PALE_BLUE, BLUE),
            "h": (ORANGE, ORANGE), "n": (PALE_ORANGE, ORANGE), "s": ("#fff", BLUE),
        }
        for kind in kinds:
            fill, stroke = looks[kind]
            self.box(x, y, width, height, fill, stroke, radius=2)
            x += width + gap
        return x - gap

    def svg(self):
        """The file's text."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" role="img">'
        )
        paper = f'<rect width="{self.width}" height="{self.height}" rx="6" fill="#fff"/>'
        body = "\n".join(self.parts)
        return f"{head}\n<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n{paper}\n{body}\n</svg>\n"
