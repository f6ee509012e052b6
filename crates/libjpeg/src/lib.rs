//! JPEG files to RGB pixels with libjpeg-turbo's arithmetic, the pixels of Pillow and TorchVision to the bit.
//!
//! The library is MozJPEG's, whose decoder is libjpeg-turbo's; `shim/shim.c` turns its errors into return values. This
//! crate is one of two with `unsafe`, because a library of C has no other door.
//!
//! Reading order: `Decoder` below, `error` (what is refused, and what that means), `cmyk` (Pillow's arithmetic), `shim`
//! (the C functions).

mod cmyk;
mod error;
mod shim;
mod size;

pub use error::Error;
use shim::Handle;
pub use size::Size;

/// One JPEG in memory, of which the header has been read.
pub struct Decoder<'a> {
    handle: Handle<'a>,
    size: Size,
    channels: Channels,
}

/// An image: `[height, width, 3]` bytes, RGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgb {
    /// Of these pixels.
    pub size: Size,
    /// Rows from the top, without gaps.
    pub pixels: Vec<u8>,
}

/// By how much an image is reduced while it is decoded; each side is rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Not at all.
    Whole,
    /// To a half.
    Half,
    /// To a quarter.
    Quarter,
    /// To an eighth.
    Eighth,
}

/// What libjpeg gives.
#[derive(Clone, Copy)]
enum Channels {
    Rgb,
    /// As in the file: Adobe's, in which 255 is no ink.
    Cmyk,
}

impl<'a> Decoder<'a> {
    /// Reads `bytes` as far as the first scan. While decoding, libjpeg may allocate `memory` bytes; the pixels are not
    /// among them, the coefficients of a file with several scans are.
    ///
    /// # Errors
    /// Everything but [`Error::Scans`].
    pub fn new(bytes: &'a [u8], memory: usize) -> Result<Decoder<'a>, Error> {
        let mut handle = Handle::new(bytes, memory)?;
        let (size, channels) = handle.header()?;
        let channels = if channels == 4 { Channels::Cmyk } else { Channels::Rgb };
        Ok(Decoder { handle, size, channels })
    }

    /// The size that stands in the file.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Decodes to RGB as Pillow's `Image.open(path).convert("RGB")` does.
    ///
    /// # Errors
    /// See [`Error`]; what is returned never holds a pixel that was made up.
    pub fn rgb(mut self, reduction: Reduction) -> Result<Rgb, Error> {
        let size = self.handle.start(reduction.divisor())?;
        let (width, height) = (size.width as usize, size.height as usize);
        let mut pixels = vec![0; 3 * width * height];
        match self.channels {
            Channels::Rgb => self.handle.rows(&mut pixels, 3 * width)?,
            Channels::Cmyk => {
                let mut row = vec![0; 4 * width];
                for out in pixels.chunks_exact_mut(3 * width) {
                    self.handle.rows(&mut row, 4 * width)?;
                    cmyk::to_rgb(&row, out);
                }
            }
        }
        Ok(Rgb { size, pixels })
    }
}

impl Reduction {
    fn divisor(self) -> u32 {
        match self {
            Reduction::Whole => 1,
            Reduction::Half => 2,
            Reduction::Quarter => 4,
            Reduction::Eighth => 8,
        }
    }
}
