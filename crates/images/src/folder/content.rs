use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The extensions of TorchVision's `ImageFolder`, in any case: such a file is always taken, and reported if it turns out to
/// be unreadable.
pub(crate) const EXTENSIONS: [&str; 9] =
    [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/// Other extensions of formats that are read: such a file is taken whatever it holds, so that a damaged one is reported.
const ALSO_IMAGES: [&str; 7] = [".gif", ".jpe", ".jfif", ".jif", ".apng", ".pbm", ".pnm"];

/// Extensions of images in formats that are not read, with what to call them. Raw photographs have a TIFF's first bytes,
/// so that their extension decides.
const UNREAD: [(&str, &str); 25] = [
    (".avif", "AVIF"),
    (".heic", "HEIC"),
    (".heif", "HEIC"),
    (".jp2", "JPEG 2000"),
    (".j2k", "JPEG 2000"),
    (".jxl", "JPEG XL"),
    (".svg", "SVG"),
    (".ico", "ICO"),
    (".tga", "TGA"),
    (".psd", "Photoshop"),
    (".dds", "DDS"),
    (".exr", "OpenEXR"),
    (".hdr", "Radiance"),
    (".dcm", "DICOM"),
    (".pdf", "PDF"),
    (".raw", RAW),
    (".dng", RAW),
    (".cr2", RAW),
    (".cr3", RAW),
    (".nef", RAW),
    (".arw", RAW),
    (".orf", RAW),
    (".rw2", RAW),
    (".qoi", "QOI"),
    (".npy", "NumPy"),
];
const RAW: &str = "raw camera";

/// What a file of a data folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// An image that is taken: by its extension, or by its first bytes whatever it is called.
    Image,
    /// An image in a format that is not read.
    Unread(&'static str),
    /// Something else.
    Other,
}

/// What a file is. The extension decides where it is one of TorchVision's; otherwise the first bytes do, so that
/// `x.jfif`, `x.jpg_large`, `x.jpg?w=640` and names without any extension are taken for what they hold.
pub(crate) fn of(path: &Path) -> Content {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if EXTENSIONS.iter().chain(&ALSO_IMAGES).any(|extension| name.ends_with(extension)) {
        return Content::Image;
    }
    let unread = UNREAD.iter().find(|(extension, _)| name.ends_with(extension)).map(|(_, format)| *format);
    match (unread, first_bytes(path)) {
        (Some(RAW), _) => Content::Unread(RAW),
        (_, Some(bytes)) if is_image(&bytes) => Content::Image,
        (Some(format), _) => Content::Unread(format),
        _ => Content::Other,
    }
}

/// The first bytes of a regular file; reading a named pipe would wait for ever.
fn first_bytes(path: &Path) -> Option<Vec<u8>> {
    if !fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(32).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Whether a file begins as an image in a format that is read. Stricter than a format's magic number where that is two
/// letters, which texts begin with too.
fn is_image(bytes: &[u8]) -> bool {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..]
        | [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..]
        | [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..]
        | [b'I', b'I', 42, 0, ..]
        | [b'M', b'M', 0, 42, ..]
        | [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => true,
        // The size of the second header, the fifteenth byte on.
        [b'B', b'M', _, _, _, _, _, _, _, _, _, _, _, _, header, 0, 0, 0, ..] => {
            [12, 40, 52, 56, 64, 108, 124].contains(header)
        }
        [b'P', b'1'..=b'6', space, next, ..] => {
            space.is_ascii_whitespace()
                && (next.is_ascii_digit() || *next == b'#' || next.is_ascii_whitespace())
        }
        _ => false,
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
        assert_eq!(content("a.heic", b"\0\0\0\x18ftypheic"), Content::Unread("HEIC"));
        assert_eq!(content("a.nef", b"II*\0"), Content::Unread(RAW));
        for (name, text) in
            [("a.txt", "BMW is a car, says the list"), ("b.txt", "P1 is a class"), ("c.txt", "")]
        {
            assert_eq!(content(name, text.as_bytes()), Content::Other, "{text}");
        }
        assert_eq!(content("a.pbm", b"P4\n8 8\n"), Content::Image);
        assert_eq!(content("empty.gif", b""), Content::Image, "reported when it is read");
        assert_eq!(of(&folder.path().join("nowhere")), Content::Other);
    }
}
