use backbone::StageId;
use images::Transform;
use records::Interrupt;
use regularize::Mixing;
use team::Team;

use super::features::Handover;
use super::share::Share;
use super::variation::Variation;
use crate::feature_cache::Cached;

/// How images become the input of a network, and which features are cached.
///
/// [`Preparation::once`] is that of images that are read once; what differs is laid over it:
/// `Preparation { variation, memory_bytes, ..Preparation::once(transform, batch_size, workers, interrupt) }`.
pub struct Preparation<'a> {
    /// From pixels to what the network reads.
    pub transform: Transform,
    /// Whether an image looks the same in every epoch.
    pub variation: Variation,
    /// How the images of a training batch are mixed. Mixed images are [`Variation::Varying`].
    pub mixing: Mixing,
    /// Images in a batch; decides how many pass through frozen stages at once, see [`chunk`](super::chunk).
    pub batch_size: usize,
    /// Threads that prepare batches; with 0 the calling thread does.
    pub workers: usize,
    /// Features that may be held in memory, in bytes.
    pub memory_bytes: u64,
    /// Where features are cached from run to run; `None` where they are not.
    pub cache: Option<Cached>,
    /// Cuts at which training begins later, the nearest stage first. Their inputs are cached on the way, so that no image
    /// passes a frozen stage twice.
    pub later_cuts: Vec<LaterCut>,
    /// What the loader before this one cached on the way.
    pub handover: Option<Handover>,
    /// The processes that share the pass through the frozen stages: each image goes through one of them.
    pub team: Team,
    /// The share of this process in each optimizer step.
    pub share: Share,
    /// Ends the pass through the frozen stages with [`Error::Interrupted`](crate::Error::Interrupted).
    pub interrupt: &'a Interrupt,
}

impl<'a> Preparation<'a> {
    /// Returns the preparation of images that are read once: nothing is mixed, and no features are cached.
    #[must_use]
    pub fn once(transform: Transform, batch_size: usize, workers: usize, interrupt: &'a Interrupt) -> Self {
        Self {
            transform,
            variation: Variation::Varying,
            mixing: Mixing::default(),
            batch_size,
            workers,
            memory_bytes: 0,
            cache: None,
            later_cuts: Vec::new(),
            handover: None,
            team: Team::alone(),
            share: Share::whole(),
            interrupt,
        }
    }
}

/// A cut between frozen and live stages, whose input is cached.
#[derive(Clone)]
pub struct LaterCut {
    /// First live stage: the features are its input.
    pub stage: StageId,
    /// Where features of this cut are cached from run to run; `None` where they are not.
    pub cache: Option<Cached>,
}
