//! Averages of the weights during training, which are often better than the last weights.

use std::collections::HashSet;

use backbone::{Backbone, Mode, Role, StageId, Variable};
use features::loader::Batch;
use run_config::TrainConfig;
use tch::Tensor;

use crate::Error;
use crate::tensors::{StateError, TensorReader, Tensors};

/// Which average of the weights is the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Averaging {
    /// None: the last weights are the model.
    None,
    /// An exponential moving average with this decay, after every step (Polyak and Juditsky 1992). In the first steps
    /// the decay is at most (1 + steps) / (10 + steps), so that the weights of the start soon have no share; running
    /// statistics are averaged like weights.
    Exponential(f64),
    /// The plain mean of the weights at the ends of the epochs from this one on, with batch-norm statistics measured
    /// for it (SWA, Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018).
    FromEpoch(u32),
}

/// A running average of weights.
#[derive(Debug)]
pub struct Average {
    averaging: Averaging,
    /// Each variable with its average; between two calls of [`Average::exchange`] it is the other way round.
    shadows: Vec<(Variable, Tensor)>,
    /// Number of weights in the average.
    taken: u32,
}

/// Begins the names of averages in a saved state.
const AVERAGE: &str = "average/";

impl Averaging {
    /// Returns the configured average.
    #[must_use]
    pub fn of(train: &TrainConfig) -> Self {
        match (train.ema, train.swa_from) {
            (Some(decay), _) => Self::Exponential(decay.get()),
            (None, Some(epoch)) => Self::FromEpoch(epoch.get()),
            (None, None) => Self::None,
        }
    }
}

impl Average {
    /// Returns an average of nothing yet.
    #[must_use]
    pub fn new(averaging: Averaging) -> Self {
        Self { averaging, shadows: Vec::new(), taken: 0 }
    }

    /// From now on averages everything from stage `first` on. What joins later was constant until now, and so was its
    /// average.
    pub fn follow(&mut self, backbone: &Backbone, first: StageId) {
        if self.averaging == Averaging::None {
            return;
        }
        let known: HashSet<String> = self.shadows.iter().map(|(variable, _)| variable.name.clone()).collect();
        let live = backbone.changing_variables(first);
        self.shadows.extend(live.filter(|variable| !known.contains(&variable.name)).map(|variable| {
            let copy = variable.tensor.detach().copy();
            (variable, copy)
        }));
    }

    /// Adds each average, `average/NAME`, to the tensors of a state. Returns the number of weights in it.
    pub(crate) fn save(&self, tensors: &mut Tensors) -> u32 {
        let Self { averaging: _, shadows, taken } = self;
        let named = shadows.iter().map(|(variable, shadow)| (&variable.name, shadow.shallow_clone()));
        tensors.extend(named.map(|(name, shadow)| (format!("{AVERAGE}{name}"), shadow)));
        *taken
    }

    /// Gives what it follows the averages of a state, of this number of weights. What was frozen when that was saved has none: it is
    /// what it was.
    pub(crate) fn load(&mut self, taken: u32, tensors: &mut TensorReader) -> Result<(), StateError> {
        let Self { averaging: _, shadows, taken: number } = self;
        *number = taken;
        let named = shadows.iter().map(|(variable, shadow)| (format!("{AVERAGE}{}", variable.name), shadow));
        let mut saved = named.filter(|(name, _)| tensors.has(name)).collect::<Vec<_>>().into_iter();
        saved.try_for_each(|(name, shadow)| tensors.copy_to(&name, shadow))
    }

    /// Adds the weights after a step, where they are averaged after each.
    pub fn after_step(&mut self) {
        if let Averaging::Exponential(decay) = self.averaging {
            let steps = f64::from(self.taken);
            self.take_in(1.0 - decay.min((1.0 + steps) / (10.0 + steps)));
        }
    }

    /// Adds the weights after an epoch, counted from 1, where they are averaged after each.
    pub fn after_epoch(&mut self, epoch: u32) {
        if let Averaging::FromEpoch(from) = self.averaging
            && epoch >= from
        {
            self.take_in(1.0 / (f64::from(self.taken) + 1.0));
        }
    }

    /// Returns the number of weights in the average.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// Returns whether the average is the model at the end of every epoch, and not only of the last.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.averaging, Averaging::Exponential(_)) && self.taken > 0
    }

    /// Exchanges the network's weights and their average; a second time, back again.
    pub fn exchange(&mut self) {
        tch::no_grad(|| {
            for (variable, shadow) in &mut self.shadows {
                let weights = variable.tensor.detach().copy();
                variable.tensor.copy_(shadow);
                shadow.copy_(&weights);
            }
        });
    }

    /// Moves the average by this share, in `0..=1`, of the way to the present weights.
    fn take_in(&mut self, share: f64) {
        let _no_gradient = tch::no_grad_guard();
        for (variable, shadow) in &mut self.shadows {
            if variable.tensor.is_floating_point() {
                let _ = shadow.lerp_(&variable.tensor.detach(), share);
            } else {
                shadow.copy_(&variable.tensor);
            }
        }
        self.taken += 1;
    }
}

/// Measures the statistics of every live batch-norm for the present weights, as the plain mean over these batches, which are
/// the input of stage `from`.
///
/// # Errors
/// When an image can no longer be read.
pub fn measure_norms(
    backbone: &Backbone,
    from: StageId,
    batches: impl Iterator<Item = Result<Batch, features::Error>>,
) -> Result<(), Error> {
    if backbone.changing_variables(from).all(|variable| variable.role == Role::Parameter) {
        return Ok(());
    }
    let _no_gradient = tch::no_grad_guard();
    for (batch, before) in batches.zip(0..) {
        let _ = backbone.classify(&batch?.x, from, Mode::MeasureNorm { before });
    }
    Ok(())
}
