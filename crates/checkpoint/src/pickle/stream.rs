//! The bytes of a pickle: numbers, counted strings and lines, none longer than what is there.

use std::io::{self, BufRead, Read};

/// What is wrong with a pickle that breaks off.
pub(crate) const ENDED: &str = "it ends within its pickle";

pub(super) fn byte(reader: &mut impl BufRead) -> Result<u8, String> {
    array::<1>(reader).map(|[byte]| byte)
}

pub(crate) fn array<const SIZE: usize>(reader: &mut impl BufRead) -> Result<[u8; SIZE], String> {
    let mut bytes = [0; SIZE];
    reader.read_exact(&mut bytes).map_err(ended)?;
    Ok(bytes)
}

/// Exactly `count` bytes; memory grows with what is read, not with what is claimed.
pub(super) fn counted(reader: &mut impl BufRead, count: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader.take(count).read_to_end(&mut bytes).map_err(ended)?;
    if bytes.len() as u64 == count { Ok(bytes) } else { Err(ENDED.to_owned()) }
}

/// The number of bytes that follow, in `SIZE` bytes.
pub(super) fn count<const SIZE: usize>(reader: &mut impl BufRead) -> Result<u64, String> {
    let mut bytes = [0; 8];
    reader.read_exact(&mut bytes[..SIZE]).map_err(ended)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Up to the next line feed, which is left out.
pub(super) fn line(reader: &mut impl BufRead) -> Result<String, String> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes).map_err(ended)?;
    if bytes.pop() != Some(b'\n') {
        return Err(ENDED.to_owned());
    }
    Ok(text(&bytes))
}

/// UTF-8 where it is, else each byte as the character of that number, as `encoding="latin1"` reads strings of Python 2.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// A little-endian integer in two's complement, if it fits 64 bits.
pub(super) fn integer(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let filling = if negative { 0xff } else { 0 };
    let (low, high) = bytes.split_at(bytes.len().min(8));
    let mut wide = [filling; 8];
    wide[..low.len()].copy_from_slice(low);
    let value = i64::from_le_bytes(wide);
    (high.iter().all(|&byte| byte == filling) && (value < 0) == negative).then_some(value)
}

fn ended(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ENDED.to_owned(),
        _ => error.to_string(),
    }
}
