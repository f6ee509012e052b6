//! JPEG of every kind against Pillow: the cells of `jpeg/cells.py`, which wrote `matrix.bin` and `matrix.txt`.
//!
//! `cargo test -p images --test jpeg -- --nocapture` prints the table.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use image_file::{Error, decode};
use libjpeg::{Decoder, Reduction, Rgb, Size};
use sha2::{Digest, Sha256};

struct Cell {
    group: String,
    name: String,
    file: Vec<u8>,
    expected: Expected,
}

enum Expected {
    /// Pillow's size, and the beginning of the SHA-256 of its RGB.
    Pixels { width: u32, height: u32, digest: String },
    /// The kind of error (or one of several, by `|`), and whether Pillow refuses, too.
    Refused { kind: String, by_pillow: bool },
}

/// Cells of one kind and group.
#[derive(Default)]
struct Count {
    equal: usize,
    refused_by_both: usize,
    refused_here: usize,
    wrong: usize,
}

fn cells() -> Vec<Cell> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jpeg");
    let packed = fs::read(folder.join("matrix.bin")).expect("matrix.bin");
    let lines = fs::read_to_string(folder.join("matrix.txt")).expect("matrix.txt");
    lines.lines().map(|line| cell(line, &packed)).collect()
}

fn cell(line: &str, packed: &[u8]) -> Cell {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |at: usize| words[at].parse::<usize>().expect("number");
    let expected = match words[4..] {
        ["pixels", width, height, digest] => Expected::Pixels {
            width: width.parse().expect("width"),
            height: height.parse().expect("height"),
            digest: digest.to_owned(),
        },
        ["refused", kind, by_pillow] => {
            Expected::Refused { kind: kind.to_owned(), by_pillow: by_pillow == "refuses" }
        }
        _ => panic!("{line}"),
    };
    let file = packed[number(2)..number(2) + number(3)].to_vec();
    Cell { group: words[0].to_owned(), name: words[1].to_owned(), file, expected }
}

/// The name of the variant.
fn kind(error: &Error) -> String {
    let text = match error {
        Error::Jpeg(error) => format!("{error:?}"),
        other => format!("{other:?}"),
    };
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_cell_is_as_from_pillow_or_a_named_refusal() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("cell.jpg");
    let mut table: BTreeMap<String, Count> = BTreeMap::new();
    let mut problems = Vec::new();
    for Cell { group, name, file, expected } in cells() {
        fs::write(&path, file).expect("write");
        let count = table.entry(group.clone()).or_default();
        let problem = match (decode(&path), &expected) {
            (Ok(image), Expected::Pixels { width, height, digest }) => {
                if hex(&Sha256::digest(image.as_raw())[..8]) == *digest
                    && image.dimensions() == (*width, *height)
                {
                    count.equal += 1;
                    continue;
                }
                format!("other pixels, {}x{} of {width}x{height}", image.width(), image.height())
            }
            (Err(error), Expected::Refused { kind: expected, by_pillow })
                if expected.split('|').any(|one| one == kind(&error)) =>
            {
                *if *by_pillow { &mut count.refused_by_both } else { &mut count.refused_here } += 1;
                continue;
            }
            (Err(error), _) => format!("{}: {error}", kind(&error)),
            (Ok(_), Expected::Refused { kind, .. }) => format!("read, should be refused as {kind}"),
        };
        count.wrong += 1;
        problems.push(format!("{group} {name}: {problem}"));
    }
    println!("{:<10} {:>7} {:>14} {:>12} {:>6}", "group", "equal", "both refuse", "we refuse", "wrong");
    for (group, count) in &table {
        let Count { equal, refused_by_both, refused_here, wrong } = count;
        println!("{group:<10} {equal:>7} {refused_by_both:>14} {refused_here:>12} {wrong:>6}");
    }
    assert!(problems.is_empty(), "{} wrong:\n{}", problems.len(), problems.join("\n"));
    assert!(table.values().map(|count| count.equal).sum::<usize>() > 1000);
}

/// Whole and reduced are one image: the same refusals, and the same colours within what a smaller image can show.
#[test]
fn reduced_and_whole_agree() {
    const REDUCTIONS: [(u32, Reduction); 3] =
        [(2, Reduction::Half), (4, Reduction::Quarter), (8, Reduction::Eighth)];
    let decoded = |file: &[u8], reduction| Decoder::new(file, 1 << 30)?.rgb(reduction);
    let mut compared = 0;
    for Cell { group, name, file, .. } in cells() {
        let whole = decoded(&file, Reduction::Whole);
        for (divisor, reduction) in REDUCTIONS {
            let reduced = decoded(&file, reduction);
            match (&whole, &reduced) {
                (Err(a), Err(b)) => assert_eq!(a, b, "{group} {name} at 1/{divisor}"),
                (Ok(whole), Ok(reduced)) => {
                    let Size { width, height } = whole.size;
                    let size = Size { width: width.div_ceil(divisor), height: height.div_ceil(divisor) };
                    assert_eq!(reduced.size, size, "{group} {name} at 1/{divisor}");
                    // Where chroma has a sample for 32 pixels, or only some coefficients, an eighth is another image.
                    let usual = ["colour", "pillow", "tables", "restart"].contains(&group.as_str());
                    if usual && width.min(height) >= 16 {
                        let full = Size { width: width / divisor, height: height / divisor };
                        let [a, b] = [mean(whole, full, divisor), mean(reduced, full, 1)];
                        let off = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                        assert!(off < 2.5 * f64::from(divisor), "{group} {name} at 1/{divisor}: {off}");
                        compared += 1;
                    }
                }
                _ => panic!("{group} {name} at 1/{divisor}: {whole:?} but {reduced:?}"),
            }
        }
    }
    assert!(compared > 600, "{compared}");
}

