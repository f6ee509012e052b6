//! The names of Hugging Face's transformers, for ViT and for DINOv2. Queries, keys and values are tensors of their own there.
//!
//! | in the file                                             | timm                                          |
//! |---------------------------------------------------------|-----------------------------------------------|
//! | `embeddings.cls_token`, `.position_embeddings`          | `cls_token`, `pos_embed`                      |
//! | `embeddings.register_tokens`                            | `register_tokens` (DINOv2's own name)         |
//! | `embeddings.patch_embeddings.projection`                | `patch_embed.proj`                            |
//! | `encoder.layer.N.layernorm_before`, `.norm1`            | `blocks.N.norm1`                              |
//! | `encoder.layer.N.attention.attention.query`, `key`, `value` | the three parts of `blocks.N.attn.qkv`    |
//! | `encoder.layer.N.attention.output.dense`                | `blocks.N.attn.proj`                          |
//! | `encoder.layer.N.layer_scale1.lambda1`, `layer_scale2`  | `blocks.N.ls1.gamma`, `ls2`                   |
//! | `encoder.layer.N.layernorm_after`, `.norm2`             | `blocks.N.norm2`                              |
//! | `encoder.layer.N.intermediate.dense`, `.mlp.fc1`        | `blocks.N.mlp.fc1`                            |
//! | `encoder.layer.N.output.dense`, `.mlp.fc2`              | `blocks.N.mlp.fc2`                            |
//! | `layernorm`, `classifier`                               | `norm`, `head`                                |
//!
//! TorchVision's scheme follows from timm's. DINOv2's classifier reads twice the width there, and is left.

use crate::timm;

/// The name of one of ViT's tensors in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    let (timms, part) = timms(name)?;
    Some(with_part(&timm::rename(&timms)?, part))
}

/// The name of one of DINOv2's tensors in its authors' scheme; `None` for any other name.
pub(crate) fn rename_dino(name: &str) -> Option<String> {
    let (timms, part) = timms(name)?;
    Some(with_part(&timms, part))
}

fn with_part(name: &str, part: Option<usize>) -> String {
    part.map_or_else(|| name.to_owned(), |part| format!("{name}[{part}]"))
}

/// timm's name, and which part of that tensor it is.
fn timms(name: &str) -> Option<(String, Option<usize>)> {
    let whole = match name {
        "embeddings.cls_token" => Some("cls_token"),
        "embeddings.position_embeddings" => Some("pos_embed"),
        "embeddings.register_tokens" => Some("register_tokens"),
        _ => None,
    };
    if let Some(whole) = whole {
        return Some((whole.to_owned(), None));
    }
    let (module, tensor) = name.rsplit_once('.')?;
    let module = match module {
        "embeddings.patch_embeddings.projection" => "patch_embed.proj",
        "layernorm" => "norm",
        "classifier" => "head",
        _ => return layer(module, tensor),
    };
    Some((format!("{module}.{tensor}"), None))
}

fn layer(module: &str, tensor: &str) -> Option<(String, Option<usize>)> {
    let (number, layer) = module.strip_prefix("encoder.layer.")?.split_once('.')?;
    let number: u32 = number.parse().ok()?;
    if let "layer_scale1" | "layer_scale2" = layer {
        let scale = layer.replace("layer_scale", "ls");
        return (tensor == "lambda1").then(|| (format!("blocks.{number}.{scale}.gamma"), None));
    }
    let (layer, part) = match layer {
        "layernorm_before" | "norm1" => ("norm1", None),
        "attention.attention.query" => ("attn.qkv", Some(0)),
        "attention.attention.key" => ("attn.qkv", Some(1)),
        "attention.attention.value" => ("attn.qkv", Some(2)),
        "attention.output.dense" => ("attn.proj", None),
        "layernorm_after" | "norm2" => ("norm2", None),
        "intermediate.dense" | "mlp.fc1" => ("mlp.fc1", None),
        "output.dense" | "mlp.fc2" => ("mlp.fc2", None),
        _ => return None,
    };
    Some((format!("blocks.{number}.{layer}.{tensor}"), part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_name_is_mapped_and_others_are_left() {
        let query = "encoder.layer.3.attention.attention.query.bias";
        assert_eq!(
            rename(query).as_deref(),
            Some("encoder.layers.encoder_layer_3.self_attention.in_proj_bias[0]")
        );
        assert_eq!(rename_dino(query).as_deref(), Some("blocks.3.attn.qkv.bias[0]"));
        let scale = "encoder.layer.3.layer_scale2.lambda1";
        assert_eq!((rename(scale), rename_dino(scale).as_deref()), (None, Some("blocks.3.ls2.gamma")));
        assert_eq!(rename("layernorm.weight").as_deref(), Some("encoder.ln.weight"));
        assert_eq!(rename_dino("embeddings.mask_token"), None);
        assert_eq!(rename("encoder.ln.weight"), None);
    }
}
