//! The learning rate over the steps of a phase: a function of the step alone, but for the plateau, which watches the
//! validation loss.

use std::f64::consts::PI;

use ranged::Fraction;
use run_config::{LearningRateSchedule, OneCycle, ReduceOnPlateau, StepDecay, TrainConfig};

/// What an optimizer step is taken with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Learning rate of the head; other stages have multiples of it.
    pub rate: f64,
    /// In place of the optimizer's own momentum (Adam's `beta1`), where the schedule moves that too.
    pub momentum: Option<f64>,
}

/// A schedule laid over the steps of a phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    shape: LearningRateSchedule,
    base: f64,
    warmup: u64,
    steps_per_epoch: u64,
    steps: u64,
}

impl Schedule {
    /// The configured schedule over `epochs` epochs of `steps_per_epoch` steps.
    #[must_use]
    pub fn new(train: &TrainConfig, steps_per_epoch: u64, epochs: u32) -> Self {
        let steps = steps_per_epoch * u64::from(epochs);
        let warmup = warmup_steps(train.warmup_epochs.get(), steps_per_epoch);
        Self { shape: train.schedule, base: train.learning_rate.get(), warmup, steps_per_epoch, steps }
    }

    /// Steps in all.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Rate and momentum at `step`, from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> Setting {
        match step.checked_sub(self.warmup) {
            Some(step) => self.after_warmup(step),
            None => {
                // As `LinearLR(start_factor = 1 / (warmup + 1), total_iters = warmup)`.
                let setting = self.after_warmup(0);
                let risen = (step + 1) as f64 / (self.warmup + 1) as f64;
                Setting { rate: setting.rate * risen, ..setting }
            }
        }
    }

    fn after_warmup(&self, step: u64) -> Setting {
        let steps = self.steps.saturating_sub(self.warmup);
        let only = |rate| Setting { rate, momentum: None };
        match self.shape {
            // Where the plateau reduces the rate is decided between epochs: see `Plateau`.
            LearningRateSchedule::Constant | LearningRateSchedule::Plateau(_) => only(self.base),
            LearningRateSchedule::Step(StepDecay { every, factor }) => {
                let reductions = step / self.steps_per_epoch.max(1) / u64::from(every.get());
                only(self.base * factor.get().powf(reductions as f64))
            }
            LearningRateSchedule::Cosine => {
                only(self.base * 0.5 * (1.0 + (PI * step as f64 / steps.max(1) as f64).cos()))
            }
            LearningRateSchedule::OneCycle(cycle) => one_cycle(cycle, self.base, step, steps),
        }
    }
}

/// The steps that a warm-up of so many epochs takes.
#[must_use]
pub fn warmup_steps(epochs: f64, steps_per_epoch: u64) -> u64 {
    // `as` saturates.
    (epochs * steps_per_epoch as f64).round() as u64
}

/// `torch.optim.lr_scheduler.OneCycleLR` with cosine annealing, in two phases (Smith and Topin, "Super-Convergence",
/// 2019).
fn one_cycle(cycle: OneCycle, full: f64, step: u64, steps: u64) -> Setting {
    let first = full / cycle.divisor.get();
    let last = first / cycle.final_divisor.get();
    let [at_full, at_lowest] = cycle.momentum.map(Fraction::get);
    let top = cycle.rising.get() * steps as f64 - 1.0;
    let end = steps as f64 - 1.0;
    let step = step as f64;
    let (done, rates, momenta) = if step <= top {
        (step / top, (first, full), (at_lowest, at_full))
    } else {
        ((step - top) / (end - top), (full, last), (at_full, at_lowest))
    };
    // So few steps that a phase has no length: its end.
    let done = if done.is_finite() { done.clamp(0.0, 1.0) } else { 1.0 };
    let between = |(from, to): (f64, f64)| to + (from - to) / 2.0 * (1.0 + (PI * done).cos());
    Setting { rate: between(rates), momentum: Some(between(momenta)) }
}

/// Reduces the rate when the validation loss no longer falls, as `torch.optim.lr_scheduler.ReduceLROnPlateau`.
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
    /// Go on at this rate.
    Keep,
    /// Go on at this multiple of the schedule's rate.
    Reduce(f64),
}

impl Plateau {
    /// The one that is configured, where there is one.
    #[must_use]
    pub fn of(train: &TrainConfig) -> Option<Self> {
        match train.schedule {
            LearningRateSchedule::Plateau(config) => Some(Self::new(config)),
            _ => None,
        }
    }

    /// At the full rate.
    #[must_use]
    pub fn new(config: ReduceOnPlateau) -> Self {
        Self { config, best: f64::INFINITY, since_best: 0, factor: 1.0 }
    }

    /// Takes the validation loss of the epoch just finished. NaN is no improvement.
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
        let at = |step| cosine.at(step).rate;
        assert_eq!(at(0), 0.2);
        assert!((at(50) - 0.1).abs() < 1e-12);
        assert!(at(99) > 0.0 && at(99) < 1e-4);
        let constant = Schedule::new(&train(LearningRateSchedule::Constant), 10, 10);
        assert_eq!(constant.at(99), Setting { rate: 0.2, momentum: None });
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
                    let Setting { rate, momentum } = laid.at(step);
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
