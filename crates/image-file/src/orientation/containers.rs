//! Where the three formats that are no directories keep EXIF and XMP. `None`: what is there cannot be read.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::Metadata;
use crate::codecs::png::checksum;

/// Largest text that a PNG's chunk may unfold to (`PIL/PngImagePlugin.py`, `MAX_TEXT_CHUNK`).
const MAX_TEXT: u64 = 1 << 20;

/// Largest EXIF block gathered from a JPEG's segments, of 64 KiB each.
const MAX_EXIF: usize = 1 << 26;

/// A JPEG's segments in front of the first scan: the EXIF blocks of all APP1 are one block cut in pieces; of XMP packets
/// the last counts.
pub(super) fn jpeg(bytes: &[u8]) -> Option<Metadata> {
    let mut found = Metadata::default();
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some(at) = rest.iter().position(|&byte| byte == 0xFF) {
        let Some(code) = rest[at..].iter().position(|&byte| byte != 0xFF).map(|fill| at + fill) else {
            break;
        };
        let after = &rest[code + 1..];
        let kind = rest[code];
        if kind == 0xDA || kind == 0xD9 {
            break;
        }
        // Stuffed bytes and markers that stand alone.
        if matches!(kind, 0x00 | 0x01 | 0xD0..=0xD8) {
            rest = after;
            continue;
        }
        let Some(length) = after.get(..2).map(|pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])))
        else {
            break;
        };
        let Some(segment) = after.get(2..length.max(2)) else { break };
        if kind == 0xE1 {
            if let Some(piece) = segment.strip_prefix(b"Exif\0\0") {
                let block = found.exif.get_or_insert_with(Vec::new);
                if block.len() + piece.len() <= MAX_EXIF {
                    block.extend_from_slice(piece);
                }
            } else if let Some(packet) = segment.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                found.xmp = Some(packet.to_vec());
            }
        }
        rest = &after[length.max(2)..];
    }
    Some(found)
}

/// A PNG's chunks, in front of the pixels and behind them: `eXIf`, then the text that ImageMagick writes, then XMP.
pub(super) fn png(bytes: &[u8]) -> Option<Metadata> {
    let mut found = Metadata::default();
    let (mut profile, mut packet_as_bytes, mut behind) = (None, None, false);
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some(head) = rest.get(..8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = &head[4..8];
        let Some(body) = rest.get(8..8_usize.saturating_add(length)) else { break };
        let sum = rest.get(8 + length..12 + length);
        // In front of the pixels Pillow takes no chunk whose checksum is wrong, behind them it does not look at it.
        let taken = || behind || sum == Some(&checksum(kind, body)[..]);
        match kind {
            b"IEND" => break,
            b"IDAT" => behind = true,
            b"eXIf" if taken() => found.exif = Some(body.to_vec()),
            b"tEXt" | b"zTXt" | b"iTXt" if taken() => {
                if let Some((key, text)) = text(kind, body) {
                    match key {
                        b"Raw profile type exif" => profile = Some(text),
                        b"exif" if kind == b"tEXt" => found.exif = Some(text),
                        b"XML:com.adobe.xmp" if kind == b"iTXt" && std::str::from_utf8(&text).is_err() => {
                            packet_as_bytes = Some(text);
                        }
                        b"XML:com.adobe.xmp" => found.xmp = Some(text),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        rest = rest.get(12 + length..).unwrap_or_default();
    }
    if found.exif.is_none() {
        found.exif = match profile {
            Some(text) => Some(unhexed(&text)?),
            None => None,
        };
    }
    found.xmp = found.xmp.filter(|packet| !packet.is_empty()).or(packet_as_bytes);
    Some(found)
}

/// Keyword and text of a text chunk, unfolded.
fn text<'a>(kind: &[u8], body: &'a [u8]) -> Option<(&'a [u8], Vec<u8>)> {
    let (key, rest) = split(body)?;
    match kind {
        b"tEXt" => Some((key, rest.to_vec())),
        // Compression method, then the stream; one that cannot be unfolded is empty.
        b"zTXt" => match rest.split_first() {
            Some((0, stream)) => Some((key, unfolded(stream)?)),
            Some(_) => None,
            None => Some((key, Vec::new())),
        },
        _ => {
            let (&[flag, method], rest) = rest.split_first_chunk()?;
            let (_language, rest) = split(rest)?;
            let (_translated, rest) = split(rest)?;
            match (flag, method) {
                (0, _) => Some((key, rest.to_vec())),
                (_, 0) => Some((key, unfolded(rest).filter(|text| !text.is_empty())?)),
                _ => None,
            }
        }
    }
}

/// What stands in front of the first zero byte, and behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// A zlib stream unfolded; empty where it is damaged, `None` where it is too long.
fn unfolded(stream: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    match ZlibDecoder::new(stream).take(MAX_TEXT + 1).read_to_end(&mut text) {
        Err(_) => Some(Vec::new()),
        Ok(_) => (text.len() as u64 <= MAX_TEXT).then_some(text),
    }
}

/// The bytes of a raw profile: an empty line, its name, its length, and then hexadecimal digits.
fn unhexed(text: &[u8]) -> Option<Vec<u8>> {
    let lines = text.split(|&byte| byte == b'\n').skip(3);
    let digits: Vec<u8> = lines.flatten().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    digits.chunks(2).map(pair).collect()
}

/// A WebP's chunks, where the header of an extended file says that they are there; of several the first.
pub(super) fn webp(bytes: &[u8]) -> Option<Metadata> {
    const EXIF: u8 = 0x08;
    const XMP: u8 = 0x04;
    let mut found = Metadata::default();
    let flags =
        bytes.get(12..16).filter(|kind| kind == b"VP8X").and_then(|_| bytes.get(20).copied()).unwrap_or(0);
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some(head) = rest.get(..8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(body) = rest.get(8..8_usize.saturating_add(length)) else { break };
        let body = || (!body.is_empty()).then(|| body.to_vec());
        match &head[..4] {
            b"EXIF" if flags & EXIF != 0 && found.exif.is_none() => found.exif = body(),
            b"XMP " if flags & XMP != 0 && found.xmp.is_none() => found.xmp = body(),
            _ => {}
        }
        rest = rest.get(8 + length + length % 2..).unwrap_or_default();
    }
    Some(found)
}
