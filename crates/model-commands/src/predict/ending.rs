//! What is said at the end.

use std::fmt;

use serde::Serialize;
use trained_model::predict::Timing;

/// The last line on stderr.
#[derive(Serialize)]
pub(super) struct Ending {
    pub(super) classified: u64,
    /// With `--at-least`: images of these below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown: Option<u64>,
    pub(super) unreadable: usize,
    /// Seconds to read the model and prepare it.
    pub(super) opened_seconds: f64,
    #[serde(flatten)]
    pub(super) timing: Timing,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timing { waited_seconds: waited, computed_seconds: computed, pictures_per_second } = self.timing;
        if let Some(throughput) = pictures_per_second {
            write!(f, "{throughput:.1} images a second; ")?;
        }
        let opened = self.opened_seconds;
        write!(
            f,
            "{opened:.2} s to open the model, {computed:.2} s computing, {waited:.2} s waiting for images"
        )
    }
}
