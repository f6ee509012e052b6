//! Formats by their first bytes: those that are read, and the names of others that people bring.

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the formats' own")]
pub enum Format {
    Jpeg,
    Png,
    Gif,
    Bmp,
    Tiff,
    WebP,
    Pnm,
}

/// Names of the formats that are read, as messages list them.
pub(crate) const NAMES: &str = "JPEG, PNG, GIF, BMP, TIFF, WebP, PNM";

/// A JPEG whose first segment is the frame of JPEG-LS.
const JPEG_LS: &[u8] = b"\xFF\xD8\xFF\xF7";

impl Format {
    /// Recognises a format that is read.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Format> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        if starts(b"\xFF\xD8\xFF") && !starts(JPEG_LS) {
            Some(Format::Jpeg)
        } else if starts(b"\x89PNG\r\n\x1A\n") {
            Some(Format::Png)
        } else if starts(b"GIF87a") || starts(b"GIF89a") {
            Some(Format::Gif)
        } else if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Format::WebP)
        } else if is_tiff(bytes) && raw_name(bytes).is_none() {
            Some(Format::Tiff)
        } else if starts(b"BM") && bytes.len() > 14 {
            Some(Format::Bmp)
        } else if matches!(bytes.get(..3), Some([b'P', b'1'..=b'7', space]) if space.is_ascii_whitespace() || *space == b'#')
        {
            Some(Format::Pnm)
        } else {
            None
        }
    }

    /// The name that messages use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::Gif => "GIF",
            Format::Bmp => "BMP",
            Format::Tiff => "TIFF",
            Format::WebP => "WebP",
            Format::Pnm => "PNM",
        }
    }
}

fn is_tiff(bytes: &[u8]) -> bool {
    let heads = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"II\0*", b"MM*\0"];
    heads.iter().any(|head| bytes.starts_with(*head))
}

/// The name of a raw file of a camera that calls itself TIFF: its first directory is a small preview or undeveloped
/// sensor data.
fn raw_name(bytes: &[u8]) -> Option<&'static str> {
    if bytes.get(8..10) == Some(b"CR") && bytes.starts_with(b"II*\0") {
        return Some("a raw photograph of a Canon camera (CR2)");
    }
    let directory = crate::exif::Directory::first(bytes)?;
    if directory.bytes(50706).is_some() {
        return Some("a raw photograph (DNG)");
    }
    let maker = directory.bytes(271)?;
    let developed = directory.number(254).is_none_or(|kind| kind == 0) && directory.bytes(330).is_none();
    if developed {
        return None;
    }
    match maker {
        [b'N', b'I', b'K', b'O', b'N', ..] => Some("a raw photograph of a Nikon camera (NEF)"),
        [b'S', b'O', b'N', b'Y', ..] => Some("a raw photograph of a Sony camera (ARW)"),
        [b'P', b'E', b'N', b'T', b'A', b'X', ..] => Some("a raw photograph of a Pentax camera (PEF)"),
        _ => None,
    }
}

