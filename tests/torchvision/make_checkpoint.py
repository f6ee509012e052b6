"""Writes resnet18, filled by the generator, in the three formats a checkpoint comes in.

    python make_checkpoint.py FOLDER

FOLDER receives resnet18-zip.pth, resnet18-legacy.pth and resnet18.safetensors; their logits are those
of golden/resnet18.json.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

import networks


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    model = networks.build("resnet18")
    networks.fill(model, networks.NETWORKS["resnet18"].gain)
    state = model.state_dict()
    torch.save(state, folder / "resnet18-zip.pth")
    torch.save(state, folder / "resnet18-legacy.pth", _use_new_zipfile_serialization=False)
    save_file(state, folder / "resnet18.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
