//! timm's names.
//!
//! | in the file                                               | here                                       |
//! |-----------------------------------------------------------|--------------------------------------------|
//! | `stem.0`, `stem.1`                                        | `features.0.0`, `features.0.1`             |
//! | `stages.S.downsample.0`, `.1`                             | `features.2S.0`, `.1`                      |
//! | `stages.S.blocks.B.conv_dw`, `norm`, `mlp.fc1`, `mlp.fc2` | `features.2S+1.B.block.0`, `2`, `3`, `5`   |
//! | `stages.S.blocks.B.gamma`                                 | `features.2S+1.B.layer_scale`              |
//! | `head.norm`, `head.fc`                                    | `classifier.0`, `classifier.2`             |

/// The name of one of timm's tensors in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["stem", place @ ("0" | "1"), tensor] => Some(format!("features.0.{place}.{tensor}")),
        ["stages", stage, "downsample", place @ ("0" | "1"), tensor] => {
            Some(format!("features.{}.{place}.{tensor}", 2 * number(stage)?))
        }
        ["stages", stage, "blocks", block, "gamma"] => {
            Some(format!("features.{}.{}.layer_scale", 2 * number(stage)? + 1, number(block)?))
        }
        ["stages", stage, "blocks", block, ref layer @ .., tensor] => {
            let place = match layer {
                ["conv_dw"] => 0,
                ["norm"] => 2,
                ["mlp", "fc1"] => 3,
                ["mlp", "fc2"] => 5,
                _ => return None,
            };
            Some(format!("features.{}.{}.block.{place}.{tensor}", 2 * number(stage)? + 1, number(block)?))
        }
        ["head", "norm", tensor] => Some(format!("classifier.0.{tensor}")),
        ["head", "fc", tensor] => Some(format!("classifier.2.{tensor}")),
        _ => None,
    }
}

fn number(text: &str) -> Option<usize> {
    text.parse::<u8>().ok().map(usize::from)
}
