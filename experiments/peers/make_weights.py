"""Source weights where none can be fetched: a network at random, its batch-norm measured on photographs.

Both sides start from the file this writes. What they reach is the accuracy of random features.
"""

import argparse
import os

import torch
import torchvision
from torch import nn
from torchvision.datasets import ImageFolder

import common

IMAGENET = {
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--save", required=True)
    args = parser.parse_args()
    torch.manual_seed(0)
    model = torchvision.models.get_model(args.arch, weights=None).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain mean
    images = ImageFolder(os.path.join(args.data, "train"), common.evaluation_transform(IMAGENET))
    batches = torch.utils.data.DataLoader(images, batch_size=16, shuffle=True)
    for (images, _), _ in zip(batches, range(4)):
        model(images)
    torch.save(model.state_dict(), args.save + ".part")
    os.replace(args.save + ".part", args.save)


if __name__ == "__main__":
    main()