/// The mean of each channel in the upper left corner, `corner` times `scale`.
fn mean(image: &Rgb, corner: Size, scale: u32) -> [f64; 3] {
    let [columns, rows] = [corner.width * scale, corner.height * scale].map(|side| side as usize);
    let mut sums = [0.0; 3];
    for row in image.pixels.chunks_exact(3 * image.size.width as usize).take(rows) {
        for pixel in row.chunks_exact(3).take(columns) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum += f64::from(value);
            }
        }
    }
    sums.map(|sum| sum / (rows * columns) as f64)
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(payload.len() as u16 + 2).to_be_bytes(), payload].concat()
}

/// A gray progressive file with this number of pixels a side and of empty scans: a few bytes each, and the whole image to
/// go through.
fn scans_over_nothing(side: u16, scans: usize) -> Vec<u8> {
    let size = side.to_be_bytes();
    let frame = [&[8][..], &size, &size, &[1, 1, 0x11, 0]].concat();
    // One code of one bit each: no difference, and a run of 2^14 blocks or more without coefficients.
    let code =
        |class: u8, symbol: u8| segment(0xC4, &[&[class << 4][..], &[1], &[0; 15], &[symbol]].concat());
    let blocks = usize::from(side).div_ceil(8).pow(2);
    let mut file = [0xFF, 0xD8].to_vec();
    file.extend(segment(0xDB, &[&[0][..], &[1; 64]].concat()));
    file.extend([segment(0xC2, &frame), code(0, 0), code(1, 0xE0)].concat());
    file.extend(segment(0xDA, &[1, 1, 0, 0, 0, 0]));
    file.extend(vec![0; blocks.div_ceil(8)]);
    let mut run = segment(0xDA, &[1, 1, 0, 1, 63, 0]);
    // 15 bits for 2^14 blocks, all zeros.
    run.extend(vec![0; (blocks.div_ceil(1 << 14) * 15).div_ceil(8)]);
    file.extend(run.repeat(scans));
    file.extend([0xFF, 0xD9]);
    file
}

#[test]
fn thousands_of_scans_do_not_hang() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("scans.jpg");
    fs::write(&path, scans_over_nothing(512, 90)).expect("write");
    assert!(decode(&path).is_ok(), "a few scans are an image: {:?}", decode(&path).err());

    fs::write(&path, scans_over_nothing(8192, 5000)).expect("write");
    let started = std::time::Instant::now();
    let refused = decode(&path);
    assert!(matches!(refused, Err(Error::Jpeg(libjpeg::Error::Scans(_)))), "{:?}", refused.err());
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    println!("{:?}", started.elapsed());
}

#[test]
fn sizes_beyond_the_limits_are_refused_by_the_header() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("large.jpg");
    fs::write(&path, scans_over_nothing(8, 1)).expect("write");
    assert!(decode(&path).is_ok());
    let mut large = scans_over_nothing(8, 1);
    let frame = large.windows(2).position(|pair| pair == [0xFF, 0xC2]).expect("frame");
    large[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0x00, 0xFF, 0x00]);
    fs::write(&path, large).expect("write");
    let refused = decode(&path);
    assert!(
        matches!(refused, Err(Error::TooLarge { width: 0xFF00, height: 0xFF00, .. })),
        "{:?}",
        refused.err()
    );
}

/// What a hole in a file leaves: the decoder is through before its data is.
#[test]
fn data_that_is_left_after_the_last_pixel_is_damage_and_padding_or_a_trailer_is_not() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let data: Vec<u8> = (0..200).map(|byte| byte % 251 + 1).collect();
    for name in ["orientation-1.jpg", "gray.jpg", "progressive.jpg"] {
        let file = fs::read(fixtures.join(name)).expect("fixture");
        let end = file.len() - 2;
        assert_eq!(file[end..], [0xFF, 0xD9], "{name}");
        let with = |between: &[u8], after: &[u8]| {
            let file = [&file[..end], between, &file[end..], after].concat();
            Decoder::new(&file, 1 << 30).and_then(|decoder| decoder.rgb(Reduction::Whole))
        };
        let whole = with(&[], &[]).expect(name);
        for (between, after) in
            [(&[][..], &data[..]), (&[0; 200], &[]), (&[0xFF; 200], &[]), (&data[..20], &[])]
        {
            assert_eq!(with(between, after).expect(name).pixels, whole.pixels, "{name}");
        }
        let refused = with(&data, &[]).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains("data is left after the last pixel"), "{name}: {refused}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
