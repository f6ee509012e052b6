//! timm's names, for the networks that it has too: `efficientnet_b0` to `b7`, the `tf_` ones of the same sizes, and lite0.
//!
//! | in the file                                   | here                                     |
//! |-----------------------------------------------|------------------------------------------|
//! | `conv_stem`, `bn1`                            | `features.0.0`, `features.0.1`           |
//! | `blocks.S.B.conv_pw`, `bn1`                   | `features.S+1.B.block.0.0`, `.0.1`       |
//! | `blocks.S.B.conv_dw`, `bn2`                   | `features.S+1.B.block.1.0`, `.1.1`       |
//! | `blocks.S.B.se.conv_reduce`, `.se.conv_expand`| `features.S+1.B.block.2.fc1`, `.2.fc2`   |
//! | `blocks.S.B.conv_pwl`, `bn3`                  | `features.S+1.B.block.3.0`, `.3.1`       |
//! | `conv_head`, `bn2`                            | `features.8.0`, `features.8.1`           |
//! | `classifier`                                  | `classifier.1`                           |
//!
//! Stage 0 widens nothing: there `conv_dw`, `bn1`, `se`, `conv_pw`, `bn2` are places 0, 1 and 2. Lite has no squeeze-and-excitation,
//! and what follows moves up by one.
//!
//! The tensors are the same; two things that have no tensors are not always. The `tf_` networks pad as TensorFlow does, where TorchVision's
//! (and timm's without `tf_`) pad symmetrically; and timm's b5 to b7 without `tf_` divide by a variance plus 1e-5,
//! TorchVision's by one plus 1e-3. Such weights are good to fine-tune from, and as they are they predict a little worse. Lite0 here pads as
//! `tf_efficientnet_lite0` does.

/// The name of one of timm's tensors in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    renamed(name, true)
}

/// The same for Lite, which has no squeeze-and-excitation.
pub(crate) fn rename_lite(name: &str) -> Option<String> {
    renamed(name, false)
}

fn renamed(name: &str, excited: bool) -> Option<String> {
    let (module, tensor) = name.rsplit_once('.')?;
    let module = match module {
        "conv_stem" => "features.0.0".to_owned(),
        "bn1" => "features.0.1".to_owned(),
        "conv_head" => "features.8.0".to_owned(),
        "bn2" => "features.8.1".to_owned(),
        "classifier" => "classifier.1".to_owned(),
        _ => {
            let mut parts = module.strip_prefix("blocks.")?.splitn(3, '.');
            let (stage, block, layer) = (parts.next()?.parse::<u32>().ok()?, parts.next()?, parts.next()?);
            let _number: u32 = block.parse().ok()?;
            format!(
                "features.{}.{block}.block.{}",
                stage.checked_add(1)?,
                layer_of(layer, stage == 0, excited)?
            )
        }
    };
    Some(format!("{module}.{tensor}"))
}

/// The place of a layer within its block.
fn layer_of(layer: &str, first_stage: bool, excited: bool) -> Option<String> {
    let depthwise = u32::from(!first_stage);
    let narrow = depthwise + 1 + u32::from(excited);
    Some(match (layer, first_stage) {
        ("conv_dw", _) => format!("{depthwise}.0"),
        ("bn1", true) | ("bn2", false) => format!("{depthwise}.1"),
        ("se.conv_reduce", _) if excited => format!("{}.fc1", depthwise + 1),
        ("se.conv_expand", _) if excited => format!("{}.fc2", depthwise + 1),
        ("conv_pw", true) | ("conv_pwl", false) => format!("{narrow}.0"),
        ("bn2", true) | ("bn3", false) => format!("{narrow}.1"),
        ("conv_pw", false) => "0.0".to_owned(),
        ("bn1", false) => "0.1".to_owned(),
        _ => return None,
    })
}
