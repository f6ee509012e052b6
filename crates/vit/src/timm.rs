//! timm's names, which DeiT's and AugReg's files have too, and those that TorchVision's own files were written with.
//!
//! | in the file                              | TorchVision                                                        |
//! |------------------------------------------|--------------------------------------------------------------------|
//! | `cls_token`, `pos_embed`                 | `class_token`, `encoder.pos_embedding`                             |
//! | `patch_embed.proj`                       | `conv_proj`                                                        |
//! | `blocks.N.norm1`, `blocks.N.norm2`       | `encoder.layers.encoder_layer_N.ln_1`, `.ln_2`                     |
//! | `blocks.N.attn.qkv.weight`, `.bias`      | `encoder.layers.encoder_layer_N.self_attention.in_proj_weight`, `_bias` |
//! | `blocks.N.attn.proj`                     | `encoder.layers.encoder_layer_N.self_attention.out_proj`           |
//! | `blocks.N.mlp.fc1`, `blocks.N.mlp.fc2`   | `encoder.layers.encoder_layer_N.mlp.0`, `.mlp.3`                   |
//! | `norm`, `head`                           | `encoder.ln`, `heads.head`                                         |
//!
//! DINOv2's networks have timm's names themselves.

/// The name of one of timm's tensors in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    let whole = match name {
        "cls_token" => Some("class_token"),
        "pos_embed" => Some("encoder.pos_embedding"),
        _ => None,
    };
    if let Some(whole) = whole {
        return Some(whole.to_owned());
    }
    let (module, tensor) = name.rsplit_once('.')?;
    let module = match module {
        "patch_embed.proj" => "conv_proj",
        "norm" => "encoder.ln",
        "head" => "heads.head",
        _ => return block(module, tensor),
    };
    Some(format!("{module}.{tensor}"))
}

fn block(module: &str, tensor: &str) -> Option<String> {
    let (number, layer) = module.strip_prefix("blocks.")?.split_once('.')?;
    let number: u32 = number.parse().ok()?;
    let joint = if layer == "attn.qkv" { "_" } else { "." };
    let layer = match layer {
        "norm1" => "ln_1",
        "norm2" => "ln_2",
        "attn.qkv" => "self_attention.in_proj",
        "attn.proj" => "self_attention.out_proj",
        "mlp.fc1" => "mlp.0",
        "mlp.fc2" => "mlp.3",
        _ => return None,
    };
    Some(format!("encoder.layers.encoder_layer_{number}.{layer}{joint}{tensor}"))
}

/// A name of timm's for DINOv2 with registers, which is its own but for one; `None` for any other name.
pub(crate) fn rename_registers(name: &str) -> Option<String> {
    (name == "reg_token" || NAMED_ALIKE.iter().any(|part| name.starts_with(part))).then(|| {
        let name = if name == "reg_token" { "register_tokens" } else { name };
        name.to_owned()
    })
}

const NAMED_ALIKE: [&str; 6] = ["cls_token", "pos_embed", "patch_embed.", "blocks.", "norm.", "head."];

/// The name of a tensor in a file of TorchVision from before 0.14, whose layers between tokens were called otherwise: its published
/// weights are such files. `None` for any other name.
pub(crate) fn rename_earlier(name: &str) -> Option<String> {
    let ours = name.replace(".mlp.linear_1.", ".mlp.0.").replace(".mlp.linear_2.", ".mlp.3.");
    let is_of_them = ["class_token", "conv_proj.", "encoder.", "heads.head."];
    is_of_them.iter().any(|part| name.starts_with(part)).then_some(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_name_is_mapped_and_others_are_left() {
        let layer = "encoder.layers.encoder_layer_11";
        for (theirs, ours) in [
            ("cls_token", Some("class_token".to_owned())),
            ("blocks.11.attn.qkv.bias", Some(format!("{layer}.self_attention.in_proj_bias"))),
            ("blocks.11.mlp.fc2.weight", Some(format!("{layer}.mlp.3.weight"))),
            ("head.bias", Some("heads.head.bias".to_owned())),
            ("blocks.11.ls1.gamma", None),
            ("blocks.x.norm1.bias", None),
            ("encoder.ln.weight", None),
        ] {
            assert_eq!(rename(theirs), ours, "{theirs}");
        }
        assert_eq!(
            rename_earlier(&format!("{layer}.mlp.linear_2.bias")),
            Some(format!("{layer}.mlp.3.bias"))
        );
        assert_eq!(rename_earlier("blocks.0.norm1.weight"), None);
    }
}
