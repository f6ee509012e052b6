"""Decodes and augments the training photographs with Pillow on one core; prints images a second."""

import argparse
import json
import os
import time

import torch
from torchvision.datasets import ImageFolder

import common


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--input", type=json.loads, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = ImageFolder(os.path.join(args.data, "train"), common.training_transform(args.input))
    images[0]
    start = time.perf_counter()
    for index in range(len(images)):
        images[index]
    common.answer(images_per_second=len(images) / (time.perf_counter() - start))


if __name__ == "__main__":
    main()
