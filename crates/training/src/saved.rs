//! A state of training as numbers and named tensors, and back.
//!
//! Every part is taken apart by a pattern without `..`, so that a new field does not compile until somebody has decided what
//! becomes of it.

use std::num::NonZeroU32;
use std::time::Duration;

use backbone::{Backbone, Snapshot, StageId};
use records::StepName;
use regularize::EarlyStopping;
use regularize::early_stopping::Seen;

use crate::Phase;
use crate::best::{Best, Figures, Moment};
use crate::freeze::Segment;
use crate::numbers::{BestNumbers, Bits, Ended, PassNumbers, SeenNumbers, TrainingNumbers};
use crate::optimizer::OptimizerState;
use crate::scaler::Scaler;
use crate::schedule::Plateau;
use crate::state::{Ending, Pass, TrainingState};
use crate::tensors::{StateError, TensorReader, Tensors};

/// A state of training, with the weights of its moment.
#[derive(Debug)]
pub struct SavedTraining {
    /// Every number.
    pub numbers: TrainingNumbers,
    /// Every tensor, by name; they may be those that are trained.
    pub tensors: Tensors,
}

/// A state of training on its way to another process.
#[derive(Debug)]
pub struct Handed {
    /// The state.
    pub saved: SavedTraining,
    /// Whether the user has ended the phase.
    pub is_interrupted: bool,
}

const NOW: &str = "now/";
const START: &str = "start/";
const BEST: &str = "best/";
const BEGIN: &str = "begin/";
const OPTIMIZER: &str = "optimizer/";

impl TrainingState {
    /// Returns the state, to be saved, with the weights of the network from the first stage on that the phase ever trains.
    /// What interrupted a phase is no part of it: training can go on.
    ///
    /// # Errors
    /// When metrics of steps are not read yet, and when a libtorch call fails.
    pub fn saved(&self, phase: &Phase<'_>, backbone: &Backbone) -> Result<SavedTraining, StateError> {
        let Self {
            steps_before,
            epochs,
            best,
            phase: name,
            epoch,
            pass,
            steps,
            optimizer,
            average,
            begin,
            early_stopping,
            plateau,
            scaler,
            gradient_flow,
            deferred,
            // Measured again, from the same weights.
            validated: _,
            ending,
        } = self;
        if !deferred.is_empty() {
            return Err(StateError::misfit("deferred", "has metrics that are not read"));
        }
        let mut tensors = Tensors::new();
        let live = backbone.changing_variables(phase.plan.first_live);
        tensors.extend(live.map(|variable| (format!("{NOW}{}", variable.name), variable.tensor.detach())));
        let pass = pass.as_ref().map(|pass| pass_numbers(pass, &mut tensors));
        let best = best.as_ref().map(|best| best_numbers(best, &mut tensors));
        begin.iter().for_each(|begin| add(BEGIN, begin, &mut tensors));
        let averaged = average.save(&mut tensors);
        let OptimizerState { steps: of_parameters, tensors: momenta } = optimizer.state();
        tensors.extend(momenta.into_iter().map(|(name, tensor)| (format!("{OPTIMIZER}{name}"), tensor)));
        phase.objective.penalties.save(backbone, &mut tensors);
        let Seen { best: lowest, since_best } = early_stopping.seen();
        let numbers = TrainingNumbers {
            steps_before: *steps_before,
            epochs: epochs.clone(),
            best,
            phase: name.name().to_owned(),
            epoch: *epoch,
            pass,
            steps: *steps,
            optimizer: of_parameters,
            averaged,
            begin: begin.is_some(),
            early_stopping: SeenNumbers { best: Bits(lowest), since_best },
            plateau: plateau.as_ref().map(Plateau::numbers),
            scaler: scaler.map(Scaler::numbers),
            gradient_flow: gradient_flow.numbers()?,
            ended: match ending {
                Some(Ending::StoppedEarly) => Some(Ended::StoppedEarly),
                // After the last epoch nothing is left to go on with.
                Some(Ending::Complete | Ending::Interrupted) if *epoch > phase.epochs => {
                    Some(Ended::Complete)
                }
                _ => None,
            },
        };
        Ok(SavedTraining { numbers, tensors })
    }

