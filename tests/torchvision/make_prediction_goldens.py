"""Writes prediction.json: TorchVision's logits for an image, and its count of operations.

    python make_prediction_goldens.py

`logits`: of the networks filled by the generator, for one image prepared by the weights' own preset. The image is as
large as that resizes to (256 x 256 pixels, for inception_v3 342 x 342), so that resizing changes nothing and only the
centre is cut. Its bytes, row by row, are floor((v + 1) * 128) of the generator's values called `picture.input`.
GoogLeNet and Inception are built as TorchVision builds them for pretrained weights, with `transform_input=True`.

`giga_multiply_adds`: `_ops` of each network's default weights, in 10^9 multiply-adds to three decimals.
"""

import json
from pathlib import Path

import numpy
import torch
import torchvision
from PIL import Image

import generator
import networks

HERE = Path(__file__).parent


ARCHS = ("resnet18", "efficientnet_b0", "alexnet", "vgg11_bn", "googlenet", "inception_v3")


def image(side: int) -> Image.Image:
    values = generator.values("picture.input", [side, side, 3], 1.0)
    return Image.fromarray(numpy.floor((values.astype(numpy.float64) + 1.0) * 128.0).astype(numpy.uint8))


def preset(arch: str):
    return torchvision.models.get_model_weights(arch).DEFAULT.transforms()


def logits(arch: str) -> list[float]:
    model = networks.build(arch).eval()
    networks.fill(model, networks.NETWORKS[arch].gain)
    if hasattr(model, "transform_input"):
        model.transform_input = True
    prepare = preset(arch)
    with torch.no_grad():
        row = model(prepare(image(prepare.resize_size[0])).unsqueeze(0))[0]
    return [float(f"{value:.9g}") for value in row.tolist()]


def operations() -> dict[str, float]:
    archs = [arch for arch in networks.NETWORKS if hasattr(torchvision.models, arch)]
    return {arch: torchvision.models.get_model_weights(arch).DEFAULT.meta["_ops"] for arch in archs}


def main():
    torch.set_num_threads(1)
    golden = {
        "torch": torch.__version__, "torchvision": torchvision.__version__,
        "giga_multiply_adds": operations(),
        "logits": {arch: logits(arch) for arch in ARCHS},
    }
    lines = [f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in golden.items()]
    (HERE / "prediction.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
