//! From pictures to tensors, and through the frozen stages.
//!
//! What lies before the first live stage gives the same output for the same picture in every epoch. Where the training
//! images do not vary either, or show one of a few views in turn, a [`Feed`] computes it once and keeps it. Whether it is
//! kept or computed again, frozen stages run in chunks of one size ([`chunk`]), the last one padded, so that both ways give
//! the same bits: a matrix product of another height may sum in another order.

mod kept;
mod merged;
#[cfg(test)]
mod tests;
mod variation;

use std::sync::Arc;
use std::time::{Duration, Instant};

use backbone::{Backbone, StageId};
use images::{Allocate, Batches, Layout, PixelBatch, Transform, balanced, shuffled};
use records::{Interrupt, Listener};
use regularize::{Mixing, Targets};
use run_config::SamplerKind;
use tch::{Device, Kind, Tensor};
use torch_extra::room::{Order, Purpose, Room};

use crate::Error;
use crate::feature_cache::{FeatureCache, Key};
use crate::pictures::Part;
use kept::{Kept, keep, laid, read, run_frozen};

pub use kept::padded;
pub use kept::{Passed, Stop, chunk, most_at_once};
pub use variation::Variation;

/// Some pictures on the device, as far as the frozen stages bring them.
#[derive(Debug)]
pub struct Batch {
    /// Input of stage [`Feed::cut`], `[N, ..]`.
    pub x: Tensor,
    /// Labels, `[N]`.
    pub labels: Tensor,
    /// What the pictures should be told to be: their labels, unless they are mixtures.
    pub targets: Targets,
    /// How long nothing could be computed because the pictures were not decoded and prepared yet.
    pub waited: Duration,
}

impl Batch {
    /// Pictures as they are.
    #[must_use]
    pub fn plain(x: Tensor, labels: Tensor) -> Self {
        let targets = Targets::Labels(labels.shallow_clone());
        Self { x, labels, targets, waited: Duration::ZERO }
    }
}

/// Where batches come from.
pub struct Feed {
    cut: StageId,
    part: Part,
    mixing: Mixing,
    variation: Variation,
    chunk: usize,
    content: Content,
}

enum Content {
    /// Pictures are prepared anew in each epoch, and pass through the stages before the cut.
    Pictures { transform: Transform, workers: usize },
    /// What comes out of them is kept.
    Features(Kept),
}

/// How a feed prepares its pictures.
pub struct Preparation<'a> {
    /// From pixels to what the network reads.
    pub transform: Transform,
    /// Whether a picture looks the same in every epoch.
    pub variation: Variation,
    /// How the pictures of a drawn batch are mixed. Mixed pictures are [`Variation::Varying`].
    pub mixing: Mixing,
    /// How many pictures are going to be asked for at once; see [`chunk`].
    pub batch_size: usize,
    /// Decoding threads.
    pub workers: usize,
    /// What may be kept in memory, in bytes.
    pub keep_bytes: u64,
    /// Where features are kept from run to run, if they are, and what decides about them beside view and pictures.
    pub cache: Option<(FeatureCache, Key)>,
    /// Where training is going to begin later, the nearest stage first: what these read is kept in passing, so that no
    /// picture passes a frozen stage twice.
    pub stops: Vec<Stop>,
    /// What the feed before this one kept in passing.
    pub passed: Option<Passed>,
    /// Being told to stop.
    pub interrupt: &'a Interrupt,
}

impl Feed {
    /// Batches of these pictures for the stages from `cut` on. Computes and keeps the features when pictures do not
    /// vary and the features fit.
    ///
    /// # Errors
    /// When a picture can no longer be read, or on interruption.
    pub fn new(
        backbone: &Backbone,
        cut: StageId,
        part: &Part,
        mut how: Preparation<'_>,
        listen: &mut Listener<'_>,
    ) -> Result<Self, Error> {
        let passed =
            how.passed.take().filter(|passed| (passed.cut, passed.variation) == (cut, how.variation));
        let kept = match how.variation {
            _ if passed.is_some() => passed.map(|passed| passed.kept),
            Variation::Varying => None,
            _ if part.is_empty() || how.mixing.varies() => None,
            Variation::Fixed | Variation::Views(_) => {
                let place = (cut, how.cache.as_ref());
                keep(backbone, place, &how.stops, part, (&how, how.keep_bytes), listen)?
            }
        };
        let content = match kept {
            Some(kept) => Content::Features(kept),
            None => Content::Pictures { transform: how.transform, workers: how.workers },
        };
        let chunk = chunk(backbone.placement().0, how.batch_size);
        Ok(Self { cut, part: part.clone(), mixing: how.mixing, variation: how.variation, chunk, content })
    }

