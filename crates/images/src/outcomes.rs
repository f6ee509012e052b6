//! What came of decoding samples, in one process or in several that share the work.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use image::RgbImage;
use image_file::{Decoding, decode_bytes, read};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::transform::{Framed, Scratch};
use crate::{Error, Keep, Sample, Transform};

mod bytes;

/// What came of decoding samples, in their order. Several processes may each decode some of them and send each other what came
/// of it ([`Outcomes::to_bytes`], [`Outcomes::append`]).
pub struct Outcomes {
    pub(crate) each: Vec<Result<Decoded, String>>,
    /// Framing of the squares; `None` where images are whole.
    pub(crate) framed: Option<Framed>,
    /// How all images are decoded.
    pub(crate) decoding: Decoding,
    /// Cuts the square; `None` where images are whole.
    transform: Option<Box<Transform>>,
}

/// A decoded image.
#[derive(Debug, PartialEq)]
pub(crate) struct Decoded {
    /// The shorter side in pixels.
    pub(crate) side: u32,
    /// SHA-256 of the file.
    pub(crate) sha256: [u8; 32],
    /// The largest value of an image of 16 bits.
    pub(crate) brightest: Option<u16>,
    /// `None` if it did not fit into the limit.
    pub(crate) image: Option<InMemory>,
}

/// An image in memory.
#[derive(Debug, PartialEq)]
pub(crate) enum InMemory {
    Whole(RgbImage),
    /// `[side, side, channels]`
    Square(Vec<u8>),
}

impl Outcomes {
    /// Returns those of no sample yet, of which this is to be kept.
    #[must_use]
    pub fn none(keep: Keep) -> Self {
        let decoding = match &keep {
            Keep::Whole => Decoding::default(),
            Keep::WholeFor(wanted) => Decoding { least: None, ..wanted.decoding() },
            Keep::Square(wanted) => wanted.decoding(),
        };
        let framed = match &keep {
            Keep::Square(transform) => transform.framed(),
            Keep::Whole | Keep::WholeFor(_) => None,
        };
        let transform = match keep {
            Keep::Square(transform) if framed.is_some() => Some(transform),
            _ => None,
        };
        Self { each: Vec::new(), framed, decoding, transform }
    }

    /// Returns those of no sample yet, of which the same is to be kept.
    #[must_use]
    pub fn none_alike(&self) -> Self {
        let Self { framed, decoding, transform, .. } = self;
        Self { each: Vec::new(), framed: framed.clone(), decoding: *decoding, transform: transform.clone() }
    }

    /// Decodes these samples as well, on up to `threads` threads, and keeps images of up to `memory_limit` bytes in all.
    /// `progress` is called as [`Store::decode`](crate::Store::decode) says.
    ///
    /// # Errors
    /// As [`Store::decode`](crate::Store::decode).
    pub fn decode(
        &mut self,
        samples: &[Sample],
        memory_limit: u64,
        threads: usize,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<(), Error> {
        let total = samples.len() as u64;
        let done = AtomicU64::new(0);
        let free = AtomicU64::new(memory_limit);
        let outcomes = samples.par_iter().map_init(Scratch::default, |scratch, sample| {
            let outcome = self.decoded(sample, &free, scratch).map_err(|error| error.to_string());
            match progress(done.fetch_add(1, Ordering::Relaxed) + 1, total) {
                ControlFlow::Continue(()) => Ok(outcome),
                ControlFlow::Break(()) => Err(Error::Interrupted),
            }
        });
        let threads = threads.min(samples.len()).max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| Error::Worker(error.to_string()))?;
        let outcomes = pool.install(|| outcomes.collect::<Result<Vec<_>, Error>>())?;
        self.each.extend(outcomes);
        Ok(())
    }

    fn decoded(
        &self,
        sample: &Sample,
        free: &AtomicU64,
        scratch: &mut Scratch,
    ) -> Result<Decoded, image_file::Error> {
        let Self { framed, decoding, transform, .. } = self;
        let file = read(&sample.path)?;
        let image_file::Decoded { image, brightest } = decode_bytes(&file, *decoding)?;
        let side = image.width().min(image.height());
        let sha256 = Sha256::digest(&file).into();
        let bytes = framed.as_ref().map_or(image.len(), Framed::bytes);
        let image = reserve(free, bytes as u64).then(|| match transform {
            Some(transform) => transform.cut(&image, scratch).map(InMemory::Square),
            None => Ok(InMemory::Whole(image)),
        });
        Ok(Decoded { side, sha256, brightest, image: image.and_then(Result::ok) })
    }

    /// Adds other outcomes after these.
    pub fn extend(&mut self, others: Self) {
        self.each.extend(others.each);
    }

    /// Bytes of the images that are in memory.
    #[must_use]
    pub fn in_memory(&self) -> u64 {
        let images = self.each.iter().flatten().filter_map(|decoded| decoded.image.as_ref());
        let bytes = images.map(|image| match image {
            InMemory::Whole(image) => image.len(),
            InMemory::Square(square) => square.len(),
        });
        bytes.sum::<usize>() as u64
    }
}

/// Takes `bytes` from what is free; false, and nothing taken, if there is less.
fn reserve(free: &AtomicU64, bytes: u64) -> bool {
    free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
}
