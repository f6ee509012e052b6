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
    # Names and shapes alone: so deep that values of the generator die out or explode.
    table_only: bool = False
    # Gradients in float64: where float32 carries some unit across a corner at any size, as with ReLU6, or where a search would be long.
    exact_gradients: bool = False
    # Name of a stage -> the state-dict roots whose gradients it sums.
    stages: dict | None = None
    # Larger than the smallest of its kind of block: some values, which `cargo xtask test --large` compares.
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


def vgg11_stages(norm: bool) -> dict:
    """Blocks of convolutions with their units, and norms, each followed by a pool."""
    bounds, first = {}, 0
    for number, depth in enumerate((1, 1, 2, 2, 2), 1):
        last = first + depth * (3 if norm else 2)
        bounds[f"block{number}"] = first, last
        first = last + 1
    return ranges("features", bounds) | {"classifier": ["classifier.0", "classifier.3"], "head": ["classifier.6"]}


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
EFFICIENTNET_V2_S_STAGES = {f"features.{i}": [f"features.{i}"] for i in range(8)} | {"head": ["classifier"]}
# Blocks of each of the seven stages.
LITE_DEPTHS = {
    0: (1, 2, 2, 3, 3, 4, 1), 1: (1, 3, 3, 4, 4, 5, 1), 2: (1, 3, 3, 4, 4, 5, 1), 3: (1, 3, 3, 5, 5, 6, 1),
    4: (1, 4, 4, 6, 6, 8, 1),
}


def lite_stages(depths: tuple) -> dict:
    stages, first = {"stem": ["_conv_stem", "_bn0"]}, 0
    for number, depth in enumerate(depths, 1):
        stages[f"stage{number}"] = [f"_blocks.{i}" for i in range(first, first + depth)]
        first += depth
    return stages | {"last": ["_conv_head", "_bn1"], "head": ["_fc"]}


def lite(number: int, size: int = 64, train_size: int = 96, **more) -> "Network":
    """Not in TorchVision: the pip package efficientnet-lite-pytorch, with its own state-dict names."""
    return Network(0.9, size, train_size, {"drop_connect_rate": 0.0}, (size,), exact_gradients=True,
                   stages=lite_stages(LITE_DEPTHS[number]), **more)


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
MOBILENET_V2_STAGES = ranges("features", {
    "stem": (0, 0), "stage1": (1, 1), "stage2": (2, 3), "stage3": (4, 6), "stage4": (7, 13), "stage5": (14, 17),
    "last": (18, 18),
}) | {"head": ["classifier"]}
MOBILENET_V3_STAGES = {"small": ranges("features", {
    "stem": (0, 0), "stage1": (1, 1), "stage2": (2, 3), "stage3": (4, 6), "stage4": (7, 8), "stage5": (9, 11),
    "last": (12, 12),
}), "large": ranges("features", {
    "stem": (0, 0), "stage1": (1, 1), "stage2": (2, 3), "stage3": (4, 6), "stage4": (7, 12), "stage5": (13, 15),
    "last": (16, 16),
})}
MOBILENET_V3_CLASSIFIER = {"classifier": ["classifier.0"], "head": ["classifier.3"]}
REGNET_STAGES = {
    "stem": ["stem"], **{f"block{i}": [f"trunk_output.block{i}"] for i in range(1, 5)}, "head": ["fc"],
}


