//! Stages made fast for weights that stay as they are.

use std::ops::Range;

use tch::{Kind, Tensor};

use super::Backbone;
use crate::module::Mode;
use crate::stage::StageId;

impl Backbone {
    /// Makes a range of stages fast for weights that stay as they are, computing in `kind` (float32, bfloat16, or on a
    /// GPU float16). It holds for evaluation, until the weights may change: by [`Backbone::freeze_before`] for the
    /// stages it unfreezes, by loading, or by a change of device or precision. A caller that prepares live stages calls
    /// [`Backbone::forget_preparation`] before their next step.
    ///
    /// A network in float64 keeps computing in that. The output differs from that of the unprepared stages by rounding:
    /// about 1e-6 of the largest value in float32.
    pub fn prepare_inference(&mut self, range: Range<StageId>, kind: Kind) {
        let end = range.end.min(self.head_id());
        let kind = if self.head().kind() == Kind::Double { Kind::Double } else { kind };
        let variables = self.variables().clone();
        for stage in &mut self.stages[range.start.0..end.0] {
            if stage.prepared != Some(kind) {
                stage.prepare_inference(&variables, kind);
            }
        }
    }

    /// The type that the first stage was prepared to compute in.
    #[must_use]
    pub fn prepared_kind(&self) -> Option<Kind> {
        self.stages.first()?.prepared
    }

    /// The type that holds what the stages before `cut` give without loss: the one that they were prepared to compute in, or
    /// that of the network's own parameters.
    #[must_use]
    pub fn kind_before(&self, cut: StageId) -> Kind {
        let last = cut.0.checked_sub(1).map(StageId);
        last.and_then(|last| self.prepared(last, Mode::Evaluate)).unwrap_or_else(|| self.placement().1)
    }

    /// Takes preparations back from this stage on, before their weights change.
    pub fn forget_preparation(&mut self, from: StageId) {
        let variables = self.variables().clone();
        for stage in self.stages.iter_mut().skip(from.0) {
            stage.forget_preparation(&variables);
        }
    }

    /// The type that a stage was prepared to compute in, if that counts in this mode.
    pub(super) fn prepared(&self, id: StageId, mode: Mode) -> Option<Kind> {
        let evaluates = id < self.first_live() || mode == Mode::Evaluate;
        self.stages.get(id.0).filter(|_| evaluates)?.prepared
    }

    /// In the type of the network's own parameters.
    pub(super) fn plain(&self, x: &Tensor) -> Tensor {
        x.to_kind(self.head().kind())
    }
}
