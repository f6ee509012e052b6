use std::sync::Arc;

use crate::transform::Scratch;
use crate::workers::{InOrder, Stop};
use crate::{Allocate, Error, Store, Transform};

/// Batches of prepared images in a given order; the last one may be smaller.
///
/// They are the same for any number of workers. A batch with an image that can no longer be read is an error; the
/// following ones can still be taken.
pub struct Batches<M = Vec<f32>> {
    batches: InOrder<PixelBatch<M>, Scratch>,
}

/// A batch of images as a network reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelBatch<M = Vec<f32>> {
    /// Indices into [`Store::samples`], `[N]`.
    pub indices: Vec<u32>,
    /// Normalised values, float32 `[N, channels, size, size]` in the transform's layout.
    pub pixels: M,
    /// Labels, `[N]`.
    pub labels: Vec<i64>,
    /// 3 for RGB, 1 for grayscale.
    pub channels: usize,
    /// Height and width in pixels.
    pub size: usize,
}

/// Which images come in which batch, and how they are augmented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchOrder {
    /// Indices into [`Store::samples`], in the order of the batches.
    pub indices: Vec<u32>,
    /// Epoch, by which the transform augments.
    pub epoch: u32,
    /// Images in a batch, at least 1; the last batch may be smaller.
    pub batch_size: usize,
}

impl Batches {
    /// Prepares the samples at the indices `order` of [`Store::samples`], `batch_size` (at least 1) at a time.
    ///
    /// With 0 workers the calling thread prepares them; otherwise each worker prepares whole batches, up to two ahead.
    pub fn new(
        store: &Store,
        transform: Transform,
        order: Vec<u32>,
        epoch: u32,
        batch_size: usize,
        workers: usize,
    ) -> Batches {
        let allocate: Arc<Allocate<Vec<f32>>> = Arc::new(|shape, _| Ok(vec![0.0; shape.iter().product()]));
        let order = BatchOrder { indices: order, epoch, batch_size };
        Batches::within(store, transform, order, workers, allocate)
    }
}

impl<M: AsMut<[f32]> + Send + 'static> Batches<M> {
    /// Prepares batches as [`Batches::new`] does, in memory that `allocate` returns; it is called by the thread that
    /// prepares the batch.
    pub fn within(
        store: &Store,
        transform: Transform,
        BatchOrder { indices, epoch, batch_size }: BatchOrder,
        workers: usize,
        allocate: Arc<Allocate<M>>,
    ) -> Batches<M> {
        let store = store.clone();
        let batch_size = batch_size.max(1);
        let count = indices.len().div_ceil(batch_size);
        let work = move |batch: usize, scratch: &mut Scratch, stop: &Stop| {
            let end = indices.len().min((batch + 1) * batch_size);
            let indices = &indices[batch * batch_size..end];
            prepare(&store, &transform, indices, epoch, &*allocate, scratch, stop)
        };
        Batches { batches: InOrder::new(count, workers, Arc::new(work)) }
    }
}

impl<M: Send + 'static> Iterator for Batches<M> {
    type Item = Result<PixelBatch<M>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.batches.size_hint()
    }
}

impl<M: Send + 'static> ExactSizeIterator for Batches<M> {}

fn prepare<M: AsMut<[f32]>>(
    store: &Store,
    transform: &Transform,
    indices: &[u32],
    epoch: u32,
    allocate: &Allocate<M>,
    scratch: &mut Scratch,
    stop: &Stop,
) -> Result<PixelBatch<M>, Error> {
    let mut memory = allocated(allocate, indices.len(), transform)?;
    let mut labels = Vec::with_capacity(indices.len());
    let framed = transform.framed();
    for (&index, pixels) in indices.iter().zip(memory.as_mut().chunks_exact_mut(transform.len())) {
        stop.check()?;
        let sample = store.sample(index)?;
        match store.square(index, framed.as_ref()) {
            Some(square) => transform.apply_to_square(square, sample.id, epoch, scratch, pixels),
            None => transform.apply_into(
                &*store.image_for(index, framed.as_ref())?,
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
        pixels: memory,
        labels,
        channels: transform.channels(),
        size: transform.size(),
    })
}

/// Allocates memory for `count` images.
pub(crate) fn allocated<M: AsMut<[f32]>>(
    allocate: &Allocate<M>,
    count: usize,
    transform: &Transform,
) -> Result<M, Error> {
    let shape = [count, transform.channels(), transform.size(), transform.size()];
    let mut memory = allocate(shape, transform.layout()).map_err(Error::Worker)?;
    let (given, needed) = (memory.as_mut().len(), count * transform.len());
    if given < needed {
        return Err(Error::Worker(format!("memory for {given} values was allocated, {needed} are needed")));
    }
    Ok(memory)
}
