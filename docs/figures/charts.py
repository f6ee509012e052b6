"""Charts of figures that a page of the guide has in a table, or of finished cells: they are read from there."""

import json
import math
import re
from pathlib import Path

from svg import BLUE, GREEN, ORANGE, RULE, SOFT, Figure

DOCS = Path(__file__).resolve().parent.parent

JOBS = {
    "head only, EfficientNet-Lite0 with ImageNet's weights": "A new head\non EfficientNet-Lite0",
    "head only, ResNet-50, start to saved model": "A new head\non ResNet-50",
    "last stage of ResNet-50 after an epoch of the head, start to saved model": "Head and last stage\nof ResNet-50",
    "all of ResNet-18 with augmentation, an epoch": "All of ResNet-18,\none epoch",
    "prediction over a folder, ResNet-50, start of process to last line": "Prediction,\nResNet-50",
}


def rows(page):
    """The cells of every row of every table of a page."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def seconds(cell):
    """The median of a cell such as `13.4 s (9.72 s to 14.2 s), 61.5%`."""
    return float(re.match(r"([\d.]+) s\b", cell)[1])


def benchmarks():
    """Seconds for those whole jobs that the page's table of figures has, as bars."""
    figures = {row[0]: row for row in rows("benchmarks.md") if len(row) == 5 and row[0] in JOBS}
    names, keys = ["finetune", "tuned PyTorch script", "usual PyTorch script"], [1, 2, 4]
    colors = [ORANGE, BLUE, SOFT]
    jobs = {job: words for job, words in JOBS.items() if job in figures}
    end = 68 + 77 * len(jobs)
    figure = Figure(760, end + 16, "Seconds for whole jobs: finetune, a tuned and a usual PyTorch script, medians of three runs")
    figure.text(20, 28, "Seconds for the same job, median of three runs (shorter is better)", "strong", "start")
    x = 170
    for name, color in zip(names, colors):
        figure.box(x, 44, 14, 12, color, color, radius=2)
        figure.text(x + 20, 55, name, "small", "start")
        x += 40 + 8 * len(name)
    scale = 500 / max(seconds(figures[job][key]) for job in jobs for key in keys)
    y = 76
    for job, words in jobs.items():
        figure.text(158, y + 24, words, "small", "end")
        for key, color in zip(keys, colors):
            value = seconds(figures[job][key])
            figure.box(170, y, value * scale, 16, color, color, radius=1)
            shown = f"{value:.0f}" if value >= 100 else f"{value:g}"
            figure.text(176 + value * scale, y + 13, f"{shown} s", "small", "start")
            y += 20
        y += 17
    figure.line([(170, 68), (170, end)], RULE)
    return figure


def growth():
    """Milliseconds for one image against the number of images, from the page's table."""
    points = [(int(row[0]), float(row[2].removesuffix(" ms"))) for row in rows("growth.md") if row[0].isdigit()]
    figure = Figure(560, 300, "Milliseconds for one image of the whole job, with 100, 1,000 and 10,000 images")
    figure.text(20, 28, "Milliseconds for one image, whole job (a new head on ResNet-18)", "strong", "start")
    left, bottom, top = 70, 240, 60
    highest = 20 * math.ceil(max(value for _, value in points) / 20)
    height = (bottom - top) / highest
    for value in range(0, highest + 1, 20):
        y = bottom - value * height
        figure.line([(left, y), (530, y)], RULE, thickness=1)
        figure.text(left - 10, y + 4, str(value), "small soft", "end")
    places = [left + 60 + 170 * index for index in range(len(points))]
    drawn = [(x, bottom - value * height) for x, (_, value) in zip(places, points)]
    figure.line(drawn, GREEN, thickness=2.2)
    for (x, y), (count, value) in zip(drawn, points):
        figure.dot(x, y, 5, GREEN)
        figure.text(x, y + 24, f"{value:g} ms", "small")
        figure.text(x, bottom + 20, f"{count:,}", "small")
    figure.text(300, bottom + 44, "images", "small soft")
    return figure


GROWTH = DOCS / "search" / "dogs-cats-growth.jsonl"

LINES = {
    "head": ("head", GREEN, False),
    "last:2-frozen": ("last 2, source statistics", BLUE, False),
    "last:4-frozen": ("last 4, source statistics", SOFT, False),
    "all-frozen": ("all, source statistics", ORANGE, False),
    "last:2-trained": ("last 2, new statistics", BLUE, True),
    "all-trained": ("all, new statistics", ORANGE, True),
}


def more_data():
    """Accuracy against photographs of each, a line for each depth, from the finished cells."""
    accuracies, seeds = {}, set()
    for line in GROWTH.read_text(encoding="utf-8").splitlines():
        cell = json.loads(line)
        seeds.add(cell["seed"])
        accuracies.setdefault((cell["setting"], cell["images"]), []).append(100 * cell["accuracy"])
    sizes = sorted({images for _, images in accuracies})
    figure = Figure(760, 380, "Accuracy on dogs and cats against photographs of each, a line for each depth")
    of = "one draw" if len(seeds) == 1 else f"mean of {len(seeds)} draws"
    figure.text(20, 28, f"Accuracy in percent against photographs of each, {of}", "strong", "start")
    means = {key: sum(values) / len(values) for key, values in accuracies.items() if key[0] in LINES}
    low = 5 * math.floor(min(means.values()) / 5)
    left, right, top, bottom = 60, 520, 56, 320
    across = lambda images: left + 20 + (right - left - 20) * math.log(images / sizes[0]) / max(
        math.log(sizes[-1] / sizes[0]), 1e-9
    )
    up = lambda value: bottom - (bottom - top) * (value - low) / (100 - low)
    for value in range(low, 101, 5):
        figure.line([(left, up(value)), (right + 10, up(value))], RULE, thickness=1)
        figure.text(left - 10, up(value) + 4, str(value), "small soft", "end")
    for images in sizes:
        figure.text(across(images), bottom + 20, f"{images:,}", "small")
    figure.text((left + right) / 2, bottom + 44, "photographs of each", "small soft")
    for place, (setting, (name, color, dashed)) in enumerate(LINES.items()):
        points = [(across(images), up(means[setting, images])) for images in sizes if (setting, images) in means]
        if points:
            figure.line(points, color, dashed, thickness=2.2)
            for x, y in points:
                figure.dot(x, y, 3.5, color)
        y = 84 + 26 * place
        figure.line([(560, y), (590, y)], color, dashed, thickness=2.2)
        figure.text(598, y + 4, name, "small", "start")
    return figure
