//! The names of Hugging Face's transformers. Queries, keys and values are tensors of their own there.
//!
//! | in the file                                                            | Swin's authors                              |
//! |------------------------------------------------------------------------|---------------------------------------------|
//! | `embeddings.patch_embeddings.projection`, `embeddings.norm`            | `patch_embed.proj`, `patch_embed.norm`      |
//! | `encoder.layers.S.blocks.B.layernorm_before`, `layernorm_after`        | `layers.S.blocks.B.norm1`, `norm2`          |
//! | `encoder.layers.S.blocks.B.attention.self.query`, `key`, `value`       | the three parts of `layers.S.blocks.B.attn.qkv` |
//! | `encoder.layers.S.blocks.B.attention.self.relative_position_bias_table`| `layers.S.blocks.B.attn.relative_position_bias_table` |
//! | `encoder.layers.S.blocks.B.attention.output.dense`                     | `layers.S.blocks.B.attn.proj`               |
//! | `encoder.layers.S.blocks.B.intermediate.dense`, `output.dense`         | `layers.S.blocks.B.mlp.fc1`, `mlp.fc2`      |
//! | `encoder.layers.S.downsample`                                          | `layers.S.downsample`                       |
//! | `layernorm`, `classifier`                                              | `norm`, `head`                              |
//!
//! The second version has `attention.self.logit_scale` and `attention.self.continuous_position_bias_mlp` in place of the table, and
//! keys without a bias. TorchVision's scheme follows from the authors'.

use crate::timm;

/// The name of a tensor in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    let (authors, part) = authors(name)?;
    let ours = timm::rename_authors(&authors)?;
    Some(part.map_or_else(|| ours.clone(), |part| format!("{ours}[{part}]")))
}

/// The same for the second version.
pub(crate) fn rename_second(name: &str) -> Option<String> {
    let (authors, part) = authors(name)?;
    let ours = timm::rename_authors(&authors)?;
    Some(match part {
        Some(part) if ours.ends_with(".bias") => format!("{ours}[{part} of 3]"),
        Some(part) => format!("{ours}[{part}]"),
        None => ours,
    })
}

/// The authors' name, and which part of that tensor it is.
fn authors(name: &str) -> Option<(String, Option<usize>)> {
    let whole = |name: String| Some((name, None));
    match name.split('.').collect::<Vec<_>>()[..] {
        ["embeddings", "patch_embeddings", "projection", tensor] => {
            whole(format!("patch_embed.proj.{tensor}"))
        }
        ["embeddings", "norm", tensor] => whole(format!("patch_embed.norm.{tensor}")),
        ["encoder", "layers", stage, "downsample", layer, tensor] => {
            whole(format!("layers.{stage}.downsample.{layer}.{tensor}"))
        }
        ["encoder", "layers", stage, "blocks", block, ref layer @ .., tensor] => {
            let (layer, part) = match layer {
                ["layernorm_before"] => ("norm1", None),
                ["layernorm_after"] => ("norm2", None),
                ["attention", "self"] => ("attn", None),
                ["attention", "self", "continuous_position_bias_mlp", "0"] => ("attn.cpb_mlp.0", None),
                ["attention", "self", "continuous_position_bias_mlp", "2"] => ("attn.cpb_mlp.2", None),
                ["attention", "self", "query"] => ("attn.qkv", Some(0)),
                ["attention", "self", "key"] => ("attn.qkv", Some(1)),
                ["attention", "self", "value"] => ("attn.qkv", Some(2)),
                ["attention", "output", "dense"] => ("attn.proj", None),
                ["intermediate", "dense"] => ("mlp.fc1", None),
                ["output", "dense"] => ("mlp.fc2", None),
                _ => return None,
            };
            Some((format!("layers.{stage}.blocks.{block}.{layer}.{tensor}"), part))
        }
        ["layernorm", tensor] => whole(format!("norm.{tensor}")),
        ["classifier", tensor] => whole(format!("head.{tensor}")),
        _ => None,
    }
}
