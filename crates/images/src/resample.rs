use std::ops::Range;

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::{InnerPixel, U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use pretrained::Interpolation;

use crate::Error;
use crate::geometry::{Frame, Span};

/// Interleaved 8-bit pixels, `[height, width, channels]`.
#[derive(Clone, Copy)]
pub(crate) struct Pixels<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) size: [u32; 2],
    pub(crate) channels: usize,
}

/// Where an image is rendered: a square `[side, side, channels]`, and the colour around the image.
pub(crate) struct Canvas<'a> {
    pub(crate) square: &'a mut [u8],
    pub(crate) side: u32,
    /// Red, green, blue; the first for grayscale.
    pub(crate) fill: [u8; 3],
}

/// Antialiased resizing as Pillow's `Image.resize` does it; keeps its buffers between images.
#[derive(Default)]
pub(crate) struct Resampler {
    resizer: Resizer,
    narrowed: Vec<u8>,
    shown: Vec<u8>,
}

impl Resampler {
    /// Renders what the frame shows of the source into a square, which is filled up where it shows nothing.
    ///
    /// Only what is shown is computed, and the filter still sees the source around it, so that the result is that of
    /// resizing the whole and cropping afterwards.
    pub(crate) fn render(
        &mut self,
        source: Pixels<'_>,
        frame: &Frame,
        interpolation: Interpolation,
        canvas: Canvas<'_>,
    ) -> Result<(), Error> {
        let Canvas { square, side, fill } = canvas;
        let [width, height] = [frame.x.target_length, frame.y.target_length];
        if [width, height] == [side, side] {
            return self.resize(source, frame, interpolation, square);
        }
        let row = width as usize * source.channels;
        let mut shown = std::mem::take(&mut self.shown);
        shown.resize(row * height as usize, 0);
        self.resize(source, frame, interpolation, &mut shown)?;
        square
            .chunks_exact_mut(source.channels)
            .for_each(|pixel| pixel.copy_from_slice(&fill[..source.channels]));
        paste(&shown, row, frame, source.channels, square, side);
        self.shown = shown;
        Ok(())
    }

    fn resize(
        &mut self,
        source: Pixels<'_>,
        frame: &Frame,
        interpolation: Interpolation,
        target: &mut [u8],
    ) -> Result<(), Error> {
        match source.channels {
            1 => self.resize_typed::<U8>(source, frame, interpolation, target),
            _ => self.resize_typed::<U8x3>(source, frame, interpolation, target),
        }
    }

    /// Rows first, then columns, each rounded to 8 bits, because that is Pillow's order: at sharp edges a bicubic
    /// filter overshoots, and what is clipped depends on the order.
    ///
    /// Both passes read the same kind of view: the library's code is compiled here for every kind it is given.
    fn resize_typed<P: PixelTrait + InnerPixel>(
        &mut self,
        source: Pixels<'_>,
        frame: &Frame,
        interpolation: Interpolation,
        target: &mut [u8],
    ) -> Result<(), Error> {
        let Frame { seen, x, y } = frame;
        let [width, height] = source.size;
        let (filter, support) = match interpolation {
            Interpolation::Bilinear => (FilterType::Bilinear, 1.0),
            Interpolation::Bicubic => (FilterType::CatmullRom, 2.0),
        };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));

        let rows = needed(y, seen.height, support);
        let row_count = rows.end - rows.start;
        self.narrowed.resize(x.target_length as usize * row_count as usize * source.channels, 0);
        let part = options.crop(x.source, rows.start.into(), x.source_length, row_count.into());
        let mut narrowed =
            TypedImage::<P>::from_buffer(x.target_length, row_count, &mut self.narrowed).map_err(failed)?;
        let view = TypedImageRef::<P>::from_buffer(width, height, source.bytes).map_err(failed)?;
        let view =
            TypedCroppedImage::new(view, seen.left, seen.top, seen.width, seen.height).map_err(failed)?;
        self.resizer.resize_typed(&view, &mut narrowed, &part).map_err(failed)?;

        let top = y.source - f64::from(rows.start);
        let shown = y.source_length.min(f64::from(row_count) - top);
        let part = options.crop(0.0, top, x.target_length.into(), shown);
        let mut target =
            TypedImage::<P>::from_buffer(x.target_length, y.target_length, target).map_err(failed)?;
        let view =
            TypedImageRef::<P>::from_buffer(x.target_length, row_count, &self.narrowed).map_err(failed)?;
        let view = TypedCroppedImage::new(view, 0, 0, x.target_length, row_count).map_err(failed)?;
        self.resizer.resize_typed(&view, &mut target, &part).map_err(failed)
    }
}

/// The rows that a filter reads to render a span.
fn needed(span: &Span, rows: u32, support: f64) -> Range<u32> {
    let scale = span.source_length / f64::from(span.target_length);
    let reach = support * scale.max(1.0) + 1.0;
    let first = (span.source - reach).floor().max(0.0);
    let end = (span.source + span.source_length + reach).ceil().min(rows.into());
    first as u32..end as u32
}

/// Puts a smaller image with rows of `row` bytes into its place within a square.
fn paste(shown: &[u8], row: usize, frame: &Frame, channels: usize, square: &mut [u8], side: u32) {
    let left = frame.x.target as usize * channels;
    let rows = square.chunks_exact_mut(side as usize * channels).skip(frame.y.target as usize);
    for (target, shown) in rows.zip(shown.chunks_exact(row)) {
        target[left..left + row].copy_from_slice(shown);
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Transform(format!("resizing failed: {error}"))
}