    /// Returns a state that was saved in this phase, and gives the network and the penalties the weights of that moment.
    ///
    /// # Errors
    /// When it belongs to another phase or network.
    pub fn restored(
        phase: &Phase<'_>,
        backbone: &Backbone,
        saved: SavedTraining,
    ) -> Result<Self, StateError> {
        let SavedTraining { numbers, tensors } = saved;
        let TrainingNumbers {
            steps_before,
            epochs,
            best,
            phase: name,
            epoch,
            pass,
            steps,
            optimizer,
            averaged,
            begin,
            early_stopping: SeenNumbers { best: lowest, since_best },
            plateau,
            scaler,
            gradient_flow,
            ended,
        } = numbers;
        if name != phase.step.name() {
            return Err(StateError::misfit(&name, "is another phase"));
        }
        let first_live = phase.plan.first_live;
        let mut reader = TensorReader::new(tensors);
        let tensors = &mut reader;
        let mut state = Self { steps_before, epochs, epoch, steps, ..Self::new(phase) };
        state.ending = ended.map(|ended| match ended {
            Ended::Complete => Ending::Complete,
            Ended::StoppedEarly => Ending::StoppedEarly,
        });
        for variable in backbone.changing_variables(first_live) {
            tensors.copy_to(&format!("{NOW}{}", variable.name), &variable.tensor)?;
        }
        let Some(Segment { cut, first_epoch, .. }) = state.segments_left(phase, backbone).into_iter().next()
        else {
            return Err(StateError::misfit("epoch", "is beyond the phase"));
        };
        state.pass = pass.map(|numbers| restored_pass(numbers, backbone, cut, tensors)).transpose()?;
        state.best = best.map(|numbers| restored_best(numbers, backbone, first_live, tensors)).transpose()?;
        state.begin = begin.then(|| snapshot(BEGIN, backbone, first_live, tensors)).transpose()?;
        state.optimizer.follow(phase.trainables(backbone, first_epoch));
        let momenta = OptimizerState { steps: optimizer, tensors: tensors.take_below(OPTIMIZER) };
        state.optimizer.load_state(&momenta)?;
        state.average.follow(backbone, cut);
        state.average.load(averaged, tensors)?;
        phase.objective.penalties.load(tensors)?;
        let patience = phase.regularize.early_stopping.map(NonZeroU32::get);
        state.early_stopping = EarlyStopping::new(patience).having_seen(Seen { best: lowest.0, since_best });
        state.plateau = match (state.plateau, plateau) {
            (Some(configured), Some(numbers)) => Some(configured.with_numbers(numbers)),
            (None, None) => None,
            _ => return Err(StateError::misfit("plateau", "is not what the schedule says")),
        };
        if state.scaler.is_some() != scaler.is_some() {
            return Err(StateError::misfit("scaler", "is not what the precision says"));
        }
        state.scaler = scaler.map(Scaler::of_numbers);
        state.gradient_flow.load(gradient_flow, backbone)?;
        reader.finish()?;
        Ok(state)
    }

    /// Returns the segments of the phase that are not behind the state, the one in which it stands first. Where the phase is
    /// over it stands in the one of the last epoch, whose images it is measured on.
    #[must_use]
    pub fn segments_left(&self, phase: &Phase<'_>, backbone: &Backbone) -> Vec<Segment> {
        let at = if self.ending.is_some() { self.epoch.saturating_sub(1).max(1) } else { self.epoch };
        let segments = phase.plan.segments(backbone, phase.epochs).into_iter();
        segments.filter(|segment| segment.last_epoch >= at).collect()
    }
}

fn add(prefix: &str, snapshot: &Snapshot, tensors: &mut Tensors) {
    tensors.extend(snapshot.named().map(|(name, copy)| (format!("{prefix}{name}"), copy.shallow_clone())));
}

fn snapshot(
    prefix: &str,
    backbone: &Backbone,
    first: StageId,
    tensors: &mut TensorReader,
) -> Result<Snapshot, StateError> {
    let snapshot = Snapshot::take(backbone, first);
    snapshot.named().try_for_each(|(name, copy)| tensors.copy_to(&format!("{prefix}{name}"), copy))?;
    Ok(snapshot)
}

fn pass_numbers(pass: &Pass, tensors: &mut Tensors) -> PassNumbers {
    let Pass { start, steps_before, loss_sum, correct, images, learning_rate, waited, elapsed } = pass;
    add(START, start, tensors);
    PassNumbers {
        steps_before: *steps_before,
        loss_sum: Bits(*loss_sum),
        correct: *correct,
        images: *images,
        learning_rate: Bits(*learning_rate),
        waited: waited.as_secs_f64(),
        elapsed: elapsed.as_secs_f64(),
    }
}

fn restored_pass(
    numbers: PassNumbers,
    backbone: &Backbone,
    cut: StageId,
    tensors: &mut TensorReader,
) -> Result<Pass, StateError> {
    let PassNumbers { steps_before, loss_sum, correct, images, learning_rate, waited, elapsed } = numbers;
    let seconds = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Ok(Pass {
        start: snapshot(START, backbone, cut, tensors)?,
        steps_before,
        loss_sum: loss_sum.0,
        correct,
        images,
        learning_rate: learning_rate.0,
        waited: seconds(waited),
        elapsed: seconds(elapsed),
    })
}

fn best_numbers(best: &Best, tensors: &mut Tensors) -> BestNumbers {
    let Best { moment: Moment { phase, epoch, averaged }, figures, weights } = best;
    let Figures { loss, accuracy, balanced_accuracy, f1 } = *figures;
    add(BEST, weights, tensors);
    BestNumbers {
        phase: phase.name().to_owned(),
        epoch: *epoch,
        averaged: *averaged,
        figures: [loss, accuracy, balanced_accuracy, f1].map(Bits),
    }
}

fn restored_best(
    numbers: BestNumbers,
    backbone: &Backbone,
    first_live: StageId,
    tensors: &mut TensorReader,
) -> Result<Best, StateError> {
    let BestNumbers { phase, epoch, averaged, figures } = numbers;
    let known = StepName::ALL.into_iter().find(|step| step.name() == phase);
    let phase = known.ok_or_else(|| StateError::misfit(&phase, "is no phase"))?;
    let [loss, accuracy, balanced_accuracy, f1] = figures.map(|Bits(value)| value);
    Ok(Best {
        moment: Moment { phase, epoch, averaged },
        figures: Figures { loss, accuracy, balanced_accuracy, f1 },
        weights: snapshot(BEST, backbone, first_live, tensors)?,
    })
}
