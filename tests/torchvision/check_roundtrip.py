"""Trains small models with finetune, loads them into TorchVision strictly and compares the logits.

    python check_roundtrip.py FINETUNE [NETWORK ...]

Each is trained from random weights for one epoch on generated images of two classes. Ends with 1 if any logits differ
by more than 1e-4 of the largest.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from PIL import Image

import roundtrip

# The smallest images that the network can be trained on.
SIDES = {
    "resnet18": 32, "googlenet": 64, "vgg11_bn": 32, "efficientnet_b0": 32, "inception_v3": 107, "efficientnet_v2_s": 32,
    "convnext_tiny": 32, "densenet121": 32, "mobilenet_v2": 32, "mobilenet_v3_small": 32, "regnet_y_400mf": 32,
    "regnet_x_400mf": 32, "vit_b_16": 32, "swin_t": 32, "swin_v2_t": 32,
}
TOLERANCE = 1e-4

CONFIG = """
[data]
root = "data"
[data.input]
resize = {side}
crop = {side}
interpolation = "bilinear"
channels = 3
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
[model]
arch = "{arch}"
weights = "none"
[finetune]
depth = "scratch"
[train]
epochs = 1
batch_size = 4
[run]
device = "cpu"
checkpoints = "none"
"""


def draw(folder: Path, side: int) -> None:
    random = numpy.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        for label, name in enumerate(("dark", "light")):
            below = folder / "data" / split / name
            below.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(128 * label, 128 * label + 128, (side, side, 3), dtype=numpy.uint8)
                Image.fromarray(pixels).save(below / f"{number}.png")


def check(finetune: str, arch: str, side: int) -> float:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw(folder, side)
        (folder / "c.toml").write_text(CONFIG.format(arch=arch, side=side))
        run = lambda *arguments: subprocess.run(
            [finetune, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout
        run("--config", "c.toml", "--out", "out")
        lines = run("predict", "--run", "out", "--json", "--logits", "data/val").splitlines()
        model, metadata = roundtrip.load(str(folder / "out/model.safetensors"))
        worst = 0.0
        for line in map(json.loads, lines):
            with torch.no_grad():
                theirs = model(roundtrip.image(str(folder / line["path"]), metadata))[0]
            assert json.loads(metadata["classes"])[int(theirs.argmax())] == line["class"]
            ours = torch.tensor(line["logits"])
            worst = max(worst, ((ours - theirs).abs().max() / theirs.abs().max()).item())
        print(f"{arch}{metadata['arguments']}: {len(lines)} images, logits differ by at most {worst:.1e}", flush=True)
        return worst


def main():
    finetune = str(Path(sys.argv[1]).resolve())
    worst = max(check(finetune, arch, SIDES[arch]) for arch in sys.argv[2:] or SIDES)
    raise SystemExit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
