"""Vision transformers whose sizes TorchVision has no function for: DeiT's and AugReg's."""

import torchvision

# Width, heads, patch.
VIT = {"vit_t_16": (192, 3, 16), "vit_s_16": (384, 6, 16), "vit_s_32": (384, 6, 32)}


def vit(arch: str, image_size: int = 224) -> torchvision.models.VisionTransformer:
    width, heads, patch = VIT[arch]
    return torchvision.models.VisionTransformer(
        image_size=image_size, patch_size=patch, num_layers=12, num_heads=heads, hidden_dim=width, mlp_dim=4 * width)
