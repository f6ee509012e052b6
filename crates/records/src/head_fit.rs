use std::fmt;

use serde::{Deserialize, Serialize};

use crate::json;

/// A head that a solver computed from features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadFitRecord {
    /// `ridge` or `logistic`.
    pub solver: String,
    /// Number of training images.
    pub images: u64,
    /// Number of values that the head reads of an image.
    pub features: u64,
    /// Strength of the penalty that was chosen, above 0.
    #[serde(deserialize_with = "json::number_or_null")]
    pub penalty: f64,
    /// What was held out for the figures below: `5 folds` or more; `leave-one-out` in older records.
    pub held_out: String,
    /// Number of images that were held out at some time: all but those of a class with nothing left to learn from.
    pub held_out_images: u64,
    /// Share of them that were classified correctly while held out, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// Their mean cross-entropy while held out, in nats.
    #[serde(deserialize_with = "json::number_or_null")]
    pub loss: f64,
    /// Wall-clock seconds of the computation, the pass through the network aside.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}

impl fmt::Display for HeadFitRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { solver, penalty, held_out, accuracy, loss, .. } = self;
        let accuracy = 100.0 * accuracy;
        write!(
            formatter,
            "{solver}, penalty {penalty:.2e}, held-out accuracy ({held_out}) {accuracy:.1}%, loss {loss:.4}"
        )
    }
}
