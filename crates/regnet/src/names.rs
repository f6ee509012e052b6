//! The names of timm and of Hugging Face's transformers.
//!
//! | timm                                   | transformers                                              | here, where `U` is `trunk_output.blockS.blockS-B` |
//! |----------------------------------------|-----------------------------------------------------------|--------------------------|
//! | `stem.conv`, `stem.bn`                 | `embedder.embedder.convolution`, `.normalization`         | `stem.0`, `stem.1`       |
//! | `sS.bB+1.conv1`, `conv2`, `conv3`      | `encoder.stages.S-1.layers.B.layer.0`, `1`, `2` (`3` in y) | `U.f.a`, `U.f.b`, `U.f.c` |
//! | `.conv`, `.bn` of these                | `.convolution`, `.normalization`                          | `.0`, `.1`               |
//! | `sS.bB+1.se.fc1`, `se.fc2`             | `encoder.stages.S-1.layers.B.layer.2.attention.0`, `.2`   | `U.f.se.fc1`, `.fc2`     |
//! | `sS.bB+1.downsample`                   | `encoder.stages.S-1.layers.B.shortcut`                    | `U.proj`                 |
//! | `head.fc`                              | `classifier.1`                                            | `fc`                     |
//!
//! timm's `regnetx_004` is another network than TorchVision's `regnet_x_400mf`, which it has as `regnetx_004_tv`, and its shapes say so;
//! likewise `regnety_008`, `regnety_080` and their `_tv`.

/// The name of one of timm's tensors in TorchVision's scheme; `None` for any other name.
pub(crate) fn timm(name: &str) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["stem", layer, tensor] => Some(format!("stem.{}.{tensor}", timms_place(layer)?)),
        ["head", "fc", tensor] => Some(format!("fc.{tensor}")),
        [stage, block, ref rest @ .., tensor] => {
            let stage = number(stage.strip_prefix('s')?)?;
            let block = number(block.strip_prefix('b')?)?.checked_sub(1)?;
            let layer = match *rest {
                ["conv1", layer] => format!("f.a.{}", timms_place(layer)?),
                ["conv2", layer] => format!("f.b.{}", timms_place(layer)?),
                ["conv3", layer] => format!("f.c.{}", timms_place(layer)?),
                ["se", layer @ ("fc1" | "fc2")] => format!("f.se.{layer}"),
                ["downsample", layer] => format!("proj.{}", timms_place(layer)?),
                _ => return None,
            };
            Some(format!("{}.{layer}.{tensor}", unit(stage, block)))
        }
        _ => None,
    }
}

/// The name of one of transformers' tensors in TorchVision's scheme; `None` for any other name.
pub(crate) fn hugging_face(name: &str) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["embedder", "embedder", layer, tensor] => Some(format!("stem.{}.{tensor}", their_place(layer)?)),
        ["classifier", "1", tensor] => Some(format!("fc.{tensor}")),
        ["encoder", "stages", stage, "layers", block, ref rest @ .., tensor] => {
            let layer = match *rest {
                ["layer", "0", layer] => format!("f.a.{}", their_place(layer)?),
                ["layer", "1", layer] => format!("f.b.{}", their_place(layer)?),
                ["layer", "2" | "3", layer] => format!("f.c.{}", their_place(layer)?),
                ["layer", "2", "attention", "0"] => "f.se.fc1".to_owned(),
                ["layer", "2", "attention", "2"] => "f.se.fc2".to_owned(),
                ["shortcut", layer] => format!("proj.{}", their_place(layer)?),
                _ => return None,
            };
            Some(format!("{}.{layer}.{tensor}", unit(number(stage)? + 1, number(block)?)))
        }
        _ => None,
    }
}

fn unit(stage: usize, block: usize) -> String {
    format!("trunk_output.block{stage}.block{stage}-{block}")
}

fn timms_place(layer: &str) -> Option<usize> {
    ["conv", "bn"].iter().position(|known| *known == layer)
}

fn their_place(layer: &str) -> Option<usize> {
    ["convolution", "normalization"].iter().position(|known| *known == layer)
}

fn number(text: &str) -> Option<usize> {
    text.parse::<u8>().ok().map(usize::from)
}
