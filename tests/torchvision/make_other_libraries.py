"""Writes other_libraries.json: what timm and transformers compute with weights of the generator, under their own names.

    pip install torch==2.11.0 timm==1.0.31 transformers==5.24.0
    python make_other_libraries.py

A test writes a file of weights with these names, loads it as a user's file is loaded, and compares the logits; or, where the
library's network has no head, what a head would read.
"""

import json
import tempfile
from pathlib import Path

import timm
import torch
import transformers
from safetensors.torch import load_file, save_file

import generator

GAIN = 0.9
TINY = dict(hidden_size=192, num_hidden_layers=12, num_attention_heads=3, intermediate_size=768)
SMALL = dict(hidden_size=384, num_hidden_layers=12, num_attention_heads=6)


def cases():
    """Library, network of ours, size of the images, their module, and what of its output is compared."""
    def of_timm(name, size):
        return timm.create_model(name, img_size=size, num_classes=1000)
    yield "timm", "vit_t_16", 64, of_timm("deit_tiny_patch16_224", 64), lambda out: out
    yield "timm", "dinov2_vits14", 56, of_timm("vit_small_patch14_dinov2", 56), lambda out: out
    yield "timm", "dinov2_vits14_reg", 56, of_timm("vit_small_patch14_reg4_dinov2", 56), lambda out: out
    config = transformers.ViTConfig(**TINY, image_size=64, num_labels=1000)
    yield "transformers", "vit_t_16", 64, transformers.ViTForImageClassification(config), lambda out: out.logits
    config = transformers.Dinov2Config(**SMALL, image_size=56, patch_size=14)
    yield "transformers", "dinov2_vits14", 56, transformers.Dinov2Model(config), class_token
    config = transformers.Dinov2WithRegistersConfig(**SMALL, image_size=56, patch_size=14, num_register_tokens=4)
    yield "transformers", "dinov2_vits14_reg", 56, transformers.Dinov2WithRegistersModel(config), class_token


def class_token(out):
    return out.last_hidden_state[:, 0]


@torch.no_grad()
def computed(library, network, size, model, take):
    values = lambda name, tensor: torch.from_numpy(generator.values(name, list(tensor.shape), GAIN))
    # What stands for hidden patches in training takes no part.
    if library == "timm":
        tensors = model.state_dict()
        for name, tensor in tensors.items():
            tensor.copy_(values(name, tensor))
    else:
        # Names in its files are others than those of its modules.
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            file = Path(folder) / "model.safetensors"
            tensors = {name: tensor for name, tensor in load_file(file).items() if "mask_token" not in name}
            filled = {name: values(name, tensor) for name, tensor in tensors.items()}
            save_file(filled, file, {"format": "pt"})
            model = type(model).from_pretrained(folder)
    model.eval()
    shape = [2, 3, size, size]
    out = take(model(torch.from_numpy(generator.values("input", shape, 1.0))))
    assert out.abs().max() > 0.1 and (out[0] - out[1]).abs().max() > 1e-2 * out.abs().max()
    return {
        "library": library, "version": {"timm": timm, "transformers": transformers}[library].__version__,
        "network": network, "gain": GAIN, "shape": shape, "features": take is class_token,
        "values": [float(f"{value:.9g}") for value in out.reshape(-1).tolist()],
        "tensors": [[name, list(tensor.shape)] for name, tensor in tensors.items()],
    }


def main():
    torch.set_num_threads(1)
    rows = ",\n".join(json.dumps(computed(*case), separators=(",", ":")) for case in cases())
    Path(__file__).with_name("other_libraries.json").write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main()
