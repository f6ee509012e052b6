//! From pictures to tensors, and through the frozen stages.
//!
//! What lies before the first live stage gives the same output for the same picture in every epoch. Where the training
//! images do not vary either, or show one of a few views in turn, a [`Feed`] computes it once and keeps it. Whether it is
//! kept or computed again, frozen stages run in chunks of [`CHUNK`] pictures, the last one padded, so that both ways give the same bits:
//! a matrix product of another height may sum in another order.

use std::num::NonZeroU32;

use backbone::{Backbone, Mode, StageId};
use images::{Batches, PixelBatch, Transform, balanced, shuffled};
use regularize::{Mixing, Targets};
use tch::Tensor;

use crate::Error;
use crate::config::SamplerKind;
use crate::event::{Event, Listener};
use crate::feature_cache::{Draft, FeatureCache, Key};
use crate::interrupt::Interrupt;
use crate::pictures::Part;

/// Pictures that pass through frozen stages at once.
pub const CHUNK: i64 = 32;

/// Some pictures on the device, as far as the frozen stages bring them.
#[derive(Debug)]
pub struct Batch {
    /// Input of stage [`Feed::cut`], `[N, ..]`.
    pub x: Tensor,
    /// Labels, `[N]`.
    pub labels: Tensor,
    /// What the pictures should be told to be: their labels, unless they are mixtures.
    pub targets: Targets,
}

impl Batch {
    /// Pictures as they are.
    #[must_use]
    pub fn plain(x: Tensor, labels: Tensor) -> Self {
        let targets = Targets::Labels(labels.shallow_clone());
        Self { x, labels, targets }
    }
}

/// Where batches come from.
pub struct Feed {
    cut: StageId,
    part: Part,
    mixing: Mixing,
    variation: Variation,
    content: Content,
}

enum Content {
    /// Pictures are prepared anew in each epoch, and pass through the stages before the cut.
    Pictures { transform: Transform, workers: usize },
    /// `[N, ..]` of each view and `[N]`, on the device.
    Kept { views: Vec<Tensor>, labels: Tensor },
}

/// How a feed prepares its pictures.
pub struct Preparation<'a> {
    /// From pixels to what the network reads.
    pub transform: Transform,
    /// Whether a picture looks the same in every epoch.
    pub variation: Variation,
    /// How the pictures of a drawn batch are mixed. Mixed pictures are [`Variation::Varying`].
    pub mixing: Mixing,
    /// Decoding threads.
    pub workers: usize,
    /// What may be kept in memory, in bytes.
    pub keep_bytes: u64,
    /// Where features are kept from run to run, if they are, and what decides about them beside view and pictures.
    pub cache: Option<(FeatureCache, Key)>,
    /// Being told to stop.
    pub interrupt: &'a Interrupt,
}

/// Whether pictures vary from epoch to epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variation {
    /// Augmented or mixed by chance.
    Varying,
    /// Augmented by chance in so many ways, which the epochs show in turn.
    Views(NonZeroU32),
    /// The same each time.
    Fixed,
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
        how: Preparation<'_>,
        listen: &mut Listener<'_>,
    ) -> Result<Self, Error> {
        let kept = match how.variation {
            Variation::Varying => None,
            _ if part.is_empty() || how.mixing.varies() => None,
            Variation::Fixed | Variation::Views(_) => keep(backbone, cut, part, &how, listen)?,
        };
        let content = kept.unwrap_or(Content::Pictures { transform: how.transform, workers: how.workers });
        Ok(Self { cut, part: part.clone(), mixing: how.mixing, variation: how.variation, content })
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
            Content::Kept { views, .. } => Some(views.iter().map(size_in_bytes).sum()),
        }
    }

    /// The pictures as the sampler draws them, in an order that seed and epoch decide, and mixed as these decide.
    pub fn drawn<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
        sampler: SamplerKind,
        seed: u64,
        epoch: u32,
    ) -> impl Iterator<Item = Result<Batch, Error>> + use<'a> {
        let order = match sampler {
            SamplerKind::Shuffle => shuffled(self.len(), seed, epoch),
            SamplerKind::Balanced => balanced(&self.part.labels(), seed, epoch),
        };
        self.epoch(backbone, order, epoch, batch_size, Some(seed))
    }

    /// Every picture once, in an order that the seed decides, never mixed.
    pub fn unmixed<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
        seed: u64,
    ) -> impl Iterator<Item = Result<Batch, Error>> + use<'a> {
        self.epoch(backbone, shuffled(self.len(), seed, 0), 0, batch_size, None)
    }

    /// The pictures in their own order.
    pub fn in_order<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
    ) -> impl Iterator<Item = Result<Batch, Error>> + 'a {
        let order = (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect();
        self.epoch(backbone, order, 0, batch_size, None)
    }

    /// The pictures in this order of positions; the last batch may be smaller. With a seed they are mixed.
    fn epoch<'a>(
        &'a self,
        backbone: &'a Backbone,
        order: Vec<u32>,
        epoch: u32,
        batch_size: usize,
        mix: Option<u64>,
    ) -> Box<dyn Iterator<Item = Result<Batch, Error>> + 'a> {
        match &self.content {
            Content::Kept { views, labels } => {
                let order: Vec<i64> = order.into_iter().map(i64::from).collect();
                let features = &views[self.variation.turn(epoch) as usize % views.len()];
                let device = features.device();
                let starts = (0..order.len()).step_by(batch_size.max(1));
                Box::new(starts.map(move |start| {
                    let end = order.len().min(start + batch_size);
                    let chosen = Tensor::from_slice(&order[start..end]).to_device(device);
                    let of = |kept: &Tensor| kept.index_select(0, &chosen);
                    Ok(Batch::plain(of(features), of(labels)))
                }))
            }
            Content::Pictures { transform, workers } => {
                let indices = order.into_iter().map(|place| self.part.indices[place as usize]).collect();
                let view = self.variation.view(epoch);
                let batches =
                    Batches::new(&self.part.store, transform.clone(), indices, view, batch_size, *workers);
                Box::new(batches.zip(0..).map(move |(batch, number)| {
                    let (pixels, labels) = to_device(&batch?, backbone)?;
                    let batch = match mix {
                        Some(seed) => mixed(self.mixing, [seed, epoch.into(), number], pixels, labels),
                        None => Batch::plain(pixels, labels),
                    };
                    Ok(Batch { x: run_frozen(backbone, &batch.x, self.cut), ..batch })
                }))
            }
        }
    }
}

