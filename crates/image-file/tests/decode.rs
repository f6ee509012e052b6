//! Images of every kind against Pillow (`pillow.py`), and files that are no images.

use std::fs;
use std::path::{Path, PathBuf};

use image_file::{Error, decode};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn from_hex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn every_kind_of_image_comes_out_as_from_pillow() {
    let expected = fs::read_to_string(fixture("decoded.txt")).expect("fixtures");
    let mut problems = Vec::new();
    for line in expected.lines() {
        let [name, width, height, tolerance, hex] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let image = match decode(&fixture(name)) {
            Ok(image) => image,
            Err(error) => {
                problems.push(format!("{name}: {error}"));
                continue;
            }
        };
        if format!("{} {}", image.width(), image.height()) != format!("{width} {height}") {
            problems.push(format!("{name}: {:?}", image.dimensions()));
            continue;
        }
        let off = image.as_raw().iter().zip(from_hex(hex)).map(|(a, b)| a.abs_diff(b)).max();
        if off > Some(tolerance.parse().expect("tolerance")) {
            problems.push(format!("{name}: off by {off:?}, allowed {tolerance}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_content_decides_not_the_extension() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("really-a-png.jpg");
    fs::copy(fixture("rgb.png"), &path).expect("copy");
    assert_eq!(decode(&path).expect("image"), decode(&fixture("rgb.png")).expect("image"));
}

#[test]
fn what_is_no_whole_image_is_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("image.jpg");
    let outcome = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("write");
        decode(&path)
    };
    assert!(matches!(outcome(b""), Err(Error::Empty)));
    assert!(matches!(outcome(b"<html>not found</html>"), Err(Error::Foreign { .. })));
    assert!(matches!(outcome(b"just a few words"), Err(Error::UnknownFormat)));

    // Half of a file of each format, and a JPEG that lacks but its last bytes.
    for name in
        ["rgb.png", "palette.gif", "rgb.bmp", "rgb.tiff", "rgb.ppm", "lossless.webp", "lossy.webp", "rgb.jpg"]
    {
        let bytes = fs::read(fixture(name)).expect("fixture");
        assert!(outcome(&bytes[..bytes.len() / 2]).is_err(), "half of {name}");
    }
    for name in ["rgb.jpg", "progressive.jpg"] {
        let bytes = fs::read(fixture(name)).expect("fixture");
        assert!(matches!(outcome(&bytes[..bytes.len() - 2]), Err(Error::Truncated)), "{name}");
    }

    assert!(matches!(decode(folder.path()), Err(Error::NotAFile)));
    assert!(matches!(decode(&folder.path().join("none.jpg")), Err(Error::Read(_))));
}

#[test]
fn a_decompression_bomb_is_refused_by_its_header() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("bomb.ppm");
    fs::write(&path, b"P6 60000 60000 255\n").expect("write");
    let refused = decode(&path);
    assert!(matches!(refused, Err(Error::TooLarge { width: 60_000, height: 60_000, .. })), "{refused:?}");
}

/// Damaged files are errors or odd images, never panics.
#[test]
fn damaged_files_never_panic() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("damaged");
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let names = [
        "rgb.png",
        "palette.gif",
        "palette.bmp",
        "rgb.tiff",
        "gray.pgm",
        "lossy.webp",
        "cmyk.jpg",
        "progressive.jpg",
    ];
    for name in names {
        let whole = fs::read(fixture(name)).expect("fixture");
        for _ in 0..rounds() {
            let mut bytes = whole.clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            bytes.truncate(bytes.len() - random(3) * random(bytes.len()) / 2);
            fs::write(&path, &bytes).expect("write");
            let _ = decode(&path);
        }
    }
}

/// More rounds for an occasional long run: `ROUNDS=100000 cargo test -p images --test decode`.
fn rounds() -> usize {
    std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60)
}
