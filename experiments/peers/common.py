"""What the peers' scripts share: networks, photographs, the two forms in which such scripts are written.

The usual form is the one of the tutorials: a DataLoader with workers, float32, default memory format. The tuned form is
what their authors' performance guides add: channels_last, workers that persist, and bfloat16 autocast where oneDNN has
kernels for it (AVX-512 and later; elsewhere autocast would make it many times slower) or on a GPU, to which batches then
travel from pinned memory.
"""

import argparse
import contextlib
import json
import os
import sys

import torch
import torchvision
from torchvision import transforms
from torchvision.transforms import InterpolationMode

WORKERS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
INTERPOLATION = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}


def arguments(*, forms=("usual", "tuned")):
    parser = argparse.ArgumentParser()
    parser.add_argument("--form", choices=forms, required=True)
    parser.add_argument("--arch", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    # How the weights want images: {"resize", "crop", "interpolation", "mean", "std"}.
    parser.add_argument("--input", type=json.loads, required=True)
    return parser


def tuned(form):
    return form != "usual"


def autocast(form, device="cpu"):
    kind = torch.device(device).type
    if tuned(form) and (kind == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return torch.autocast(kind, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def memory_format(form):
    return torch.channels_last if tuned(form) else torch.contiguous_format


def evaluation_transform(spec):
    return transforms.Compose([
        transforms.Resize(spec["resize"], interpolation=INTERPOLATION[spec["interpolation"]]),
        transforms.CenterCrop(spec["crop"]),
        transforms.ToTensor(),
        transforms.Normalize(spec["mean"], spec["std"]),
    ])


def training_transform(spec):
    return transforms.Compose([
        transforms.RandomResizedCrop(spec["crop"], interpolation=INTERPOLATION[spec["interpolation"]]),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(spec["mean"], spec["std"]),
    ])


def loader(dataset, args, shuffle):
    return torch.utils.data.DataLoader(
        dataset,
        batch_size=args.batch_size,
        shuffle=shuffle,
        num_workers=WORKERS,
        persistent_workers=tuned(args.form),
        pin_memory=tuned(args.form) and args.device != "cpu",
    )


def network(arch, classes):
    """A network without weights and the name of its last layer."""
    if arch == "efficientnet_lite0":
        import timm

        model = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=classes)
        # PyTorch's own new layer. timm draws the weights of one for two classes up to 0.7, which takes epochs to unlearn.
        model.classifier = torch.nn.Linear(model.num_features, classes)
        return model, "classifier"
    model = torchvision.models.get_model(arch, weights=None, num_classes=classes)
    return model, list(model.named_modules())[-1][0]


def load(model, path):
    """Copies weights in, a last layer of another number of classes aside."""
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    own = model.state_dict()
    if not own.keys() & state.keys():
        # The same layers in the same order under other names.
        if len(own) != len(state):
            sys.exit(f"{path}: {len(state)} tensors where the network has {len(own)}")
        state = dict(zip(own, state.values()))
    head = {name for name in own if name.startswith(("fc.", "classifier.", "heads."))}
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    lacking = own.keys() - fitting.keys() - head
    if lacking:
        sys.exit(f"{path}: does not fit at {sorted(lacking)[:3]}")
    model.load_state_dict(fitting, strict=False)
    return model


def answer(**fields):
    print(json.dumps(fields), flush=True)
