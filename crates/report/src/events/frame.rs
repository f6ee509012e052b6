//! TFRecord framing: length, checksum of the length, payload, checksum of the payload.
//!
//! ```text
//! u64 length | u32 masked crc32c of the length | payload | u32 masked crc32c of the payload     (little endian)
//! ```

use std::io::{self, Write};

/// Why the next record could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("is cut short")]
    Short,
    #[error("fails the checksum of its length")]
    LengthChecksum,
    #[error("fails the checksum of its content")]
    PayloadChecksum,
}

pub(super) fn write(out: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    let length = (payload.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked_crc(&length).to_le_bytes())?;
    out.write_all(payload)?;
    out.write_all(&masked_crc(payload).to_le_bytes())
}

/// Takes the next record off `bytes` and returns its payload.
pub(super) fn read<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Problem> {
    let length = *take::<8>(bytes)?;
    if masked_crc(&length) != u32::from_le_bytes(*take::<4>(bytes)?) {
        return Err(Problem::LengthChecksum);
    }
    let length = usize::try_from(u64::from_le_bytes(length)).map_err(|_| Problem::Short)?;
    let (payload, rest) = bytes.split_at_checked(length).ok_or(Problem::Short)?;
    *bytes = rest;
    if masked_crc(payload) != u32::from_le_bytes(*take::<4>(bytes)?) {
        return Err(Problem::PayloadChecksum);
    }
    Ok(payload)
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Result<&'a [u8; N], Problem> {
    let (head, rest) = bytes.split_first_chunk().ok_or(Problem::Short)?;
    *bytes = rest;
    Ok(head)
}

/// CRC-32C, rotated and shifted so that a checksum stored within checksummed data does no harm
/// (`tensorflow/core/lib/hash/crc32c.h`, `Mask`).
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_anywhere_is_found() {
        let mut bytes = Vec::new();
        write(&mut bytes, b"payload").unwrap();
        assert_eq!(read(&mut bytes.as_slice()), Ok(b"payload".as_slice()));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let expected = if at < 12 { Problem::LengthChecksum } else { Problem::PayloadChecksum };
            assert_eq!(read(&mut damaged.as_slice()), Err(expected), "byte {at}");
            assert_eq!(read(&mut &bytes[..at]), Err(Problem::Short), "cut at {at}");
        }
    }
}
