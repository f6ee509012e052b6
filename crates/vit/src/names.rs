//! The two schemes in which the tensors of a network are named.

use backbone::Path;

/// Who named the tensors of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// TorchVision, for its own networks.
    TorchVision,
    /// The authors of DINOv2, as timm: their networks have a factor for each channel of a branch.
    Dino,
}

/// The product that gives queries, keys and values: where it lies, and its own two names.
pub(crate) struct Joined {
    pub(crate) path: &'static str,
    pub(crate) names: [&'static str; 2],
}

impl Names {
    pub(crate) fn class_token(self) -> &'static str {
        self.pick("class_token", "cls_token")
    }

    /// Below the root, or below `encoder`.
    pub(crate) fn positions(self) -> &'static str {
        self.pick("encoder.pos_embedding", "pos_embed")
    }

    pub(crate) fn patches(self) -> &'static str {
        self.pick("conv_proj", "patch_embed.proj")
    }

    /// The name of block `number`, from 0.
    pub(crate) fn block_name(self, number: usize) -> String {
        format!("{}{number}", self.pick("encoder.layers.encoder_layer_", "blocks."))
    }

    pub(crate) fn block(self, root: &Path, number: usize) -> Path {
        root.descend(&self.block_name(number))
    }

    pub(crate) fn attention_norm(self) -> &'static str {
        self.pick("ln_1", "norm1")
    }

    pub(crate) fn joined(self) -> Joined {
        match self {
            Self::TorchVision => Joined { path: "self_attention", names: ["in_proj_weight", "in_proj_bias"] },
            Self::Dino => Joined { path: "attn.qkv", names: ["weight", "bias"] },
        }
    }

    pub(crate) fn attention_out(self) -> &'static str {
        self.pick("self_attention.out_proj", "attn.proj")
    }

    pub(crate) fn attention_scale(self) -> Option<&'static str> {
        (self == Self::Dino).then_some("ls1")
    }

    pub(crate) fn mlp_norm(self) -> &'static str {
        self.pick("ln_2", "norm2")
    }

    pub(crate) fn mlp(self) -> [&'static str; 2] {
        match self {
            Self::TorchVision => ["mlp.0", "mlp.3"],
            Self::Dino => ["mlp.fc1", "mlp.fc2"],
        }
    }

    pub(crate) fn mlp_scale(self) -> Option<&'static str> {
        (self == Self::Dino).then_some("ls2")
    }

    pub(crate) fn norm(self) -> &'static str {
        self.pick("encoder.ln", "norm")
    }

    pub(crate) const fn head(self) -> &'static str {
        match self {
            Self::TorchVision => "heads.head",
            Self::Dino => "head",
        }
    }

    fn pick(self, torchvision: &'static str, dino: &'static str) -> &'static str {
        if self == Self::TorchVision { torchvision } else { dino }
    }
}
