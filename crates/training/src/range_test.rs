//! The learning-rate range test (Smith, "Cyclical Learning Rates for Training Neural Networks", 2017): one step at each of
//! a rising series of learning rates, until the loss diverges.

use backbone::{Backbone, Snapshot};
use features::loader::{Batch, EpochStart, FeatureLoader};
use records::{Event, RangePoint, Session, StepRecord};

use crate::deferred::DeferredMetrics;
use crate::schedule::StepRates;
use crate::step::{LiveStages, one_step};
use crate::{Error, Phase, TrainingState};

/// The learning rates that are tried: `steps` of them, each the same multiple of the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sweep {
    /// The first learning rate.
    pub lowest: f64,
    /// The last learning rate, if the loss does not diverge before it.
    pub highest: f64,
    /// Number of learning rates.
    pub steps: u32,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { lowest: 1e-7, highest: 10.0, steps: 100 }
    }
}

impl Sweep {
    /// Returns the learning rate of a step, counted from 0.
    #[must_use]
    pub fn learning_rate(self, step: u32) -> f64 {
        let done = f64::from(step) / f64::from(self.steps.max(2) - 1);
        self.lowest * (self.highest / self.lowest).powf(done)
    }
}

/// Share of the smoothed loss that comes from the steps before.
const SMOOTHING: f64 = 0.98;
/// The loss has diverged when its smoothed value is this many times the lowest.
const DIVERGED: f64 = 4.0;

/// Sweeps the learning rate over the live stages, which must have been unfrozen to the plan's full depth, and puts all
/// weights back to what they were.
///
/// # Errors
/// When an image can no longer be read, or on interruption.
pub fn sweep(
    phase: &Phase<'_>,
    backbone: &Backbone,
    training: &FeatureLoader,
    sweep: Sweep,
    session: &mut Session<'_>,
) -> Result<Vec<RangePoint>, Error> {
    let weights = Snapshot::take(backbone, phase.plan.first_live);
    let swept = rise(phase, backbone, training, sweep, session);
    weights.restore();
    swept
}

fn rise(
    phase: &Phase<'_>,
    backbone: &Backbone,
    training: &FeatureLoader,
    sweep: Sweep,
    session: &mut Session<'_>,
) -> Result<Vec<RangePoint>, Error> {
    let train = phase.train;
    // Each loss decides whether there is a next step.
    let mut state = TrainingState { deferred: DeferredMetrics::new(1), ..TrainingState::new(phase) };
    state.optimizer.follow(phase.trainables(backbone, phase.plan.last_unfreeze()));
    let live = LiveStages { backbone, first: training.cut() };
    let mut points: Vec<RangePoint> = Vec::new();
    let (mut mean, mut lowest) = (0.0, f64::INFINITY);
    let passes = (1..).flat_map(|epoch| {
        phase.begin_epoch(backbone, training, EpochStart { epoch, batch: 0 }).batches(backbone)
    });
    // Numbered through all passes, so that no two steps drop the same.
    let mut batches = passes.zip(0..).map(|(batch, number)| Ok(Batch { number, ..batch? }));
    for step in 0..sweep.steps {
        if session.interrupted() {
            return Err(features::Error::Interrupted.into());
        }
        let group = batches.by_ref().take(train.accumulate.get());
        let group = group.collect::<Result<Vec<Batch>, features::Error>>()?;
        let learning_rate = sweep.learning_rate(step);
        let rates = StepRates { learning_rate, momentum: None };
        // What is no longer a number is the end of the sweep, not a failure: it is what the test looks for.
        let stepped = one_step(phase, live, &group, &mut state, rates);
        let (Ok(()), Some(metrics)) = (stepped, state.deferred.take().pop()) else { break };
        mean = SMOOTHING * mean + (1.0 - SMOOTHING) * metrics.loss;
        let smoothed = mean / (1.0 - SMOOTHING.powi(i32::try_from(step + 1).unwrap_or(i32::MAX)));
        points.push(RangePoint { rate: learning_rate, loss: metrics.loss, smoothed });
        session.emit(&Event::Stepped {
            record: &StepRecord {
                phase: "lr-find".to_owned(),
                epoch: 1,
                step: u64::from(step) + 1,
                loss: metrics.loss,
                learning_rate,
                images: u32::try_from(metrics.images).unwrap_or(u32::MAX),
            },
            done: u64::from(step) + 1,
            total: sweep.steps.into(),
            epochs: 1,
        });
        lowest = f64::min(lowest, smoothed);
        if smoothed > DIVERGED * lowest {
            break;
        }
    }
    Ok(points)
}

