//! Stages and a head, before they are a network.

use crate::head::Head;
use crate::stage::Stage;

/// What a family's constructor makes, and [`Network::build`] makes a network of.
#[derive(Debug)]
pub struct Parts {
    pub(crate) stages: Vec<Stage>,
    pub(crate) head: Head,
    pub(crate) left_out: Vec<&'static str>,
}

impl Parts {
    /// Stages from the input on, and the head that reads the last of them.
    #[must_use]
    pub fn new(stages: Vec<Stage>, head: Head) -> Self {
        Self { stages, head, left_out: Vec::new() }
    }

    /// Names the path roots of auxiliary heads that were not built: a checkpoint may still have them.
    #[must_use]
    pub fn leaving_out(self, left_out: Vec<&'static str>) -> Self {
        Self { left_out, ..self }
    }
}
