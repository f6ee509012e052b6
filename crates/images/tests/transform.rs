//! Geometry against Pillow (`resized.py`, `photographs.py`), normalisation, and refusals.

use std::fs;
use std::path::Path;

use image::RgbImage;
use images::{
    Angle, AreaShares, Augment, Blur, ColorJitter, Erasing, ErasingFill, HueShift, Policy, Probability,
    RandAugment, ResizedCrop, Sampling, SideRatios, Transform,
};
use pretrained::{InputSpec, Interpolation};
use ranged::NotNegative;

/// The image of `resized.py`.
fn image(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 5 + y * 3) as u8, (x * x + 7 * y * y) as u8, ((x / 3 + y / 4) % 2 * 255) as u8])
    })
}

/// A specification whose result is the 8-bit values again.
fn plain(resize: u32, crop: u32, interpolation: Interpolation, channels: u8) -> InputSpec {
    let each = |value| vec![value; channels.into()];
    InputSpec {
        resize,
        crop,
        interpolation,
        channels,
        mean: each(0.0),
        std: each(1.0 / 255.0),
        ..InputSpec::imagenet()
    }
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
            // Everything in one box: the whole image is the only one of this area and ratio.
            let whole = ResizedCrop { scale: AreaShares::of(1.0, 1.0), ratio: SideRatios::of(2.0, 2.0) };
            let augment = Augment {
                seed: 0,
                horizontal_flip: Probability::of(0.0),
                resized_crop: Some(whole),
                ..Augment::default()
            };
            Transform::training(&plain(crop, crop, interpolation, channels), &augment)
        } else {
            Transform::evaluation(&plain(resize, crop, interpolation, channels))
        };
        let pixels = transform.expect("transform").apply(&image(width, height), 1, 1).expect("pixels");
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

/// Parts of real photographs by the presets of TorchVision's weights, one made smaller and one larger.
#[test]
fn photographs_agree_with_pillow() {
    let open = |name: &str| {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/photograph-{name}.png"));
        image::open(path).expect("fixture").into_rgb8()
    };
    let shorter = |name| open(name).width().min(open(name).height());
    assert!(shorter("chelsea") > 256 && shorter("coffee") < 256);
    for name in ["chelsea", "coffee"] {
        for (filter, interpolation) in
            [("bilinear", Interpolation::Bilinear), ("bicubic", Interpolation::Bicubic)]
        {
            let transform = Transform::evaluation(&plain(256, 224, interpolation, 3)).expect("transform");
            let ours = to_bytes(&transform.apply(&open(name), 0, 0).expect("pixels"), 3);
            let theirs = open(&format!("{name}-{filter}")).into_raw();
            assert_eq!(ours.len(), theirs.len());
            let off = || ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b));
            let mean = off().map(f64::from).sum::<f64>() / ours.len() as f64;
            eprintln!("{name}, {filter}: off by at most {:?}, {mean:.4} in the mean", off().max());
            assert!(off().max() <= Some(2), "{name}, {filter}: {:?}", off().max());
            assert!(mean < 0.1, "{name}, {filter}: {mean}");
        }
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
    let crop = ResizedCrop { scale: AreaShares::of(0.08, 1.0), ratio: SideRatios::of(0.75, 4.0 / 3.0) };
    let spec = plain(16, 16, Interpolation::Bilinear, 3);
    let photo = image(50, 40);
    let made = |seed, id, epoch| {
        let augment = Augment {
            seed,
            horizontal_flip: Probability::of(0.5),
            resized_crop: Some(crop),
            ..Augment::default()
        };
        Transform::training(&spec, &augment).expect("transform").apply(&photo, id, epoch).expect("pixels")
    };
    let first = made(1, 2, 3);
    assert_eq!(first, made(1, 2, 3));
    for other in [made(9, 2, 3), made(1, 9, 3), made(1, 2, 9)] {
        assert_ne!(first, other);
    }
}

fn chance(probability: f64) -> Probability {
    Probability::try_from(probability).expect("probability")
}

/// Each option, alone.
fn options() -> Vec<Augment> {
    let jitter = ColorJitter::default();
    let jitters = [
        ColorJitter { brightness: NotNegative::of(0.4), ..jitter },
        ColorJitter { contrast: NotNegative::of(0.4), ..jitter },
        ColorJitter { saturation: NotNegative::of(0.4), ..jitter },
        ColorJitter { hue: HueShift::of(0.3), ..jitter },
    ];
    let noise = Erasing { fill: ErasingFill::Noise, ..Erasing::default() };
    let policies = [Policy::TrivialAugment, Policy::RandAugment(RandAugment::default())];
    let none = Augment { seed: 5, ..Augment::default() };
    [0.5, 1.0]
        .map(|flip| Augment { horizontal_flip: chance(flip), ..none })
        .into_iter()
        .chain([
            Augment { vertical_flip: chance(0.5), ..none },
            Augment { quarter_turns: true, ..none },
            Augment { gray: chance(0.5), ..none },
            Augment { blur: Some(Blur::default()), ..none },
        ])
        .chain([Sampling::Nearest, Sampling::Bilinear].map(|sampling| Augment {
            rotation: Angle::of(30.0),
            sampling,
            ..none
        }))
        .chain(jitters.map(|jitter| Augment { color_jitter: Some(jitter), ..none }))
        .chain(policies.map(|policy| Augment { policy: Some(policy), ..none }))
        .chain([Erasing::default(), noise].map(|erasing| Augment { erasing: Some(erasing), ..none }))
        .collect()
}

