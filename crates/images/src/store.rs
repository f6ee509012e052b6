use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use image::RgbImage;
use rayon::prelude::*;

use crate::{DecodeError, Error, Sample, decode};

/// Pictures that were decoded once, kept in memory as far as a limit allows. Cloning shares them.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// A file that gave no picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

struct Shared {
    samples: Vec<Sample>,
    /// One for each sample; `None` if it did not fit into the limit.
    pictures: Vec<Option<RgbImage>>,
    /// The shorter side of each, in pixels.
    sides: Vec<u32>,
    unreadable: Vec<Unreadable>,
}

/// A picture that could be read: its shorter side, and itself if there was room for it.
type Decoded = (u32, Option<RgbImage>);

impl Store {
    /// Decodes every file once, on rayon's threads, and keeps pictures of up to `memory_limit` bytes altogether (which
    /// ones is left to chance; it never changes a result). The others are decoded again whenever they are needed.
    ///
    /// `progress` is called with the number of files done and their total, from several threads and not always in
    /// rising order; it stops the work by returning `Break`.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if `progress` says so. An unreadable file is no error: see [`Store::unreadable`].
    pub fn decode(
        samples: Vec<Sample>,
        memory_limit: u64,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<Store, Error> {
        let total = samples.len() as u64;
        let done = AtomicU64::new(0);
        let free = AtomicU64::new(memory_limit);
        let outcomes = samples.par_iter().map(|sample| {
            let outcome = decode(&sample.path).map(|picture| {
                let side = picture.width().min(picture.height());
                (side, reserve(&free, picture.len() as u64).then_some(picture))
            });
            match progress(done.fetch_add(1, Ordering::Relaxed) + 1, total) {
                ControlFlow::Continue(()) => Ok(outcome),
                ControlFlow::Break(()) => Err(Error::Interrupted),
            }
        });
        let outcomes = outcomes.collect::<Result<Vec<_>, Error>>()?;
        Ok(Store { shared: Arc::new(Shared::sorted_out(samples, outcomes)) })
    }

    /// The readable samples, in the order in which they were given.
    pub fn samples(&self) -> &[Sample] {
        &self.shared.samples
    }

    /// The shorter side of a picture of middling size, in pixels; `None` without pictures.
    pub fn median_side(&self) -> Option<u32> {
        let mut sides = self.shared.sides.clone();
        let middle = sides.len() / 2;
        (!sides.is_empty()).then(|| *sides.select_nth_unstable(middle).1)
    }

    /// The files that gave no picture, sorted by path.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.shared.unreadable
    }

    /// The picture of the sample at this index of [`Store::samples`], from memory or from its file.
    ///
    /// # Errors
    /// [`Error::Decode`] if the file has become unreadable since; [`Error::NoSuchSample`].
    pub fn picture(&self, index: u32) -> Result<Cow<'_, RgbImage>, Error> {
        let Shared { samples, pictures, .. } = &*self.shared;
        let missing = Error::NoSuchSample { index, len: samples.len() };
        let Some((sample, picture)) = samples.get(index as usize).zip(pictures.get(index as usize)) else {
            return Err(missing);
        };
        match picture {
            Some(picture) => Ok(Cow::Borrowed(picture)),
            None => decode(&sample.path)
                .map(Cow::Owned)
                .map_err(|source| Error::Decode { path: sample.path.clone(), source }),
        }
    }
}

impl Shared {
    fn sorted_out(samples: Vec<Sample>, outcomes: Vec<Result<Decoded, DecodeError>>) -> Shared {
        let mut shared =
            Shared { samples: Vec::new(), pictures: Vec::new(), sides: Vec::new(), unreadable: Vec::new() };
        for (sample, outcome) in samples.into_iter().zip(outcomes) {
            match outcome {
                Ok((side, picture)) => {
                    shared.samples.push(sample);
                    shared.pictures.push(picture);
                    shared.sides.push(side);
                }
                Err(error) => {
                    shared.unreadable.push(Unreadable { path: sample.path, reason: error.to_string() });
                }
            }
        }
        shared.unreadable.sort();
        shared
    }
}

/// Takes `bytes` of what is free; false if there is less.
fn reserve(free: &AtomicU64, bytes: u64) -> bool {
    free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
}
