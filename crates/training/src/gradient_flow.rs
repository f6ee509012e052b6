//! Norms of each stage's gradient during training: whether learning reaches the early stages.

use std::collections::BTreeMap;

use backbone::Backbone;
use records::GradientRecord;
use tch::Tensor;

use super::clip;
use crate::Error;
use crate::numbers::{Bits, FlowNumbers, NormNumbers};
use crate::tensors::StateError;

/// Steps measured in a phase, at most.
const MOMENTS: u64 = 64;

/// Norms of a phase's gradients at some of its steps. They stay on the device until the epoch ends, so that no step
/// waits for them.
#[derive(Debug)]
pub(crate) struct GradientFlow {
    /// Steps from one measurement to the next.
    stride: u64,
    /// Steps seen, skipped ones included.
    steps: u64,
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
    /// Returns an empty list for a phase of this many steps.
    pub(crate) fn over(steps: u64) -> Self {
        Self { stride: steps.div_ceil(MOMENTS).max(1), steps: 0, pending: Vec::new() }
    }

    /// Returns its numbers, to be saved.
    ///
    /// # Errors
    /// When a libtorch call fails.
    pub(crate) fn numbers(&self) -> Result<FlowNumbers, StateError> {
        let Self { stride: _, steps, pending } = self;
        let numbers = |moment: &Moment| {
            let Moment { step, stages, norms } = moment;
            let norms = Vec::<f64>::try_from(norms.f_to_kind(tch::Kind::Double)?)?;
            let named = stages.iter().zip(norms).map(|(&stage, norm)| (stage.to_owned(), Bits(norm)));
            Ok(NormNumbers { step: *step, norms: named.collect() })
        };
        let pending = pending.iter().map(numbers).collect::<Result<_, StateError>>()?;
        Ok(FlowNumbers { steps: *steps, pending })
    }

    /// Goes on from these numbers.
    ///
    /// # Errors
    /// When they name a stage that the network does not have.
    pub(crate) fn load(&mut self, numbers: FlowNumbers, backbone: &Backbone) -> Result<(), StateError> {
        let FlowNumbers { steps, pending } = numbers;
        let moment = |NormNumbers { step, norms }: NormNumbers| {
            let (stages, norms): (Vec<String>, Vec<f64>) =
                norms.into_iter().map(|(stage, norm)| (stage, norm.0)).unzip();
            let known = |stage: &String| {
                let id = backbone.stage(stage);
                id.map(|id| backbone.name(id)).map_err(|_| StateError::misfit(stage, "is no stage"))
            };
            let stages = stages.iter().map(known).collect::<Result<_, _>>()?;
            Ok(Moment { step, stages, norms: Tensor::f_from_slice(&norms)? })
        };
        self.pending = pending.into_iter().map(moment).collect::<Result<_, StateError>>()?;
        self.steps = steps;
        Ok(())
    }

    /// Counts a step that was skipped and has no gradients.
    pub(crate) fn skip(&mut self) {
        self.steps += 1;
    }

    /// Counts any other step, and measures its gradients, before they are clipped, where it is one of those chosen.
    pub(crate) fn observe(&mut self, backbone: &Backbone) {
        self.steps += 1;
        if (self.steps - 1).is_multiple_of(self.stride) {
            self.pending.extend(Moment::now(self.steps, backbone));
        }
    }

    /// Returns what was measured and not forgotten, its steps counted over the run.
    ///
    /// # Errors
    /// When a libtorch call fails.
    pub(crate) fn records(&self, steps_before: u64) -> Result<Vec<GradientRecord>, Error> {
        let records = self.pending.iter().map(|moment| {
            let norms = Vec::<f64>::try_from(moment.norms.f_to_kind(tch::Kind::Double)?)?;
            let norms: BTreeMap<_, _> =
                moment.stages.iter().map(|&name| name.to_owned()).zip(norms).collect();
            Ok(GradientRecord { step: steps_before + moment.step, norms })
        });
        records.collect()
    }

    /// Forgets what is in a record.
    pub(crate) fn forget(&mut self) {
        self.pending.clear();
    }
}

impl Moment {
    /// Returns the L2 norm over all parameters of each live stage; `None` where no stage has a gradient.
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