#[test]
fn every_option_changes_the_image_and_the_same_way_again() {
    let photo = image(40, 40);
    for channels in [3, 1] {
        let spec = plain(24, 24, Interpolation::Bilinear, channels);
        let plain = Transform::evaluation(&spec).expect("transform").apply(&photo, 0, 0).expect("pixels");
        for augment in options() {
            assert!(augment.varies());
            let made = || -> Vec<_> {
                let transform = Transform::training(&spec, &augment).expect("transform");
                (0..20).map(|id| transform.apply(&photo, id, 1).expect("pixels")).collect()
            };
            let first = made();
            assert_eq!(first, made(), "{augment:?}");
            let of_colour_alone = augment.gray.get() > 0.0
                || augment
                    .color_jitter
                    .is_some_and(|jitter| jitter.saturation.get() > 0.0 || jitter.hue.get() > 0.0);
            let changes = first.iter().any(|pixels| *pixels != plain);
            assert_eq!(changes, channels == 3 || !of_colour_alone, "{channels} channels, {augment:?}");
        }
    }
    assert!(
        !Augment {
            seed: 5,
            erasing: Some(Erasing { probability: Probability::of(0.0), ..Erasing::default() }),
            ..Augment::default()
        }
        .varies()
    );
}

#[test]
fn colour_jitter_stays_within_its_bounds() {
    let spec = plain(8, 8, Interpolation::Bilinear, 3);
    let flat = RgbImage::from_pixel(8, 8, image::Rgb([100, 100, 100]));
    let jitter = ColorJitter { brightness: NotNegative::of(0.5), ..ColorJitter::default() };
    let augment = Augment { color_jitter: Some(jitter), ..Augment::default() };
    let transform = Transform::training(&spec, &augment).expect("transform");
    let values: Vec<f32> =
        (0..400).map(|id| transform.apply(&flat, id, 0).expect("pixels")[0].round()).collect();
    assert!(values.iter().all(|value| (50.0..=150.0).contains(value)));
    assert!(values.iter().any(|value| *value < 60.0) && values.iter().any(|value| *value > 140.0));
}

#[test]
fn flips_mirror_about_as_often_as_asked() {
    let spec = plain(12, 12, Interpolation::Bilinear, 3);
    let augment =
        Augment { seed: 4, horizontal_flip: Probability::of(0.25), resized_crop: None, ..Augment::default() };
    let transform = Transform::training(&spec, &augment).expect("transform");
    let photo = image(12, 12);
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
fn turns_are_exact_and_equally_likely_and_so_are_flips() {
    let spec = plain(12, 12, Interpolation::Bilinear, 3);
    let photo = image(12, 12);
    let made = |augment: Augment| {
        let transform = Transform::training(&spec, &Augment { seed: 4, ..augment }).expect("transform");
        let photo = &photo;
        (0..1000)
            .map(move |id| to_bytes(&transform.apply(photo, id, 0).expect("pixels"), 3))
            .collect::<Vec<_>>()
    };
    // image's rotations are clockwise.
    let turned = [
        photo.clone(),
        image::imageops::rotate270(&photo),
        image::imageops::rotate180(&photo),
        image::imageops::rotate90(&photo),
    ]
    .map(RgbImage::into_raw);
    let mut counts = [0; 4];
    for made in made(Augment { quarter_turns: true, ..Augment::default() }) {
        counts[turned.iter().position(|turned| *turned == made).expect("a turn")] += 1;
    }
    // Four standard deviations of a binomial distribution around 250.
    assert!(counts.iter().all(|count| (195..=305).contains(count)), "{counts:?}");
    let upended = image::imageops::flip_vertical(&photo).into_raw();
    let flips = made(Augment { vertical_flip: chance(0.25), ..Augment::default() });
    assert!(flips.iter().all(|made| *made == turned[0] || *made == upended));
    let count = flips.iter().filter(|made| **made == upended).count();
    assert!((195..=305).contains(&count), "{count}");
}

/// What is off draws nothing, and what comes later in the order leaves what comes before it as it was.
#[test]
fn an_option_more_leaves_the_draws_before_it() {
    let spec = plain(12, 12, Interpolation::Bilinear, 3);
    // Gray: nothing is lost with its colours.
    let photo = RgbImage::from_fn(12, 12, |x, _| image::Rgb([if x < 6 { 200 } else { 40 }; 3]));
    let made = |augment: Augment| {
        let transform = Transform::training(&spec, &augment).expect("transform");
        (0..50).map(|id| transform.apply(&photo, id, 3).expect("pixels")).collect::<Vec<_>>()
    };
    let jitter = ColorJitter { brightness: NotNegative::of(0.4), ..ColorJitter::default() };
    let some = Augment {
        seed: 9,
        horizontal_flip: Probability::of(0.5),
        color_jitter: Some(jitter),
        ..Augment::default()
    };
    assert_eq!(made(some), made(Augment { gray: chance(0.7), ..some }));
    let never = Blur { probability: chance(0.0), ..Blur::default() };
    assert_eq!(made(some), made(Augment { blur: Some(never), ..some }));
    assert!(!Augment { blur: Some(never), ..Augment::default() }.varies());
}

#[test]
fn extreme_shapes_are_cheap_and_defined() {
    let transform = Transform::evaluation(&plain(256, 224, Interpolation::Bilinear, 3)).expect("transform");
    let augment = Augment {
        seed: 0,
        horizontal_flip: Probability::of(0.5),
        resized_crop: Some(ResizedCrop {
            scale: AreaShares::of(0.08, 1.0),
            ratio: SideRatios::of(0.75, 1.33),
        }),
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
}
