use backbone::StageId;
use tch::Tensor;

use super::variation::Variation;

/// Features of every image of a subset.
pub(super) struct Features {
    /// One tensor `[N, ..]` for each view, in the order of the subset and the layout of
    /// [`stored`](super::frozen::stored): on the network's device, or mapped from the disk.
    pub(super) views: Vec<Tensor>,
    /// Labels `[N]`, int64, on the network's device.
    pub(super) labels: Tensor,
    /// Number of features found in the cache; an image counts once for each of its views.
    pub(super) found: u64,
    /// Number of those that an earlier run had computed.
    pub(super) earlier: u64,
    /// Number of images that passed through frozen stages in this process, in all views.
    pub(super) computed: u64,
    /// Input of a later cut, cached on the way.
    pub(super) handover: Option<Box<Handover>>,
}

/// Features of a later cut, cached while those of an earlier one were computed.
pub struct Handover {
    pub(super) cut: StageId,
    pub(super) variation: Variation,
    pub(super) features: Features,
}

impl Features {
    /// Size of these features in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.views.iter().map(|view| (view.numel() * view.kind().elt_size_in_bytes()) as u64).sum()
    }

    /// Size in bytes, including those of later cuts.
    pub(super) fn all_bytes(&self) -> u64 {
        self.bytes() + self.handover.as_ref().map_or(0, |handover| handover.features.all_bytes())
    }
}
