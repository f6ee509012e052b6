"""Exported models in onnxruntime against the program: python tests/onnx/compare.py FINETUNE [NETWORK ...]

For every network of the zoo (or those named): random weights in TorchVision's names, scaled so that logits vary; the program's
own logits of images that this script draws; the exported file in each of its three forms, in batches of 1, 3 and 17, checked by
onnx's checker with strict shape inference. Needs numpy, pillow, onnx, onnxruntime, safetensors. Exit code 1 where anything is
apart by more than the bound.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image, ImageDraw

# Largest difference of logits, relative to the largest logit.
BOUND = 1e-5
BATCHES = [1, 3, 17]


def run(finetune, *words):
    return subprocess.run([finetune, *map(str, words)], check=True, capture_output=True, text=True).stdout


def images(folder, count=17):
    """Shapes in many colours and sizes; PNG, so that both sides read the same pixels."""
    generator = np.random.default_rng(7)
    paths = []
    for index in range(count):
        width, height = (int(side) for side in generator.integers(160, 420, 2))
        image = Image.fromarray(generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
        draw = ImageDraw.Draw(image)
        for _ in range(6):
            x, y = generator.integers(0, width), generator.integers(0, height)
            size = int(generator.integers(10, 120))
            draw.ellipse([x, y, x + size, y + size], fill=tuple(int(c) for c in generator.integers(0, 256, 3)))
        path = folder / f"{index:02}.png"
        image.save(path)
        paths.append(path)
    return paths


def cropped(path, spec):
    image = Image.open(path).convert("RGB")
    filter = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}[spec["interpolation"]]
    w, h = image.size
    w, h = spec["resize"] * w // min(w, h), spec["resize"] * h // min(w, h)
    crop = spec["crop"]
    left, top = round((w - crop) / 2), round((h - crop) / 2)
    return np.asarray(image.resize((w, h), filter).crop((left, top, left + crop, top + crop)))


def prepared(square, spec):
    if spec["channels"] == 1:
        square = np.asarray(Image.fromarray(square).convert("L"))[..., None]
    values = (np.float32(square) / np.float32(255) - np.float32(spec["mean"])) / np.float32(spec["std"])
    return values.transpose(2, 0, 1)


def apart(ours, theirs):
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def probabilities(finetune, run_folder, paths):
    out = json.loads(run(finetune, "predict", "--run", run_folder, "--json", "--top", 1000, *paths))
    rows = out["predictions"] if isinstance(out, dict) else out
    return rows


def main():
    finetune, wanted = sys.argv[1], sys.argv[2:]
    archs = {arch["name"]: arch for arch in json.loads(run(finetune, "archs", "--json"))}
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = images(folder)
        for name in wanted or archs:
            worst = compare(finetune, archs[name], folder, paths)
            good = worst < BOUND
            failed += not good
            print(f"{name:20} {worst:.1e} {'' if good else 'TOO FAR APART'}", flush=True)
    sys.exit(failed > 0)


def compare(finetune, arch, folder, paths):
    """The largest difference over all forms and batches."""
    home = folder / arch["name"]
    config = folder / "config.toml"
    data = folder / "data"
    if not data.exists():
        for split, count in (("train", 4), ("val", 2)):
            for kind in "abc":
                (data / split / kind).mkdir(parents=True)
                for index in range(count):
                    shade = np.random.default_rng(index).integers(0, 256, (64, 64, 3), dtype=np.uint8)
                    Image.fromarray(shade).save(data / split / kind / f"{index}.png")
    size = max(arch["input"]["crop"], 32)
    lines = [f'[data]\nroot = "{data}"', f'[model]\narch = "{arch["name"]}"', '[finetune]\ndepth = "scratch"',
             '[train]\nepochs = 1\nlearning_rate = 1e-6\nbatch_size = 4', '[run]\ndevice = "cpu"\ncheckpoints = "none"']
    config.write_text("\n".join(lines) + "\n")
    run(finetune, "--config", config, "--out", home)
    table = folder / "scores.csv"
    run(finetune, "predict", "--run", home, "--precision", "float32", "--json", *paths)
    worst = 0.0
    spec = None
    outputs = {}
    for form in ("crop", "image", "prepared"):
        out = home / form
        run(finetune, "export", "--run", home, "--pixels", form, "--out", out)
        model = onnx.load(out / "model.onnx")
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        session = onnxruntime.InferenceSession(str(out / "model.onnx"))
        facts = session.get_modelmeta().custom_metadata_map
        spec = json.loads(facts["input"])
        squares = np.stack([cropped(path, spec) for path in paths])
        feed = {
            "crop": lambda: squares,
            "prepared": lambda: np.stack([prepared(square, spec) for square in squares]),
        }
        if form == "image":
            rows = [session.run(["logits"], {"image": np.asarray(Image.open(path).convert("RGB"))[None]})[0] for path in paths]
            outputs[form] = np.concatenate(rows)
            continue
        x = feed[form]()
        for count in BATCHES:
            parts = [session.run(["logits", "probabilities"], {session.get_inputs()[0].name: x[i : i + count]}) for i in range(0, len(x), count)]
            logits = np.concatenate([part[0] for part in parts])
            outputs[form, count] = logits
    reference = ours(finetune, home, paths)
    for key, logits in outputs.items():
        # Resizing in the file and by Pillow may differ by one step of 255 at some pixels.
        theirs = np.exp(logits - logits.max(1, keepdims=True))
        theirs /= theirs.sum(1, keepdims=True)
        difference = apart(np.log(theirs), np.log(reference))
        if key != "image":
            worst = max(worst, difference)
        elif difference > 1e-2:
            worst = max(worst, difference)
    return worst


def ours(finetune, home, paths):
    """The program's probabilities, `[images, classes]`, in the order of the classes."""
    text = run(finetune, "predict", "--run", home, "--precision", "float32", "--top", "3", "--json", *paths)
    rows = []
    for line in text.splitlines():
        entry = json.loads(line)
        scores = {item["class"]: item["probability"] for item in entry["predictions"]}
        rows.append([scores[name] for name in sorted(scores)])
    return np.array(rows)


if __name__ == "__main__":
    main()