impl Variation {
    /// Which of the views an epoch (from 1) shows, from 0.
    fn turn(self, epoch: u32) -> u32 {
        match self {
            Self::Fixed => 0,
            Self::Views(count) => epoch.saturating_sub(1) % count,
            Self::Varying => epoch.saturating_sub(1),
        }
    }

    /// The number that decides about the augmentation of an epoch: the first views are those of the first epochs.
    fn view(self, epoch: u32) -> u32 {
        match self {
            Self::Varying => epoch,
            Self::Fixed => 0,
            Self::Views(_) => self.turn(epoch) + 1,
        }
    }

    /// How many views there are, where they can be counted.
    fn count(self) -> u32 {
        match self {
            Self::Views(count) => count.get(),
            Self::Fixed | Self::Varying => 1,
        }
    }
}

/// Pixels as they are, or mixed as seed, epoch and the batch's number decide.
fn mixed(mixing: Mixing, [seed, epoch, number]: [u64; 3], pixels: Tensor, labels: Tensor) -> Batch {
    let size = pixels.size();
    let count = usize::try_from(size[0]).unwrap_or(0);
    let epoch = u32::try_from(epoch).unwrap_or(u32::MAX);
    match mixing.draw(seed, epoch, number, count, [size[2], size[3]]) {
        Some(draw) => {
            let (x, targets) = draw.apply(&pixels, &labels);
            Batch { x, labels, targets }
        }
        None => Batch::plain(pixels, labels),
    }
}

/// Computes the features of every picture in each view, or finds them kept; gives up if they fit neither into memory nor
/// into the cache.
fn keep(
    backbone: &Backbone,
    cut: StageId,
    part: &Part,
    how: &Preparation<'_>,
    listen: &mut Listener<'_>,
) -> Result<Option<Content>, Error> {
    let turns = how.variation.count();
    let memory = how.keep_bytes / u64::from(turns);
    let labels: Vec<i64> =
        part.labels().into_iter().map(|label| i64::try_from(label).unwrap_or(-1)).collect();
    let labels = Tensor::f_from_slice(&labels)?.f_to_device(backbone.placement().0)?;
    let mut views = Vec::new();
    for turn in 0..turns {
        let view = how.variation.view(turn + 1);
        let cache = match &how.cache {
            Some((cache, key)) => Some((cache, key_of(key, part, view)?)),
            None => None,
        };
        let features = match cache.as_ref().and_then(|(cache, key)| cache.find(key)) {
            Some(found) => Some(place(&found, backbone)?),
            None => {
                let draft = cache.and_then(|(cache, key)| cache.begin(&key));
                compute(backbone, cut, part, (how, view), (memory, draft), (turn, turns), listen)?
            }
        };
        match features {
            Some(features) => views.push(features),
            None => return Ok(None),
        }
    }
    Ok(Some(Content::Kept { views, labels }))
}

