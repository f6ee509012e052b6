use std::fs;
use std::path::Path;

use crate::Error;

/// A list as text: UTF-8 with or without a byte order mark, or UTF-16, as Excel saves "Unicode text".
///
/// # Errors
/// [`Error::ListText`] for a file that cannot be read or is neither.
pub(super) fn read(list: &Path) -> Result<String, Error> {
    let wrong = |message: String| Error::ListText { list: list.to_owned(), message };
    if list.is_dir() {
        return Err(wrong("is a folder; a list is a .csv, .tsv or .jsonl file".to_owned()));
    }
    let bytes = fs::read(list).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    decoded(&bytes).map_err(wrong)
}

fn decoded(bytes: &[u8]) -> Result<String, String> {
    match bytes {
        // A ZIP archive, as a workbook of Excel is: reported by the caller.
        [b'P', b'K', 3, 4, ..] => Ok("PK\u{3}\u{4}".to_owned()),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // Without a mark, every other byte of an ASCII header is zero.
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => utf16(bytes, u16::from_le_bytes),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => utf16(bytes, u16::from_be_bytes),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        format!("line {line} is not UTF-8; save the list as UTF-8")
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|&pair| unit(pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err("begins as UTF-16 and is damaged; save the list as UTF-8".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn unicode_in_every_dress() {
        let text = "path,label\né.png,ü\n";
        let wide = |swap: bool| -> Vec<u8> {
            text.encode_utf16()
                .flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect()
        };
        let mut all = vec![text.as_bytes().to_vec(), wide(false), wide(true)];
        for (mark, bytes) in [(&b"\xEF\xBB\xBF"[..], &all[0]), (b"\xFF\xFE", &all[1]), (b"\xFE\xFF", &all[2])]
            .map(|(mark, bytes)| (mark, bytes.clone()))
        {
            all.push([mark, &bytes].concat());
        }
        for bytes in all {
            assert_eq!(decoded(&bytes).as_deref(), Ok(text));
        }
        assert!(decoded(b"path\na\xE9.png\n").expect_err("Latin-1").contains("line 2"));
        assert!(decoded(b"\xFF\xFEp").expect_err("odd").contains("UTF-16"));
    }
}
