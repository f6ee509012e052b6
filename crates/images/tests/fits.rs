//! Whole images in a square against Pillow and TorchVision (`fits.py`); what is kept, reduced and read of them is the same.

use std::ops::ControlFlow;
use std::path::Path;

use image::RgbImage;
use images::{Augment, Batches, Keep, Probability, Sample, Shown, Store, Transform};
use pretrained::{Fit, InputSpec, Interpolation, SampleRange};

const LINES: &str = include_str!("fixtures/fits.txt");

/// The image of `resized.py`.
fn image(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 5 + y * 3) as u8, (x * x + 7 * y * y) as u8, ((x / 3 + y / 4) % 2 * 255) as u8])
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// A specification whose mean colour is this; nothing is divided.
fn spec(fit: Fit, side: u32, interpolation: Interpolation, fill: &[u8]) -> InputSpec {
    let mean = fill.iter().map(|&value| f32::from(value) / 255.0).collect();
    let std = vec![1.0 / 255.0; fill.len()];
    // What `resize` says does not matter.
    let resize = 5 * side;
    let channels = u8::try_from(fill.len()).expect("channels");
    InputSpec { resize, crop: side, fit, interpolation, channels, mean, std, range: None }
}

fn fit(name: &str) -> Fit {
    match name {
        "pad" => Fit::Pad,
        "squash" => Fit::Squash,
        other => panic!("{other}"),
    }
}

#[test]
fn whole_images_agree_with_pillow_and_torchvision() {
    let (mut lines, mut exact) = (0, 0);
    for line in LINES.lines() {
        let [name, width, height, side, filter, _, fill, hex] = line.split(' ').collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        let [width, height, side] = [width, height, side].map(|n| n.parse().expect("number"));
        let interpolation =
            if filter == "bicubic" { Interpolation::Bicubic } else { Interpolation::Bilinear };
        let fill = bytes(fill);
        let transform =
            Transform::evaluation(&spec(fit(name), side, interpolation, &fill)).expect("transform");
        let pixels = transform.apply(&image(width, height), 1, 1).expect("pixels");
        let (area, channels) = ((side * side) as usize, fill.len());
        let ours: Vec<u8> = (0..area * channels)
            .map(|at| {
                (pixels[at % channels * area + at / channels] + f32::from(fill[at % channels])).round() as u8
            })
            .collect();
        let expected = bytes(hex);
        assert_eq!(ours.len(), expected.len(), "{line}");
        let off = ours.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        let allowed = if filter == "bicubic" { 2 } else { 1 };
        assert!(off <= Some(allowed), "{name} {width}x{height} {filter}: off by {off:?}");
        lines += 1;
        exact += usize::from(off == Some(0));
    }
    assert_eq!(lines, 21 * 2 * 2 * 2);
    eprintln!("{exact} of {lines} to the bit");
    assert!(exact * 10 > lines * 8, "{exact} of {lines}");
}

#[test]
fn bars_are_the_mean_and_nothing_of_the_image_is_lost() {
    // White left and right ends, gray between: a centre crop would see neither end.
    let wide =
        RgbImage::from_fn(90, 30, |x, _| image::Rgb([if (15..75).contains(&x) { 60 } else { 255 }; 3]));
    let of = |fit| {
        let input = InputSpec { resize: 30, crop: 30, fit, ..InputSpec::imagenet() };
        Transform::evaluation(&input).expect("transform").apply(&wide, 0, 0).expect("pixels")
    };
    let column = |pixels: &[f32], x: usize, y: usize| pixels[y * 30 + x];
    let (crop, pad, squash) = (of(Fit::Crop), of(Fit::Pad), of(Fit::Squash));
    let gray = crop[0];
    assert!(crop[..900].iter().all(|&value| value == gray));
    for (x, white) in [(0, true), (29, true), (15, false)] {
        assert_eq!(column(&pad, x, 15) > gray + 1.0, white, "{x}");
        assert_eq!(column(&squash, x, 0) > gray + 1.0, white, "{x}");
    }
    // Above and below it is the mean, to the nearest byte: zero, or nearly so.
    for channel in pad.chunks_exact(900) {
        assert!(channel[..300].iter().chain(&channel[600..]).all(|value| value.abs() < 0.01));
    }
    assert!(squash[..30].iter().any(|value| value.abs() > 0.1));
}

#[test]
fn extreme_shapes_are_cheap_and_defined() {
    for fit in [Fit::Pad, Fit::Squash] {
        let transform =
            Transform::evaluation(&spec(fit, 224, Interpolation::Bicubic, &[90; 3])).expect("transform");
        for (width, height) in [(1, 1), (1, 60_000), (60_000, 1), (2, 3), (3, 50_000)] {
            let photo = RgbImage::from_pixel(width, height, image::Rgb([90; 3]));
            let pixels = transform.apply(&photo, 0, 0).expect("pixels");
            assert!(pixels.iter().all(|value| value.abs() < 0.01), "{width}x{height}");
        }
        assert!(transform.apply(&RgbImage::new(5, 0), 0, 0).is_err());
    }
}

