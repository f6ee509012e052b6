use backbone::{Backbone, StageId};
use images::{Transform, balanced, shuffled};
use records::Listener;
use regularize::Mixing;
use run_config::SamplerKind;
use team::Team;

use super::batch::Batch;
use super::epoch_batches::{BatchesOf, EpochBatches, EpochStart, LabelledBatches, Seeded, Source};
use super::extract::Extractor;
use super::features::{Features, Handover};
use super::frozen::chunk;
use super::pixels::prepared;
use super::preparation::{LaterCut, Preparation};
use super::share::{Piece, Share};
use super::variation::Variation;
use crate::Error;
use crate::dataset::ImageSubset;

/// Data loader for the stages from a cut on: batches of images, passed through the stages before it or taken from their
/// features.
pub struct FeatureLoader {
    cut: StageId,
    part: ImageSubset,
    mixing: Mixing,
    variation: Variation,
    chunk: usize,
    content: Content,
    team: Team,
    share: Share,
    is_for_one: bool,
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
        // A step of the head alone, on features that every process has, takes less time than to sum its gradients.
        let is_small = cut == backbone.head_id() && matches!(content, Content::Features(_));
        let share = if is_small { Share::whole() } else { how.share };
        let is_for_one = is_small && how.share.is_spread();
        let (mixing, variation) = (how.mixing, how.variation);
        let (team, part) = (how.team, part.clone());
        Ok(Self { cut, part, mixing, variation, chunk, content, team, share, is_for_one })
    }

    /// Whether rank 0 takes the steps alone: of a head, on features that are kept.
    #[must_use]
    pub fn is_for_one(&self) -> bool {
        self.is_for_one
    }

    /// From now on these processes share the images, and call alike.
    pub fn share_with(&mut self, team: Team) {
        self.team = team;
    }

    /// The processes that share these images.
    #[must_use]
    pub fn team(&self) -> &Team {
        &self.team
    }

    /// The share of this process in each optimizer step.
    #[must_use]
    pub fn share(&self) -> Share {
        self.share
    }

    /// Number of images that passed through frozen stages in this process, in all views, to be kept.
    #[must_use]
    pub fn computed(&self) -> u64 {
        match &self.content {
            Content::Images { .. } => 0,
            Content::Features(features) => features.computed,
        }
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
        self.begin(backbone, order, BatchesOf { batch_size, share: self.share }, seeded)
    }

    /// Returns every image once, in an order that the seed decides, not mixed.
    pub fn unmixed<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
        seed: u64,
    ) -> impl Iterator<Item = Result<Batch, Error>> + use<'a> {
        let order = shuffled(self.len(), seed, 0);
        self.begin(backbone, order, BatchesOf::whole(batch_size), Seeded::default()).batches(backbone)
    }

    /// Returns the batches of this process of the images in their own order, not mixed: contiguous blocks, which are all images
    /// where it is alone.
    pub fn own_in_order<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
    ) -> impl Iterator<Item = Result<Batch, Error>> + use<'a> {
        let batch_size = batch_size.max(1);
        let own = team::part(self.len().div_ceil(batch_size), self.team.rank(), self.team.world());
        let images = own.start * batch_size..self.len().min(own.end * batch_size);
        let order = images.filter_map(|position| u32::try_from(position).ok()).collect();
        self.begin(backbone, order, BatchesOf::whole(batch_size), Seeded::default()).batches(backbone)
    }

    /// Returns the images in their own order, not mixed.
    pub fn in_order<'a>(
        &'a self,
        backbone: &'a Backbone,
        batch_size: usize,
    ) -> impl Iterator<Item = Result<Batch, Error>> + use<'a> {
        let order = (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect();
        self.begin(backbone, order, BatchesOf::whole(batch_size), Seeded::default()).batches(backbone)
    }

    /// Begins to prepare the images at these positions.
    fn begin(&self, backbone: &Backbone, order: Vec<u32>, how: BatchesOf, seeded: Seeded) -> EpochBatches {
        let BatchesOf { batch_size, share } = how;
        let (batch_size, epoch) = (batch_size.max(1), seeded.epoch);
        let pieces = share.pieces(order.len(), batch_size, seeded.first);
        let labels = self.part.labels();
        let labels =
            order.iter().map(|&position| labels.get(position as usize).copied().unwrap_or(0)).collect();
        // Images are mixed with others of their batch, so that a batch is cut after that.
        let prepared_rows = |piece: &Piece| match self.mixing.varies() {
            true => piece.whole_batch(),
            false => piece.positions.clone(),
        };
        let at_once = pieces.first().map_or(1, |piece| prepared_rows(piece).len());
        let own = pieces.iter().flat_map(|piece| &order[prepared_rows(piece)]).copied();
        let source = match &self.content {
            Content::Features(Features { views, labels, .. }) => Source::Features {
                features: views[self.variation.view_index(epoch) as usize % views.len()].shallow_clone(),
                labels: labels.shallow_clone(),
                order: own.map(i64::from).collect(),
                batch_size: i64::try_from(at_once).unwrap_or(i64::MAX),
            },
            Content::Images { transform, workers } => {
                let indices = own.map(|position| self.part.indices[position as usize]).collect();
                let part = ImageSubset { store: self.part.store.clone(), indices };
                let epoch = self.variation.transform_epoch(epoch);
                let batches = prepared(backbone, part, transform.clone(), epoch, at_once, *workers);
                Source::Images(Box::new(batches))
            }
        };
        let whole = LabelledBatches { labels, batch_size };
        EpochBatches { source, seeded, cut: self.cut, chunk: self.chunk, pieces, whole }
    }
}
