use std::time::{Duration, Instant};

use backbone::{Backbone, StageId};
use images::{Batches, Transform, balanced, shuffled};
use records::Listener;
use regularize::{Mixing, Targets};
use run_config::SamplerKind;
use tch::Tensor;
use torch_extra::room::Room;

use super::extract::Extractor;
use super::features::{Features, Handover};
use super::frozen::{chunk, laid, read, run_frozen};
use super::pixels::{OnDevice, prepared, to_device};
use super::preparation::{LaterCut, Preparation};
use super::variation::Variation;
use crate::Error;
use crate::dataset::ImageSubset;

/// Images or their features on the network's device.
#[derive(Debug)]
pub struct Batch {
    /// Input of the stage [`FeatureLoader::cut`], `[N, ..]`.
    pub x: Tensor,
    /// Labels `[N]`, int64.
    pub labels: Tensor,
    /// Training targets: the labels, unless images are mixed.
    pub targets: Targets,
    /// Place among the batches of the epoch, from 0: with seed, phase and epoch it seeds the random numbers of the batch.
    pub number: u64,
    /// Time spent waiting for images to be decoded and prepared.
    pub waited: Duration,
}

impl Batch {
    /// Returns a batch of images that are not mixed.
    #[must_use]
    pub fn plain(x: Tensor, labels: Tensor) -> Self {
        let targets = Targets::Labels(labels.shallow_clone());
        Self { x, labels, targets, number: 0, waited: Duration::ZERO }
    }
}

/// Data loader for the stages from a cut on: batches of images, passed through the stages before it or taken from their
/// features.
pub struct FeatureLoader {
    cut: StageId,
    part: ImageSubset,
    mixing: Mixing,
    variation: Variation,
    chunk: usize,
    content: Content,
}

enum Content {
    /// Images are prepared in every epoch, and pass through the stages before the cut.
    Images { transform: Transform, workers: usize },
    /// Features are cached.
    Features(Features),
}

impl FeatureLoader {
    /// Returns a loader of these images for the stages from `cut` on. Computes and keeps the features where images do not
    /// vary, or in a few views, and the features fit into memory or into the cache.
    ///
    /// # Errors
    /// When an image can no longer be read, libtorch fails, or on interruption.
    pub fn new(
        backbone: &Backbone,
        cut: StageId,
        part: &ImageSubset,
        mut how: Preparation<'_>,
        listen: &mut Listener<'_>,
    ) -> Result<Self, Error> {
        let handover =
            how.handover.take().filter(|handover| (handover.cut, handover.variation) == (cut, how.variation));
        let features = match how.variation {
            _ if handover.is_some() => handover.map(|handover| handover.features),
            Variation::Varying => None,
            _ if part.is_empty() || how.mixing.varies() => None,
            Variation::Fixed | Variation::Views(_) => {
                let here = LaterCut { stage: cut, cache: how.cache.clone() };
                let extractor = Extractor { backbone, part, how: &how };
                extractor.features(&here, &how.later_cuts, how.memory_bytes, listen)?
            }
        };
        let content = match features {
            Some(features) => Content::Features(features),
            None => Content::Images { transform: how.transform, workers: how.workers },
        };
        let chunk = chunk(backbone.placement().0, how.batch_size);
        Ok(Self { cut, part: part.clone(), mixing: how.mixing, variation: how.variation, chunk, content })
    }

    /// Stage whose input the batches are.
    #[must_use]
    pub fn cut(&self) -> StageId {
        self.cut
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.part.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.part.is_empty()
    }

    /// Size of the cached features in bytes; `None` when every epoch computes them.
    #[must_use]
    pub fn feature_bytes(&self) -> Option<u64> {
        match &self.content {
            Content::Images { .. } => None,
            Content::Features(features) => Some(features.bytes()),
        }
    }

    /// Size in bytes of the cached features, those of later cuts included.
    #[must_use]
    pub fn all_feature_bytes(&self) -> u64 {
        match &self.content {
            Content::Images { .. } => 0,
            Content::Features(features) => features.all_bytes(),
        }
    }

    /// Returns what the next loader, of the same images from `cut` on, can use.
    #[must_use]
    pub fn hand_over(self, cut: StageId) -> Option<Handover> {
        match self.content {
            Content::Images { .. } => None,
            Content::Features(features) if self.cut == cut => {
                Some(Handover { cut, variation: self.variation, features })
            }
            Content::Features(features) => features.handover.map(|handover| *handover),
        }
    }

    /// Number of features found in the cache; an image counts once for each of its views.
    #[must_use]
    pub fn found(&self) -> u64 {
        match &self.content {
            Content::Images { .. } => 0,
            Content::Features(features) => features.found,
        }
    }

    /// Number of features found in the cache that an earlier run had computed.
    #[must_use]
    pub fn found_earlier(&self) -> u64 {
        match &self.content {
            Content::Images { .. } => 0,
            Content::Features(features) => features.earlier,
        }
    }

