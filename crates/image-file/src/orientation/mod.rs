//! Which way up an image is to be seen, by the rules of Pillow's `Image.getexif` and `ImageOps.exif_transpose`.
//!
//! A file says it in one of two places: tag 0x0112 of an EXIF block, or, only where no EXIF block has that tag, the
//! attribute or element `tiff:Orientation` of an XMP packet. `containers`: where JPEG, PNG and WebP keep the two;
//! `xmp`: the packet.

mod containers;
mod xmp;

use image::metadata::Orientation;

use crate::exif;
use crate::format::Format;

/// Metadata of an image file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Metadata {
    /// An EXIF block, with or without its heading.
    exif: Option<Vec<u8>>,
    /// An XMP packet.
    xmp: Option<Vec<u8>>,
}

/// Returns the orientation of a file. One that is damaged, or says nothing of the eight values, has none.
pub(crate) fn of(bytes: &[u8], format: Format) -> Orientation {
    let value = match format {
        Format::Jpeg => containers::jpeg(bytes).and_then(Metadata::value),
        Format::Png => containers::png(bytes).and_then(Metadata::value),
        Format::WebP => containers::webp(bytes).and_then(Metadata::value),
        Format::Tiff => tiff(bytes),
        Format::Gif | Format::Bmp | Format::Pnm => None,
    };
    value.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
}

impl Metadata {
    /// Pillow does not ask the XMP packet where the EXIF block cannot be read at all.
    fn value(self) -> Option<u8> {
        let by_exif = match self.exif {
            Some(block) => exif::in_block(&block)?,
            None => exif::Answer::Absent,
        };
        match by_exif {
            exif::Answer::Absent => self.xmp.as_deref().and_then(xmp::orientation),
            exif::Answer::Value(value) => Some(value),
            exif::Answer::Meaningless => None,
        }
    }
}

/// A TIFF's own directory is its EXIF block, and its tag 700 the XMP packet.
fn tiff(bytes: &[u8]) -> Option<u8> {
    let directory = exif::Directory::first(bytes)?;
    match directory.orientation() {
        exif::Answer::Absent => directory.bytes(700).and_then(xmp::orientation),
        exif::Answer::Value(value) => Some(value),
        exif::Answer::Meaningless => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xmp_is_asked_only_where_exif_has_no_orientation() {
        let packet = Some(br#"<rdf:Description tiff:Orientation="8"/>"#.to_vec());
        let block = |kind: u16, value: u32| {
            let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01".to_vec();
            block.extend(kind.to_le_bytes());
            block.extend(1_u32.to_le_bytes());
            block.extend(value.to_le_bytes());
            Some([block, vec![0; 4]].concat())
        };
        let value = |exif, xmp: &Option<Vec<u8>>| Metadata { exif, xmp: xmp.clone() }.value();
        assert_eq!(value(block(3, 6), &packet), Some(6), "SHORT");
        assert_eq!(value(block(4, 6), &packet), Some(6), "LONG");
        assert_eq!(value(block(1, 6), &packet), None, "BYTE is there and means nothing to Pillow");
        assert_eq!(value(block(99, 6), &packet), Some(8), "a type that does not exist");
        assert_eq!(value(None, &packet), Some(8));
        assert_eq!(value(Some(Vec::new()), &packet), Some(8), "an empty block");
        assert_eq!(value(Some(b"no TIFF at all".to_vec()), &packet), None, "a damaged block");
        assert_eq!(value(None, &None), None);
    }
}
