//! TIFF: the kinds that Pillow reads (`PIL/TiffImagePlugin.py`, `OPEN_INFO`), the first page.
//!
//! `layout`: what the directory says, checked; `chunks`: strips and tiles, unpacked; `samples`: numbers of 1 to 32 bits to
//! bytes; `colors`: bytes to RGB.

mod chunks;
mod colors;
mod layout;
mod samples;

use image::RgbImage;

use super::{damaged, unsupported};
use crate::Error;
use crate::decoding::Narrow;
use crate::exif::Directory;
use crate::format::Format;
use layout::{Compression, Layout};

/// Decodes the first page of a TIFF or BigTIFF.
pub(super) fn decode(bytes: &[u8], narrow: &mut Narrow) -> Result<RgbImage, Error> {
    let directory = Directory::first(bytes).ok_or(Error::Truncated)?;
    if !directory.is_whole() {
        return Err(Error::Truncated);
    }
    let layout = Layout::of(&directory)?;
    if layout.compression == Compression::Jpeg {
        return colors::of_jpegs(bytes, &directory, &layout);
    }
    if layout.is_subsampled() {
        return colors::of_units(bytes, &layout);
    }
    let samples = samples::read(bytes, &layout, narrow)?;
    colors::to_rgb(&samples, &layout)
}

fn refused(what: impl Into<String>) -> Error {
    unsupported(Format::Tiff, what)
}

fn broken() -> Error {
    damaged(Format::Tiff)
}
