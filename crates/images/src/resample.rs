use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use pretrained::Interpolation;

use crate::Error;
use crate::geometry::{PixelBox, Span};

/// Interleaved 8-bit pixels, `[height, width, channels]`.
#[derive(Clone, Copy)]
pub(crate) struct Pixels<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) size: [u32; 2],
    pub(crate) channels: usize,
}

/// Antialiased resizing as Pillow's `Image.resize` does it; keeps its buffers between pictures.
#[derive(Default)]
pub(crate) struct Resampler {
    resizer: Resizer,
    shown: Vec<u8>,
}

impl Resampler {
    /// Renders spans of the source into a black square. Only what is shown is computed, and the filter still sees the
    /// source around it, so that the result is that of resizing the whole and cropping afterwards.
    pub(crate) fn spans(
        &mut self,
        source: Pixels<'_>,
        [x, y]: [Span; 2],
        interpolation: Interpolation,
        square: &mut [u8],
        side: u32,
    ) -> Result<(), Error> {
        let view = view(source)?;
        let options = options(interpolation).crop(x.source, y.source, x.source_length, y.source_length);
        let pixel_type = pixel_type(source.channels);
        if x.target_length == side && y.target_length == side {
            let mut target = Image::from_slice_u8(side, side, square, pixel_type).map_err(failed)?;
            return self.resizer.resize(&view, &mut target, &options).map_err(failed);
        }
        let row = x.target_length as usize * source.channels;
        self.shown.resize(row * y.target_length as usize, 0);
        let mut target = Image::from_slice_u8(x.target_length, y.target_length, &mut self.shown, pixel_type)
            .map_err(failed)?;
        self.resizer.resize(&view, &mut target, &options).map_err(failed)?;
        square.fill(0);
        let rows = square.chunks_exact_mut(side as usize * source.channels).skip(y.target as usize);
        let left = x.target as usize * source.channels;
        for (target, shown) in rows.zip(self.shown.chunks_exact(row)) {
            target[left..left + row].copy_from_slice(shown);
        }
        Ok(())
    }

    /// Renders a box of the source into the square as if the source ended there.
    pub(crate) fn cut(
        &mut self,
        source: Pixels<'_>,
        cut: PixelBox,
        interpolation: Interpolation,
        square: &mut [u8],
        side: u32,
    ) -> Result<(), Error> {
        let view = view(source)?;
        let view = CroppedImage::new(&view, cut.left, cut.top, cut.width, cut.height).map_err(failed)?;
        let mut target =
            Image::from_slice_u8(side, side, square, pixel_type(source.channels)).map_err(failed)?;
        self.resizer.resize(&view, &mut target, &options(interpolation)).map_err(failed)
    }
}

fn view(source: Pixels<'_>) -> Result<ImageRef<'_>, Error> {
    let [width, height] = source.size;
    ImageRef::new(width, height, source.bytes, pixel_type(source.channels)).map_err(failed)
}

fn pixel_type(channels: usize) -> PixelType {
    if channels == 1 { PixelType::U8 } else { PixelType::U8x3 }
}

fn options(interpolation: Interpolation) -> ResizeOptions {
    let filter = match interpolation {
        Interpolation::Bilinear => FilterType::Bilinear,
        Interpolation::Bicubic => FilterType::CatmullRom,
    };
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter))
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Transform(format!("resizing failed: {error}"))
}
