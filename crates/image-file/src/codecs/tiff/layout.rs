use super::super::check_size;
use super::{broken, refused};
use crate::Error;
use crate::exif::{Directory, Order};
use crate::limits::MAX_BYTES;

/// Most samples a pixel may have: Pillow's, six.
const MAX_SAMPLES: u64 = 6;

/// What the directory says of the pixels.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) order: Order,
    pub(super) compression: Compression,
    pub(super) photometric: Photometric,
    /// Samples of a pixel, including those that are not colours.
    pub(super) samples: usize,
    /// Bits of a number: 1, 2, 4, 8, 12, 16 or 32.
    pub(super) bits: usize,
    pub(super) numbers: Numbers,
    /// Whether the first sample after the colours is an alpha that the colour was multiplied with.
    pub(super) premultiplied: bool,
    /// Whether each sample has chunks of its own.
    pub(super) planar: bool,
    /// Whether the lowest bit of a byte comes first.
    pub(super) reversed: bool,
    pub(super) predictor: Predictor,
    /// Red, green and blue of each index, where the samples are indices.
    pub(super) palette: Vec<[u8; 3]>,
    /// Luma samples for each pair of colour differences, across and down; `None` where the file does not say.
    pub(super) subsampling: Option<[usize; 2]>,
    /// Width and height of a chunk: a tile, or a strip as wide as the image.
    pub(super) chunk: [usize; 2],
    pub(super) tiled: bool,
    pub(super) offsets: Vec<u64>,
    /// Bytes of each chunk, where the file says.
    pub(super) lengths: Option<Vec<u64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Group4,
    Jpeg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
}

/// What the bits of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Unsigned,
    Signed,
    Float,
}

/// How the samples of a pixel are meant.
struct Kind {
    photometric: Photometric,
    samples: usize,
    /// Samples that are not colours, according to the file.
    extras: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    Horizontal,
    Float,
}

impl Layout {
    pub(super) fn of(directory: &Directory<'_>) -> Result<Layout, Error> {
        let number = |tag, otherwise| directory.number(tag).unwrap_or(otherwise);
        let size = |tag| directory.number(tag).and_then(|value| u32::try_from(value).ok()).ok_or_else(broken);
        let (width, height) = (size(256)?, size(257)?);
        let compression = compression(number(259, 1))?;
        let photometric = photometric(number(262, 0))?;
        let samples = number(277, 1);
        if samples == 0 || samples > MAX_SAMPLES {
            return Err(refused(format!("with {samples} samples a pixel")));
        }
        check_size(width, height, samples + 3)?;
        let samples = samples as usize;
        let bits =
            uniform(directory, 258, samples, 1).ok_or_else(|| refused("with samples of different depths"))?;
        let numbers = match uniform(directory, 339, samples, 1) {
            Some(1 | 4) => Numbers::Unsigned,
            Some(2) => Numbers::Signed,
            Some(3) => Numbers::Float,
            _ => return Err(refused("with numbers of unknown or different types")),
        };
        let extra = directory.numbers(338, samples).unwrap_or_default();
        let colors = match photometric {
            Photometric::Rgb | Photometric::YCbCr if samples >= 3 => 3,
            Photometric::Cmyk if samples >= 4 => 4,
            Photometric::Rgb | Photometric::Cmyk => return Err(broken()),
            _ => 1,
        };
        check_depth(&Kind { photometric, samples, extras: extra.len() }, bits, numbers)?;
        let tiled = directory.bytes(324).is_some() && directory.bytes(273).is_none();
        let chunk = if tiled { [size(322)?, size(323)?] } else { [width, size_or(directory, 278, height)] };
        if chunk.contains(&0) {
            return Err(broken());
        }
        let chunk = [chunk[0], if tiled { chunk[1] } else { chunk[1].min(height) }].map(|side| side as usize);
        let (width, height) = (width as usize, height as usize);
        let planar = number(284, 1) == 2 && samples > 1;
        let padded = [width.div_ceil(chunk[0]), height.div_ceil(chunk[1])];
        let chunks = padded[0].saturating_mul(padded[1]).saturating_mul(if planar { samples } else { 1 });
        let row = padded[0].saturating_mul(chunk[0]).saturating_mul(samples * bits).div_ceil(8);
        if row.saturating_mul(padded[1].saturating_mul(chunk[1])) as u64 > MAX_BYTES {
            return Err(Error::TooMuchMemory { limit: MAX_BYTES });
        }
        let (places, sizes) = if tiled { (324, 325) } else { (273, 279) };
        let offsets =
            directory.numbers(places, chunks).filter(|offsets| offsets.len() == chunks).ok_or_else(broken)?;
        let palette =
            if photometric == Photometric::Palette { palette(directory, bits)? } else { Vec::new() };
        let subsampling = (photometric == Photometric::YCbCr && samples == 3)
            .then(|| directory.numbers(530, 2).filter(|pair| pair.len() == 2))
            .flatten()
            .map(|pair| [pair[0] as usize, pair[1] as usize]);
        if subsampling.is_some_and(|pair| pair.iter().any(|side| ![1, 2, 4].contains(side))) {
            return Err(broken());
        }
        Ok(Layout {
            width,
            height,
            order: directory.order(),
            compression,
            photometric,
            samples,
            bits,
            numbers,
            premultiplied: samples > colors && extra.first() == Some(&1),
            planar,
            reversed: number(266, 1) == 2,
            predictor: predictor(number(317, 1), compression)?,
            palette,
            subsampling,
            chunk,
            tiled,
            offsets,
            lengths: directory.numbers(sizes, chunks).filter(|lengths| lengths.len() == chunks),
        })
    }

