"""The networks that the goldens cover: how each is built, its gain, its inputs and its stages."""

from dataclasses import dataclass, field

import torch
import torchvision

import generator
import transformer_sizes


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
    # Above 100 million parameters: the values are compared only by `cargo xtask test --large`.
    large: bool = False


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

CONVNEXT_STAGES = {
    "stem": ["features.0"], "stage1": ["features.1"], "stage2": ["features.2", "features.3"],
    "stage3": ["features.4", "features.5"], "stage4": ["features.6", "features.7"],
    "norm": ["classifier.0"], "head": ["classifier.2"],
}
DENSENET_STAGES = {
    "stem": ["features.conv0", "features.norm0"],
    **{f"block{i}": [f"features.denseblock{i}", f"features.transition{i}"] for i in range(1, 4)},
    "block4": ["features.denseblock4", "features.norm5"], "head": ["classifier"],
}
MOBILENET_V3_SMALL_STAGES = ranges("features", {
    "stem": (0, 0), "stage1": (1, 1), "stage2": (2, 3), "stage3": (4, 6), "stage4": (7, 8), "stage5": (9, 11),
    "last": (12, 12),
}) | {"classifier": ["classifier.0"], "head": ["classifier.3"]}
REGNET_STAGES = {
    "stem": ["stem"], **{f"block{i}": [f"trunk_output.block{i}"] for i in range(1, 5)}, "head": ["fc"],
}
EFFICIENTNET_V2_S_STAGES = {f"features.{i}": [f"features.{i}"] for i in range(8)} | {"head": ["classifier"]}



def vit_stages(depth: int, patches: list, block: str, norm: str, head: str) -> dict:
    """Patches, four groups of blocks, a norm and a head."""
    groups = {f"blocks{group + 1}": [f"{block}{i}" for i in range(group * depth // 4, (group + 1) * depth // 4)]
              for group in range(4)}
    return {"patches": patches} | groups | {"norm": [norm], "head": [head]}


def vit(size: int, patch: int, depth: int = 12, **more) -> Network:
    """One of TorchVision's, for small images, of which its embedding of positions takes one size only."""
    stages = vit_stages(depth, ["class_token", "conv_proj", "encoder.pos_embedding"],
                        "encoder.layers.encoder_layer_", "encoder.ln", "heads.head")
    return transformer(size, stages, **more)


def transformer(size: int, stages: dict, large: bool = False) -> Network:
    if large:
        return Network(0.9, table_only=True, large=True)
    return Network(0.9, size, size, {"image_size": size}, (size,), stages=stages)


def dinov2(size: int, depth: int = 12, registers: bool = False, **more) -> Network:
    tokens = ["register_tokens"] if registers else []
    stages = vit_stages(depth, ["cls_token", "pos_embed", *tokens, "patch_embed"], "blocks.", "norm", "head")
    return transformer(size, stages, **more)


SWIN_STAGES = {
    "patches": ["features.0"], "stage1": ["features.1"], "stage2": ["features.2", "features.3"],
    "stage3": ["features.4", "features.5"], "stage4": ["features.6", "features.7"], "norm": ["norm"], "head": ["head"],
}

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
    # At its own size, at which sides are odd that a stride of 2 halves.
    "efficientnet_lite1": Network(0.9, 240, 240, {"drop_connect_rate": 0.0}),
    **{f"efficientnet_lite{i}": Network(0.9, arguments={"drop_connect_rate": 0.0}, table_only=True)
       for i in range(2, 5)},
    "efficientnet_v2_s": Network(0.78, stages=EFFICIENTNET_V2_S_STAGES),
    "efficientnet_v2_m": Network(1.0, table_only=True),
    "efficientnet_v2_l": Network(0.73, table_only=True, large=True),
    "convnext_tiny": Network(1.0, stages=CONVNEXT_STAGES),
    "convnext_small": Network(1.0, table_only=True),
    "convnext_base": Network(1.0, table_only=True),
    "convnext_large": Network(1.0, large=True),
    "densenet121": Network(0.9, stages=DENSENET_STAGES),
    **{f"densenet{i}": Network(1.0, table_only=True) for i in (169, 201, 161)},
    "mobilenet_v2": Network(0.9),
    "mobilenet_v3_small": Network(1.0, stages=MOBILENET_V3_SMALL_STAGES),
    "mobilenet_v3_large": Network(1.0, table_only=True),
    "regnet_y_400mf": Network(0.9, stages=REGNET_STAGES),
    "regnet_x_400mf": Network(0.9, stages=REGNET_STAGES),
    **{f"regnet_{kind}_{size}": Network(1.0, table_only=True)
       for size in ("800mf", "1_6gf", "3_2gf", "8gf", "16gf") for kind in "yx"},
    "regnet_y_32gf": Network(0.9, large=True),
    "regnet_x_32gf": Network(0.9, large=True),
    # DeiT's and AugReg's sizes, of which TorchVision has the class and no function.
    "vit_t_16": vit(64, 16),
    "vit_s_16": Network(0.9, table_only=True),
    "vit_s_32": Network(0.9, table_only=True),
    "vit_b_16": vit(64, 16),
    "vit_b_32": Network(0.9, table_only=True),
    "vit_l_16": vit(64, 16, 24, large=True),
    "vit_l_32": vit(96, 32, 24, large=True),
    "vit_h_14": vit(56, 14, 32, large=True),
    # Not in TorchVision: transformers computes, under the names of the authors' own program.
    "dinov2_vits14": dinov2(56),
    "dinov2_vitb14": Network(0.9, table_only=True),
    "dinov2_vitl14": dinov2(56, 24, large=True),
    "dinov2_vits14_reg": dinov2(56, registers=True),
    "dinov2_vitb14_reg": Network(0.9, table_only=True),
    "dinov2_vitl14_reg": dinov2(56, 24, registers=True, large=True),
    # At 64 pixels windows are padded and shifted in the first stages, at 96 in one more.
    "swin_t": Network(0.9, stages=SWIN_STAGES),
    "swin_v2_t": Network(0.9, stages=SWIN_STAGES),
    **{name: Network(0.9, table_only=True) for name in ("swin_s", "swin_b", "swin_v2_s", "swin_v2_b")},
}


def build(arch: str) -> torch.nn.Module:
    """The network with 1,000 classes and uninitialised weights, dropout and stochastic depth off."""
    arguments = NETWORKS[arch].arguments
    if arch.startswith("efficientnet_lite"):
        from efficientnet_lite_pytorch import EfficientNet
        model = EfficientNet.from_name(arch.replace("_", "-"), **arguments)
    elif arch.startswith("dinov2_"):
        import dinov2
        model = dinov2.build(arch, **arguments)
    elif arch in transformer_sizes.VIT:
        with torch.device("meta"):
            model = transformer_sizes.vit(arch, **arguments)
        model = model.to_empty(device="cpu")
    elif arch.startswith(("regnet", "swin")):  # computes its widths with tensors; has constants besides its weights
        model = getattr(torchvision.models, arch)(**arguments)
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
            if name.endswith(generator.CONSTANTS):
                continue
            tensor.copy_(torch.from_numpy(generator.values(name, list(tensor.shape), gain)))


def inputs(shape: list[int]) -> torch.Tensor:
    return torch.from_numpy(generator.values("input", shape, 1.0))
