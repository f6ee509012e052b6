//! Layers whose weights stay as they are, made ready to compute fast.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use tch::{Kind, Tensor};

use crate::network::Backbone;
use crate::stage::{Mode, StageId};

/// A layer that has a faster form for constant weights.
pub(crate) trait Prepare: Debug + Send {
    /// Makes that form, which computes in `kind`, from the weights as they are now.
    fn prepare(&self, kind: Kind);

    /// Drops it.
    fn forget(&self);
}

/// Where a layer keeps its faster form, if it has been made.
#[derive(Debug)]
pub(crate) struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Slot<T> {
    /// Computes with the faster form, which is for evaluation alone; `None` where there is none.
    pub(crate) fn with<R>(&self, mode: Mode, compute: impl FnOnce(&T) -> R) -> Option<R> {
        match mode {
            Mode::Evaluate => self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(compute),
            _ => None,
        }
    }

    pub(crate) fn put(&self, form: Option<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = form;
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

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
    pub(crate) fn prepared(&self, id: StageId, mode: Mode) -> Option<Kind> {
        let evaluates = id < self.first_live() || mode == Mode::Evaluate;
        self.stages.get(id.0).filter(|_| evaluates)?.prepared
    }

    /// In the type of the network's own parameters.
    pub(crate) fn plain(&self, x: &Tensor) -> Tensor {
        x.to_kind(self.head().kind())
    }
}
