//! The names of Hugging Face's transformers.
//!
//! | in the file                                                               | timm                                                      |
//! |---------------------------------------------------------------------------|-----------------------------------------------------------|
//! | `embeddings.patch_embeddings`, `embeddings.layernorm`                     | `stem.0`, `stem.1`                                        |
//! | `encoder.stages.S.downsampling_layer.0`, `.1`                             | `stages.S.downsample.0`, `.1`                             |
//! | `encoder.stages.S.layers.B.dwconv`, `layernorm`, `pwconv1`, `pwconv2`     | `stages.S.blocks.B.conv_dw`, `norm`, `mlp.fc1`, `mlp.fc2` |
//! | `encoder.stages.S.layers.B.layer_scale_parameter`                         | `stages.S.blocks.B.gamma`                                 |
//! | `layernorm`, `classifier`                                                 | `head.norm`, `head.fc`                                    |
//!
//! TorchVision's scheme follows from timm's.

use crate::timm;

/// The name of a tensor in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    timm::rename(&timms(name)?)
}

fn timms(name: &str) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["embeddings", "patch_embeddings", tensor] => Some(format!("stem.0.{tensor}")),
        ["embeddings", "layernorm", tensor] => Some(format!("stem.1.{tensor}")),
        ["encoder", "stages", stage, "downsampling_layer", place, tensor] => {
            Some(format!("stages.{stage}.downsample.{place}.{tensor}"))
        }
        ["encoder", "stages", stage, "layers", block, "layer_scale_parameter"] => {
            Some(format!("stages.{stage}.blocks.{block}.gamma"))
        }
        ["encoder", "stages", stage, "layers", block, layer, tensor] => {
            let layer = match layer {
                "dwconv" => "conv_dw",
                "layernorm" => "norm",
                "pwconv1" => "mlp.fc1",
                "pwconv2" => "mlp.fc2",
                _ => return None,
            };
            Some(format!("stages.{stage}.blocks.{block}.{layer}.{tensor}"))
        }
        ["layernorm", tensor] => Some(format!("head.norm.{tensor}")),
        ["classifier", tensor] => Some(format!("head.fc.{tensor}")),
        _ => None,
    }
}
