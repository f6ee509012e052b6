use std::sync::Arc;

use crate::transform::Scratch;
use crate::workers::{InOrder, Stop};
use crate::{Error, Store, Transform};

/// Batches of prepared pictures in a given order; the last one may be smaller.
///
/// The same for any number of workers. A batch with a picture that cannot be read any more is an error; the
/// following ones can still be had.
pub struct Batches {
    batches: InOrder<PixelBatch, Scratch>,
}

/// Pictures as a network reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelBatch {
    /// Indices into [`Store::samples`], `[N]`.
    pub indices: Vec<u32>,
    /// Normalised values, `[N, channels, size, size]`.
    pub pixels: Vec<f32>,
    /// Labels, `[N]`.
    pub labels: Vec<i64>,
    /// 3 for RGB, 1 for grayscale.
    pub channels: usize,
    /// Height and width in pixels.
    pub size: usize,
}

impl Batches {
    /// Prepares the samples at the indices `order` of [`Store::samples`], `batch_size` (at least 1) at a time.
    ///
    /// With 0 workers the calling thread does the work; otherwise each worker prepares whole batches, up to two of them
    /// ahead.
    pub fn new(
        store: &Store,
        transform: Transform,
        order: Vec<u32>,
        epoch: u32,
        batch_size: usize,
        workers: usize,
    ) -> Batches {
        let store = store.clone();
        let batch_size = batch_size.max(1);
        let count = order.len().div_ceil(batch_size);
        let work = move |batch: usize, scratch: &mut Scratch, stop: &Stop| {
            let end = order.len().min((batch + 1) * batch_size);
            prepare(&store, &transform, &order[batch * batch_size..end], epoch, scratch, stop)
        };
        Batches { batches: InOrder::new(count, workers, Arc::new(work)) }
    }
}

impl Iterator for Batches {
    type Item = Result<PixelBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.batches.size_hint()
    }
}

impl ExactSizeIterator for Batches {}

fn prepare(
    store: &Store,
    transform: &Transform,
    indices: &[u32],
    epoch: u32,
    scratch: &mut Scratch,
    stop: &Stop,
) -> Result<PixelBatch, Error> {
    let mut pixels = vec![0.0; indices.len() * transform.len()];
    let mut labels = Vec::with_capacity(indices.len());
    let framed = transform.framed();
    for (&index, pixels) in indices.iter().zip(pixels.chunks_exact_mut(transform.len())) {
        stop.check()?;
        let sample = store.sample(index)?;
        match store.square(index, framed.as_ref()) {
            Some(square) => transform.apply_to_square(square, sample.id, epoch, scratch, pixels),
            None => transform.apply_into(
                &*store.picture_for(index, framed.as_ref())?,
                sample.id,
                epoch,
                scratch,
                pixels,
            )?,
        }
        labels.push(sample.label as i64);
    }
    Ok(PixelBatch {
        indices: indices.to_vec(),
        pixels,
        labels,
        channels: transform.channels(),
        size: transform.size(),
    })
}
