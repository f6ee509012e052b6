//! timm's names for the second version, `tf_efficientnetv2_s`, `m` and `l`.
//!
//! | in the file                                   | here                                     |
//! |-----------------------------------------------|------------------------------------------|
//! | `conv_stem`, `bn1`                            | `features.0.0`, `features.0.1`           |
//! | `blocks.0.B.conv`, `bn1`                      | `features.1.B.block.0.0`, `.0.1`         |
//! | `blocks.S.B.conv_exp`, `bn1` of fused blocks  | `features.S+1.B.block.0.0`, `.0.1`       |
//! | `blocks.S.B.conv_pwl`, `bn2` of fused blocks  | `features.S+1.B.block.1.0`, `.1.1`       |
//! | `blocks.S.B` of the others                    | as in the first version                  |
//! | `conv_head`, `bn2`                            | `features.7.0`, `.7.1`; in m and l `features.8` |
//! | `classifier`                                  | `classifier.1`                           |
//!
//! The tensors are the same; two things that have no tensors are not. The `tf_` networks pad as TensorFlow does, and those without divide by a
//! variance plus 1e-5, TorchVision's by one plus 1e-3. timm's `efficientnetv2_rw` networks have other shapes.

use crate::timm;

/// The name of one of timm's tensors for s in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename_small(name: &str) -> Option<String> {
    renamed(name, 7)
}

/// The same for m and l.
pub(crate) fn rename(name: &str) -> Option<String> {
    renamed(name, 8)
}

fn renamed(name: &str, last: usize) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["conv_head", tensor] => Some(format!("features.{last}.0.{tensor}")),
        ["bn2", tensor] => Some(format!("features.{last}.1.{tensor}")),
        ["blocks", stage @ ("0" | "1" | "2"), block, layer, tensor] => {
            let _number: u32 = block.parse().ok()?;
            let layer = match (stage, layer) {
                ("0", "conv") | ("1" | "2", "conv_exp") => "0.0",
                (_, "bn1") => "0.1",
                ("1" | "2", "conv_pwl") => "1.0",
                ("1" | "2", "bn2") => "1.1",
                _ => return None,
            };
            Some(format!("features.{}.{block}.block.{layer}.{tensor}", stage.parse::<usize>().ok()? + 1))
        }
        _ => timm::rename(name),
    }
}