def vit_stages(depth: int, patches: list, block: str, norm: str, head: str) -> dict:
    """Patches, four groups of blocks, a norm and a head."""
    groups = {f"blocks{group + 1}": [f"{block}{i}" for i in range(group * depth // 4, (group + 1) * depth // 4)]
              for group in range(4)}
    return {"patches": patches} | groups | {"norm": [norm], "head": [head]}


def vit(size: int, depth: int = 12, **more) -> Network:
    """One of TorchVision's, for small images, of which its embedding of positions takes one size only."""
    stages = vit_stages(depth, ["class_token", "conv_proj", "encoder.pos_embedding"],
                        "encoder.layers.encoder_layer_", "encoder.ln", "heads.head")
    return transformer(size, stages, **more)


def transformer(size: int, stages: dict, **more) -> Network:
    return Network(0.9, size, size, {"image_size": size}, (size,), stages=stages, **more)


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
    "resnet50": Network(0.9, exact_gradients=True, stages=RESNET_STAGES),
    "resnet101": Network(0.9),
    "resnet152": Network(0.9),
    "wide_resnet50_2": Network(0.9),
    "wide_resnet101_2": Network(0.9),
    "resnext50_32x4d": Network(0.9, exact_gradients=True, stages=RESNET_STAGES),
    "resnext101_32x8d": Network(0.9),
    "resnext101_64x4d": Network(0.9),
    "alexnet": Network(1.0, train_size=64, stages=ALEXNET_STAGES),
    "vgg11": Network(0.9, train_size=64, exact_gradients=True, stages=vgg11_stages(norm=False)),
    **{f"vgg{number}": Network(0.9, train_size=64) for number in (13, 16, 19)},
    "vgg11_bn": Network(0.9, stages=vgg11_stages(norm=True)),
    **{f"vgg{number}_bn": Network(0.9) for number in (13, 16, 19)},
    "googlenet": Network(0.9, arguments=INCEPTION_ARGUMENTS, gradient_sizes=(68, 100), stages=GOOGLENET_STAGES),
    # 299 is the smallest input whose 17x17 grid the auxiliary head's 5x5 convolution accepts.
    "inception_v3": Network(1.0, 107, 299, INCEPTION_ARGUMENTS,
                            gradient_sizes=(302, 299), stages=INCEPTION_STAGES),
    "efficientnet_b0": Network(1.03, stages=EFFICIENTNET_STAGES),
    **{f"efficientnet_b{i}": Network(1.0, stages=EFFICIENTNET_STAGES, large=True) for i in (1, 2)},
    "efficientnet_b3": Network(0.9, stages=EFFICIENTNET_STAGES, large=True),
    **{f"efficientnet_b{i}": Network(1.0, table_only=True) for i in range(4, 8)},
    "efficientnet_lite0": lite(0),
    # At their own sizes, by which the package pads, and at which sides are odd that a stride of 2 halves.
    "efficientnet_lite1": lite(1, 240, 240),
    "efficientnet_lite2": lite(2, 260, 260, large=True),
    "efficientnet_lite3": lite(3, 280, 280, large=True),
    "efficientnet_lite4": lite(4, 300, 300, large=True),
    "efficientnet_v2_s": Network(0.78, stages=EFFICIENTNET_V2_S_STAGES),
    # Statistics over more positions: in so many layers rounding would grow.
    "efficientnet_v2_m": Network(0.73, train_size=256, stages=EFFICIENTNET_STAGES, large=True),
    "efficientnet_v2_l": Network(0.73, train_size=256, stages=EFFICIENTNET_STAGES, large=True),
    "convnext_tiny": Network(1.0, stages=CONVNEXT_STAGES),
    "convnext_small": Network(1.0, stages=CONVNEXT_STAGES, large=True),
    "convnext_base": Network(1.0, stages=CONVNEXT_STAGES, large=True),
    "convnext_large": Network(1.0, stages=CONVNEXT_STAGES, large=True),
    "densenet121": Network(0.9, stages=DENSENET_STAGES),
    **{f"densenet{i}": Network(0.9, exact_gradients=True, stages=DENSENET_STAGES, large=True) for i in (169, 201, 161)},
    "mobilenet_v2": Network(0.9, exact_gradients=True, stages=MOBILENET_V2_STAGES),
    "mobilenet_v3_small": Network(1.0, stages=MOBILENET_V3_STAGES["small"] | MOBILENET_V3_CLASSIFIER),
    "mobilenet_v3_large": Network(1.0, stages=MOBILENET_V3_STAGES["large"] | MOBILENET_V3_CLASSIFIER, large=True),
    "regnet_y_400mf": Network(0.9, stages=REGNET_STAGES),
    "regnet_x_400mf": Network(0.9, stages=REGNET_STAGES),
    **{f"regnet_{kind}_{size}": Network(0.9, exact_gradients=True, stages=REGNET_STAGES, large=True)
       for size in ("800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf") for kind in "yx"},
    # DeiT's and AugReg's sizes, of which TorchVision has the class and no function.
    "vit_t_16": vit(64),
    "vit_s_16": vit(64, large=True),
    "vit_s_32": vit(96, large=True),
    "vit_b_16": vit(64),
    "vit_b_32": vit(96, large=True),
    "vit_l_16": vit(64, 24, large=True),
    "vit_l_32": vit(96, 24, large=True),
    "vit_h_14": vit(56, 32, large=True),
    # Not in TorchVision: transformers computes, under the names of the authors' own program.
    "dinov2_vits14": dinov2(56),
    "dinov2_vitb14": dinov2(56, large=True),
    "dinov2_vitl14": dinov2(56, 24, large=True),
    "dinov2_vits14_reg": dinov2(56, registers=True),
    "dinov2_vitb14_reg": dinov2(56, registers=True, large=True),
    "dinov2_vitl14_reg": dinov2(56, 24, registers=True, large=True),
    # At 64 pixels windows are padded and shifted in the first stages, at 96 in one more.
    "swin_t": Network(0.9, stages=SWIN_STAGES),
    "swin_v2_t": Network(0.9, stages=SWIN_STAGES),
    **{name: Network(0.9, stages=SWIN_STAGES, large=True) for name in ("swin_s", "swin_b", "swin_v2_s", "swin_v2_b")},
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
    """Sets every parameter and buffer from the generator; parameters once, as no pass changes them."""
    parameters = {name for name, _ in model.named_parameters()} if getattr(model, "is_filled", False) else set()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith(generator.CONSTANTS) or name in parameters:
                continue
            tensor.copy_(torch.from_numpy(generator.values(name, list(tensor.shape), gain)))
    model.is_filled = True


def inputs(shape: list[int]) -> torch.Tensor:
    return torch.from_numpy(generator.values("input", shape, 1.0))
