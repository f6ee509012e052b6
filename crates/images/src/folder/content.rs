use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use image_file::{Advice, Foreign, Format, foreign};

/// The extensions of TorchVision's `ImageFolder`, in any case: such a file is always taken, and reported if it turns out to
/// be unreadable.
pub(crate) const EXTENSIONS: [&str; 9] =
    [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/// Other extensions of images: a file that is none by its first bytes is taken as well, so that damage is reported.
const ALSO_IMAGES: [&str; 12] =
    [".gif", ".jpe", ".jfif", ".jif", ".apng", ".pbm", ".pnm", ".heic", ".heif", ".avif", ".jp2", ".jxl"];

/// Extensions of raw photographs, which have a TIFF's first bytes.
const RAW: [&str; 8] = [".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2"];

/// What a file of a data folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// An image that is taken: by its extension, or by its first bytes whatever it is called.
    Image,
    /// An image in a format that is not read, with an article.
    Unread(&'static str),
    /// Something else.
    Other,
}

/// What a file is. The extension decides where it is one of TorchVision's; otherwise the first bytes do, so that
/// `x.jfif`, `x.jpg_large`, `x.jpg?w=640` and names without any extension count as what they hold.
pub(crate) fn of(path: &Path) -> Content {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let ends = |extensions: &[&str]| extensions.iter().any(|extension| name.ends_with(extension));
    if ends(&EXTENSIONS) {
        return Content::Image;
    }
    if ends(&RAW) {
        return Content::Unread("a raw photograph");
    }
    match first_bytes(path) {
        Some(bytes) if is_image(&bytes) => Content::Image,
        Some(bytes) => match foreign(&bytes) {
            Some(Foreign { what, advice: Advice::SaveAs }) => Content::Unread(what),
            _ if ends(&ALSO_IMAGES) => Content::Image,
            _ => Content::Other,
        },
        None if ends(&ALSO_IMAGES) => Content::Image,
        None => Content::Other,
    }
}

/// The first bytes of a regular file; reading a named pipe would wait for ever.
fn first_bytes(path: &Path) -> Option<Vec<u8>> {
    if !fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(4096).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Whether a file begins as an image in a format that is read. Stricter than a format's magic number where that is two
/// letters, which texts begin with too.
fn is_image(bytes: &[u8]) -> bool {
    match (Format::of(bytes), bytes) {
        // The size of the second header.
        (Some(Format::Bmp), _) => bytes.get(14..18).is_some_and(|header| {
            [12, 40, 52, 56, 64, 108, 124].contains(&header[0]) && header[1..] == [0, 0, 0]
        }),
        (Some(Format::Pnm), [_, b'7', ..]) => bytes.starts_with(b"P7\nWIDTH"),
        (Some(Format::Pnm), [_, _, _, next, ..]) => {
            next.is_ascii_digit() || *next == b'#' || next.is_ascii_whitespace()
        }
        (found, _) => found.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide_where_the_name_does_not() {
        let folder = tempfile::tempdir().expect("folder");
        let content = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("write");
            of(&path)
        };
        let jpeg = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16];
        for name in ["a.jfif", "a.jpg_large", "a.jpe", "a.jpg?w=640", "a", "a.gif", "a.heic"] {
            assert_eq!(content(name, &jpeg), Content::Image, "{name}");
        }
        assert_eq!(content("a.png", b"anything"), Content::Image);
        assert_eq!(content("a.heic", b"\0\0\0\x18ftypheic"), Content::Unread("a HEIC photograph"));
        assert_eq!(content("a", b"\0\0\0\x18ftypheic"), Content::Unread("a HEIC photograph"));
        assert_eq!(content("a.nef", b"II*\0"), Content::Unread("a raw photograph"));
        for (name, text) in
            [("a.txt", "BMW is a car, says the list"), ("b.txt", "P1 is a class"), ("c.txt", "")]
        {
            assert_eq!(content(name, text.as_bytes()), Content::Other, "{text}");
        }
        assert_eq!(content("a.pbm", b"P4\n8 8\n"), Content::Image);
        assert_eq!(content("empty.gif", b""), Content::Image, "reported when it is read");
        assert_eq!(content("empty.heic", b""), Content::Image, "reported when it is read");
        assert_eq!(of(&folder.path().join("nowhere")), Content::Other);
    }
}
