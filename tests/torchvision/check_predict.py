"""Compares `finetune predict` with TorchVision on real photographs: the top-1 class and the logits.

    python check_predict.py FINETUNE PICTURES [LITE0.pth]

FINETUNE is the program, PICTURES a folder of JPEGs. The networks are filled by the generator and saved by torch.save,
as a zip archive and in the legacy form; LITE0.pth, the published file of EfficientNet-Lite0, adds a trained one, computed
here by the package efficientnet-lite-pytorch. Ends with 1 if any network agrees on fewer than 98% of the pictures.
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


def predict(finetune: str, arch: str, weights: str, pictures: str) -> dict:
    command = [finetune, "predict", "--arch", arch, "--weights", weights, "--json", "--logits", pictures]
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


def main():
    finetune, pictures, *lite0 = sys.argv[1:]
    shares = []
    with tempfile.TemporaryDirectory() as folder:
        for arch in ("resnet18", "efficientnet_b0"):
            model = networks.build(arch).eval()
            networks.fill(model, networks.NETWORKS[arch].gain)
            prepare = torchvision.models.get_model_weights(arch).DEFAULT.transforms()
            for form, new in (("zip", True), ("legacy", False)):
                path = str(Path(folder) / f"{arch}-{form}.pth")
                torch.save(model.state_dict(), path, _use_new_zipfile_serialization=new)
                ours = predict(finetune, arch, path, pictures)
                shares.append(compare(f"{arch}, generator's weights, {form}", ours, model, prepare))
    for path in lite0:
        from efficientnet_lite_pytorch import EfficientNet
        model = EfficientNet.from_name("efficientnet-lite0").eval()
        model.load_state_dict(torch.load(path, weights_only=True), strict=True)
        ours = predict(finetune, "efficientnet_lite0", path, pictures)
        shares.append(compare("efficientnet_lite0, published weights", ours, model, lite0_preset()))
    raise SystemExit(min(shares) < GOAL)


if __name__ == "__main__":
    main()
