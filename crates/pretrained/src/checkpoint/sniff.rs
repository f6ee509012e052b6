//! Tells a file's form from its first bytes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::Format;
use crate::Error;

/// As far as the form can be told: the tar magic ends here.
const HEAD: u64 = 262;
const TAR_MAGIC: (usize, &[u8]) = (257, b"ustar");
/// The number 0x1950a86a20f9469cfc6c, little endian, that opens a file of torch 0.1.10 to 1.5.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The magic stands in the first pickle, behind at most a protocol and a frame.
const LEGACY_MAGIC_WITHIN: usize = 32;

/// The form of `file`, which is left at its start.
pub(super) fn format_of(path: &Path, file: &mut File) -> Result<Format, Error> {
    let mut head = Vec::new();
    file.take(HEAD)
        .read_to_end(&mut head)
        .and_then(|_| file.seek(SeekFrom::Start(0)))
        .map_err(Error::io("read", path))?;
    format_of_head(&head)
        .ok_or_else(|| Error::NotACheckpoint { path: path.to_path_buf(), found: describe(&head) })
}

fn format_of_head(head: &[u8]) -> Option<Format> {
    let legacy_window = &head[..head.len().min(LEGACY_MAGIC_WITHIN)];
    let contains_magic = |window: &[u8]| window == LEGACY_MAGIC;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        Some(Format::TorchZip)
    } else if head.get(TAR_MAGIC.0..) == Some(TAR_MAGIC.1) {
        Some(Format::TorchTar)
    } else if legacy_window.windows(LEGACY_MAGIC.len()).any(contains_magic) {
        Some(Format::TorchLegacy)
    } else if head.get(8) == Some(&b'{') {
        Some(Format::SafeTensors)
    } else {
        None
    }
}

/// Says what a file that is no checkpoint looks like, and what to do.
fn describe(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head).trim_start().to_lowercase();
    let found = if head.is_empty() {
        "it is empty (0 bytes); fetch it again"
    } else if text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml") {
        "it is a web page, probably a server's error page saved under this name; fetch it again"
    } else if text.starts_with("version https://git-lfs") {
        "it is a Git LFS pointer, not the file itself; run `git lfs pull`"
    } else if head.starts_with(b"\x80") {
        "it is a bare Python pickle without torch's header; save it with torch.save"
    } else if head.starts_with(b"\x89HDF") {
        "it is an HDF5 file (Keras); convert it to safetensors"
    } else {
        "its first bytes are neither a zip, tar or pickle file of torch.save nor safetensors"
    };
    found.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_not_the_name() {
        let mut tar = vec![0; 257];
        tar.extend(b"ustar");
        assert_eq!(format_of_head(&tar), Some(Format::TorchTar));
        assert_eq!(format_of_head(b"PK\x03\x04...."), Some(Format::TorchZip));
        assert_eq!(format_of_head(b"\x40\0\0\0\0\0\0\0{\"a\""), Some(Format::SafeTensors));
        assert_eq!(format_of_head(b"PK"), None);
        assert!(describe(b"\n<!DOCTYPE html>").contains("web page"));
        assert!(describe(b"").contains("0 bytes"));
    }
}
