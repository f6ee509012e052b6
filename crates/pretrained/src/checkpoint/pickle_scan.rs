//! Walks over the opcodes of a pickle without building anything.
//!
//! An object in memory takes about a hundred times the room of the one-byte opcode that makes it, so a small file could
//! ask for all the memory there is. The number of opcodes is therefore counted before the pickle is parsed.
//! Source of the opcodes: CPython's `Lib/pickletools.py`.

use std::io::{self, BufRead, Read};

/// Opcodes allowed in one file; a checkpoint needs about sixty per array.
pub(super) const MAX_OPCODES: u64 = 4_000_000;

/// Reads pickle opcodes up to and including `STOP`, and takes their number from `budget`.
pub(super) fn skip_pickle(reader: &mut impl BufRead, budget: &mut u64) -> Result<(), String> {
    loop {
        let opcode = byte(reader)?;
        *budget = budget.checked_sub(1).ok_or_else(|| {
            format!("it holds more than {MAX_OPCODES} pickle opcodes, far beyond any checkpoint")
        })?;
        match opcode {
            b'.' => return Ok(()),
            b'c' | b'i' => {
                skip_line(reader)?;
                skip_line(reader)?;
            }
            b'I' | b'L' | b'F' | b'S' | b'V' | b'P' | b'g' | b'p' => skip_line(reader)?,
            b'K' | b'h' | b'q' | 0x80 | 0x82 => skip(reader, 1)?,
            b'M' | 0x83 => skip(reader, 2)?,
            b'J' | b'j' | b'r' | 0x84 => skip(reader, 4)?,
            b'G' | 0x95 => skip(reader, 8)?,
            b'U' | b'C' | 0x8a | 0x8c => skip_counted::<1>(reader)?,
            b'T' | b'X' | b'B' | 0x8b => skip_counted::<4>(reader)?,
            0x8d | 0x8e | 0x96 => skip_counted::<8>(reader)?,
            _ => {}
        }
    }
}

fn skip_counted<const SIZE: usize>(reader: &mut impl BufRead) -> Result<(), String> {
    let mut count = [0; 8];
    reader.read_exact(&mut count[..SIZE]).map_err(ended)?;
    skip(reader, u64::from_le_bytes(count))
}

fn skip(reader: &mut impl BufRead, count: u64) -> Result<(), String> {
    let skipped = io::copy(&mut reader.take(count), &mut io::sink()).map_err(ended)?;
    if skipped == count { Ok(()) } else { Err(ENDED.to_owned()) }
}

fn skip_line(reader: &mut impl BufRead) -> Result<(), String> {
    reader.skip_until(b'\n').map_err(ended).map(|_| ())
}

fn byte(reader: &mut impl BufRead) -> Result<u8, String> {
    let mut byte = [0];
    reader.read_exact(&mut byte).map_err(ended)?;
    Ok(byte[0])
}

const ENDED: &str = "it ends within its pickle";

fn ended(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ENDED.to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_behind_the_pickle() {
        // pickle.dumps({"a": 300}, protocol=2) and two bytes of something else.
        let mut rest: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01M,\x01s.\x07\x08";
        let mut budget = 100;
        skip_pickle(&mut rest, &mut budget).unwrap();
        assert_eq!((rest, budget), (&b"\x07\x08"[..], 92));
    }

    #[test]
    fn bombs_and_truncation_are_refused() {
        let mut budget = 1000;
        let bomb = skip_pickle(&mut &[b']'; 2000][..], &mut budget);
        assert!(bomb.unwrap_err().contains("opcodes"));
        let cut = skip_pickle(&mut &b"\x80\x02X\xff\xff\xff\x7fab"[..], &mut 1000);
        assert_eq!(cut.unwrap_err(), ENDED);
    }
}
