"""Writes positions.json: embeddings of positions for another grid, as TorchVision's and DINOv2's own functions interpolate them.

    python make_positions.py

The three calls are those of `torchvision.models.vision_transformer.interpolate_embeddings` and of
`dinov2.models.vision_transformer.DinoVisionTransformer.interpolate_pos_encoding` (offset 0.1; with registers antialiased).
"""

import json
from pathlib import Path

import torch
from torch.nn.functional import interpolate

WIDTH = 3


def torchvision(grid, side):
    return interpolate(grid, size=side, mode="bicubic", align_corners=True)


def dino(grid, side):
    scale = (side + 0.1) / grid.shape[-1]
    return interpolate(grid, scale_factor=(scale, scale), mode="bicubic", antialias=False)


def dino_registers(grid, side):
    scale = side / grid.shape[-1]
    return interpolate(grid, scale_factor=(scale, scale), mode="bicubic", antialias=True)


def case(function, found, side):
    tokens = torch.randn(1, 1 + found * found, WIDTH)
    grid = tokens[:, 1:].reshape(1, found, found, WIDTH).permute(0, 3, 1, 2)
    out = function(grid, side)
    assert out.shape[-1] == side
    out = torch.cat([tokens[:, :1], out.permute(0, 2, 3, 1).reshape(1, side * side, WIDTH)], 1)
    flat = lambda tensor: [float(f"{value:.8g}") for value in tensor.reshape(-1).tolist()]
    return {"way": function.__name__, "from": found, "to": side, "width": WIDTH, "values": flat(tokens), "expected": flat(out)}


if __name__ == "__main__":
    torch.manual_seed(0)
    rows = [case(function, *sides) for function in (torchvision, dino, dino_registers) for sides in ((6, 4), (3, 5))]
    text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    Path(__file__).with_name("positions.json").write_text(f"[\n{text}\n]\n")
