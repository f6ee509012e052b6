//! The learning rate over the steps of a phase: a function of the step alone, but for the plateau, which watches the
//! validation loss.

use std::f64::consts::PI;

use ranged::Fraction;
use run_config::{LearningRateSchedule, OneCycle, ReduceOnPlateau, StepDecay, TrainConfig};

use crate::numbers::{Bits, PlateauNumbers};

/// Learning rate and momentum of one optimizer step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRates {
    /// Learning rate of the head; other stages have multiples of it.
    pub learning_rate: f64,
    /// In place of the optimizer's own momentum (Adam's `beta1`), where the schedule changes that too.
    pub momentum: Option<f64>,
}

/// A learning-rate schedule over the steps of a phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    shape: LearningRateSchedule,
    learning_rate: f64,
    warmup: u64,
    steps_per_epoch: u64,
    steps: u64,
}

impl Schedule {
    /// Returns the configured schedule over `epochs` epochs of `steps_per_epoch` steps.
    #[must_use]
    pub fn new(train: &TrainConfig, steps_per_epoch: u64, epochs: u32) -> Self {
        let steps = steps_per_epoch * u64::from(epochs);
        let warmup = warmup_steps(train.warmup_epochs.get(), steps_per_epoch);
        Self {
            shape: train.schedule,
            learning_rate: train.learning_rate.get(),
            warmup,
            steps_per_epoch,
            steps,
        }
    }

    /// Returns the number of steps.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns learning rate and momentum of a step, counted from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> StepRates {
        match step.checked_sub(self.warmup) {
            Some(step) => self.after_warmup(step),
            None => {
                // As `LinearLR(start_factor = 1 / (warmup + 1), total_iters = warmup)`.
                let full = self.after_warmup(0);
                let risen = (step + 1) as f64 / (self.warmup + 1) as f64;
                StepRates { learning_rate: full.learning_rate * risen, ..full }
            }
        }
    }

    fn after_warmup(&self, step: u64) -> StepRates {
        let steps = self.steps.saturating_sub(self.warmup);
        let only = |learning_rate| StepRates { learning_rate, momentum: None };
        match self.shape {
            // Where the plateau reduces the rate is decided between epochs: see `Plateau`.
            LearningRateSchedule::Constant | LearningRateSchedule::Plateau(_) => only(self.learning_rate),
            LearningRateSchedule::Step(StepDecay { every, factor }) => {
                let reductions = step / self.steps_per_epoch.max(1) / u64::from(every.get());
                only(self.learning_rate * factor.get().powf(reductions as f64))
            }
            LearningRateSchedule::Cosine => {
                only(self.learning_rate * 0.5 * (1.0 + (PI * step as f64 / steps.max(1) as f64).cos()))
            }
            LearningRateSchedule::OneCycle(cycle) => one_cycle(cycle, self.learning_rate, step, steps),
        }
    }
}

/// Returns the number of steps in a warm-up of this many epochs.
#[must_use]
pub fn warmup_steps(epochs: f64, steps_per_epoch: u64) -> u64 {
    // `as` saturates.
    (epochs * steps_per_epoch as f64).round() as u64
}

/// `torch.optim.lr_scheduler.OneCycleLR` with cosine annealing, in two phases (Smith and Topin, "Super-Convergence",
/// 2019).
fn one_cycle(cycle: OneCycle, learning_rate: f64, step: u64, steps: u64) -> StepRates {
    let first = learning_rate / cycle.divisor.get();
    let last = first / cycle.final_divisor.get();
    let [at_full, at_lowest] = cycle.momentum.map(Fraction::get);
    let top = cycle.rising.get() * steps as f64 - 1.0;
    let end = steps as f64 - 1.0;
    let step = step as f64;
    let (done, rates, momenta) = if step <= top {
        (step / top, [first, learning_rate], [at_lowest, at_full])
    } else {
        ((step - top) / (end - top), [learning_rate, last], [at_full, at_lowest])
    };
    // So few steps that a half has no length: its end.
    let done = if done.is_finite() { done.clamp(0.0, 1.0) } else { 1.0 };
    let between = |[from, to]: [f64; 2]| to + (from - to) / 2.0 * (1.0 + (PI * done).cos());
    StepRates { learning_rate: between(rates), momentum: Some(between(momenta)) }
}

/// Reduces the learning rate when the validation loss no longer falls, as `torch.optim.lr_scheduler.ReduceLROnPlateau`.
#[derive(Clone, Debug)]
pub struct Plateau {
    config: ReduceOnPlateau,
    best: f64,
    since_best: u32,
    factor: f64,
}

/// What a [`Plateau`] decides after an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// Keep the learning rate.
    Keep,
    /// From now on, use this multiple of the schedule's learning rate.
    Reduce(f64),
}