    /// Whether colour differences are shared by several luma samples. Where the file does not say, compressed ones do, as
    /// the standard has it and libtiff reads it, and others do not, as Pillow reads them.
    pub(super) fn is_subsampled(&self) -> bool {
        self.photometric == Photometric::YCbCr
            && self.samples == 3
            && !self.planar
            && self.sampling() != [1, 1]
    }

    /// Luma samples for each pair of colour differences, across and down.
    pub(super) fn sampling(&self) -> [usize; 2] {
        self.subsampling.unwrap_or(if self.compression == Compression::None { [1, 1] } else { [2, 2] })
    }

    /// Samples of a pixel that say how light it is: neither inks nor extra samples.
    pub(super) fn light(&self) -> usize {
        match self.photometric {
            Photometric::WhiteIsZero | Photometric::BlackIsZero => 1,
            Photometric::Rgb => 3,
            Photometric::Cmyk | Photometric::Palette | Photometric::YCbCr => 0,
        }
    }

    /// Samples of a pixel that lie together.
    pub(super) fn together(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }
}

/// The one value that all samples have.
fn uniform(directory: &Directory<'_>, tag: u16, samples: usize, otherwise: usize) -> Option<usize> {
    let values = directory.numbers(tag, samples).unwrap_or_default();
    let first = values.first().map_or(otherwise, |&value| value as usize);
    values.iter().all(|&value| value as usize == first).then_some(first)
}

fn size_or(directory: &Directory<'_>, tag: u16, otherwise: u32) -> u32 {
    directory.number(tag).map_or(otherwise, |value| u32::try_from(value).unwrap_or(u32::MAX))
}

fn compression(code: u64) -> Result<Compression, Error> {
    let name = match code {
        1 => return Ok(Compression::None),
        4 => return Ok(Compression::Group4),
        5 => return Ok(Compression::Lzw),
        7 => return Ok(Compression::Jpeg),
        8 | 32946 => return Ok(Compression::Deflate),
        32773 => return Ok(Compression::PackBits),
        2 | 3 => "CCITT group 3",
        6 => "old JPEG",
        33003 | 33005 | 34712 => "JPEG 2000",
        34887 => "LERC",
        34925 => "LZMA",
        50000 => "Zstandard",
        50001 => "WebP",
        _ => return Err(refused(format!("with compression {code}"))),
    };
    Err(refused(format!("with {name} compression")))
}

fn photometric(code: u64) -> Result<Photometric, Error> {
    Ok(match code {
        0 => Photometric::WhiteIsZero,
        1 => Photometric::BlackIsZero,
        2 => Photometric::Rgb,
        3 => Photometric::Palette,
        5 => Photometric::Cmyk,
        6 => Photometric::YCbCr,
        8..=10 => return Err(refused("in the Lab colour space")),
        32803 | 34892 => return Err(refused("of undeveloped camera data")),
        _ => return Err(refused(format!("of photometric interpretation {code}"))),
    })
}

fn check_depth(kind: &Kind, bits: usize, numbers: Numbers) -> Result<(), Error> {
    let Kind { photometric, samples, extras } = *kind;
    let gray = matches!(photometric, Photometric::BlackIsZero | Photometric::WhiteIsZero);
    let alone = samples == 1;
    // A second sample that the file does not name may be a measurement of its own.
    let organised = match photometric {
        Photometric::Rgb | Photometric::Cmyk => true,
        Photometric::YCbCr => alone || samples == 3,
        _ => alone || samples == 2 && extras == 1,
    };
    let read = match (numbers, bits) {
        (Numbers::Unsigned, 1 | 2 | 4) => alone && (gray || photometric == Photometric::Palette),
        (Numbers::Unsigned, 8) => true,
        (Numbers::Unsigned, 12) => gray && alone,
        (Numbers::Unsigned, 16) => gray || matches!(photometric, Photometric::Rgb | Photometric::Cmyk),
        (Numbers::Unsigned | Numbers::Float, 32) | (Numbers::Signed, 8 | 16 | 32) => {
            photometric == Photometric::BlackIsZero && alone
        }
        _ => false,
    };
    if read && organised {
        return Ok(());
    }
    let kind = match numbers {
        Numbers::Unsigned => "unsigned",
        Numbers::Signed => "signed",
        Numbers::Float => "floating-point",
    };
    let plural = if alone { "" } else { "s" };
    Err(refused(format!("with {samples} {kind} sample{plural} of {bits} bits a pixel")))
}

fn predictor(code: u64, compression: Compression) -> Result<Predictor, Error> {
    match (code, compression) {
        (_, Compression::None | Compression::PackBits | Compression::Group4 | Compression::Jpeg) | (1, _) => {
            Ok(Predictor::None)
        }
        (2, _) => Ok(Predictor::Horizontal),
        (3, _) => Ok(Predictor::Float),
        _ => Err(broken()),
    }
}

/// Pillow keeps the upper 8 of the 16 bits.
fn palette(directory: &Directory<'_>, bits: usize) -> Result<Vec<[u8; 3]>, Error> {
    let levels = 1 << bits.min(8);
    let values =
        directory.numbers(320, 3 * levels).filter(|values| values.len() == 3 * levels).ok_or_else(broken)?;
    let channel = |index: usize, channel: usize| (values[channel * levels + index] >> 8) as u8;
    Ok((0..levels).map(|index| [channel(index, 0), channel(index, 1), channel(index, 2)]).collect())
}
