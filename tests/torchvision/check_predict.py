"""Compares `finetune predict` with TorchVision on real photographs: the top-1 class and the logits.

    python check_predict.py FINETUNE IMAGES [LITE0.pth]

FINETUNE is the program, IMAGES a folder of JPEGs. resnet18 and efficientnet_b0 are filled by the generator and saved by
torch.save, as a zip archive and in the legacy form; LITE0.pth, the published file of EfficientNet-Lite0, adds a trained
network, computed here by the package efficientnet-lite-pytorch. Ends with 1 if any agrees on fewer than 98%.

The two programs decode JPEG with different libraries, whose pixels differ a little. efficientnet_b0 with the generator's
values turns a change of one grey level into several percent of the logits, so it reads the images decoded by Pillow and
saved as PNG; Lite0 reads both.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode

import networks

GOAL = 0.98


def predict(finetune: str, arch: str, weights: str, images: str) -> dict:
    command = [finetune, "predict", "--arch", arch, "--weights", weights, "--json", "--logits", images]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {line["path"]: torch.tensor(line["logits"]) for line in map(json.loads, lines)}


def compare(name: str, ours: dict, model: torch.nn.Module, prepare) -> float:
    same, worst = 0, 0.0
    for path, logits in ours.items():
        with torch.no_grad():
            theirs = model(prepare(Image.open(path).convert("RGB")).unsqueeze(0))[0]
        same += int(logits.argmax() == theirs.argmax())
        worst = max(worst, ((logits - theirs).abs().max() / theirs.abs().max()).item())
    share = same / len(ours)
    print(f"{name}: top-1 equal on {same} of {len(ours)} ({share:.1%}), logits differ by at most {worst:.1e}", flush=True)
    return share


def lite0_preset():
    return v2.Compose([
        v2.Resize(256, interpolation=InterpolationMode.BICUBIC, antialias=True), v2.CenterCrop(224),
        v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([127 / 255] * 3, [128 / 255] * 3),
    ])


def saved_as_png(images: str, folder: Path) -> str:
    for path in sorted(Path(images).rglob("*.jpg")):
        Image.open(path).convert("RGB").save(folder / f"{path.parent.name}-{path.stem}.png")
    return str(folder)


def generated(finetune: str, arch: str, images: str, folder: Path) -> list[float]:
    """The shares of a network filled by the generator, through both forms of torch.save."""
    model = networks.build(arch).eval()
    networks.fill(model, networks.NETWORKS[arch].gain)
    prepare = torchvision.models.get_model_weights(arch).DEFAULT.transforms()
    shares = []
    for form, new in (("zip", True), ("legacy", False)):
        path = str(folder / f"{arch}-{form}.pth")
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=new)
        shares.append(compare(f"{arch}, generator's values, {form}", predict(finetune, arch, path, images), model, prepare))
    return shares


def lite0(finetune: str, path: str, *images: str) -> list[float]:
    from efficientnet_lite_pytorch import EfficientNet
    model = EfficientNet.from_name("efficientnet-lite0").eval()
    model.load_state_dict(torch.load(path, weights_only=True), strict=True)
    return [
        compare(f"efficientnet_lite0, published weights, {kind}",
                predict(finetune, "efficientnet_lite0", path, folder), model, lite0_preset())
        for kind, folder in zip(("JPEG", "PNG"), images)
    ]


def main():
    finetune, images, *published = sys.argv[1:]
    with tempfile.TemporaryDirectory() as weights, tempfile.TemporaryDirectory() as png:
        same_pixels = saved_as_png(images, Path(png))
        shares = generated(finetune, "resnet18", images, Path(weights))
        shares += generated(finetune, "efficientnet_b0", same_pixels, Path(weights))
        for path in published:
            shares += lite0(finetune, path, images, same_pixels)
    raise SystemExit(min(shares) < GOAL)


if __name__ == "__main__":
    main()
