//! timm's names for Swin, and those of Swin's authors, which timm had before 0.9.
//!
//! | in the file                                                | here                                                |
//! |------------------------------------------------------------|-----------------------------------------------------|
//! | `patch_embed.proj`, `patch_embed.norm`                     | `features.0.0`, `features.0.2`                      |
//! | `layers.S.blocks.B.norm1`, `norm2`, `attn.qkv`, `attn.proj`| `features.2S+1.B.norm1`, `norm2`, `attn.qkv`, `attn.proj` |
//! | `layers.S.blocks.B.attn.relative_position_bias_table`      | `features.2S+1.B.attn.relative_position_bias_table` |
//! | `layers.S.blocks.B.mlp.fc1`, `mlp.fc2`                     | `features.2S+1.B.mlp.0`, `mlp.3`                    |
//! | `layers.S.downsample.norm`, `.reduction`                   | `features.2S.norm`, `.reduction`; the authors': `features.2S+2` |
//! | `norm`, `head.fc`; the authors' `head`                     | `norm`, `head`                                      |
//!
//! The second version has in place of the table
//!
//! | in the file                                        | here                                            |
//! |----------------------------------------------------|-------------------------------------------------|
//! | `layers.S.blocks.B.attn.logit_scale`, `cpb_mlp`    | `features.2S+1.B.attn.logit_scale`, `cpb_mlp`   |
//! | `layers.S.blocks.B.attn.q_bias`, `v_bias`          | the first and last part of `features.2S+1.B.attn.qkv.bias`, whose middle, that of keys, is zero |

/// The name of one of timm's tensors in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["layers", stage, "downsample", layer, tensor] => halving(number(stage)?, layer, tensor),
        ["head", "fc", tensor] => Some(format!("head.{tensor}")),
        _ => shared(name),
    }
}

/// The same for the authors' names, which count what halves a map to the stage before it.
pub(crate) fn rename_authors(name: &str) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["layers", stage, "downsample", layer, tensor] => halving(number(stage)? + 1, layer, tensor),
        ["head", tensor] => Some(format!("head.{tensor}")),
        _ => shared(name),
    }
}

fn halving(stage: usize, layer: &str, tensor: &str) -> Option<String> {
    ["norm", "reduction"].contains(&layer).then(|| format!("features.{}.{layer}.{tensor}", 2 * stage))
}

fn shared(name: &str) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["patch_embed", "proj", tensor] => Some(format!("features.0.0.{tensor}")),
        ["patch_embed", "norm", tensor] => Some(format!("features.0.2.{tensor}")),
        ["layers", stage, "blocks", block, ref layer @ .., tensor] => {
            let (layer, tensor) = match (layer, tensor) {
                (["attn"], "q_bias") => ("attn.qkv", "bias[0 of 3]"),
                (["attn"], "v_bias") => ("attn.qkv", "bias[2 of 3]"),
                (["attn"], "relative_position_bias_table" | "logit_scale") => ("attn", tensor),
                (["attn", "cpb_mlp", "0"], _) => ("attn.cpb_mlp.0", tensor),
                (["attn", "cpb_mlp", "2"], _) => ("attn.cpb_mlp.2", tensor),
                (["norm1"], _) => ("norm1", tensor),
                (["norm2"], _) => ("norm2", tensor),
                (["attn", "qkv"], _) => ("attn.qkv", tensor),
                (["attn", "proj"], _) => ("attn.proj", tensor),
                (["mlp", "fc1"], _) => ("mlp.0", tensor),
                (["mlp", "fc2"], _) => ("mlp.3", tensor),
                _ => return None,
            };
            Some(format!("features.{}.{}.{layer}.{tensor}", 2 * number(stage)? + 1, number(block)?))
        }
        ["norm", tensor] => Some(format!("norm.{tensor}")),
        _ => None,
    }
}

fn number(text: &str) -> Option<usize> {
    text.parse::<u8>().ok().map(usize::from)
}
