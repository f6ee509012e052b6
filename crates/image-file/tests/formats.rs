//! Every kind of PNG, TIFF, GIF, BMP, WebP and PNM, and of orientation, against Pillow (`formats.py`), and the names of
//! formats that are not read.

use std::fs;
use std::path::{Path, PathBuf};

use image_file::{Error, Facts, decode};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn from_hex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// What is wrong with the answer for a file, if anything.
fn problem(words: &[&str], folder: &Path) -> Option<String> {
    let outcome = decode(&folder.join(words[0]));
    match (words, outcome) {
        ([_, "refused"], Err(_)) => None,
        ([_, "refused"], Ok(_)) => Some("is read and should be refused".to_owned()),
        (_, Err(error)) => Some(error.to_string()),
        ([_, width, height, tolerance, hex], Ok(image)) => {
            if (image.width().to_string(), image.height().to_string())
                != ((*width).to_owned(), (*height).to_owned())
            {
                return Some(format!("is {:?}", image.dimensions()));
            }
            let off = image.as_raw().iter().zip(from_hex(hex)).map(|(a, b)| a.abs_diff(b)).max();
            (off > tolerance.parse().ok()).then(|| format!("off by {off:?}, allowed {tolerance}"))
        }
        _ => Some("is a line that says nothing".to_owned()),
    }
}

#[test]
fn every_kind_of_file_and_orientation_comes_out_as_from_pillow() {
    let expected = fs::read_to_string(fixtures().join("formats.txt")).expect("fixtures");
    let folder = fixtures().join("formats");
    let lines: Vec<Vec<&str>> = expected.lines().map(|line| line.split(' ').collect()).collect();
    assert!(lines.len() > 450, "{}", lines.len());
    let problems: Vec<String> = lines
        .iter()
        .filter_map(|words| Some(format!("{}: {}", words[0], problem(words, &folder)?)))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// First bytes, and what the message must name.
const FOREIGN: [(&[u8], &str); 30] = [
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    (b"\0\0\0\x1Cftypmif1\0\0\0\0mif1heic", "HEIC"),
    (b"\0\0\0\x1Cftypavif\0\0\0\0avifmif1miaf", "AVIF"),
    (b"\0\0\0\x1Cftypmif1\0\0\0\0mif1avif", "AVIF"),
    (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "QuickTime"),
    (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "MP4"),
    (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "CR3"),
    (b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "JPEG 2000"),
    (b"\xFF\x4F\xFF\x51\0\x2F", "JPEG 2000"),
    (b"\0\0\0\x0CJXL \r\n\x87\n", "JPEG XL"),
    (b"\xFF\x0A\xFA\x7F", "JPEG XL"),
    (b"8BPS\0\x01", "Photoshop"),
    (b"\0\0\x01\0\x01\0", "icon"),
    (b"qoif\0\0\0\x01", "QOI"),
    (b"v/1\x01\x02\0", "OpenEXR"),
    (b"FUJIFILMCCD-RAW 0201", "Fujifilm"),
    (b"II*\0\x10\0\0\0CR\x02\0", "Canon"),
    (b"%PDF-1.7\n", "PDF"),
    (b"PK\x03\x04\x14\0", "ZIP"),
    (b"\x1F\x8B\x08\0", "gzip"),
    (b"\x1A\x45\xDF\xA3\x01", "Matroska"),
    (b"RIFF\x24\0\0\0AVI LIST", "AVI"),
    (b"\0\x05\x16\x07\0\x02\0\0Mac OS X", "Mac"),
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "thumbnail cache"),
    (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG"),
    (b"\xEF\xBB\xBF  <svg viewBox=\"0 0 1 1\"/>", "SVG"),
    (b"<!DOCTYPE html>\n<html><body>404</body></html>", "HTML"),
    (b"\n<html>not found</html>", "HTML"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "Git LFS"),
    (b"{\"error\": \"not found\"}", "JSON"),
];

#[test]
fn other_formats_are_named_with_a_way_out() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("photo.jpg");
    for (bytes, name) in FOREIGN {
        fs::write(&path, bytes).expect("write");
        let refused = decode(&path).expect_err(name);
        let message = refused.to_string();
        assert!(matches!(refused, Error::Foreign { .. }), "{name}: {message}");
        assert!(message.contains(name), "{name}: {message}");
        assert!(message.contains("save it as") || message.contains("not an image"), "{message}");
    }
}

