//! Each operation against TorchVision on Pillow (`tests/augmented.py`).

use super::{Operation, Sampling, Square, luma};

const LINES: &str = include_str!("../../tests/fixtures/augmented.txt");
const PHOTO: &[u8] = include_bytes!("../../tests/fixtures/photo.png");
const TILES: &[u8] = include_bytes!("../../tests/fixtures/augmented.png");

fn png(bytes: &[u8]) -> Vec<u8> {
    image::load_from_memory(bytes).expect("png").into_rgb8().into_raw()
}

/// The operation that TorchVision calls so, at this strength of TorchVision's.
fn operation(name: &str, strength: f64) -> Operation {
    match name {
        "ShearX" => Operation::ShearX(strength),
        "ShearY" => Operation::ShearY(strength),
        "TranslateX" => Operation::TranslateX(strength as i32),
        "TranslateY" => Operation::TranslateY(strength as i32),
        "Rotate" => Operation::Rotate(strength),
        "Brightness" => Operation::Brightness(1.0 + strength),
        "Color" => Operation::Saturation(1.0 + strength),
        "Contrast" => Operation::Contrast(1.0 + strength),
        "Sharpness" => Operation::Sharpness(1.0 + strength),
        "Posterize" => Operation::Posterize(strength as u32),
        "Solarize" => Operation::Solarize(strength),
        "AutoContrast" => Operation::AutoContrast,
        "Equalize" => Operation::Equalize,
        "Hue" => Operation::Hue(strength),
        "VerticalFlip" => Operation::VerticalFlip,
        "Gray" => Operation::Gray,
        "QuarterTurns" => Operation::QuarterTurns(strength as u32),
        blur if blur.starts_with("Blur") => {
            Operation::Blur { kernel: blur[4..].parse().expect("kernel"), sigma: strength }
        }
        other => panic!("{other}"),
    }
}

#[test]
fn operations_agree_with_torchvision_to_the_bit() {
    let photo = png(PHOTO);
    let side = (photo.len() / 3).isqrt();
    let tiles = png(TILES);
    assert_eq!(tiles.len(), LINES.lines().count() * photo.len());
    let mut wrong = Vec::new();
    for (line, expected) in LINES.lines().zip(tiles.chunks_exact(photo.len())) {
        let [mode, sampling, name, strength] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let channels = if mode == "L" { 1 } else { 3 };
        let mut bytes: Vec<u8> =
            if channels == 1 { photo.chunks_exact(3).map(luma).collect() } else { photo.clone() };
        let mut spare = Vec::new();
        let mut square = Square { bytes: &mut bytes, spare: &mut spare, side, channels };
        let sampling = if sampling == "nearest" { Sampling::Nearest } else { Sampling::Bilinear };
        if matches!(name, "AutoContrast" | "Equalize") {
            Operation::Contrast(0.5).apply(&mut square, sampling);
        }
        operation(name, strength.parse().expect("strength")).apply(&mut square, sampling);
        let found: Vec<u8> =
            if channels == 1 { bytes.iter().flat_map(|&value| [value; 3]).collect() } else { bytes };
        let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
        let differing = found.iter().zip(expected).filter(|(a, b)| a != b).count();
        if off != Some(0) {
            wrong.push(format!("{line}: {differing} values, by up to {off:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tiny_squares_are_defined() {
    for side in [1, 2] {
        for line in LINES.lines() {
            let [_, _, name, strength] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            for sampling in [Sampling::Nearest, Sampling::Bilinear] {
                let (mut bytes, mut spare) = (vec![77; side * side * 3], Vec::new());
                let mut square = Square { bytes: &mut bytes, spare: &mut spare, side, channels: 3 };
                operation(name, strength.parse().expect("strength")).apply(&mut square, sampling);
                assert_eq!(bytes.len(), side * side * 3);
            }
        }
    }
}
