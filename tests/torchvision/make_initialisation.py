"""Writes initialisation.json: mean, deviation and kurtosis of every parameter of a freshly built TorchVision network.

    python make_initialisation.py

One draw of each, seed 0, in float64: in float32 PyTorch's trunc_normal_ now and then gives the end of its range, a
weight of -2 among weights of 0.01. A kurtosis of 1.8 is a uniform distribution's, 3 a normal one's.
"""

import json
from pathlib import Path

import torch
import torchvision

import transformer_sizes

# A network for each way to start that the families have, and the smallest that has it.
NETWORKS = {
    "alexnet": {}, "vgg11": {}, "vgg11_bn": {}, "resnet18": {}, "resnet50": {}, "resnext50_32x4d": {},
    "googlenet": {"init_weights": True, "aux_logits": True}, "inception_v3": {"init_weights": True, "aux_logits": True},
    "efficientnet_b0": {}, "efficientnet_v2_s": {}, "convnext_tiny": {}, "densenet121": {}, "mobilenet_v2": {},
    "mobilenet_v3_small": {}, "regnet_y_400mf": {}, "vit_t_16": {}, "dinov2_vits14_reg": {}, "swin_t": {}, "swin_v2_t": {},
}


def moments(values: torch.Tensor) -> list[float]:
    values = values.detach().double()
    mean, deviation = values.mean(), values.std(correction=0)
    if deviation < 1e-9 * abs(mean):  # one number everywhere, up to rounding
        deviation = torch.zeros(())
    kurtosis = ((values - mean) ** 4).mean() / deviation**4 if deviation > 0 else torch.zeros(())
    return [float(f"{number.item():.5g}") for number in (mean, deviation, kurtosis)]


def table(arch: str, arguments: dict) -> dict:
    torch.manual_seed(0)
    model = build(arch, arguments)
    return {name: moments(values) for name, values in model.named_parameters()}


def build(arch: str, arguments: dict) -> torch.nn.Module:
    if arch in transformer_sizes.VIT:
        return transformer_sizes.vit(arch)
    if arch.startswith("dinov2_"):
        return authors_dinov2(arch)
    return getattr(torchvision.models, arch)(weights=None, **arguments)


def authors_dinov2(arch: str) -> torch.nn.Module:
    """timm's, which starts as the authors' program does; registers, which timm starts in its own way, as their class token."""
    import timm
    model = timm.create_model("vit_small_patch14_dinov2", num_classes=1000, init_values=1.0)
    if arch.endswith("_reg"):
        model.register_tokens = torch.nn.Parameter(torch.empty(1, 4, 384))
        torch.nn.init.normal_(model.register_tokens, std=1e-6)
    return model


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    tables = {arch: table(arch, arguments) for arch, arguments in NETWORKS.items()}
    lines = [
        f'  "{arch}": {{\n' + ",\n".join(f'    "{name}": {json.dumps(row)}' for name, row in rows.items()) + "\n  }"
        for arch, rows in tables.items()
    ]
    Path(__file__).with_name("initialisation.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