/// A tag of a TIFF file, of a type and with a number of values.
struct Tag {
    tag: u16,
    kind: u16,
    count: u32,
    value: [u8; 4],
}

/// A TIFF file of a camera, of which only the tags matter.
fn raw_photograph(tags: &[Tag]) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((tags.len() as u16).to_le_bytes());
    for Tag { tag, kind, count, value } in tags {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value);
    }
    file.extend([0; 64]);
    file
}

#[test]
fn raw_photographs_that_call_themselves_tiff_are_not_taken_for_their_preview() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("photo.tif");
    let preview = || Tag { tag: 254, kind: 4, count: 1, value: [1, 0, 0, 0] };
    let version = Tag { tag: 50706, kind: 1, count: 4, value: [1, 4, 0, 0] };
    let maker = Tag { tag: 271, kind: 2, count: 6, value: [40, 0, 0, 0] };
    let dng = raw_photograph(&[preview(), version]);
    let mut nef = raw_photograph(&[preview(), maker]);
    nef[40..46].copy_from_slice(b"NIKON\0");
    for (file, name) in [(dng, "DNG"), (nef, "NEF")] {
        fs::write(&path, &file).expect("write");
        let message = decode(&path).expect_err(name).to_string();
        assert!(message.contains(name) && message.contains("save it as"), "{message}");
    }
}

#[test]
fn kinds_of_tiff_that_are_not_read_are_named() {
    for (file, words) in [
        ("compressed-zstd.tiff", "Zstandard"),
        ("compressed-lzma.tiff", "LZMA"),
        ("lab.tiff", "Lab"),
        ("float32-unit-ii.tiff", "32-bit floating-point numbers from 0.00"),
        ("int16-large-mm.tiff", "16-bit signed numbers from -50 to"),
        ("float64-ii.tiff", "64 bits"),
        ("mixed-depths.tiff", "different depths"),
    ] {
        let message = decode(&fixtures().join("formats").join(file)).expect_err(file).to_string();
        assert!(message.contains(words) && message.contains("save it as"), "{file}: {message}");
    }
}

/// A file of the fixtures, and what its header says: turned, 16-bit, CMYK, alpha, animated.
const FACTS: [(&str, [bool; 5]); 22] = [
    ("rgb.jpg", [false; 5]),
    ("gray.jpg", [false; 5]),
    ("orientation-1.jpg", [false; 5]),
    ("orientation-6.jpg", [true, false, false, false, false]),
    ("orientation.png", [true, false, false, false, false]),
    ("orientation.webp", [true, false, false, false, false]),
    ("cmyk.jpg", [false, false, true, false, false]),
    ("ycck.jpg", [false, false, true, false, false]),
    ("cmyk.tiff", [false, false, true, false, false]),
    ("gray16.png", [false, true, false, false, false]),
    ("gray16.tiff", [false, true, false, false, false]),
    ("rgb16.png", [false, true, false, false, false]),
    ("alpha16.png", [false, true, false, true, false]),
    ("alpha.png", [false, false, false, true, false]),
    ("alpha.tiff", [false, false, false, true, false]),
    ("palette-transparent.png", [false, false, false, true, false]),
    ("rgb-transparent.png", [false, false, false, true, false]),
    ("animated.gif", [false, false, false, true, true]),
    ("animated.png", [false, false, false, false, true]),
    ("palette.gif", [false; 5]),
    ("lossy.webp", [false; 5]),
    ("gray.pgm", [false; 5]),
];

#[test]
fn a_header_says_what_other_programs_read_otherwise() {
    for (name, expected) in FACTS {
        let bytes = fs::read(fixtures().join(name)).expect("fixture");
        let facts = Facts::of(&bytes).expect("a format that is read");
        let found = [facts.turned, facts.sixteen_bit, facts.cmyk, facts.alpha, facts.animated];
        assert_eq!(found, expected, "{name}");
        // A file cut off anywhere is no reason to fail.
        assert!(
            (0..bytes.len().min(2000))
                .all(|end| Facts::of(&bytes[..end]).is_none_or(|cut| cut.format == facts.format))
        );
    }
    let wide = Facts::of(b"P5\n# a note\n2 2\n65535\n\0\0\0\0\0\0\0\0").expect("a PGM");
    assert!(wide.sixteen_bit && Facts::of(b"GIF").is_none());
}
