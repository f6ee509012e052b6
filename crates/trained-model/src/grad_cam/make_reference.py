"""Writes reference.json: Grad-CAM of a small LeNet by Python's autograd, in float64.

    python make_reference.py        (PyTorch 2.11)

Weights and pixels are sines, which the Rust test makes as well. The map is written out from the paper's formulas (1) and (2)
and divided by its highest value.
"""

import json
import pathlib

import torch
from torch.nn.functional import max_pool2d

torch.set_default_dtype(torch.float64)

SHAPES = {
    "conv1.weight": (6, 1, 5, 5), "conv1.bias": (6,), "conv2.weight": (16, 6, 5, 5), "conv2.bias": (16,),
    "fc1.weight": (120, 400), "fc1.bias": (120,), "fc2.weight": (84, 120), "fc2.bias": (84,),
    "fc3.weight": (3, 84), "fc3.bias": (3,),
}
CLASSES = [0, 2, 1, 1]


def waves(shape, scale):
    at = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (at * at % 1009 * 1.7).sin().view(shape) * scale


def main():
    p = {name: waves(shape, (0.1 + 0.01 * number) * (0.3 if name == "fc1.weight" else 1.0))
         for number, (name, shape) in enumerate(SHAPES.items(), 1)}
    x = waves((4, 1, 28, 28), 1.0)
    x1 = max_pool2d(torch.relu(torch.conv2d(x, p["conv1.weight"], p["conv1.bias"], padding=2)), 2)
    x2 = max_pool2d(torch.relu(torch.conv2d(x1, p["conv2.weight"], p["conv2.bias"])), 2)
    x2 = x2.detach().requires_grad_()
    x3 = torch.relu(x2.flatten(1) @ p["fc1.weight"].T + p["fc1.bias"])
    x4 = torch.relu(x3 @ p["fc2.weight"].T + p["fc2.bias"])
    logits = x4 @ p["fc3.weight"].T + p["fc3.bias"]
    maps = []
    for number, target in enumerate(CLASSES):
        (gradient,) = torch.autograd.grad(logits[number, target], x2, retain_graph=True)
        weights = gradient[number].mean(dim=(1, 2))  # [16]
        cam = torch.relu((weights[:, None, None] * x2[number]).sum(0)).detach()  # [5, 5]
        print(target, int((cam > 0).sum()), "of 25 positive")
        maps.append((cam / cam.max().clamp_min(1e-30)).tolist())
    path = pathlib.Path(__file__).with_name("reference.json")
    path.write_text(json.dumps({"classes": CLASSES, "maps": maps}) + "\n")
    print(path.stat().st_size, "bytes", [[round(v, 2) for v in row] for row in maps[0]])


main()
