//! The names of Hugging Face's transformers. timm has TorchVision's.
//!
//! | in the file                                                    | here                              |
//! |----------------------------------------------------------------|-----------------------------------|
//! | `embedder.embedder.convolution`, `.normalization`              | `conv1`, `bn1`                    |
//! | `encoder.stages.S.layers.B.layer.K.convolution`, `.normalization` | `layerS+1.B.convK+1`, `bnK+1`  |
//! | `encoder.stages.S.layers.B.shortcut.convolution`, `.normalization` | `layerS+1.B.downsample.0`, `.1` |
//! | `classifier.1`                                                 | `fc`                              |

/// The name of a tensor in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["embedder", "embedder", "convolution", tensor] => Some(format!("conv1.{tensor}")),
        ["embedder", "embedder", "normalization", tensor] => Some(format!("bn1.{tensor}")),
        ["encoder", "stages", stage, "layers", block, "layer", place, layer, tensor] => {
            let layer = match layer {
                "convolution" => "conv",
                "normalization" => "bn",
                _ => return None,
            };
            Some(format!("layer{}.{block}.{layer}{}.{tensor}", number(stage)? + 1, number(place)? + 1))
        }
        ["encoder", "stages", stage, "layers", block, "shortcut", layer, tensor] => {
            let place = match layer {
                "convolution" => 0,
                "normalization" => 1,
                _ => return None,
            };
            Some(format!("layer{}.{block}.downsample.{place}.{tensor}", number(stage)? + 1))
        }
        ["classifier", "1", tensor] => Some(format!("fc.{tensor}")),
        _ => None,
    }
}

fn number(text: &str) -> Option<usize> {
    text.parse::<u8>().ok().map(usize::from)
}
