//! How images are prepared for a model of the hub, from the small files next to its weights.
//!
//! | file                       | of           | says                                                                                   |
//! |----------------------------|--------------|----------------------------------------------------------------------------------------|
//! | `config.json`              | timm         | `pretrained_cfg`: `input_size`, `crop_pct`, `crop_mode`, `interpolation`, `mean`, `std` |
//! | `preprocessor_config.json` | transformers | `size`, `crop_size` or `crop_pct`, `resample`, `image_mean`, `image_std`               |
//!
//! Source: `resolve_data_config` and `transforms_imagenet_eval` in timm; `image_processing_vit.py`, `image_processing_bit.py` and
//! `image_processing_convnext.py` in transformers. What is said otherwise than there counts as not said.

use serde::Deserialize;
use serde_json::Value;

use crate::{Fit, InputSpec, Interpolation};

/// From timm's `config.json`.
pub(super) fn of_timm(json: &str) -> Option<InputSpec> {
    #[derive(Deserialize)]
    struct Config {
        pretrained_cfg: Preparation,
    }
    #[derive(Deserialize)]
    struct Preparation {
        input_size: [u32; 3],
        mean: [f32; 3],
        std: [f32; 3],
        interpolation: Option<String>,
        crop_pct: Option<f64>,
        crop_mode: Option<String>,
    }
    let Config { pretrained_cfg: config } = serde_json::from_str(json).ok()?;
    let [channels, height, side] = config.input_size;
    let resize = resized(side, config.crop_pct.unwrap_or(0.875))?;
    let fit = match config.crop_mode.as_deref() {
        None | Some("center") => Fit::Crop,
        Some("squash") if resize == side => Fit::Squash,
        _ => return None,
    };
    let interpolation = match config.interpolation.as_deref() {
        None | Some("bicubic") => Interpolation::Bicubic,
        Some("bilinear") => Interpolation::Bilinear,
        _ => return None,
    };
    (channels == 3 && height == side)
        .then(|| spec(fit, resize, side, interpolation, config.mean, config.std))?
}

/// From transformers' `preprocessor_config.json`.
pub(super) fn of_transformers(json: &str) -> Option<InputSpec> {
    #[derive(Deserialize)]
    struct Config {
        size: Value,
        crop_size: Option<Value>,
        do_center_crop: Option<bool>,
        crop_pct: Option<f64>,
        resample: u32,
        image_mean: [f32; 3],
        image_std: [f32; 3],
    }
    /// Above this ConvNext's processor squashes in place of cropping.
    const SQUASHED_FROM: u32 = 384;
    let config: Config = serde_json::from_str(json).ok()?;
    let interpolation = match config.resample {
        2 => Interpolation::Bilinear,
        3 => Interpolation::Bicubic,
        _ => return None,
    };
    let shortest = number(&config.size).or_else(|| number(&config.size["shortest_edge"]));
    let crop = config.crop_size.as_ref().filter(|_| config.do_center_crop == Some(true));
    let crop = crop.and_then(|crop| number(crop).or_else(|| square(crop)));
    let (fit, resize, side) = match (square(&config.size), shortest, crop, config.crop_pct) {
        (Some(side), _, None, None) => (Fit::Squash, side, side),
        (None, Some(resize), Some(side), None) => (Fit::Crop, resize, side),
        (None, Some(side), None, Some(_)) if side >= SQUASHED_FROM => (Fit::Squash, side, side),
        (None, Some(side), None, Some(share)) => (Fit::Crop, resized(side, share)?, side),
        _ => return None,
    };
    spec(fit, resize, side, interpolation, config.image_mean, config.image_std)
}

/// Side before a crop that leaves this share of it.
fn resized(side: u32, share: f64) -> Option<u32> {
    (share > 0.1 && share <= 1.0).then(|| (f64::from(side) / share).floor() as u32)
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|value| value.try_into().ok())
}

