"""DINOv2 as transformers computes it, its tensors under the names of the authors' own program (facebookresearch/dinov2).

The authors' files have queries, keys and values of a block in one tensor, `blocks.N.attn.qkv.weight`, and transformers in three.
A linear layer on the class token, which neither has, is the head.
"""

import torch
from torch.func import functional_call

# Width, blocks, heads.
SIZES = {"s": (384, 12, 6), "b": (768, 12, 12), "l": (1024, 24, 16)}


def build(arch: str, image_size: int = 224) -> torch.nn.Module:
    """The network for images of one size, with 1,000 classes and uninitialised weights."""
    import transformers

    width, depth, heads = SIZES[arch.removeprefix("dinov2_vit")[0]]
    sizes = dict(hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads, image_size=image_size, patch_size=14)
    if arch.endswith("_reg"):
        config = transformers.Dinov2WithRegistersConfig(**sizes, num_register_tokens=4)
        model = transformers.Dinov2WithRegistersModel
    else:
        config, model = transformers.Dinov2Config(**sizes), transformers.Dinov2Model
    with torch.device("meta"):
        return Published(model(config)).to_empty(device="cpu")


class Published(torch.nn.Module):
    """Parameters under the authors' names, computed with by transformers' module."""

    def __init__(self, theirs: torch.nn.Module):
        super().__init__()
        # Not a child: its parameters are stood in for.
        self.__dict__["theirs"] = theirs
        width = theirs.config.hidden_size
        shapes = {name: tuple(p.shape) for name, p in theirs.named_parameters() if "mask_token" not in name}
        published = {}
        for name, shape in shapes.items():
            ours, part = rename(name)
            published[ours] = shape if part is None else (3 * shape[0], *shape[1:])
        order = ["cls_token", "pos_embed", "register_tokens", "patch_embed", "blocks", "norm"]
        place = lambda name: (order.index(name.split(".")[0]), block_place(name))
        for name in sorted(published, key=place):
            self.put(name, torch.nn.Parameter(torch.empty(published[name])))
        self.head = torch.nn.Linear(width, 1000)

    def put(self, name: str, parameter: torch.nn.Parameter):
        *parents, last = name.split(".")
        module = self
        for parent in parents:
            if parent not in module._modules:
                module.add_module(parent, torch.nn.Module())
            module = module._modules[parent]
        module.register_parameter(last, parameter)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ours = dict(self.named_parameters())
        theirs = {}
        for name, parameter in self.theirs.named_parameters():
            if "mask_token" in name:
                theirs[name] = x.new_zeros(parameter.shape)
                continue
            published, part = rename(name)
            tensor = ours[published]
            theirs[name] = tensor if part is None else tensor.chunk(3)[part]
        self.theirs.train(self.training)
        tokens = functional_call(self.theirs, theirs, (), {"pixel_values": x}).last_hidden_state
        return self.head(tokens[:, 0])


# Layers of a block in the order of the authors' state dict: transformers' name -> theirs, and the part of it.
LAYERS = {
    "norm1": ("norm1", None),
    "attention.q_proj": ("attn.qkv", 0), "attention.k_proj": ("attn.qkv", 1), "attention.v_proj": ("attn.qkv", 2),
    "attention.o_proj": ("attn.proj", None), "layer_scale1": ("ls1", None), "norm2": ("norm2", None),
    "mlp.fc1": ("mlp.fc1", None), "mlp.fc2": ("mlp.fc2", None), "layer_scale2": ("ls2", None),
}
EMBEDDINGS = {
    "embeddings.cls_token": "cls_token", "embeddings.position_embeddings": "pos_embed",
    "embeddings.register_tokens": "register_tokens",
}


def rename(name: str) -> tuple[str, int | None]:
    """The authors' name of one of transformers' tensors, and which third of it that is."""
    if name in EMBEDDINGS:
        return EMBEDDINGS[name], None
    module, tensor = name.rsplit(".", 1)
    tensor = tensor.replace("lambda1", "gamma")
    if module == "embeddings.patch_embeddings.projection":
        return f"patch_embed.proj.{tensor}", None
    if module == "layernorm":
        return f"norm.{tensor}", None
    number, layer = module.removeprefix("encoder.layer.").split(".", 1)
    ours, part = LAYERS[layer]
    return f"blocks.{number}.{ours}.{tensor}", part


def block_place(name: str) -> tuple:
    parts = name.split(".")
    if parts[0] != "blocks":
        return (0, 0, 0)
    layers = list(dict.fromkeys(ours for ours, _ in LAYERS.values()))
    return int(parts[1]), layers.index(".".join(parts[2:-1])), parts[-1] != "weight"
