//! The learning-rate range test (Smith, "Cyclical Learning Rates for Training Neural Networks", 2017): one step at each of
//! a rising series of rates, until the loss runs away.

use backbone::{Backbone, Snapshot};
use features::batches::{Batch, Feed};
use records::{Event, Interrupt, Listener, RangePoint, StepRecord};

use super::Phase;
use super::epoch::{Moving, one_step};
use super::readings::Readings;
use super::schedule::Setting;
use crate::Error;

/// Which rates are tried: `steps` of them, each the same multiple of the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sweep {
    /// The first rate.
    pub lowest: f64,
    /// The last rate, if the loss does not run away before it.
    pub highest: f64,
    /// How many.
    pub steps: u32,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { lowest: 1e-7, highest: 10.0, steps: 100 }
    }
}

impl Sweep {
    /// The rate at `step`, from 0.
    #[must_use]
    pub fn rate(self, step: u32) -> f64 {
        let done = f64::from(step) / f64::from(self.steps.max(2) - 1);
        self.lowest * (self.highest / self.lowest).powf(done)
    }
}

/// How much of the smoothed loss comes from the steps before.
const SMOOTHING: f64 = 0.98;
/// The loss has run away when its smoothed value is this many times the lowest.
const RUNAWAY: f64 = 4.0;

/// Sweeps the rate over the live stages, which must have been frozen and thawed to the plan's full depth, and puts all
/// weights back to what they were.
///
/// # Errors
/// When a picture can no longer be read, or on interruption.
pub fn sweep(
    phase: &Phase<'_>,
    backbone: &Backbone,
    feed: &Feed,
    sweep: Sweep,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<Vec<RangePoint>, Error> {
    let weights = Snapshot::take(backbone, phase.plan.first_live);
    let swept = rise(phase, backbone, feed, sweep, interrupt, listen);
    weights.restore();
    swept
}

fn rise(
    phase: &Phase<'_>,
    backbone: &Backbone,
    feed: &Feed,
    sweep: Sweep,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<Vec<RangePoint>, Error> {
    let train = phase.train;
    // Each loss decides whether there is a next step.
    let mut moving = Moving { readings: Readings::every(1), ..phase.begin() };
    let deepest = phase.plan.last_thaw();
    moving.optimizer.follow(phase.trainables(backbone, deepest));
    let mut points: Vec<RangePoint> = Vec::new();
    let (mut mean, mut lowest) = (0.0, f64::INFINITY);
    let mut batches = (1..).flat_map(|epoch| phase.draw(backbone, feed, epoch).batches(backbone));
    for step in 0..sweep.steps {
        if interrupt.requested() {
            return Err(features::Error::Interrupted.into());
        }
        let group =
            batches.by_ref().take(train.accumulate.get()).collect::<Result<Vec<Batch>, features::Error>>()?;
        let rate = sweep.rate(step);
        let setting = Setting { rate, momentum: None };
        // What is no longer a number is the end of the sweep, not a failure: it is what the test looks for.
        let stepped = one_step(phase, (backbone, feed.cut()), &group, &mut moving, setting);
        let (Ok(()), Some(said)) = (stepped, moving.readings.take().pop()) else { break };
        mean = SMOOTHING * mean + (1.0 - SMOOTHING) * said.loss;
        let smoothed = mean / (1.0 - SMOOTHING.powi(i32::try_from(step + 1).unwrap_or(i32::MAX)));
        points.push(RangePoint { rate, loss: said.loss, smoothed });
        listen(&Event::Stepped {
            record: &StepRecord {
                phase: "lr-find".to_owned(),
                epoch: 1,
                step: u64::from(step) + 1,
                loss: said.loss,
                learning_rate: rate,
                images: u32::try_from(said.images).unwrap_or(u32::MAX),
            },
            done: u64::from(step) + 1,
            total: sweep.steps.into(),
            epochs: 1,
        });
        lowest = f64::min(lowest, smoothed);
        if smoothed > RUNAWAY * lowest {
            break;
        }
    }
    Ok(points)
}

/// What a sweep suggests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suggestion {
    /// The rate at which the smoothed loss falls fastest per factor of the rate.
    pub steepest: f64,
    /// A tenth of the rate at which the smoothed loss is lowest.
    pub tenth_of_lowest: f64,
}

impl Suggestion {
    /// The smaller of the two: too small a rate costs time, too large a one what the source weights know.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.steepest.min(self.tenth_of_lowest)
    }
}

/// Reads a sweep; nothing when the loss never fell.
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
            let rate = sweep.rate(step);
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
        assert_eq!(suggestion.rate(), suggestion.steepest.min(suggestion.tenth_of_lowest));
    }

    #[test]
    fn a_loss_that_never_falls_suggests_nothing() {
        assert_eq!(suggest(&points(|rate| 1.0 + rate)), None);
        assert_eq!(suggest(&points(|_| 1.0)), None);
        assert_eq!(suggest(&[]), None);
        assert_eq!(suggest(&points(|_| 1.0)[..1]), None);
    }

    #[test]
    fn rates_rise_from_the_lowest_to_the_highest() {
        let sweep = Sweep { lowest: 1e-4, highest: 1.0, steps: 5 };
        let rates: Vec<f64> = (0..5).map(|step| sweep.rate(step)).collect();
        for (rate, expected) in rates.iter().zip([1e-4, 1e-3, 1e-2, 1e-1, 1.0]) {
            assert!((rate / expected - 1.0).abs() < 1e-9, "{rates:?}");
        }
    }
}
