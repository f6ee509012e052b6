use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::{Decoder, PixelFormat};

use crate::decoding::Least;

/// Decodes a JPEG at a half, a quarter or an eighth of its size, where it then still has `least` pixels: of
/// each block of 8 x 8 only the lower frequencies are turned into pixels, which is most of the work.
///
/// `None` where that cannot be: the picture is not so large, is neither RGB nor grayscale, or is broken; then it is to be
/// decoded as a whole.
pub(crate) fn decode(bytes: &[u8], least: Least) -> Option<DynamicImage> {
    let mut decoder = Decoder::new(bytes);
    decoder.read_info().ok()?;
    let whole = decoder.info()?;
    let large = |divisor: u16| least.holds((whole.width / divisor).into(), (whole.height / divisor).into());
    let divisor = [8u16, 4, 2].into_iter().find(|&divisor| large(divisor))?;
    let (width, height) =
        decoder.scale(whole.width.div_ceil(divisor), whole.height.div_ceil(divisor)).ok()?;
    let pixels = decoder.decode().ok()?;
    let (width, height) = (width.into(), height.into());
    match whole.pixel_format {
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
        PixelFormat::L8 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        PixelFormat::L16 | PixelFormat::CMYK32 => None,
    }
}
