"""The networks that the goldens cover: how each is built, its gain, its inputs and its stages."""

from dataclasses import dataclass, field

import torch
import torchvision

import generator


@dataclass(frozen=True)
class Network:
    gain: float
    eval_size: int = 64
    train_size: int = 96
    arguments: dict = field(default_factory=dict)
    # Input sizes to try for the gradients, until rounding no longer shows in them.
    gradient_sizes: tuple = (64, 68, 72, 76, 80, 84, 88, 92, 96, 100)
    # For the larger networks of a family whose smaller members carry the logits: names and shapes only.
    table_only: bool = False
    # Name of a stage -> the state-dict roots whose gradients it sums; None: no gradient golden.
    stages: dict | None = None


def ranges(prefix: str, bounds: dict) -> dict:
    return {name: [f"{prefix}.{i}" for i in range(first, last + 1)] for name, (first, last) in bounds.items()}


RESNET_STAGES = {
    "stem": ["conv1", "bn1"], "layer1": ["layer1"], "layer2": ["layer2"],
    "layer3": ["layer3"], "layer4": ["layer4"], "head": ["fc"],
}
ALEXNET_STAGES = ranges("features", {"block1": (0, 2), "block2": (3, 5), "block3": (6, 12)}) | {
    "classifier": ["classifier.1", "classifier.4"], "head": ["classifier.6"],
}
VGG11_BN_STAGES = ranges("features", {
    "block1": (0, 3), "block2": (4, 7), "block3": (8, 14), "block4": (15, 21), "block5": (22, 28),
}) | {"classifier": ["classifier.0", "classifier.3"], "head": ["classifier.6"]}
GOOGLENET_STAGES = {
    "stem1": ["conv1"], "stem2": ["conv2", "conv3"],
    "inception3": ["inception3a", "inception3b"],
    "inception4": [f"inception4{letter}" for letter in "abcde"],
    "inception5": ["inception5a", "inception5b"],
    "aux1": ["aux1"], "aux2": ["aux2"], "head": ["fc"],
}
INCEPTION_STAGES = {
    "stem1": ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"],
    "stem2": ["Conv2d_3b_1x1", "Conv2d_4a_3x3"],
    "mixed5": ["Mixed_5b", "Mixed_5c", "Mixed_5d"],
    "mixed6": [f"Mixed_6{letter}" for letter in "abcde"],
    "mixed7": ["Mixed_7a", "Mixed_7b", "Mixed_7c"],
    "aux": ["AuxLogits"], "head": ["fc"],
}
EFFICIENTNET_STAGES = {f"features.{i}": [f"features.{i}"] for i in range(9)} | {"head": ["classifier"]}

INCEPTION_ARGUMENTS = {"transform_input": False, "aux_logits": True, "init_weights": False}

NETWORKS = {
    "resnet18": Network(0.7, stages=RESNET_STAGES),
    "resnet34": Network(0.65),
    "resnet50": Network(0.9),
    "resnet101": Network(0.9),
    "resnet152": Network(0.9),
    "wide_resnet50_2": Network(0.9),
    "wide_resnet101_2": Network(0.9),
    "resnext50_32x4d": Network(0.9),
    "resnext101_32x8d": Network(0.9),
    "resnext101_64x4d": Network(0.9),
    "alexnet": Network(1.0, train_size=64, stages=ALEXNET_STAGES),
    "vgg11": Network(0.9, train_size=64),
    "vgg13": Network(0.9, train_size=64),
    "vgg16": Network(0.9, train_size=64),
    "vgg19": Network(0.9, train_size=64),
    "vgg11_bn": Network(0.9, stages=VGG11_BN_STAGES),
    "vgg13_bn": Network(0.9),
    "vgg16_bn": Network(0.9),
    "vgg19_bn": Network(0.9),
    "googlenet": Network(0.9, arguments=INCEPTION_ARGUMENTS, gradient_sizes=(68, 100), stages=GOOGLENET_STAGES),
    # 299 is the smallest input whose 17x17 grid the auxiliary head's 5x5 convolution accepts.
    "inception_v3": Network(1.0, 107, 299, INCEPTION_ARGUMENTS,
                            gradient_sizes=(302, 299), stages=INCEPTION_STAGES),
    "efficientnet_b0": Network(1.03, stages=EFFICIENTNET_STAGES),
    **{f"efficientnet_b{i}": Network(1.0, table_only=True) for i in range(1, 8)},
    # Not in TorchVision: the pip package efficientnet-lite-pytorch, with its own state-dict names.
    "efficientnet_lite0": Network(0.9, arguments={"drop_connect_rate": 0.0}),
}


def build(arch: str) -> torch.nn.Module:
    """The network with 1,000 classes and uninitialised weights, dropout and stochastic depth off."""
    arguments = NETWORKS[arch].arguments
    if arch == "efficientnet_lite0":
        from efficientnet_lite_pytorch import EfficientNet
        model = EfficientNet.from_name("efficientnet-lite0", **arguments)
    else:
        with torch.device("meta"):
            model = getattr(torchvision.models, arch)(**arguments)
        model = model.to_empty(device="cpu")
    for module in model.modules():
        if isinstance(module, (torch.nn.Dropout, torchvision.ops.StochasticDepth)):
            module.p = 0.0
    return model


def fill(model: torch.nn.Module, gain: float) -> None:
    """Sets every parameter and buffer from the generator."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(torch.from_numpy(generator.values(name, list(tensor.shape), gain)))


def inputs(shape: list[int]) -> torch.Tensor:
    return torch.from_numpy(generator.values("input", shape, 1.0))