impl Plateau {
    /// Returns the configured plateau; `None` with another schedule.
    #[must_use]
    pub fn of(train: &TrainConfig) -> Option<Self> {
        match train.schedule {
            LearningRateSchedule::Plateau(config) => Some(Self::new(config)),
            _ => None,
        }
    }

    /// Returns a plateau that has reduced nothing yet.
    #[must_use]
    pub fn new(config: ReduceOnPlateau) -> Self {
        Self { config, best: f64::INFINITY, since_best: 0, factor: 1.0 }
    }

    /// Returns its numbers, to be saved.
    pub(crate) fn numbers(&self) -> PlateauNumbers {
        let &Self { config: _, best, since_best, factor } = self;
        PlateauNumbers { best: Bits(best), since_best, factor: Bits(factor) }
    }

    /// Goes on from these numbers.
    pub(crate) fn with_numbers(self, numbers: PlateauNumbers) -> Self {
        let PlateauNumbers { best, since_best, factor } = numbers;
        Self { config: self.config, best: best.0, since_best, factor: factor.0 }
    }

    /// Returns the multiple of the schedule's learning rate that it has come down to, in `(0, 1]`.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Observes the validation loss of the epoch just finished and decides on the learning rate. NaN is no improvement.
    pub fn observe(&mut self, loss: f64) -> Decision {
        let ReduceOnPlateau { factor, patience, threshold, floor } = self.config;
        let (factor, threshold, floor) = (factor.get(), threshold.get(), floor.get());
        if loss < self.best * (1.0 - threshold) {
            (self.best, self.since_best) = (loss, 0);
            return Decision::Keep;
        }
        self.since_best += 1;
        if self.since_best <= patience {
            return Decision::Keep;
        }
        self.since_best = 0;
        let reduced = (self.factor * factor).max(floor);
        if reduced < self.factor {
            self.factor = reduced;
            Decision::Reduce(reduced)
        } else {
            Decision::Keep
        }
    }
}

#[cfg(test)]
mod tests {
    use ranged::{NotNegative, Positive, ProperFraction};

    use super::*;

    #[test]
    fn cosine_falls_from_the_full_rate_through_half_towards_zero() {
        let train =
            |schedule| TrainConfig { schedule, learning_rate: Positive::of(0.2), ..TrainConfig::default() };
        let cosine = Schedule::new(&train(LearningRateSchedule::Cosine), 10, 10);
        let at = |step| cosine.at(step).learning_rate;
        assert_eq!(at(0), 0.2);
        assert!((at(50) - 0.1).abs() < 1e-12);
        assert!(at(99) > 0.0 && at(99) < 1e-4);
        let constant = Schedule::new(&train(LearningRateSchedule::Constant), 10, 10);
        assert_eq!(constant.at(99), StepRates { learning_rate: 0.2, momentum: None });
    }

    #[test]
    fn every_schedule_is_finite_however_few_the_steps() {
        let all = [
            LearningRateSchedule::Constant,
            LearningRateSchedule::Step(StepDecay::default()),
            LearningRateSchedule::Cosine,
            LearningRateSchedule::OneCycle(OneCycle::default()),
            LearningRateSchedule::Plateau(ReduceOnPlateau::default()),
        ];
        for schedule in all {
            for (per_epoch, epochs) in [(1, 1), (1, 2), (2, 1), (3, 1), (0, 1)] {
                let train =
                    TrainConfig { schedule, warmup_epochs: NotNegative::of(0.5), ..TrainConfig::default() };
                let laid = Schedule::new(&train, per_epoch, epochs);
                for step in 0..=per_epoch * u64::from(epochs) {
                    let StepRates { learning_rate: rate, momentum } = laid.at(step);
                    assert!(rate >= 0.0 && rate <= train.learning_rate.get(), "{schedule:?} {rate}");
                    assert!(momentum.is_none_or(|momentum| (0.8..1.0).contains(&momentum)), "{momentum:?}");
                }
            }
        }
    }

    #[test]
    fn a_plateau_is_left_at_a_lower_rate_down_to_the_floor() {
        let mut plateau = Plateau::new(ReduceOnPlateau {
            factor: ProperFraction::of(0.5),
            patience: 1,
            threshold: Fraction::of(0.0),
            floor: Fraction::of(0.3),
        });
        let decisions = [1.0, 0.9, 0.9, f64::NAN, 0.9, 0.95, 2.0, 2.0].map(|loss| plateau.observe(loss));
        use Decision::{Keep, Reduce};
        assert_eq!(decisions, [Keep, Keep, Keep, Reduce(0.5), Keep, Reduce(0.3), Keep, Keep]);
    }
}
