//! timm's names. Its blocks are counted within a stage, TorchVision's through the network: `N` is 1 for the first.
//!
//! | in the file                                   | v2                                  | v3                                        |
//! |-----------------------------------------------|-------------------------------------|-------------------------------------------|
//! | `conv_stem`, `bn1`                            | `features.0.0`, `features.0.1`      | the same                                  |
//! | `blocks.S.B.conv_pw`, `bn1`                   | `features.N.conv.0.0`, `.0.1`       | `features.N.block.0.0`, `.0.1`            |
//! | `blocks.S.B.conv_dw`, `bn2`                   | `features.N.conv.1.0`, `.1.1`       | `features.N.block.1.0`, `.1.1`            |
//! | `blocks.S.B.se.conv_reduce`, `se.conv_expand` | none                                | `features.N.block.2.fc1`, `.fc2`          |
//! | `blocks.S.B.conv_pwl`, `bn3`                  | `features.N.conv.2`, `.conv.3`      | `features.N.block.3.0`, `.3.1`            |
//! | the last block's `conv`, `bn1`                | none                                | `features.N.0`, `.1`                      |
//! | `conv_head`, `bn2`; `classifier`              | `features.18.0`, `.1`; `classifier.1` | `classifier.0`, none; `classifier.3`    |
//!
//! The first block widens nothing: there `conv_dw`, `bn1`, `se`, `conv_pw`, `bn2` are places 0, 1 and 2. Where a block has no
//! squeeze-and-excitation, what follows moves up by one.
//!
//! The tensors are the same; two things that have no tensors are not always. timm's `mobilenetv3` networks divide by a variance plus 1e-5,
//! TorchVision's by one plus 1e-3; the `tf_` ones do as TorchVision's, and pad as TensorFlow does.

use crate::block::Shape;
use crate::v3;

/// Blocks of each of timm's stages.
const V2: &[usize] = &[1, 2, 3, 4, 3, 3, 1];
const LARGE: &[usize] = &[1, 2, 3, 4, 2, 3];
const SMALL: &[usize] = &[1, 2, 3, 2, 3];

/// The name of one of timm's tensors in TorchVision's scheme for v2; `None` for any other name.
pub(crate) fn rename_v2(name: &str) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["conv_stem", tensor] => Some(format!("features.0.0.{tensor}")),
        ["bn1", tensor] => Some(format!("features.0.1.{tensor}")),
        ["conv_head", tensor] => Some(format!("features.18.0.{tensor}")),
        ["bn2", tensor] => Some(format!("features.18.1.{tensor}")),
        ["classifier", tensor] => Some(format!("classifier.1.{tensor}")),
        ["blocks", stage, block, layer, tensor] => {
            let place = place(V2, stage, block)?;
            let layer = match (place, layer) {
                (0, "conv_dw") | (1.., "conv_pw") => "0.0",
                (_, "bn1") => "0.1",
                (1.., "conv_dw") => "1.0",
                (1.., "bn2") => "1.1",
                (0, "conv_pw") => "1",
                (0, "bn2") | (1.., "conv_pwl") => "2",
                (1.., "bn3") => "3",
                _ => return None,
            };
            Some(format!("features.{}.conv.{layer}.{tensor}", place + 1))
        }
        _ => None,
    }
}

/// The same for v3 large.
pub(crate) fn rename_large(name: &str) -> Option<String> {
    third(name, LARGE, &v3::LARGE)
}

/// The same for v3 small.
pub(crate) fn rename_small(name: &str) -> Option<String> {
    third(name, SMALL, &v3::SMALL)
}

fn third(name: &str, stages: &[usize], shapes: &[Shape]) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["conv_stem", tensor] => Some(format!("features.0.0.{tensor}")),
        ["bn1", tensor] => Some(format!("features.0.1.{tensor}")),
        ["conv_head", tensor] => Some(format!("classifier.0.{tensor}")),
        ["classifier", tensor] => Some(format!("classifier.3.{tensor}")),
        ["blocks", stage, "0", layer @ ("conv" | "bn1"), tensor] if number(stage)? == stages.len() => {
            Some(format!("features.{}.{}.{tensor}", shapes.len() + 1, usize::from(layer == "bn1")))
        }
        ["blocks", stage, block, ref layer @ .., tensor] => {
            let place = place(stages, stage, block)?;
            let excited = shapes.get(place)?.excitation;
            let depthwise = usize::from(place > 0);
            let narrow = depthwise + 1 + usize::from(excited);
            let layer = match (place, layer) {
                (1.., ["conv_pw"]) => "0.0".to_owned(),
                (1.., ["bn1"]) => "0.1".to_owned(),
                (_, ["conv_dw"]) => format!("{depthwise}.0"),
                (0, ["bn1"]) | (1.., ["bn2"]) => format!("{depthwise}.1"),
                (_, ["se", "conv_reduce"]) if excited => format!("{}.fc1", depthwise + 1),
                (_, ["se", "conv_expand"]) if excited => format!("{}.fc2", depthwise + 1),
                (0, ["conv_pw"]) | (1.., ["conv_pwl"]) => format!("{narrow}.0"),
                (0, ["bn2"]) | (1.., ["bn3"]) => format!("{narrow}.1"),
                _ => return None,
            };
            Some(format!("features.{}.block.{layer}.{tensor}", place + 1))
        }
        _ => None,
    }
}

/// The place of a block in the network, from 0.
fn place(stages: &[usize], stage: &str, block: &str) -> Option<usize> {
    let (stage, block) = (number(stage)?, number(block)?);
    let before = stages.get(..stage)?.iter().sum::<usize>();
    (block < *stages.get(stage)?).then_some(before + block)
}

fn number(text: &str) -> Option<usize> {
    text.parse::<u8>().ok().map(usize::from)
}
