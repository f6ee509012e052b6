//! Geometry against Pillow (`pillow.py`), normalisation, and refusals.

use std::fs;
use std::path::Path;

use image::RgbImage;
use images::{Augment, ResizedCrop, Transform};
use pretrained::{InputSpec, Interpolation};

/// The picture of `pillow.py`.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 5 + y * 3) as u8, (x * x + 7 * y * y) as u8, ((x / 3 + y / 4) % 2 * 255) as u8])
    })
}

/// A specification whose result is the 8-bit values again.
fn plain(resize: u32, crop: u32, interpolation: Interpolation, channels: u8) -> InputSpec {
    let each = |value| vec![value; channels.into()];
    InputSpec { resize, crop, interpolation, channels, mean: each(0.0), std: each(1.0 / 255.0) }
}

/// `[C, H, W]` numbers to `[H, W, C]` bytes.
fn to_bytes(pixels: &[f32], channels: usize) -> Vec<u8> {
    let area = pixels.len() / channels;
    (0..pixels.len()).map(|at| pixels[at % channels * area + at / channels].round() as u8).collect()
}

#[test]
fn resizing_and_cropping_agree_with_pillow() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/resized.txt");
    for line in fs::read_to_string(path).expect("fixtures").lines() {
        let [name, width, height, resize, crop, filter, mode, hex] = line.split(' ').collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        let [width, height, resize, crop] = [width, height, resize, crop].map(|n| n.parse().expect("number"));
        let interpolation =
            if filter == "bicubic" { Interpolation::Bicubic } else { Interpolation::Bilinear };
        let channels = if mode == "L" { 1 } else { 3 };
        let transform = if name == "squeeze" {
            // Everything in one box: the whole picture is the only one of this area and ratio.
            let whole = ResizedCrop { scale: (1.0, 1.0), ratio: (2.0, 2.0) };
            let augment =
                Augment { seed: 0, horizontal_flip: 0.0, resized_crop: Some(whole), ..Augment::default() };
            Transform::training(&plain(crop, crop, interpolation, channels), &augment)
        } else {
            Transform::evaluation(&plain(resize, crop, interpolation, channels))
        };
        let pixels = transform.expect("transform").apply(&picture(width, height), 1, 1).expect("pixels");
        let expected: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
            .collect();
        let ours = to_bytes(&pixels, channels.into());
        assert_eq!(ours.len(), expected.len(), "{name}");
        let off = ours.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        let allowed = match (name, filter) {
            ("crop-only" | "unchanged", _) => 0,
            (_, "bicubic") => 2,
            _ => 1,
        };
        assert!(off <= Some(allowed), "{name} {filter}: off by {off:?}, allowed {allowed}");
    }
}

#[test]
fn normalisation_is_that_of_torchvision() {
    let spec = InputSpec {
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
        ..plain(2, 2, Interpolation::Bilinear, 3)
    };
    let flat = RgbImage::from_pixel(2, 2, image::Rgb([0, 128, 255]));
    let pixels = Transform::evaluation(&spec).expect("transform").apply(&flat, 0, 0).expect("pixels");
    // (value / 255 - mean) / std
    let expected = [-2.117_904, 0.205_182_1, 2.64];
    for (channel, expected) in expected.into_iter().enumerate() {
        assert!(pixels[channel * 4..][..4].iter().all(|value| (value - expected).abs() < 1e-5), "{pixels:?}");
    }
}

#[test]
fn random_changes_depend_on_seed_epoch_and_sample() {
    let crop = ResizedCrop { scale: (0.08, 1.0), ratio: (0.75, 4.0 / 3.0) };
    let spec = plain(16, 16, Interpolation::Bilinear, 3);
    let photo = picture(50, 40);
    let made = |seed, id, epoch| {
        let augment = Augment { seed, horizontal_flip: 0.5, resized_crop: Some(crop), ..Augment::default() };
        Transform::training(&spec, &augment).expect("transform").apply(&photo, id, epoch).expect("pixels")
    };
    let first = made(1, 2, 3);
    assert_eq!(first, made(1, 2, 3));
    for other in [made(9, 2, 3), made(1, 9, 3), made(1, 2, 9)] {
        assert_ne!(first, other);
    }
}

#[test]
fn flips_mirror_about_as_often_as_asked() {
    let spec = plain(12, 12, Interpolation::Bilinear, 3);
    let augment = Augment { seed: 4, horizontal_flip: 0.25, resized_crop: None, ..Augment::default() };
    let transform = Transform::training(&spec, &augment).expect("transform");
    let photo = picture(12, 12);
    let straight = photo.as_raw();
    let mirrored = image::imageops::flip_horizontal(&photo).into_raw();
    let flips = (0..1000).filter(|&id| {
        let made = to_bytes(&transform.apply(&photo, id, 0).expect("pixels"), 3);
        assert!(made == *straight || made == mirrored);
        made == mirrored
    });
    // Four standard deviations of a binomial distribution around 250.
    assert!((195..=305).contains(&flips.count()));
}

#[test]
fn extreme_shapes_are_cheap_and_defined() {
    let transform = Transform::evaluation(&plain(256, 224, Interpolation::Bilinear, 3)).expect("transform");
    let augment = Augment {
        seed: 0,
        horizontal_flip: 0.5,
        resized_crop: Some(ResizedCrop { scale: (0.08, 1.0), ratio: (0.75, 1.33) }),
        ..Augment::default()
    };
    let training =
        Transform::training(&plain(256, 224, Interpolation::Bicubic, 1), &augment).expect("transform");
    for (width, height) in [(1, 1), (1, 60_000), (60_000, 1), (2, 3)] {
        let photo = RgbImage::from_pixel(width, height, image::Rgb([90, 90, 90]));
        for pixels in [transform.apply(&photo, 0, 0), training.apply(&photo, 0, 0)] {
            assert!(
                pixels.expect("pixels").iter().all(|value| (value - 90.0).abs() < 0.01),
                "{width}x{height}"
            );
        }
    }
    assert!(transform.apply(&RgbImage::new(0, 5), 0, 0).is_err());
}

#[test]
fn nonsense_is_refused() {
    let good = plain(16, 16, Interpolation::Bilinear, 3);
    let augment = Augment { seed: 0, horizontal_flip: 0.0, resized_crop: None, ..Augment::default() };
    for bad in [
        InputSpec { channels: 2, ..good.clone() },
        InputSpec { crop: 0, ..good.clone() },
        InputSpec { resize: 0, ..good.clone() },
        InputSpec { resize: u32::MAX, ..good.clone() },
        InputSpec { mean: vec![0.0], ..good.clone() },
        InputSpec { std: vec![1.0, 0.0, 1.0], ..good.clone() },
    ] {
        assert!(Transform::evaluation(&bad).is_err(), "{bad:?}");
    }
    let crop = |scale, ratio| Augment { resized_crop: Some(ResizedCrop { scale, ratio }), ..augment };
    for bad in [
        Augment { horizontal_flip: 1.5, ..augment },
        Augment { horizontal_flip: f64::NAN, ..augment },
        crop((0.0, 1.0), (1.0, 1.0)),
        crop((0.5, 0.1), (1.0, 1.0)),
        crop((0.5, 1.0), (2.0, 1.0)),
        crop((0.5, 1.0), (0.5, f64::INFINITY)),
    ] {
        assert!(Transform::training(&good, &bad).is_err(), "{bad:?}");
    }
}
