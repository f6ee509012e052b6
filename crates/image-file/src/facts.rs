use image::metadata::Orientation;

use crate::exif::Directory;
use crate::format::Format;
use crate::orientation;

/// Facts about a file by its header: what this program reads and other programs often read otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Format, by the first bytes.
    pub format: Format,
    /// Whether its orientation is one of the seven that turn or mirror the pixels.
    pub turned: bool,
    /// Whether its samples have 16 bits.
    pub sixteen_bit: bool,
    /// Whether its colours are cyan, magenta, yellow and black.
    pub cmyk: bool,
    /// Whether it has transparency, which is dropped.
    pub alpha: bool,
    /// Whether it has further frames or pages, of which the first alone is read.
    pub animated: bool,
}

/// Tags of a TIFF directory.
const BITS: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const EXTRA_SAMPLES: u16 = 338;

impl Facts {
    /// Reads the header of a file in memory; `None` for a format that is not read. Never fails: of a damaged file it says
    /// what is there.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Facts> {
        let format = Format::of(bytes)?;
        let turned = orientation::of(bytes, format) != Orientation::NoTransforms;
        let plain = Facts { format, turned, sixteen_bit: false, cmyk: false, alpha: false, animated: false };
        Some(match format {
            Format::Jpeg => Facts { cmyk: jpeg_components(bytes) == Some(4), ..plain },
            Format::Png => png(bytes, plain),
            Format::Gif => gif(bytes, plain),
            Format::WebP => webp(bytes, plain),
            Format::Tiff => tiff(bytes, plain),
            Format::Pnm => Facts { sixteen_bit: pnm_largest(bytes).is_some_and(|most| most > 255), ..plain },
            Format::Bmp => plain,
        })
    }
}

/// Number of components in the frame header of a JPEG.
fn jpeg_components(bytes: &[u8]) -> Option<u8> {
    let mut rest = bytes.get(2..)?;
    loop {
        let at = rest.iter().position(|&byte| byte == 0xFF)?;
        let code = at + rest[at..].iter().position(|&byte| byte != 0xFF)?;
        let (kind, after) = (rest[code], rest.get(code + 1..)?);
        match kind {
            0x00 | 0x01 | 0xD0..=0xD8 => rest = after,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => return after.get(7).copied(),
            0xDA | 0xD9 => return None,
            _ => {
                let length = usize::from(u16::from_be_bytes([*after.first()?, *after.get(1)?]));
                rest = after.get(length.max(2)..)?;
            }
        }
    }
}

fn png(bytes: &[u8], mut facts: Facts) -> Facts {
    facts.sixteen_bit = bytes.get(24) == Some(&16);
    facts.alpha = matches!(bytes.get(25), Some(4 | 6));
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some(head) = rest.get(..8) {
        match &head[4..] {
            b"tRNS" => facts.alpha = true,
            b"acTL" => facts.animated = true,
            b"IDAT" | b"IEND" => break,
            _ => {}
        }
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        rest = rest.get(length.saturating_add(12)..).unwrap_or_default();
    }
    facts
}

/// Walks over the blocks of a GIF: a graphic control may name a transparent colour, each descriptor is a frame.
fn gif(bytes: &[u8], mut facts: Facts) -> Facts {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3usize << ((flags & 7) + 1) };
    let mut at = 13 + bytes.get(10).copied().map_or(0, table);
    let mut frames = 0;
    while let Some(&block) = bytes.get(at) {
        at += match block {
            0x21 => {
                if bytes.get(at + 1) == Some(&0xF9) {
                    facts.alpha |= bytes.get(at + 3).is_some_and(|flags| flags & 1 == 1);
                }
                2
            }
            0x2C => {
                frames += 1;
                11 + bytes.get(at + 9).copied().map_or(0, table)
            }
            _ => break,
        };
        // Sub-blocks, up to the empty one.
        while let Some(&length) = bytes.get(at) {
            at += 1 + usize::from(length);
            if length == 0 {
                break;
            }
        }
    }
    facts.animated = frames > 1;
    facts
}

fn webp(bytes: &[u8], mut facts: Facts) -> Facts {
    match bytes.get(12..16) {
        Some(b"VP8X") => {
            let flags = bytes.get(20).copied().unwrap_or(0);
            (facts.alpha, facts.animated) = (flags & 0x10 != 0, flags & 0x02 != 0);
        }
        Some(b"VP8L") => facts.alpha = bytes.get(24).is_some_and(|byte| byte & 0x10 != 0),
        _ => {}
    }
    facts
}

fn tiff(bytes: &[u8], mut facts: Facts) -> Facts {
    let Some(directory) = Directory::first(bytes) else { return facts };
    facts.sixteen_bit = directory.number(BITS) == Some(16);
    facts.cmyk = directory.number(PHOTOMETRIC) == Some(5);
    facts.alpha = directory.number(EXTRA_SAMPLES).is_some_and(|kind| kind == 1 || kind == 2);
    facts.animated = directory.has_next();
    facts
}

/// Largest value of a PGM, PPM or PAM: the third number of its header, or that behind `MAXVAL`.
fn pnm_largest(bytes: &[u8]) -> Option<u32> {
    let head = &bytes[..bytes.len().min(512)];
    let lines = head.split(|&byte| byte == b'\n').map(|line| line.split(|&byte| byte == b'#').next());
    let text = lines.flatten().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
    let mut words = text.split_ascii_whitespace();
    match words.next()?.get(..2)? {
        "P2" | "P3" | "P5" | "P6" => words.nth(2)?.parse().ok(),
        "P7" => words.skip_while(|word| *word != "MAXVAL").nth(1)?.parse().ok(),
        _ => None,
    }
}
