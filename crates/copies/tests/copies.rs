//! Hashes against numpy, one image over another, and copies found among images that are none.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use copies::{Bounds, Fingerprint, Kind, Thumbnail, align, examine, find, nearest_by_hash};
use image::{Rgb, RgbImage, imageops};

fn photograph(name: &str) -> RgbImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../images/tests/fixtures").join(name);
    image::open(path).expect("fixture").into_rgb8()
}

#[test]
fn hashes_of_all_orientations_are_those_of_numpy() {
    let print = Fingerprint::of(&photograph("photograph-coffee.png")).expect("fingerprint");
    let golden: Vec<&str> = include_str!("hashes.txt").lines().collect();
    assert_eq!(golden.len(), 8);
    for (hash, golden) in print.hash.orientations().into_iter().zip(golden) {
        let differ = hash.bits().into_iter().zip(golden.chars()).filter(|(bit, one)| *bit != (*one == '1'));
        // Signs of frequencies next to nothing follow the rounding of gray values.
        assert!(differ.count() <= 3);
    }
    assert_eq!(print.hash.orientations()[0], print.hash);
    assert!(print.hash.distance(print.hash.orientations()[1]) > 60);
}

#[test]
fn an_edited_image_lies_over_its_original() {
    let original = photograph("photograph-chelsea.png");
    let (width, height) = original.dimensions();
    let part = |share: f64, left: f64| {
        let side = |length: u32| (f64::from(length) * share) as u32;
        let x = (f64::from(width - side(width)) * left) as u32;
        imageops::crop_imm(&original, x, x * height / width, side(width), side(height)).to_image()
    };
    let mut framed = RgbImage::from_pixel(width + 40, height + 40, Rgb([255; 3]));
    imageops::overlay(&mut framed, &original, 20, 20);
    let gray = image::DynamicImage::from(original.clone()).into_luma8();
    let edits: [(&str, RgbImage, [f64; 2], bool, u8); 8] = [
        (
            "half",
            imageops::resize(&original, width / 2, height / 2, imageops::FilterType::Triangle),
            [0.95, 1.05],
            false,
            0,
        ),
        (
            "squeezed",
            imageops::resize(&original, width / 2, height, imageops::FilterType::Triangle),
            [0.95, 1.05],
            false,
            0,
        ),
        ("mirrored", imageops::flip_horizontal(&original), [0.95, 1.05], true, 0),
        ("turned", imageops::rotate90(&original), [0.95, 1.05], false, 1),
        ("gray", image::DynamicImage::from(gray).into_rgb8(), [0.95, 1.05], false, 0),
        ("most of it", part(0.8, 0.3), [0.58, 0.7], false, 0),
        ("a part", part(0.62, 0.7), [0.34, 0.45], false, 0),
        ("framed", framed, [0.7, 0.95], false, 0),
    ];
    let whole = Thumbnail::of(&original).expect("thumbnail");
    for (name, edited, coverage, mirrored, turns) in edits {
        let edited = Thumbnail::of(&edited).expect("thumbnail");
        for found in [align(&whole, &edited), align(&edited, &whole)] {
            assert!(found.correlation > 0.93, "{name}: {found:?}");
            assert!((coverage[0]..=coverage[1]).contains(&found.coverage()), "{name}: {found:?}");
            assert_eq!(found.is_mirrored(), mirrored, "{name}: {found:?}");
            assert_eq!(found.quarter_turns() % 2, turns % 2, "{name}: {found:?}");
        }
    }
    let other = Thumbnail::of(&photograph("photograph-coffee.png")).expect("thumbnail");
    assert!(align(&whole, &other).correlation < 0.8);
    let flat = Thumbnail::of(&RgbImage::from_pixel(50, 50, Rgb([9; 3]))).expect("thumbnail");
    assert!(align(&flat, &flat).correlation.abs() < 1e-9 && Thumbnail::of(&RgbImage::new(0, 0)).is_err());
}

/// Shapes whose places and brightness the number decides.
fn drawn(number: u32) -> RgbImage {
    let mut image = RgbImage::from_pixel(90, 70, Rgb([100, 110, 90]));
    let mut state = number.wrapping_mul(2_654_435_761) ^ 0x9E37_79B9;
    for _ in 0..16 {
        let mut next = |most: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % most
        };
        let (left, top, wide, high, value) =
            (next(80), next(60), 6 + next(30), 6 + next(30), next(256) as u8);
        for y in top..(top + high).min(70) {
            for x in left..(left + wide).min(90) {
                image.put_pixel(x, y, Rgb([value, value, value]));
            }
        }
    }
    image
}

#[test]
fn copies_are_found_by_hash_alone_and_grouped() {
    let folder = tempfile::tempdir().expect("folder");
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut save = |image: &RgbImage| {
        let path = folder.path().join(format!("{}.png", paths.len()));
        image.save(&path).expect("saved");
        paths.push(path);
    };
    (0..60).for_each(|number| save(&drawn(number)));
    save(&drawn(3)); // 60
    save(&imageops::flip_horizontal(&drawn(5))); // 61
    save(&imageops::rotate90(&drawn(5))); // 62
    save(&imageops::resize(&drawn(7), 45, 35, imageops::FilterType::Triangle)); // 63
    let bmp = folder.path().join("8.bmp");
    drawn(8).save(&bmp).expect("saved"); // 64
    paths.push(bmp);
    let broken = folder.path().join("broken.png");
    std::fs::write(&broken, b"no image").expect("written"); // 65
    paths.push(broken);
    let files = examine(&paths, 2, &|_| ControlFlow::Continue(())).expect("examined");
    assert!(files[65].fingerprint().is_none() && files[65].sha256.is_some());
    let copies = find(&files, None);
    let found: Vec<([usize; 2], Kind)> =
        copies.pairs.iter().map(|pair| ([pair.a, pair.b], pair.kind)).collect();
    let near = |a, b| ([a, b], Kind::Near);
    let expected =
        [([3, 60], Kind::File), near(5, 61), near(5, 62), near(7, 63), ([8, 64], Kind::Pixels), near(61, 62)];
    assert_eq!(found, expected);
    assert_eq!(copies.groups, [vec![3, 60], vec![5, 61, 62], vec![7, 63], vec![8, 64]]);
    let hashes: Vec<_> = files.iter().filter_map(|file| Some(file.fingerprint()?.hash)).collect();
    assert_eq!(nearest_by_hash(&hashes, 2).0[3][0].image, 60);
    let stopped = examine(&paths, 2, &|_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(copies::Error::Interrupted)));
}

#[test]
fn bounds_rise_where_images_resemble_each_other() {
    let spread =
        |middle: f64| (0..100).map(|n| middle + 0.1 * (f64::from(n) / 100.0 - 0.5)).collect::<Vec<_>>();
    let (photographs, letters) =
        (Bounds::of(&spread(0.5), &spread(0.9)), Bounds::of(&spread(0.9), &spread(0.9)));
    assert!((photographs.correlation, photographs.supported) == (0.95, 0.85) && photographs.ratio == 0.7);
    assert!(letters.correlation > 0.97 && letters.supported > photographs.supported);
    assert!(Bounds::of(&[], &[]).correlation > 0.9);
}
