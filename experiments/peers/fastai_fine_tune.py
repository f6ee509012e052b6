"""fastai itself: `vision_learner(...).fine_tune(15)` with its defaults, from the same weights file, on the same images.

Its own: head (concatenated pooling, two layers, dropout), schedule (one frozen epoch, then one-cycle with discriminative rates),
AdamW, batches of 64, trained batch-norm statistics. Ours: images resized to a square as our runs have them, no augmentation
(fastai adds none unless asked), the seed.
"""

import argparse
import csv
import json
import os

import numpy
import torch

torch.set_num_threads(1)

import fastai
import timm
from fastai.vision.all import (
    CategoryBlock,
    DataBlock,
    ImageBlock,
    Normalize,
    PILImage,
    Resize,
    ResizeMethod,
    accuracy,
    set_seed,
    vision_learner,
)

import common

EPOCHS = 15
ARCH = "tf_efficientnet_lite0"


def main():
    parser = argparse.ArgumentParser()
    for name in ["root", "list", "weights", "out"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--side", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    with open(args.list, newline="") as file:
        rows = list(csv.DictReader(file))
    train = [row for row in rows if row["split"] == "train"]
    test = [row for row in rows if row["split"] == "test"]
    classes = sorted({row["label"] for row in rows})

    set_seed(args.seed, reproducible=True)
    # One side of fastai's split is required; validating while training would cost time and change nothing.
    block = DataBlock(
        blocks=(ImageBlock(PILImage), CategoryBlock(vocab=classes)),
        get_x=lambda row: os.path.join(args.root, row["path"]),
        get_y=lambda row: row["label"],
        splitter=lambda rows: (list(range(len(rows))), [0]),
        item_tfms=Resize(args.side, method=ResizeMethod.Crop),
        batch_tfms=Normalize.from_stats([0.498039] * 3, [0.501961] * 3, cuda=False),
    )
    # Training batches of 64 leave out a last smaller one, so fewer images than that make one batch of all.
    data = block.dataloaders(train, bs=min(64, len(train)), num_workers=0, device="cpu")
    learner = vision_learner(data, ARCH, pretrained=False, metrics=accuracy, normalize=False)
    source = common.load(timm.create_model(ARCH), args.weights).state_dict()
    body = learner.model[0].model
    missing, _ = body.load_state_dict(source, strict=False)
    if missing:
        raise SystemExit(f"{args.weights}: does not fill {missing[:3]}")
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(EPOCHS)

    loader = learner.dls.test_dl(test, with_labels=True, bs=64)
    with learner.no_bar(), learner.no_logging():
        probabilities, labels = learner.get_preds(dl=loader)
    probabilities, labels = probabilities.numpy(), labels.numpy()
    expected = numpy.array([classes.index(row["label"]) for row in test])
    if not (labels == expected).all():
        raise SystemExit("the test images are in another order")
    correct = probabilities.argmax(1) == labels
    chosen = numpy.clip(probabilities[numpy.arange(len(labels)), labels], 1e-12, 1)
    versions = f"fastai {fastai.__version__}, timm {timm.__version__}, torch {torch.__version__.split('+')[0]}"
    answer = {
        "accuracy": float(correct.mean()),
        "loss": float(-numpy.log(chosen).mean()),
        "answers": "".join("1" if one else "0" for one in correct),
        "versions": versions,
    }
    with open(args.out, "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