fn store(samples: &[Sample], keep: Keep) -> Store {
    Store::decode(samples.to_vec(), keep, u64::MAX, 1, &|_, _| ControlFlow::Continue(())).expect("store")
}

/// Two smooth JPEGs, 300 x 200 and 100 x 301.
fn photographs(folder: &Path) -> Vec<Sample> {
    let draw = |(number, (width, height)): (u64, (u32, u32))| {
        let path = folder.join(format!("{number}.jpg"));
        RgbImage::from_fn(width, height, |x, y| image::Rgb([(x / 2) as u8, (y / 2) as u8, 90]))
            .save(&path)
            .expect("save");
        Sample { path, label: 0, id: number, group: None }
    };
    (0..).zip([(300, 200), (100, 301)]).map(draw).collect()
}

#[test]
fn kept_squares_and_flips_are_those_of_the_whole_image_and_another_fit_is_not_taken_for_it() {
    let folder = tempfile::tempdir().expect("folder");
    let samples = photographs(folder.path());
    let transform = |fit| {
        Transform::evaluation(&spec(fit, 24, Interpolation::Bilinear, &[9, 99, 199])).expect("transform")
    };
    let fits = [Fit::Crop, Fit::Pad, Fit::Squash];
    let pixels = |store: &Store, transform: Transform| -> Vec<f32> {
        Batches::new(store, transform, vec![0, 1], 0, 2, 0)
            .flat_map(|batch| batch.expect("batch").pixels)
            .collect()
    };
    let whole = store(&samples, Keep::Whole);
    for stored in fits {
        let squares = store(&samples, Keep::Square(Box::new(transform(stored))));
        for fit in fits {
            assert_eq!(
                pixels(&squares, transform(fit)),
                pixels(&whole, transform(fit)),
                "{stored:?} {fit:?}"
            );
        }
        // What a report shows is what the network sees.
        let Shown { square: shown, pixels: numbers } = squares.shown(0, &transform(stored)).expect("shown");
        assert_eq!(numbers, pixels(&whole, transform(stored))[..24 * 24 * 3]);
        assert_eq!(shown, *squares.view(0).expect("view"));
        let flip = Augment { horizontal_flip: Probability::of(1.0), ..Augment::default() };
        let input = spec(stored, 24, Interpolation::Bilinear, &[9, 99, 199]);
        let flipped = Transform::training(&input, &flip).expect("transform");
        assert_eq!(pixels(&squares, flipped.clone()), pixels(&whole, flipped));
    }
}

#[test]
fn reduced_decoding_leaves_twice_what_is_shown() {
    let folder = tempfile::tempdir().expect("folder");
    let samples = photographs(folder.path());
    // Of 300 x 200 and 100 x 301, at half their size, half again, and so on.
    for (fit, side, expected) in [
        // The shorter side keeps 2 x 20 (`resize` is 5 x 4): 200 / 4, 100 / 2.
        (Fit::Crop, 4, [50, 50]),
        // The longer side keeps 2 x 30: 300 / 4 x 200 / 4, 301 / 4 x 100 / 4.
        (Fit::Pad, 30, [50, 25]),
        // Both sides keep 2 x 30: 200 / 2 and 100 / 1.
        (Fit::Squash, 30, [100, 100]),
    ] {
        let transform =
            Transform::evaluation(&spec(fit, side, Interpolation::Bilinear, &[0; 3])).expect("transform");
        let sides: Vec<u32> = samples
            .iter()
            .map(|sample| {
                let reduced =
                    store(std::slice::from_ref(sample), Keep::Square(Box::new(transform.clone().reducing())));
                reduced.median_side().expect("a side")
            })
            .collect();
        assert_eq!(sides, expected, "{fit:?}");
        // It is another image to the feature cache, and nearly the same to look at.
        let (reduced, plain) = (
            store(&samples, Keep::Square(Box::new(transform.clone().reducing()))),
            store(&samples, Keep::Square(Box::new(transform.clone()))),
        );
        assert_ne!(reduced.digest(0).expect("digest"), plain.digest(0).expect("digest"));
        let shown = |store: &Store| store.shown(0, &transform).expect("shown").pixels;
        let off = shown(&reduced).iter().zip(shown(&plain)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 12.0, "{fit:?}: {off}");
    }
}

#[test]
fn ranges_and_fits_have_digests_of_their_own() {
    let folder = tempfile::tempdir().expect("folder");
    let samples = photographs(folder.path());
    let digest = |fit, range: Option<i64>| {
        let range = range.map(|range| SampleRange::try_from(range).expect("range"));
        let input = InputSpec { range, ..spec(fit, 30, Interpolation::Bilinear, &[0; 3]) };
        let transform = Transform::evaluation(&input).expect("transform");
        store(&samples, Keep::Square(Box::new(transform.reducing()))).digest(0).expect("digest")
    };
    let mut all = vec![digest(Fit::Pad, None), digest(Fit::Squash, None), digest(Fit::Pad, Some(4095))];
    all.push(digest(Fit::Pad, Some(1023)));
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}
