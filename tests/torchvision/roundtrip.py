"""Loads a trained model.safetensors into TorchVision, strictly, and prints its logits as JSON.

    python roundtrip.py MODEL.safetensors IMAGE.png [IMAGE.png ...]
    python roundtrip.py MODEL.safetensors --tensor INPUT.safetensors

The file's metadata names the network (`arch`) and its constructor's arguments (`arguments`, JSON). A
image must already have the size the network was trained on; it is only normalised, with the mean and
standard deviation of the metadata's `input` (JSON with `mean` and `std`). A tensor file holds
one tensor called `input`, already normalised, of shape [N, 3, H, W].

One line per image: {"path": ..., "logits": [...]}, and "class" where the metadata has `classes` (JSON list).
"""

import argparse
import json

import numpy
import torch
import torchvision
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file


def load(path: str):
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    if "arch" not in metadata:
        raise SystemExit(f"{path}: the metadata names no `arch`")
    arguments = json.loads(metadata.get("arguments", "{}"))
    model = getattr(torchvision.models, metadata["arch"])(weights=None, **arguments)
    model.load_state_dict(load_file(path), strict=True)
    return model.eval(), metadata


def image(path: str, metadata: dict) -> torch.Tensor:
    """[1, 3, H, W], normalised as the weights expect."""
    preparation = json.loads(metadata["input"])
    pixels = numpy.asarray(Image.open(path).convert("RGB"), dtype=numpy.float32) / 255.0
    mean = torch.tensor(preparation["mean"]).view(3, 1, 1)
    std = torch.tensor(preparation["std"]).view(3, 1, 1)
    return ((torch.from_numpy(pixels).permute(2, 0, 1) - mean) / std).unsqueeze(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("images", nargs="*")
    parser.add_argument("--tensor")
    arguments = parser.parse_args()
    if not arguments.images and not arguments.tensor:
        parser.error("give an image or --tensor")
    model, metadata = load(arguments.model)
    classes = json.loads(metadata.get("classes", "null"))
    batches = [(path, image(path, metadata)) for path in arguments.images]
    if arguments.tensor:
        batches.append((arguments.tensor, load_file(arguments.tensor)["input"]))
    for path, batch in batches:
        with torch.no_grad():
            rows = model(batch)
        for row in rows:
            line = {"path": path, "logits": row.tolist()}
            if classes:
                line["class"] = classes[int(row.argmax())]
            print(json.dumps(line))


if __name__ == "__main__":
    main()