/// Learning rates that a sweep suggests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suggestion {
    /// The learning rate at which the smoothed loss falls fastest per factor of it.
    pub steepest: f64,
    /// A tenth of the learning rate at which the smoothed loss is lowest.
    pub tenth_of_lowest: f64,
}

impl Suggestion {
    /// Returns the smaller of the two: too small a learning rate costs time, too large a one what the source weights know.
    #[must_use]
    pub fn learning_rate(self) -> f64 {
        self.steepest.min(self.tenth_of_lowest)
    }
}

/// Returns what a sweep suggests; `None` when the loss never fell.
///
/// The first tenth of the points is left out, where the smoothed loss is that of a few batches only. The slope at a point
/// is taken over a twentieth of the points to either side.
#[must_use]
pub fn suggest(points: &[RangePoint]) -> Option<Suggestion> {
    let first = points.len() / 10;
    let reach = (points.len() / 20).max(1);
    let considered = points.get(first..)?;
    let (lowest, bottom) =
        considered.iter().enumerate().min_by(|a, b| a.1.smoothed.total_cmp(&b.1.smoothed))?;
    let slope = |place: usize| {
        let (before, after) =
            (&considered[place.saturating_sub(reach)], &considered[(place + reach).min(lowest)]);
        (after.smoothed - before.smoothed) / (after.rate / before.rate).ln()
    };
    let (steepest, fall) =
        (0..lowest).map(|place| (place, slope(place))).min_by(|a, b| a.1.total_cmp(&b.1))?;
    (fall < 0.0)
        .then(|| Suggestion { steepest: considered[steepest].rate, tenth_of_lowest: bottom.rate / 10.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(loss: impl Fn(f64) -> f64) -> Vec<RangePoint> {
        let sweep = Sweep::default();
        let point = |step| {
            let rate = sweep.learning_rate(step);
            RangePoint { rate, loss: loss(rate), smoothed: loss(rate) }
        };
        (0..sweep.steps).map(point).collect()
    }

    #[test]
    fn the_steepest_fall_and_the_lowest_point_are_found() {
        // Falls along a logistic curve around 1e-3 and rises from 1e-1 on.
        let curve = |rate: f64| 1.0 / (1.0 + (rate / 1e-3).powi(2)) + (rate / 1e-1).powi(2);
        let suggestion = suggest(&points(curve)).unwrap();
        let within = |value: f64, low: f64, high: f64| assert!((low..=high).contains(&value), "{value}");
        within(suggestion.steepest, 5e-4, 2e-3);
        within(suggestion.tenth_of_lowest, 5e-4, 3e-3);
        assert_eq!(suggestion.learning_rate(), suggestion.steepest.min(suggestion.tenth_of_lowest));
    }

    #[test]
    fn a_loss_that_never_falls_suggests_nothing() {
        assert_eq!(suggest(&points(|rate| 1.0 + rate)), None);
        assert_eq!(suggest(&points(|_| 1.0)), None);
        assert_eq!(suggest(&[]), None);
        assert_eq!(suggest(&points(|_| 1.0)[..1]), None);
    }

    #[test]
    fn learning_rates_rise_from_the_lowest_to_the_highest() {
        let sweep = Sweep { lowest: 1e-4, highest: 1.0, steps: 5 };
        let rates: Vec<f64> = (0..5).map(|step| sweep.learning_rate(step)).collect();
        for (rate, expected) in rates.iter().zip([1e-4, 1e-3, 1e-2, 1e-1, 1.0]) {
            assert!((rate / expected - 1.0).abs() < 1e-9, "{rates:?}");
        }
    }
}
