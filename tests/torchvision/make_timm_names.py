#!/usr/bin/env python3
"""Write timm_names.json: names and shapes of timm's networks that TorchVision has too, no weights.

    pip install torch==2.11.0 timm
    python3 make_timm_names.py
"""

import json
from pathlib import Path

import timm
import torch

NETWORKS = [
    "resnet18", "wide_resnet50_2", "resnext50_32x4d", "vgg11", "vgg11_bn", "inception_v3", "efficientnet_b0", "efficientnet_b4",
    "tf_efficientnet_b7", "tf_efficientnet_lite0",
]
# timm's name -> ours.
VIT = {
    "deit_tiny_patch16_224": "vit_t_16", "vit_small_patch16_224": "vit_s_16", "vit_small_patch32_224": "vit_s_32",
    "deit_base_patch16_224": "vit_b_16", "vit_base_patch32_224": "vit_b_32", "vit_large_patch16_224": "vit_l_16",
    "vit_large_patch32_224": "vit_l_32", "vit_small_patch14_dinov2": "dinov2_vits14",
    "vit_base_patch14_dinov2": "dinov2_vitb14", "vit_large_patch14_dinov2": "dinov2_vitl14",
    "vit_small_patch14_reg4_dinov2": "dinov2_vits14_reg",
}
# The largest of the families whose smallest are in other_libraries.json, and those with a table of their own.
OTHERS = {
    "tf_efficientnetv2_m": "efficientnet_v2_m", "mobilenetv3_large_100": "mobilenet_v3_large",
    "regnety_320": "regnet_y_32gf", "regnetx_320": "regnet_x_32gf", "convnext_large": "convnext_large",
    "swin_base_patch4_window7_224": "swin_b", "swinv2_base_window8_256": "swin_v2_b", "densenet201": "densenet201",
}


def main():
    with torch.device("meta"):
        names = {n: {k: list(v.shape) for k, v in timm.create_model(n).state_dict().items()} for n in NETWORKS}
        names |= {ours: {k: list(v.shape) for k, v in timm.create_model(n, num_classes=1000).state_dict().items()}
                  for n, ours in (VIT | OTHERS).items()}
    text = json.dumps({"timm": timm.__version__, "networks": names}, separators=(",", ":"))
    (Path(__file__).parent / "timm_names.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
