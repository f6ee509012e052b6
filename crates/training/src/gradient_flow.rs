//! How large the gradient of each stage is over training: whether learning reaches the early ones.

use std::collections::BTreeMap;

use backbone::Backbone;
use records::GradientRecord;
use tch::Tensor;

use super::clip;
use crate::Error;

/// Steps measured in a phase, at most.
const MOMENTS: u64 = 64;

/// The norms of a phase's gradients at a few of its steps. They stay on the device until the epoch ends, so that no step
/// waits for them.
#[derive(Debug)]
pub(crate) struct GradientFlow {
    /// Every how many steps it is looked.
    stride: u64,
    /// Steps taken.
    taken: u64,
    pending: Vec<Moment>,
}

#[derive(Debug)]
struct Moment {
    /// Step within the phase, from 1.
    step: u64,
    /// The live stages with parameters.
    stages: Vec<&'static str>,
    /// The norm of each, `[stages]`.
    norms: Tensor,
}

impl GradientFlow {
    /// Over a phase of so many steps.
    pub(crate) fn over(steps: u64) -> Self {
        Self { stride: steps.div_ceil(MOMENTS).max(1), taken: 0, pending: Vec::new() }
    }

    /// To be called in a step that has no gradients to look at.
    pub(crate) fn pass(&mut self) {
        self.taken += 1;
    }

    /// To be called in every other step, once the gradients are there and nothing has changed them.
    pub(crate) fn observe(&mut self, backbone: &Backbone) {
        self.taken += 1;
        if (self.taken - 1).is_multiple_of(self.stride) {
            self.pending.extend(Moment::now(self.taken, backbone));
        }
    }

    /// What was seen since it was last asked, its steps counted on from those before the phase.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub(crate) fn take(&mut self, steps_before: u64) -> Result<Vec<GradientRecord>, Error> {
        let records = self.pending.drain(..).map(|moment| {
            let norms = Vec::<f64>::try_from(moment.norms.f_to_kind(tch::Kind::Double)?)?;
            let norms: BTreeMap<_, _> =
                moment.stages.iter().map(|&name| name.to_owned()).zip(norms).collect();
            Ok(GradientRecord { step: steps_before + moment.step, norms })
        });
        records.collect()
    }
}

impl Moment {
    /// The L2 norm over all parameters of each live stage; nothing where no stage has a gradient.
    fn now(step: u64, backbone: &Backbone) -> Option<Self> {
        let (mut stages, mut norms) = (Vec::new(), Vec::new());
        for id in backbone.ids().filter(|&id| id >= backbone.first_live()) {
            let gradients = backbone.parameters(id).into_iter().map(|variable| variable.tensor.grad());
            let each: Vec<Tensor> =
                gradients.filter(Tensor::defined).map(|gradient| clip::length(&gradient)).collect();
            if !each.is_empty() {
                stages.push(backbone.name(id));
                norms.push(Tensor::stack(&each, 0).norm());
            }
        }
        (!norms.is_empty()).then(|| Self { step, stages, norms: Tensor::stack(&norms, 0) })
    }
}
