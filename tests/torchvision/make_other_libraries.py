"""Writes other_libraries.json: what timm and transformers compute with weights of the generator, under their own names.

    pip install torch==2.11.0 timm==1.0.31 transformers==5.24.0
    python make_other_libraries.py

A test writes a file of weights with these names, loads it as a user's file is loaded, and compares the logits; or, where the
library's network has no head, what a head would read.
"""

import json
import re
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
    """Library, network of ours, size of the images, their module, what of its output is compared, and the gain."""
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
    for network, size, name, gain, more in OF_TIMM:
        yield "timm", network, size, timm.create_model(name, num_classes=CLASSES, **more), lambda out: out, gain
    swin = timm.create_model("swin_tiny_patch4_window7_224", num_classes=CLASSES)
    yield "Swin's authors", "swin_t", 224, swin, lambda out: out
    swin = timm.create_model("swinv2_tiny_window8_256", num_classes=CLASSES)
    yield "Swin's authors", "swin_v2_t", 256, swin, lambda out: out
    for network, size, kind, more in OF_TRANSFORMERS:
        config = getattr(transformers, f"{kind}Config")(num_labels=CLASSES, **more)
        model = getattr(transformers, f"{kind}ForImageClassification")(config)
        yield "transformers", network, size, model, lambda out: out.logits


# Fewer than ImageNet has, which keeps the file small.
CLASSES = 10
# Network of ours, size of the images, timm's name, gain. Batch-norm's epsilon is that of the `tf_` networks, which pad otherwise.
TENSORFLOW = dict(bn_eps=1e-3)
OF_TIMM = [
    ("resnet18", 64, "resnet18", GAIN, {}),
    ("densenet121", 64, "densenet121", 1.0, {}),
    ("mobilenet_v2", 64, "mobilenetv2_100", 1.4, {}),
    ("mobilenet_v3_small", 64, "mobilenetv3_small_100", 1.4, TENSORFLOW),
    ("mobilenet_v3_large", 64, "mobilenetv3_large_100", 1.4, TENSORFLOW),
    ("efficientnet_v2_s", 64, "efficientnetv2_s", 0.95, TENSORFLOW),
    ("regnet_y_400mf", 64, "regnety_004", GAIN, {}),
    ("regnet_x_400mf", 64, "regnetx_004_tv", GAIN, {}),
    ("convnext_tiny", 64, "convnext_tiny", GAIN, {}),
    ("swin_t", 224, "swin_tiny_patch4_window7_224", GAIN, {}),
    ("swin_v2_t", 256, "swinv2_tiny_window8_256", GAIN, {}),
]
# Network of ours, size of the images, transformers' class, its configuration where it is not the usual one.
REGNET = dict(embedding_size=32)
OF_TRANSFORMERS = [
    ("resnet50", 64, "ResNet", {}),
    ("regnet_y_400mf", 64, "RegNet",
     REGNET | dict(layer_type="y", hidden_sizes=[48, 104, 208, 440], depths=[1, 3, 6, 6], groups_width=8)),
    ("regnet_x_400mf", 64, "RegNet",
     REGNET | dict(layer_type="x", hidden_sizes=[32, 64, 160, 400], depths=[1, 2, 7, 12], groups_width=16)),
    ("convnext_tiny", 64, "ConvNext", {}),
    ("swin_t", 224, "Swin", {}),
    ("swin_v2_t", 256, "Swinv2",
     dict(image_size=256, window_size=8, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24], embed_dim=96)),
]


def class_token(out):
    return out.last_hidden_state[:, 0]


def name_in_file(library, name):
    """What timm's tensor is called in a file of this library."""
    if library != "Swin's authors":
        return name
    earlier = lambda found: f"layers.{int(found[1]) - 1}.downsample."
    return re.sub(r"^layers\.(\d)\.downsample\.", earlier, name).replace("head.fc.", "head.")


@torch.no_grad()
def computed(library, network, size, model, take, gain=GAIN):
    values = lambda name, tensor: torch.from_numpy(generator.values(name, list(tensor.shape), gain))
    # What stands for hidden patches in training takes no part.
    if library != "transformers":
        tensors = {name_in_file(library, name): tensor for name, tensor in model.state_dict().items()}
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
    program = transformers if library == "transformers" else timm
    return {
        "library": library, "version": program.__version__,
        "network": network, "gain": gain, "shape": shape, "features": take is class_token, "classes": out.shape[1],
        "values": [float(f"{value:.9g}") for value in out.reshape(-1).tolist()],
        "tensors": [[name, list(tensor.shape)] for name, tensor in tensors.items()
                    if not name.endswith("num_batches_tracked")],
    }


def main():
    torch.set_num_threads(1)
    rows = ",\n".join(json.dumps(computed(*case), separators=(",", ":")) for case in cases())
    Path(__file__).with_name("other_libraries.json").write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main()
