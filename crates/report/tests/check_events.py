"""Compares the event files of a run or a comparison with its summary.json, as TensorBoard's own reader sees them.

Usage: pip install tensorboard==2.21.0 pillow; cargo xtask test --tensorboard PYTHON, or python check_events.py FOLDER...
Each FOLDER holds summary.json and events/, as `finetune` leaves it (a run, a comparison, an advice) and as the example
sample_report draws it, or folders that do.
TensorBoard verifies the checksums while reading. Ends with 1 and says where the two differ.
"""

import base64
import io
import json
import math
import pathlib
import sys

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def expected_scalars(run):
    """(folder, tag) -> [(step, value)]"""
    found = {}

    def add(folder, tag, step, value):
        found.setdefault((folder, tag), []).append((step, value))

    for step, epoch in enumerate(run["epochs"], 1):
        for tag, key in [("loss", "train_loss"), ("accuracy", "train_accuracy"), ("learning_rate", "learning_rate")]:
            add("train", tag, step, epoch[key])
        for plan in run["plan"]:
            for stage in plan["stages"]:
                live = stage["parameters"] > 0 and stage["thaws"] is not None and stage["thaws"] <= epoch["epoch"]
                if plan["phase"] == epoch["phase"] and live:
                    rate = times(epoch["learning_rate"], stage["rate_scale"])
                    add("train", f"learning_rate/{stage['name']}", step, rate)
        for moment in epoch["gradients"]:
            for stage, norm in moment["norms"].items():
                add("train", f"gradient_norm/{stage}", moment["step"], norm)
        for tag in ["loss", "accuracy", "balanced_accuracy", "f1"]:
            if (value := epoch.get(f"validation_{tag}")) is not None:
                add("validation", tag, step, value)
    last = len(run["epochs"])
    for evaluation in run["evaluations"]:
        folder = evaluation["split"]
        if folder == "test":
            add(folder, "loss", last, evaluation["loss"])
            add(folder, "accuracy", last, evaluation["accuracy"])
        if evaluation["balanced_accuracy"] is not None:
            add(folder, "balanced_accuracy", last, evaluation["balanced_accuracy"])
        for group, accuracy in evaluation["groups"].items():
            add(folder, f"group_accuracy/{group}", last, accuracy)
        for tag, rows in [("precision", zip(*evaluation["confusion"])), ("recall", evaluation["confusion"])]:
            for label, row in enumerate(map(list, rows)):
                if sum(row):
                    add(folder, f"{tag}/{run['data']['classes'][label]}", last, row[label] / sum(row))
        calibration = evaluation["calibration"]
        add(folder, "calibration_error", last, calibration["raw"]["error"])
        if calibration["scaled"]:
            add(folder, "calibration_error_scaled", last, calibration["scaled"]["error"])
        if folder == "validation" and run["temperature"]["value"] is not None:
            add(folder, "temperature", last, run["temperature"]["value"])
    if advice := run.get("advice"):
        for key, points in evidence(advice, last).items():
            found[key] = points
    return found


def evidence(advice, last):
    """The scalars of an advice."""
    found = {("train", "advice_confidence"): [(last, advice["confidence"])]}
    for tag, key in [("probe_accuracy", "accuracy"), ("probe_loss", "loss"), ("logme", "logme"), ("h_score", "h_score")]:
        values = [stage[key] for stage in advice["stages"]]
        if None not in values:
            found["train", f"evidence/{tag}"] = list(enumerate(values))
    return found


def table(grid):
    """The scalars of a comparison, where it has one table: one variant, no group of classes, classes of one size."""
    largest = max((row["images_per_class"] or 1 for row in grid["rows"]), default=1)
    found = {}
    for row in sorted(grid["rows"], key=lambda row: row["images_per_class"] or 2 * largest):
        step = row["images_per_class"] or 2 * largest
        interval = row["accuracy_interval"]
        ends = {"": row["accuracy_mean"]} | ({"_low": interval["low"], "_high": interval["high"]} if interval else {})
        for end, value in ends.items():
            found.setdefault(("comparison", f"accuracy{end}/{row['method']}"), []).append((step, value))
    return found