    /// The stage whose input the batches are.
    #[must_use]
    pub fn cut(&self) -> StageId {
        self.cut
    }

    /// Number of pictures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.part.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.part.is_empty()
    }

    /// Bytes of kept features; `None` when they are computed anew in each epoch.
    #[must_use]
    pub fn kept_bytes(&self) -> Option<u64> {
        match &self.content {
            Content::Pictures { .. } => None,
            Content::Features(kept) => Some(kept.bytes()),
        }
    }

    /// Bytes of kept features and of those kept in passing.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        match &self.content {
            Content::Pictures { .. } => 0,
            Content::Features(kept) => kept.all_bytes(),
        }
    }

    /// What is of use to the feed that comes after this one, of the same pictures from `cut` on.
    #[must_use]
    pub fn pass_on(self, cut: StageId) -> Option<Passed> {
        match self.content {
            Content::Pictures { .. } => None,
            Content::Features(kept) if self.cut == cut => {
                Some(Passed { cut, variation: self.variation, kept })
            }
            Content::Features(kept) => kept.passed.map(|passed| *passed),
        }
    }

    /// How many pictures' features were found on disk, and how many of these an earlier run had kept there; a picture
    /// counts once for each of its views.
    #[must_use]
    pub fn found(&self) -> (u64, u64) {
        match &self.content {
            Content::Pictures { .. } => (0, 0),
            Content::Features(kept) => (kept.found, kept.earlier),
        }
    }

    /// The pictures of an epoch (from 1) as the sampler draws them, in an order that seed and epoch decide, and mixed as these
    /// decide. Workers begin to prepare them now, a few batches ahead of whoever takes them.
    #[must_use]
    pub fn draw(
        &self,
        backbone: &Backbone,
        batch_size: usize,
        sampler: SamplerKind,
        seed: u64,
        epoch: u32,
    ) -> Drawn {
        let order = match sampler {
            SamplerKind::Shuffle => shuffled(self.len(), seed, epoch),
            SamplerKind::Balanced => balanced(&self.part.labels(), seed, epoch),
        };
        self.begin(backbone, order, (epoch, batch_size), self.mixing, seed)
    }

    /// Every picture once, in an order that the seed decides, never mixed.
    pub fn unmixed<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
        seed: u64,
    ) -> impl Iterator<Item = Result<Batch, Error>> + use<'a> {
        let order = shuffled(self.len(), seed, 0);
        self.begin(backbone, order, (0, batch_size), Mixing::default(), 0).batches(backbone)
    }

    /// The pictures in their own order.
    pub fn in_order<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
    ) -> impl Iterator<Item = Result<Batch, Error>> + use<'a> {
        let order = (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect();
        self.begin(backbone, order, (0, batch_size), Mixing::default(), 0).batches(backbone)
    }

    /// The pictures in this order of positions.
    fn begin(
        &self,
        backbone: &Backbone,
        order: Vec<u32>,
        (epoch, batch_size): (u32, usize),
        mixing: Mixing,
        seed: u64,
    ) -> Drawn {
        let source = match &self.content {
            Content::Features(Kept { views, labels, .. }) => Source::Features {
                features: views[self.variation.turn(epoch) as usize % views.len()].shallow_clone(),
                labels: labels.shallow_clone(),
                order: order.into_iter().map(i64::from).collect(),
                batch_size: i64::try_from(batch_size.max(1)).unwrap_or(i64::MAX),
            },
            Content::Pictures { transform, workers } => {
                let indices = order.into_iter().map(|place| self.part.indices[place as usize]).collect();
                let part = Part { store: self.part.store.clone(), indices };
                let how = (self.variation.view(epoch), batch_size);
                Source::Pictures(Box::new(prepared(backbone, part, transform.clone(), how, *workers)))
            }
        };
        Drawn { source, mixing, seed, epoch, cut: self.cut, chunk: self.chunk }
    }
}

/// Pictures in an order, on their way.
pub struct Drawn {
    source: Source,
    /// How pictures are mixed, as these two and the number of a batch decide.
    mixing: Mixing,
    seed: u64,
    epoch: u32,
    cut: StageId,
    chunk: usize,
}

enum Source {
    /// Workers prepare them from pixels and are ahead.
    Pictures(Box<Batches<Room>>),
    /// What is kept of each, and the positions in it.
    Features { features: Tensor, labels: Tensor, order: Vec<i64>, batch_size: i64 },
}

