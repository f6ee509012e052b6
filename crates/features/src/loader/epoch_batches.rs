use std::time::{Duration, Instant};

use backbone::{Backbone, StageId};
use images::Batches;
use regularize::Mixing;
use tch::Tensor;
use torch_extra::room::Room;
use torch_extra::rows::Rows;

use super::batch::Batch;
use super::frozen::{laid, read, run_frozen};
use super::pixels::{OnDevice, to_device};
use super::share::{Piece, Share};
use crate::Error;

/// Into which batches images come, and what of them this process computes.
#[derive(Clone, Copy)]
pub(super) struct BatchesOf {
    pub(super) batch_size: usize,
    pub(super) share: Share,
}

impl BatchesOf {
    pub(super) fn whole(batch_size: usize) -> Self {
        Self { batch_size, share: Share::whole() }
    }
}

/// Where the batches of an epoch begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Its first batch, from 0.
    pub batch: u64,
}

/// The images of an epoch, being prepared.
pub struct EpochBatches {
    pub(super) source: Source,
    pub(super) seeded: Seeded,
    pub(super) cut: StageId,
    pub(super) chunk: usize,
    /// What this process computes, in order.
    pub(super) pieces: Vec<Piece>,
    pub(super) whole: LabelledBatches,
}

/// The labels of all batches of an epoch, from the one on with which it begins.
pub(super) struct LabelledBatches {
    pub(super) labels: Vec<usize>,
    pub(super) batch_size: usize,
}

/// The batches of an optimizer step.
#[derive(Debug)]
pub struct Group {
    /// Those of this process, or its rows of them, in order; there may be none.
    pub own: Vec<Batch>,
    /// Number of the step's first batch in its epoch.
    pub first: u64,
    /// Labels of every batch of the step.
    pub labels: Vec<Vec<usize>>,
}

pub(super) enum Source {
    /// Pixels, which workers prepare ahead.
    Images(Box<Batches<Room>>),
    /// Features of every image, and the rows to take.
    Features { features: Tensor, labels: Tensor, order: Vec<i64>, batch_size: i64 },
}

impl EpochBatches {
    /// Returns the groups of `accumulate` batches of which optimizer steps are made; the last one may be smaller.
    pub fn groups<'a>(
        mut self,
        backbone: &'a Backbone,
        accumulate: usize,
    ) -> impl Iterator<Item = Result<Group, Error>> + use<'a> {
        let LabelledBatches { labels, batch_size } =
            std::mem::replace(&mut self.whole, LabelledBatches { labels: Vec::new(), batch_size: 1 });
        let (mut first, numbers) = (self.seeded.first, self.pieces.iter().map(|piece| piece.number));
        let mut numbers = numbers.collect::<Vec<u64>>().into_iter().peekable();
        let mut batches = self.batches(backbone);
        let labels: Vec<Vec<usize>> = labels.chunks(batch_size).map(<[usize]>::to_vec).collect();
        let mut groups =
            labels.chunks(accumulate.max(1)).map(<[Vec<usize>]>::to_vec).collect::<Vec<_>>().into_iter();
        std::iter::from_fn(move || {
            let labels = groups.next()?;
            let group_first = first;
            first += labels.len() as u64;
            let mut count = 0;
            while numbers.next_if(|&number| number < first).is_some() {
                count += 1;
            }
            let own = batches.by_ref().take(count).collect::<Result<Vec<Batch>, Error>>();
            Some(own.map(|own| Group { own, first: group_first, labels }))
        })
    }

    /// Returns batches of this process, or its rows of them, as the frozen stages put them out; the last one may be smaller.
    pub fn batches<'a>(self, backbone: &'a Backbone) -> Box<dyn Iterator<Item = Result<Batch, Error>> + 'a> {
        let Self { source, seeded, cut, chunk, pieces, .. } = self;
        match source {
            Source::Features { order, .. } if order.is_empty() => Box::new(std::iter::empty()),
            Source::Features { features, labels, order, batch_size } => {
                // The order goes to a device once. Features mapped into the host's memory travel batch by batch.
                let rows_on = |kept: &Tensor| {
                    Tensor::f_from_slice(&order)?.f_to_device(kept.device())?.f_split(batch_size, 0)
                };
                let (of_features, of_labels) = match (rows_on(&features), rows_on(&labels)) {
                    (Ok(of_features), Ok(of_labels)) => (of_features, of_labels),
                    (Err(error), _) | (_, Err(error)) => return Box::new(std::iter::once(Err(error.into()))),
                };
                let batches = of_features.into_iter().zip(of_labels).zip(pieces);
                Box::new(batches.map(move |((taken, of_labels), Piece { number, rows, .. })| {
                    let x = features.f_index_select(0, &taken)?;
                    let labels = labels.f_index_select(0, &of_labels)?;
                    Ok(Batch { number, rows, ..Batch::plain(read(&x, backbone)?, labels) })
                }))
            }
            Source::Images(batches) => Box::new(timed(batches).zip(pieces).map(
                move |((batch, waited), Piece { number, rows, .. })| {
                    let batch = seeded.mixed(number, rows, to_device(batch?, backbone)?);
                    let x = run_frozen(backbone, &batch.x, StageId::INPUT..cut, chunk);
                    Ok(Batch { x: laid(&x, backbone), number, waited, ..batch })
                },
            )),
        }
    }
}

/// Mixing of the batches of an epoch, with the random stream that decides about it.
#[derive(Clone, Copy, Default)]
pub(super) struct Seeded {
    pub(super) mixing: Mixing,
    pub(super) seed: u64,
    pub(super) epoch: u32,
    /// Number of the first batch, from 0.
    pub(super) first: u64,
}

impl Seeded {
    /// Returns the rows of the batch of this number (from 0), mixed as seed, epoch and number decide. What is mixed is given whole,
    /// and else these rows.
    fn mixed(self, number: u64, rows: Rows, OnDevice { pixels, labels }: OnDevice) -> Batch {
        let size = pixels.size();
        let count = usize::try_from(size[0]).unwrap_or(0);
        match self.mixing.draw(self.seed, self.epoch, number, count, [size[2], size[3]]) {
            Some(draw) => {
                let (x, targets) = draw.apply(&pixels, &labels);
                Batch { targets, ..Batch::plain(x, labels) }.cut(rows)
            }
            None => Batch { rows, ..Batch::plain(pixels, labels) },
        }
    }
}

/// Returns each item with the time that was spent waiting for it.
pub fn timed<T>(mut items: impl Iterator<Item = T>) -> impl Iterator<Item = (T, Duration)> {
    std::iter::from_fn(move || {
        let began = Instant::now();
        items.next().map(|item| (item, began.elapsed()))
    })
}