def expected_images(run):
    """(folder, tag) -> the PNG."""
    found = {}
    counts = {"right": 0, "mistake": 0}
    for sample in run["samples"]:
        name = "right" if sample["label"] == sample["predicted"] else "mistake"
        counts[name] += 1
        folder = run["evaluations"][-1]["split"]
        found[folder, f"samples/{name}-{counts[name]}"] = base64.b64decode(sample["thumbnail"])
        if sample["heat_map"]:
            found[folder, f"heat_maps/{name}-{counts[name]}"] = base64.b64decode(sample["heat_map"]["picture"])
    return found


def times(a, b):
    return None if a is None or b is None else a * b


def same(a, b):
    if a is None or math.isnan(a):
        return math.isnan(b)
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-12)


def folders(path):
    return sorted(entry for entry in path.iterdir() if entry.is_dir())


def main(root):
    summary = json.loads((root / "summary.json").read_text())
    if "rows" in summary:
        written = folders(root / "events")
        runs = sorted((path for path in written if path.name != "comparison"), key=lambda path: int(path.name.split("-")[0]))
        assert len(runs) == len(summary["traces"]), runs
        for trace, path in zip(summary["traces"], runs):
            check(trace["run"], path)
        scalars, images = read([root / "events" / "comparison"], 0)
        tables = {tag.split("/")[0] for _, tag in scalars if not tag.startswith("accuracy")}
        assert not images, images.keys()
        if not tables:
            compare(scalars, table(summary))
        print(f"{root}: {sum(map(len, scalars.values()))} scalars of the comparison")
    elif "stages" in summary and "epochs" not in summary:
        scalars, images = read(folders(root / "events"), 0)
        compare(scalars, evidence(summary, 0))
        assert not images, images.keys()
        print(f"{root}: the evidence of the advice agrees")
    else:
        check(summary, root / "events")


def read(paths, last):
    """Scalars and images of event files; every image belongs to the step `last`."""
    scalars, images = {}, {}
    for folder in paths:
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
        events.Reload()
        assert events.file_version == 2.0, (folder, events.file_version)
        for tag in events.Tags()["scalars"]:
            scalars[folder.name, tag] = [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["images"]:
            (event,) = events.Images(tag)
            decoded = Image.open(io.BytesIO(event.encoded_image_string))
            decoded.load()
            assert decoded.size == (event.width, event.height), (folder, tag, decoded.size)
            assert len(decoded.getcolors(1 << 24)) > 1, f"{folder.name}/{tag} is empty"
            assert event.step == last, (tag, event.step)
            images[folder.name, tag] = event.encoded_image_string
    return scalars, images


def compare(scalars, expected):
    assert scalars.keys() == expected.keys(), scalars.keys() ^ expected.keys()
    for key, points in expected.items():
        found = scalars[key]
        assert [step for step, _ in found] == [step for step, _ in points], key
        assert all(same(a, b) for (_, a), (_, b) in zip(points, found)), (key, points, found)


def check(run, path):
    scalars, images = read(folders(path), len(run["epochs"]))
    compare(scalars, expected_scalars(run))
    expected = expected_images(run)
    assert images.keys() == expected.keys(), images.keys() ^ expected.keys()
    for key, png in expected.items():
        assert png == images[key], f"{key} is another image"
    print(f"{path}: {sum(map(len, scalars.values()))} scalars under {len(scalars)} tags and {len(images)} images agree")


if __name__ == "__main__":
    for asked in map(pathlib.Path, sys.argv[1:]):
        below = [asked] if (asked / "summary.json").exists() else sorted(path.parent for path in asked.glob("*/summary.json"))
        assert below, f"{asked} holds no summary.json"
        for folder in below:
            main(folder)
