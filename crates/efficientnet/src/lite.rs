//! Lite: its sizes, and the names of its own that the published weights use; here is the table to TorchVision's scheme.
//!
//! | in the file                  | here                          |
//! |------------------------------|-------------------------------|
//! | `_conv_stem`, `_bn0`         | `features.0.0`, `features.0.1` |
//! | `_blocks.N._expand_conv`, `_bn0`    | `features.S.B.block.0.0`, `.0.1` (block 0 has none) |
//! | `_blocks.N._depthwise_conv`, `_bn1` | `features.S.B.block.1.0`, `.1.1` (block 0: `.0.`)   |
//! | `_blocks.N._project_conv`, `_bn2`   | `features.S.B.block.2.0`, `.2.1` (block 0: `.1.`)   |
//! | `_conv_head`, `_bn1`         | `features.8.0`, `features.8.1` |
//! | `_fc`                        | `classifier.1`                |
//!
//! `N` counts blocks through the network, `B` within stage `S`.

use pretrained::{InputSpec, Interpolation};

use crate::table::Scale;

/// Lite0 to Lite4, against B0.
pub(crate) const ZERO: Scale = Scale { width: 1.0, depth: 1.0 };
pub(crate) const ONE: Scale = Scale { width: 1.0, depth: 1.1 };
pub(crate) const TWO: Scale = Scale { width: 1.1, depth: 1.2 };
pub(crate) const THREE: Scale = Scale { width: 1.2, depth: 1.4 };
pub(crate) const FOUR: Scale = Scale { width: 1.4, depth: 1.8 };

/// The name of a tensor of the published file in our scheme, for the network of this scale; `None` for any other name.
pub(crate) fn rename(name: &str, scale: Scale) -> Option<String> {
    let (module, tensor) = name.rsplit_once('.')?;
    let module = match module {
        "_conv_stem" => "features.0.0".to_owned(),
        "_bn0" => "features.0.1".to_owned(),
        "_conv_head" => "features.8.0".to_owned(),
        "_bn1" => "features.8.1".to_owned(),
        "_fc" => "classifier.1".to_owned(),
        _ => {
            let (number, layer) = module.strip_prefix("_blocks.")?.split_once('.')?;
            block(number.parse().ok()?, layer, scale)?
        }
    };
    Some(format!("{module}.{tensor}"))
}

fn block(number: usize, layer: &str, scale: Scale) -> Option<String> {
    let (place, part) = match layer {
        "_expand_conv" => (0, 0),
        "_bn0" => (0, 1),
        "_depthwise_conv" => (1, 0),
        "_bn1" => (1, 1),
        "_project_conv" => (2, 0),
        "_bn2" => (2, 1),
        _ => return None,
    };
    let mut first = 0;
    for (stage, row) in (1..).zip(scale.lite_rows()) {
        if number < first + row.blocks {
            let place: u32 = if row.expansion == 1 { u32::checked_sub(place, 1)? } else { place };
            return Some(format!("features.{stage}.{}.block.{place}.{part}", number - first));
        }
        first += row.blocks;
    }
    None
}

/// 32 more, then this side, bicubic; pixels as `(value - 127) / 128`.
pub(crate) fn input(side: u32) -> InputSpec {
    InputSpec {
        resize: side + 32,
        crop: side,
        interpolation: Interpolation::Bicubic,
        mean: vec![127.0 / 255.0; 3],
        std: vec![128.0 / 255.0; 3],
        ..InputSpec::imagenet()
    }
}

#[cfg(test)]
mod tests {
    use super::{ONE, ZERO, rename};

    #[test]
    fn every_kind_of_name_is_mapped_and_others_are_left() {
        let cases = [
            ("_conv_stem.weight", Some("features.0.0.weight")),
            ("_blocks.0._bn1.running_var", Some("features.1.0.block.0.1.running_var")),
            ("_blocks.0._bn0.weight", None),
            ("_blocks.2._expand_conv.weight", Some("features.2.1.block.0.0.weight")),
            ("_blocks.15._bn2.bias", Some("features.7.0.block.2.1.bias")),
            ("_blocks.16._bn2.bias", None),
            ("_bn1.num_batches_tracked", Some("features.8.1.num_batches_tracked")),
            ("_fc.bias", Some("classifier.1.bias")),
            ("features.0.0.weight", None),
        ];
        for (theirs, ours) in cases {
            assert_eq!(rename(theirs, ZERO).as_deref(), ours, "{theirs}");
        }
        // Lite1 has three blocks in its second stage.
        let third = rename("_blocks.3._bn2.bias", ONE);
        assert_eq!(third.as_deref(), Some("features.2.2.block.2.1.bias"));
    }
}