fn key_of(key: &Key, part: &Part, view: u32) -> Result<Key, Error> {
    part.indices
        .iter()
        .try_fold(key.and(&view.to_le_bytes()), |key, &index| Ok(key.and(part.store.digest(index)?)))
}

/// The features of every picture in one view, `[N, ..]`: in memory if they fit there, else on disk if they fit there.
fn compute(
    backbone: &Backbone,
    cut: StageId,
    part: &Part,
    (how, view): (&Preparation<'_>, u32),
    (memory, mut draft): (u64, Option<Draft>),
    (turn, turns): (u32, u32),
    listen: &mut Listener<'_>,
) -> Result<Option<Tensor>, Error> {
    let pictures = part.len() as u64;
    let chunk = usize::try_from(CHUNK).unwrap_or(1);
    let mut features: Option<Tensor> = None;
    let mut shape = Vec::new();
    let mut row = 0i64;
    let (store, transform, indices) = (&part.store, how.transform.clone(), part.indices.clone());
    for batch in Batches::new(store, transform, indices, view, chunk, how.workers) {
        if how.interrupt.requested() {
            return Err(Error::Interrupted);
        }
        let (pixels, labels) = to_device(&batch?, backbone)?;
        let x = run_frozen(backbone, &pixels, cut);
        let count = labels.size()[0];
        if row == 0 {
            shape = x.size();
            shape[0] = i64::try_from(pictures).unwrap_or(i64::MAX);
            let all = size_in_bytes(&x) / u64::try_from(count.max(1)).unwrap_or(1) * pictures;
            features = (all <= memory).then(|| Tensor::empty(&shape, (x.kind(), x.device())));
        }
        if let Some(features) = &features {
            features.narrow(0, row, count).copy_(&x);
        }
        draft = draft.and_then(|draft| draft.append(&x).inspect_err(not_on_disk).ok());
        if features.is_none() && draft.is_none() {
            return Ok(None);
        }
        row += count;
        if cut > StageId::INPUT {
            let done = u64::from(turn) * pictures + u64::try_from(row).unwrap_or(0);
            listen(&Event::Prepared { what: "frozen stages", done, total: pictures * u64::from(turns) });
        }
    }
    let on_disk = draft.and_then(|draft| draft.finish(&shape).inspect_err(not_on_disk).ok()).flatten();
    match (features, on_disk) {
        (Some(features), _) => Ok(Some(features)),
        (None, Some(on_disk)) => Ok(Some(place(&on_disk, backbone)?)),
        (None, None) => Ok(None),
    }
}

fn not_on_disk(error: &std::io::Error) {
    tracing::warn!(%error, "features are not kept on disk");
}

/// Pictures through the stages before `cut`, `CHUNK` at a time.
fn run_frozen(backbone: &Backbone, pixels: &Tensor, cut: StageId) -> Tensor {
    if cut == StageId::INPUT {
        return pixels.shallow_clone();
    }
    let count = pixels.size()[0];
    let chunks: Vec<Tensor> = (0..count)
        .step_by(usize::try_from(CHUNK).unwrap_or(1))
        .map(|start| {
            let length = CHUNK.min(count - start);
            let part = pixels.narrow(0, start, length);
            let mut padding = part.size();
            padding[0] = CHUNK - length;
            let padded = if length < CHUNK {
                Tensor::cat(&[part, Tensor::zeros(padding, (pixels.kind(), pixels.device()))], 0)
            } else {
                part
            };
            let features = tch::no_grad(|| backbone.forward(&padded, StageId::INPUT..cut, Mode::Evaluate));
            features.narrow(0, 0, length)
        })
        .collect();
    Tensor::cat(&chunks, 0)
}

fn to_device(batch: &PixelBatch, backbone: &Backbone) -> Result<(Tensor, Tensor), Error> {
    let side = i64::try_from(batch.size).unwrap_or(0);
    let shape = [
        i64::try_from(batch.labels.len()).unwrap_or(0),
        i64::try_from(batch.channels).unwrap_or(0),
        side,
        side,
    ];
    let pixels = Tensor::f_from_slice(&batch.pixels)?.f_view(shape)?;
    let labels = Tensor::f_from_slice(&batch.labels)?;
    Ok((place(&pixels, backbone)?, labels.f_to_device(backbone.placement().0)?))
}

/// Where the network lies, in its type.
fn place(tensor: &Tensor, backbone: &Backbone) -> Result<Tensor, Error> {
    let (device, kind) = backbone.placement();
    Ok(tensor.f_to_device(device)?.f_to_kind(kind)?)
}

fn size_in_bytes(tensor: &Tensor) -> u64 {
    (tensor.numel() * tensor.kind().elt_size_in_bytes()) as u64
}