/// Names a file that is not an image, or one of a format that is not read; `None` where its first bytes do not show it.
#[must_use]
pub fn foreign(bytes: &[u8]) -> Option<Foreign> {
    let at = |place: usize, magic: &[u8]| bytes.get(place..).is_some_and(|rest| rest.starts_with(magic));
    let image = |what| Some(Foreign { what, advice: Advice::SaveAs });
    let other = |what| Some(Foreign { what, advice: Advice::NoImage });
    if let Some(raw) = raw_name(bytes) {
        return image(raw);
    }
    if at(4, b"ftyp") {
        let brands = bytes.get(8..bytes.len().min(64)).unwrap_or_default();
        let brand = |name: &[u8]| {
            brands.chunks_exact(4).enumerate().any(|(index, brand)| index != 1 && brand == name)
        };
        let heic = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"];
        return if brand(b"avif") || brand(b"avis") {
            image("an AVIF image")
        } else if heic.iter().any(|name| brand(*name)) || brand(b"mif1") || brand(b"msf1") {
            image("a HEIC photograph")
        } else if brand(b"crx ") {
            image("a raw photograph of a Canon camera (CR3)")
        } else if brand(b"qt  ") {
            other("a QuickTime video")
        } else {
            other("an MP4 video")
        };
    }
    // A Targa image may begin as an icon does, but for their number.
    if matches!(bytes, [0, 0, 1 | 2, 0, few, 0, ..] if *few > 0) {
        return image(if bytes[2] == 1 { "a Windows icon" } else { "a Windows cursor" });
    }
    let table: [(usize, &[u8], &'static str); 22] = [
        (0, JPEG_LS, "a JPEG-LS image"),
        (0, b"\0\0\0\x0CjP  \r\n\x87\n", "a JPEG 2000 image"),
        (0, b"\xFF\x4F\xFF\x51", "a JPEG 2000 image"),
        (0, b"\0\0\0\x0CJXL \r\n\x87\n", "a JPEG XL image"),
        (0, b"\xFF\x0A", "a JPEG XL image"),
        (0, b"II\xBC", "a JPEG XR image"),
        (0, b"8BPS", "a Photoshop document"),
        (0, b"icns", "a Macintosh icon"),
        (0, b"qoif", "a QOI image"),
        (0, b"DDS ", "a DirectDraw texture"),
        (0, b"v/1\x01", "an OpenEXR image"),
        (0, b"#?RADIANCE", "a Radiance image (HDR)"),
        (0, b"FUJIFILMCCD-RAW", "a raw photograph of a Fujifilm camera (RAF)"),
        (0, b"IIU\0", "a raw photograph of a Panasonic camera (RW2)"),
        (0, b"IIRO", "a raw photograph of an Olympus camera (ORF)"),
        (0, b"SIMPLE  =", "a FITS image"),
        (0, b"farbfeld", "a farbfeld image"),
        (128, b"DICM", "a DICOM image"),
        (0, b"PF\n", "a PFM image of floating-point values"),
        (0, b"Pf\n", "a PFM image of floating-point values"),
        (0, b"gimp xcf", "a GIMP document"),
        (0, b"\xC5\xD0\xD3\xC6", "an EPS drawing"),
    ];
    if let Some((_, _, what)) = table.iter().find(|(place, magic, _)| at(*place, magic)) {
        return image(what);
    }
    let documents: [(usize, &[u8], &'static str); 16] = [
        (0, b"%PDF", "a PDF document"),
        (0, b"%!PS", "a PostScript document"),
        (0, b"PK\x03\x04", "a ZIP archive"),
        (0, b"\x1F\x8B", "a gzip archive"),
        (0, b"Rar!", "a RAR archive"),
        (0, b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
        (0, b"\x1A\x45\xDF\xA3", "a Matroska or WebM video"),
        (0, b"\0\0\x01\xBA", "an MPEG video"),
        (8, b"AVI ", "an AVI video"),
        (8, b"WAVE", "a sound file"),
        (0, b"\0\x05\x16\x07", "a Mac's companion of another file"),
        (0, b"\0\0\0\x01Bud1", "a Mac's folder settings"),
        (0, b"\x89HDF\r\n", "an HDF5 file"),
        (0, b"\x93NUMPY", "a NumPy array"),
        (0, b"version https://git-lfs", "a pointer of Git LFS, not the file itself"),
        (0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an Office document or a thumbnail cache of Windows"),
    ];
    if let Some((_, _, what)) = documents.iter().find(|(place, magic, _)| at(*place, magic)) {
        return other(what);
    }
    if bytes.ends_with(b"TRUEVISION-XFILE.\0") {
        return image("a Targa image (TGA)");
    }
    text(bytes)
}

/// What a text file is, by its first words.
fn text(bytes: &[u8]) -> Option<Foreign> {
    let head = &bytes[..bytes.len().min(1024)];
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let lower = head.to_ascii_lowercase();
    let holds = |word: &[u8]| lower.windows(word.len()).any(|window| window == word);
    let starts = |word: &[u8]| lower.starts_with(word);
    if starts(b"<svg") || (starts(b"<?xml") || starts(b"<!--") || starts(b"<!doctype svg")) && holds(b"<svg")
    {
        Some(Foreign { what: "an SVG drawing", advice: Advice::SaveAs })
    } else if starts(b"<!doctype html") || starts(b"<html") || holds(b"<head") || holds(b"<body") {
        Some(Foreign {
            what: "an HTML page, perhaps a server's error instead of an image",
            advice: Advice::NoImage,
        })
    } else if starts(b"<?xml") {
        Some(Foreign { what: "an XML file", advice: Advice::NoImage })
    } else if starts(b"{") || starts(b"[") {
        Some(Foreign { what: "a JSON file", advice: Advice::NoImage })
    } else {
        None
    }
}

/// A file of another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Its name with an article.
    pub what: &'static str,
    /// What to do about it.
    pub advice: Advice,
}

/// What to do about a file that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// It is an image.
    SaveAs,
    /// It is none.
    NoImage,
}

impl Advice {
    /// What follows in a message.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Advice::SaveAs => "which this program does not read; save it as JPEG or PNG",
            Advice::NoImage => "not an image; remove it, or put the image in its place",
        }
    }
}
