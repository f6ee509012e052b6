#!/usr/bin/env python3
"""Draws the guide's schematic figures, and the charts of docs/benchmarks.md and docs/growth.md from their tables; where
docs/search/dogs-cats-growth.jsonl is there, the chart of docs/how-far-back.md from it.

    python3 docs/figures/draw.py            # writes the SVG files next to this script
    python3 docs/figures/draw.py --check    # writes nothing; exit code 1 where a file is not what would be written

The other figures of this folder come from runs: their pages name the commands.
"""

import sys
from pathlib import Path

import charts
import schemes

FIGURES = {
    "advise": schemes.advise,
    "audit": schemes.audit,
    "benchmarks": charts.benchmarks,
    "comparing": schemes.comparing,
    "configuration": schemes.configuration,
    "cut": schemes.cut,
    "data": schemes.data,
    "depth-map": schemes.depth_map,
    "families": schemes.families,
    "five-steps": schemes.five_steps,
    "gpu": schemes.gpu,
    "growth": charts.growth,
    "regularization": schemes.regularization,
    "transfer": schemes.transfer,
}
if charts.GROWTH.exists():
    FIGURES["more-data"] = charts.more_data


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(__file__).resolve().parent
    different = []
    for name, draw in FIGURES.items():
        path, text = folder / f"{name}.svg", draw().svg()
        if arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                different.append(path.name)
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
    for name in different:
        print(f"{name} is not what draw.py draws", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