impl Drawn {
    /// In batches, as far as the frozen stages bring them; the last one may be smaller.
    pub fn batches<'a>(self, backbone: &'a Backbone) -> Box<dyn Iterator<Item = Result<Batch, Error>> + 'a> {
        let Self { source, mixing, seed, epoch, cut, chunk } = self;
        match source {
            Source::Features { features, labels, order, batch_size } => {
                // The order goes to a device once. Features mapped into the host's memory travel batch by batch.
                let places = |kept: &Tensor| {
                    Tensor::f_from_slice(&order)?.f_to_device(kept.device())?.f_split(batch_size, 0)
                };
                let (of_features, of_labels) = match (places(&features), places(&labels)) {
                    (Ok(of_features), Ok(of_labels)) => (of_features, of_labels),
                    (Err(error), _) | (_, Err(error)) => return Box::new(std::iter::once(Err(error.into()))),
                };
                Box::new(of_features.into_iter().zip(of_labels).map(move |(rows, of_labels)| {
                    let x = features.f_index_select(0, &rows)?;
                    Ok(Batch::plain(read(&x, backbone)?, labels.f_index_select(0, &of_labels)?))
                }))
            }
            Source::Pictures(batches) => {
                Box::new(timed(batches).zip(0..).map(move |((batch, waited), number)| {
                    let (pixels, labels) = to_device(batch?, backbone)?;
                    let batch = mixed(mixing, [seed, epoch.into(), number], pixels, labels);
                    let x = run_frozen(backbone, &batch.x, StageId::INPUT..cut, chunk);
                    Ok(Batch { x: laid(&x, backbone), waited, ..batch })
                }))
            }
        }
    }
}

/// Each item with the time it took to come.
pub fn timed<T>(mut items: impl Iterator<Item = T>) -> impl Iterator<Item = (T, Duration)> {
    std::iter::from_fn(move || {
        let began = Instant::now();
        items.next().map(|item| (item, began.elapsed()))
    })
}

/// Pixels as they are, or mixed as seed, epoch and the batch's number decide.
fn mixed(mixing: Mixing, [seed, epoch, number]: [u64; 3], pixels: Tensor, labels: Tensor) -> Batch {
    let size = pixels.size();
    let count = usize::try_from(size[0]).unwrap_or(0);
    let epoch = u32::try_from(epoch).unwrap_or(u32::MAX);
    match mixing.draw(seed, epoch, number, count, [size[2], size[3]]) {
        Some(draw) => {
            let (x, targets) = draw.apply(&pixels, &labels);
            Batch { targets, ..Batch::plain(x, labels) }
        }
        None => Batch::plain(pixels, labels),
    }
}

/// Batches of these pictures in memory that becomes a tensor, laid out as the network lies.
fn prepared(
    backbone: &Backbone,
    Part { store, indices }: Part,
    transform: Transform,
    (view, batch_size): (u32, usize),
    workers: usize,
) -> Batches<Room> {
    let layout = if backbone.is_channels_last() { Layout::ChannelsLast } else { Layout::ChannelsFirst };
    let transform = transform.laid(layout);
    Batches::within(&store, transform, indices, (view, batch_size), workers, room(backbone.placement().0, 0))
}

/// Makes memory for batches on their way to a device, of at least so many rows.
pub fn room(device: Device, rows: usize) -> Arc<Allocate<Room>> {
    let purpose = if device.is_cuda() { Purpose::Sending } else { Purpose::Computing };
    Arc::new(move |[count, channels, height, width], layout| {
        let shape = [count.max(rows), channels, height, width];
        let shape = shape.map(|extent| i64::try_from(extent).unwrap_or(i64::MAX));
        let order = match layout {
            Layout::ChannelsFirst => Order::ChannelsFirst,
            Layout::ChannelsLast => Order::ChannelsLast,
        };
        Room::new(shape, order, purpose).map_err(|error| error.to_string())
    })
}

fn to_device(batch: PixelBatch<Room>, backbone: &Backbone) -> Result<(Tensor, Tensor), Error> {
    let labels = Tensor::f_from_slice(&batch.labels)?;
    let pixels = place(&batch.pixels.into_tensor(), backbone)?;
    Ok((pixels, sent(&labels, backbone.placement().0, labels.kind())?))
}

/// Where the network lies, in its type.
pub fn place(tensor: &Tensor, backbone: &Backbone) -> Result<Tensor, Error> {
    let (device, kind) = backbone.placement();
    sent(tensor, device, kind)
}

/// On a device. To a GPU it travels while the processor goes on.
fn sent(tensor: &Tensor, device: Device, kind: Kind) -> Result<Tensor, Error> {
    if device.is_cuda() && tensor.device() == Device::Cpu {
        return Ok(torch_extra::cuda::pinned(tensor)?.f_to_device_(device, kind, true, false)?);
    }
    Ok(tensor.f_to_device(device)?.f_to_kind(kind)?)
}

fn size_in_bytes(tensor: &Tensor) -> u64 {
    (tensor.numel() * tensor.kind().elt_size_in_bytes()) as u64
}