    /// Returns the images of an epoch from a batch on, in the order of the sampler, which seed and epoch decide, as they do
    /// about mixing. Workers begin to prepare them at once, a few batches ahead; what lies before is not read.
    #[must_use]
    pub fn epoch(
        &self,
        backbone: &Backbone,
        batch_size: usize,
        sampler: SamplerKind,
        seed: u64,
        start: EpochStart,
    ) -> EpochBatches {
        let EpochStart { epoch, batch } = start;
        let order = match sampler {
            SamplerKind::Shuffle => shuffled(self.len(), seed, epoch),
            SamplerKind::Balanced => balanced(&self.part.labels(), seed, epoch),
        };
        let before = usize::try_from(batch).unwrap_or(usize::MAX).saturating_mul(batch_size.max(1));
        let order = order.into_iter().skip(before).collect();
        let seeded = Seeded { mixing: self.mixing, seed, epoch, first: batch };
        self.begin(backbone, order, batch_size, seeded)
    }

    /// Returns every image once, in an order that the seed decides, not mixed.
    pub fn unmixed<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
        seed: u64,
    ) -> impl Iterator<Item = Result<Batch, Error>> + use<'a> {
        let order = shuffled(self.len(), seed, 0);
        self.begin(backbone, order, batch_size, Seeded::default()).batches(backbone)
    }

    /// Returns the images in their own order, not mixed.
    pub fn in_order<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
    ) -> impl Iterator<Item = Result<Batch, Error>> + use<'a> {
        let order = (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect();
        self.begin(backbone, order, batch_size, Seeded::default()).batches(backbone)
    }

    /// Begins to prepare the images at these positions.
    fn begin(&self, backbone: &Backbone, order: Vec<u32>, batch_size: usize, seeded: Seeded) -> EpochBatches {
        let epoch = seeded.epoch;
        let source = match &self.content {
            Content::Features(Features { views, labels, .. }) => Source::Features {
                features: views[self.variation.view_index(epoch) as usize % views.len()].shallow_clone(),
                labels: labels.shallow_clone(),
                order: order.into_iter().map(i64::from).collect(),
                batch_size: i64::try_from(batch_size.max(1)).unwrap_or(i64::MAX),
            },
            Content::Images { transform, workers } => {
                let indices =
                    order.into_iter().map(|position| self.part.indices[position as usize]).collect();
                let part = ImageSubset { store: self.part.store.clone(), indices };
                let epoch = self.variation.transform_epoch(epoch);
                let batches = prepared(backbone, part, transform.clone(), epoch, batch_size, *workers);
                Source::Images(Box::new(batches))
            }
        };
        EpochBatches { source, seeded, cut: self.cut, chunk: self.chunk }
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
    source: Source,
    seeded: Seeded,
    cut: StageId,
    chunk: usize,
}

enum Source {
    /// Pixels, which workers prepare ahead.
    Images(Box<Batches<Room>>),
    /// Features of every image, and the rows to take.
    Features { features: Tensor, labels: Tensor, order: Vec<i64>, batch_size: i64 },
}

impl EpochBatches {
    /// Returns batches as the frozen stages put them out; the last one may be smaller.
    pub fn batches<'a>(self, backbone: &'a Backbone) -> Box<dyn Iterator<Item = Result<Batch, Error>> + 'a> {
        let Self { source, seeded, cut, chunk } = self;
        let first = seeded.first;
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
                let batches = of_features.into_iter().zip(of_labels).zip(first..);
                Box::new(batches.map(move |((rows, of_labels), number)| {
                    let x = features.f_index_select(0, &rows)?;
                    let labels = labels.f_index_select(0, &of_labels)?;
                    Ok(Batch { number, ..Batch::plain(read(&x, backbone)?, labels) })
                }))
            }
            Source::Images(batches) => {
                Box::new(timed(batches).zip(first..).map(move |((batch, waited), number)| {
                    let batch = seeded.mixed(number, to_device(batch?, backbone)?);
                    let x = run_frozen(backbone, &batch.x, StageId::INPUT..cut, chunk);
                    Ok(Batch { x: laid(&x, backbone), number, waited, ..batch })
                }))
            }
        }
    }
}

/// Mixing of the batches of an epoch, with the random stream that decides about it.
#[derive(Clone, Copy, Default)]
struct Seeded {
    mixing: Mixing,
    seed: u64,
    epoch: u32,
    /// Number of the first batch, from 0.
    first: u64,
}

impl Seeded {
    /// Returns the batch of this number (from 0), mixed as seed, epoch and number decide.
    fn mixed(self, number: u64, OnDevice { pixels, labels }: OnDevice) -> Batch {
        let size = pixels.size();
        let count = usize::try_from(size[0]).unwrap_or(0);
        match self.mixing.draw(self.seed, self.epoch, number, count, [size[2], size[3]]) {
            Some(draw) => {
                let (x, targets) = draw.apply(&pixels, &labels);
                Batch { targets, ..Batch::plain(x, labels) }
            }
            None => Batch::plain(pixels, labels),
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
