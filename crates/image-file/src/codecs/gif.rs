use std::io::{self, Cursor};
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};
use image::RgbImage;

use super::{check_size, damaged};
use crate::Error;
use crate::format::Format;
use crate::limits::MAX_BYTES;

/// Decodes the first frame. What it leaves open of the canvas has the transparent colour, else the first of the palette;
/// a frame that reaches beyond the canvas makes it larger; without a palette the indices are levels of gray.
pub(super) fn decode(bytes: &[u8]) -> Result<RgbImage, Error> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(NonZeroU64::new(MAX_BYTES).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    options.allow_unknown_blocks(true);
    let with_palette = gray_palette(bytes);
    let mut decoder =
        options.read_info(Cursor::new(with_palette.as_deref().unwrap_or(bytes))).map_err(refusal)?;
    let (width, height) = (u32::from(decoder.width()), u32::from(decoder.height()));
    let frame = decoder.next_frame_info().map_err(refusal)?.ok_or(Error::Truncated)?.clone();
    let [left, top, across, down] = [frame.left, frame.top, frame.width, frame.height].map(u32::from);
    let (width, height) = (width.max(left + across), height.max(top + down));
    check_size(width, height, 4)?;

    let mut indices = vec![0; across as usize * down as usize];
    decoder.read_into_buffer(&mut indices).map_err(refusal)?;
    let palette = frame.palette.as_deref().or(decoder.global_palette()).unwrap_or_default();
    let color = |index: u8| {
        let at = 3 * usize::from(index);
        palette.get(at..at + 3).map_or([0; 3], |color| [color[0], color[1], color[2]])
    };
    let open = color(frame.transparent.unwrap_or(0));
    let mut image = RgbImage::from_pixel(width, height, image::Rgb(open));
    for (row, y) in indices.chunks_exact(across.max(1) as usize).zip(top..) {
        for (&index, x) in row.iter().zip(left..) {
            image.put_pixel(x, y, image::Rgb(color(index)));
        }
    }
    Ok(image)
}

/// The file with 256 levels of gray as its palette, where it has none for all frames.
fn gray_palette(bytes: &[u8]) -> Option<Vec<u8>> {
    const PALETTE: u8 = 0x80;
    const OF_256: u8 = 0x07;
    let (head, rest) = bytes.split_at_checked(13)?;
    (head[10] & PALETTE == 0).then(|| {
        let mut file = head.to_vec();
        file[10] |= PALETTE | OF_256;
        file.extend((0..=255).flat_map(|level| [level; 3]));
        file.extend(rest);
        file
    })
}

fn refusal(error: DecodingError) -> Error {
    match error {
        DecodingError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Error::Truncated,
        _ => damaged(Format::Gif),
    }
}