fn square(value: &Value) -> Option<u32> {
    let [height, width] = ["height", "width"].map(|side| number(&value[side]));
    height.filter(|_| height == width)
}

fn spec(
    fit: Fit,
    resize: u32,
    crop: u32,
    interpolation: Interpolation,
    mean: [f32; 3],
    std: [f32; 3],
) -> Option<InputSpec> {
    const LARGEST: u32 = 2048;
    let sound = (1..=LARGEST).contains(&crop)
        && (crop..=4 * LARGEST).contains(&resize)
        && mean.iter().all(|value| value.is_finite())
        && std.iter().all(|value| value.is_finite() && *value > 0.0);
    let [mean, std] = [mean, std].map(Vec::from);
    sound.then_some(InputSpec { resize, crop, fit, range: None, interpolation, channels: 3, mean, std })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(spec: Option<InputSpec>) -> String {
        spec.map_or_else(String::new, |spec| format!("{spec} {:?} {:?}", spec.interpolation, spec.mean))
    }

    #[test]
    fn timm_says_it_in_its_configuration() {
        let json = |more: &str| {
            format!(
                r#"{{"architecture": "x", "pretrained_cfg": {{"input_size": [3, 224, 224], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]{more}}}}}"#
            )
        };
        let of = |more: &str| shown(of_timm(&json(more)));
        let cropped = r#", "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center", "fixed_input_size": true"#;
        assert_eq!(of(cropped), "resized to 248 and cropped to 224 Bicubic [0.5, 0.5, 0.5]");
        assert_eq!(of(""), "resized to 256 and cropped to 224 Bicubic [0.5, 0.5, 0.5]");
        let squashed = r#", "interpolation": "bilinear", "crop_pct": 1.0, "crop_mode": "squash""#;
        assert_eq!(of(squashed), "squashed to 224 x 224 Bilinear [0.5, 0.5, 0.5]");
        for unknown in [r#", "crop_mode": "border""#, r#", "interpolation": "lanczos""#, r#", "crop_pct": 0"#]
        {
            assert_eq!(of(unknown), "", "{unknown}");
        }
        assert_eq!(shown(of_timm(r#"{"model_type": "vit"}"#)), "");
        assert_eq!(shown(of_timm(&json("").replace("[3, 224, 224]", "[3, 224, 192]"))), "");
        assert_eq!(shown(of_timm(&json("").replace("\"std\": [0.5", "\"std\": [0.0"))), "");
    }

    #[test]
    fn transformers_say_it_in_several_ways() {
        let of = |more: &str| {
            shown(of_transformers(&format!(
                r#"{{"resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], {more}}}"#
            )))
        };
        for (more, says) in [
            (r#""size": {"height": 224, "width": 224}"#, "squashed to 224 x 224 Bicubic [0.5, 0.5, 0.5]"),
            (
                r#""size": {"shortest_edge": 256}, "do_center_crop": true, "crop_size": {"height": 224, "width": 224}"#,
                "resized to 256 and cropped to 224 Bicubic [0.5, 0.5, 0.5]",
            ),
            (
                r#""size": {"shortest_edge": 224}, "crop_pct": 0.875"#,
                "resized to 256 and cropped to 224 Bicubic [0.5, 0.5, 0.5]",
            ),
            (
                r#""size": 224, "crop_pct": 0.875"#,
                "resized to 256 and cropped to 224 Bicubic [0.5, 0.5, 0.5]",
            ),
            (
                r#""size": {"shortest_edge": 384}, "crop_pct": 0.95"#,
                "squashed to 384 x 384 Bicubic [0.5, 0.5, 0.5]",
            ),
            (r#""size": {"shortest_edge": 224}"#, ""),
            (r#""size": {"height": 224, "width": 192}"#, ""),
            (r#""size": 0, "crop_pct": 0.9"#, ""),
        ] {
            assert_eq!(of(more), says, "{more}");
        }
    }
}
