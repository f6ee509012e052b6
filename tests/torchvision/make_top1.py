"""Writes top1_dogs_cats.json: TorchVision's top-1 class for the 200 validation photographs of dogs_cats_small.

    python make_top1.py DATA/dogs_cats_small/val

The network is resnet18 filled by the generator, the preparation TorchVision's own for its weights, the decoder Pillow.
Without training its largest logit is nearly always the same one, so that agreement would show little; the bias of the
last layer is therefore lowered by the mean logits over these photographs (`bias`, which the test puts into its file too).
"""

import json
import sys
from pathlib import Path

import torch
import torchvision
from PIL import Image

import networks

ARCH = "resnet18"
HERE = Path(__file__).parent


def logits(photographs: list[Path]) -> torch.Tensor:
    model = networks.build(ARCH).eval()
    networks.fill(model, networks.NETWORKS[ARCH].gain)
    prepare = torchvision.models.get_model_weights(ARCH).DEFAULT.transforms()
    with torch.no_grad():
        return torch.cat([model(prepare(Image.open(path).convert("RGB")).unsqueeze(0)) for path in photographs])


def main():
    folder = Path(sys.argv[1])
    photographs = sorted(folder.rglob("*.jpg"))
    raw = logits(photographs)
    means = [float(f"{value:.6g}") for value in raw.mean(0).tolist()]
    rows = raw - torch.tensor(means)
    classes = rows.argmax(1).tolist()
    two = rows.topk(2).values
    margins = (two[:, 0] - two[:, 1]) / rows.abs().amax(1)
    print(f"{len(set(raw.argmax(1).tolist()))} classes as it is, {len(set(classes))} with the means taken off; "
          f"margins {margins.quantile(0.02):.4f} (2%), {margins.median():.4f} (median)")
    names = [path.relative_to(folder).as_posix() for path in photographs]
    golden = {"torch": torch.__version__, "torchvision": torchvision.__version__, "arch": ARCH,
              "means": means, "top1": dict(zip(names, classes))}
    lines = [f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in golden.items()]
    (HERE / "top1_dogs_cats.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
