use image::RgbImage;

use super::chunks;
use super::layout::{Layout, Photometric, Predictor};
use super::{broken, refused};
use crate::exif::Directory;
use crate::{Error, jpeg};

/// RGB of samples `[height, width, samples]`. Extra samples are dropped; colours that were multiplied with
/// their alpha are divided by it.
pub(super) fn to_rgb(samples: &[u8], layout: &Layout) -> Result<RgbImage, Error> {
    let pixels = samples.chunks_exact(layout.samples);
    let rgb: Vec<u8> = match layout.photometric {
        Photometric::WhiteIsZero => {
            pixels.flat_map(|pixel| gray(pixel, layout).map(|level| 255 - level)).collect()
        }
        Photometric::BlackIsZero => pixels.flat_map(|pixel| gray(pixel, layout)).collect(),
        Photometric::YCbCr if layout.samples < 3 => pixels.flat_map(|pixel| gray(pixel, layout)).collect(),
        Photometric::Palette => pixels.flat_map(|pixel| layout.palette[usize::from(pixel[0])]).collect(),
        Photometric::Rgb if layout.premultiplied => {
            pixels.flat_map(|pixel| [0, 1, 2].map(|channel| divided(pixel[channel], pixel[3]))).collect()
        }
        Photometric::Rgb => pixels.flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
        Photometric::Cmyk => {
            pixels.flat_map(|pixel| of_ink([pixel[0], pixel[1], pixel[2], pixel[3]])).collect()
        }
        Photometric::YCbCr => pixels.flat_map(|pixel| of_luma([pixel[0], pixel[1], pixel[2]])).collect(),
    };
    image(layout, rgb)
}

/// RGB of uncompressed or compressed YCbCr in data units: the luma samples of some pixels, then the two colour
/// differences that they share.
pub(super) fn of_units(bytes: &[u8], layout: &Layout) -> Result<RgbImage, Error> {
    if layout.bits != 8 || layout.predictor != Predictor::None {
        return Err(refused("with subsampled colour and a predictor"));
    }
    let [across, down] = layout.sampling();
    let unit = across * down + 2;
    let mut rgb = vec![0; layout.width * layout.height * 3];
    for chunk in layout.chunks() {
        let units = layout.chunk[0].div_ceil(across);
        let size = units * chunk.rows.div_ceil(down) * unit;
        let unpacked = chunks::unpacked(bytes, layout, &chunk, size)?;
        for y in 0..chunk.height {
            for x in 0..chunk.width {
                let start = (y / down * units + x / across) * unit;
                let luma = unpacked[start + y % down * across + x % across];
                let at = ((chunk.top + y) * layout.width + chunk.left + x) * 3;
                let color = of_luma([luma, unpacked[start + unit - 2], unpacked[start + unit - 1]]);
                rgb[at..at + 3].copy_from_slice(&color);
            }
        }
    }
    image(layout, rgb)
}

/// RGB of chunks that are JPEGs, whose tables may stand in the directory.
pub(super) fn of_jpegs(bytes: &[u8], directory: &Directory<'_>, layout: &Layout) -> Result<RgbImage, Error> {
    let marker = match layout.photometric {
        Photometric::YCbCr if layout.samples == 3 => Some(1),
        Photometric::Rgb if layout.samples == 3 => Some(0),
        Photometric::BlackIsZero | Photometric::WhiteIsZero | Photometric::YCbCr if layout.samples == 1 => {
            None
        }
        _ => return Err(refused("of JPEGs in other colours than gray, RGB and YCbCr")),
    };
    if layout.planar || layout.bits != 8 {
        return Err(refused("of JPEGs in planes or of another depth than 8 bits"));
    }
    let tables = directory.bytes(347).unwrap_or(b"\xFF\xD8\xFF\xD9");
    let tables = tables
        .strip_prefix(b"\xFF\xD8")
        .and_then(|rest| rest.strip_suffix(b"\xFF\xD9"))
        .ok_or_else(broken)?;
    let mut whole = RgbImage::new(layout.width as u32, layout.height as u32);
    for chunk in layout.chunks() {
        let stored = chunks::stored(bytes, layout, chunk.index)?;
        let data = stored.strip_prefix(b"\xFF\xD8").ok_or_else(broken)?;
        let mut file = b"\xFF\xD8".to_vec();
        if let Some(transform) = marker {
            // Adobe's marker says which colours these are, whatever else the JPEG says.
            file.extend(b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0");
            file.push(transform);
        }
        file.extend(tables);
        file.extend(data);
        let piece = jpeg::decode(&file, None)?;
        if (piece.width() as usize) < chunk.width || (piece.height() as usize) < chunk.height {
            return Err(broken());
        }
        for y in 0..chunk.height {
            for x in 0..chunk.width {
                let mut pixel = *piece.get_pixel(x as u32, y as u32);
                if layout.photometric == Photometric::WhiteIsZero {
                    pixel.0 = pixel.0.map(|level| 255 - level);
                }
                whole.put_pixel((chunk.left + x) as u32, (chunk.top + y) as u32, pixel);
            }
        }
    }
    Ok(whole)
}

fn image(layout: &Layout, rgb: Vec<u8>) -> Result<RgbImage, Error> {
    RgbImage::from_raw(layout.width as u32, layout.height as u32, rgb).ok_or(Error::Empty)
}

fn gray(pixel: &[u8], layout: &Layout) -> [u8; 3] {
    [if layout.premultiplied { divided(pixel[0], pixel[1]) } else { pixel[0] }; 3]
}

/// Pillow's `CLIP8(255 * in / alpha)` (`libImaging/Unpack.c`).
fn divided(level: u8, alpha: u8) -> u8 {
    match alpha {
        0 => 0,
        alpha => (255 * u32::from(level) / u32::from(alpha)).min(255) as u8,
    }
}

/// Pillow's `cmyk2rgb` (`libImaging/Convert.c`).
fn of_ink([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let light = 255 - i32::from(black);
    [cyan, magenta, yellow].map(|ink| {
        let product = i32::from(ink) * light + 128;
        (light - (((product >> 8) + product) >> 8)).clamp(0, 255) as u8
    })
}

/// ITU-R BT.601 over the whole range, as JFIF has it.
fn of_luma([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let (luma, blue, red) = (f32::from(luma), f32::from(blue) - 128.0, f32::from(red) - 128.0);
    let channels = [luma + 1.402 * red, luma - 0.344_136 * blue - 0.714_136 * red, luma + 1.772 * blue];
    channels.map(|value| value.round().clamp(0.0, 255.0) as u8)
}
