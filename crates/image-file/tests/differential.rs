//! 300 damaged images against Pillow's verdicts (`differential/`): no panic, the same pixels where both read a file, and
//! no more differences than `differential/README.md` explains.

#[path = "differential/mutations.rs"]
mod mutations;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use image::RgbImage;
use image_file::decode;
use sha2::{Digest, Sha256};

const SEED: u64 = 1;

/// How many of the 300 may be read by one of the two alone, and how many by both with other pixels behind the damage. Each
/// group is explained in the README; a larger one is to be looked at.
const US_ALONE: usize = 2;
const PILLOW_ALONE: usize = 13;
const OTHER_PIXELS: usize = 2;

/// Levels by which a cell's mean may differ where a format leaves the last bits to the decoder.
const LOSSY: u8 = 6;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn short(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..8])
}

/// Means of a grid of 3 x 4 cells, red, green and blue each: `coarse` of the script.
fn coarse(image: &RgbImage) -> Vec<u8> {
    let (width, height) = (image.width(), image.height());
    let bounds = |index: u32, parts: u32, side: u32| {
        let start = index * side / parts;
        start..((index + 1) * side / parts).max(start + 1).min(side)
    };
    let cells = (0..3).flat_map(|row| (0..4).map(move |column| (row, column)));
    cells
        .flat_map(|(row, column)| {
            let (mut sums, mut count) = ([0_u32; 3], 0);
            for y in bounds(row, 3, height) {
                for x in bounds(column, 4, width) {
                    let pixel = image.get_pixel(x, y);
                    (0..3).for_each(|channel| sums[channel] += u32::from(pixel[channel]));
                    count += 1;
                }
            }
            sums.map(|sum| (sum / count) as u8)
        })
        .collect()
}

/// Whether the pixels are those that the line of `expected.txt` names.
fn agrees(image: &RgbImage, name: &str, line: &[&str]) -> bool {
    let size = [image.width().to_string(), image.height().to_string()];
    if [line[3], line[4]] != [size[0].as_str(), size[1].as_str()] {
        return false;
    }
    let lossy = name.ends_with(".jpg") || name.ends_with("jpeg.tiff") || name.ends_with("lossy.webp");
    let near = || {
        let off =
            |(mean, expected): (&u8, String)| u8::from_str_radix(&expected, 16).map(|e| e.abs_diff(*mean));
        let expected = line[6].as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned());
        coarse(image).iter().zip(expected).all(|pair| off(pair).is_ok_and(|off| off <= LOSSY))
    };
    short(image.as_raw()) == line[5] || lossy && near()
}

#[test]
fn damaged_images_are_read_as_by_pillow_or_refused() {
    let expected = include_str!("differential/expected.txt");
    let whole = mutations::whole_files().expect("whole files");
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("damaged");
    let mut groups = BTreeMap::<&str, Vec<String>>::new();
    for (index, line) in expected.lines().enumerate() {
        let line: Vec<&str> = line.split(' ').collect();
        let damaged = mutations::damaged(&whole, SEED, index);
        assert_eq!(damaged.name, line[0], "expected.txt is of other mutations: write it again");
        assert_eq!(
            short(&damaged.bytes),
            line[1],
            "{}: expected.txt is of other files: write it again",
            line[0]
        );
        fs::write(&path, &damaged.bytes).expect("write");
        let start = Instant::now();
        let outcome = decode(Path::new(&path));
        assert!(start.elapsed() < Duration::from_secs(2), "{} takes {:?}", line[0], start.elapsed());
        let group = match (outcome, line[2]) {
            (Ok(_), "refused") => "read by us alone",
            (Err(_), "refused") => "refused by both",
            (Err(_), _) => "read by Pillow alone",
            (Ok(image), _) if agrees(&image, &damaged.name, &line) => "same pixels",
            (Ok(_), _) => "other pixels",
        };
        groups.entry(group).or_default().push(damaged.name);
    }
    let group = |name: &str| groups.get(name).cloned().unwrap_or_default();
    assert_eq!(groups.values().map(Vec::len).sum::<usize>(), 300);
    assert!(group("same pixels").len() > 90, "{groups:#?}");
    for (name, most) in [
        ("read by us alone", US_ALONE),
        ("read by Pillow alone", PILLOW_ALONE),
        ("other pixels", OTHER_PIXELS),
    ] {
        let files = group(name);
        assert!(files.len() <= most, "{name}: {} of at most {most}\n{}", files.len(), files.join("\n"));
    }
    let beyond_damage = |name: &String| name.contains("-trailer-");
    assert!(!group("other pixels").iter().any(beyond_damage), "{:?}", group("other pixels"));
}

/// What is decoded decides: a file that lacks its end is refused, or has lost nothing of its pixels.
#[test]
fn a_file_cut_anywhere_has_all_of_its_pixels_or_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("cut");
    let mut read = 0;
    for whole in mutations::whole_files().expect("whole files") {
        fs::write(&path, &whole.bytes).expect("write");
        let image = decode(&path).expect(&whole.name);
        // The last number of a text file may lose a digit, for Pillow too.
        let end = if whole.name.starts_with("plain") { whole.bytes.len() - 4 } else { whole.bytes.len() };
        // Every length would take a minute: here and there, and all near the end.
        for length in (0..end).step_by(29).chain(end - 14..end) {
            fs::write(&path, &whole.bytes[..length]).expect("write");
            if let Ok(cut) = decode(&path) {
                assert!(cut == image, "{} cut to {length} of {} bytes", whole.name, whole.bytes.len());
                read += 1;
            }
        }
    }
    assert!(read > 100, "PNG and GIF need nothing behind the last row: {read}");
}

/// A trailer behind the end, as phones and cameras write it, changes nothing.
#[test]
fn a_trailer_changes_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("trailer");
    for whole in mutations::whole_files().expect("whole files") {
        fs::write(&path, &whole.bytes).expect("write");
        let image = decode(&path).expect(&whole.name);
        for trailer in [&b"SEFHe\0\0\0\x01\0\0\0SEFT"[..], &[0; 64], &[0xFF; 7], &whole.bytes] {
            fs::write(&path, [&whole.bytes, trailer].concat()).expect("write");
            assert!(decode(&path).expect(&whole.name) == image, "{}", whole.name);
        }
    }
}
