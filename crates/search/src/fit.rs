//! Fitting the data files on finished searches of development data sets.

use std::collections::{BTreeMap, BTreeSet};

use statistics::{distinct, mean, standard_deviation};

use crate::calibration::{Calibration, Knot};
use crate::prior::{Entry, Expected, Prior};

/// What one search said of its choice, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Name of the data set.
    pub set: String,
    /// Computed probability that the choice is close to the best.
    pub computed: f64,
    /// Expected difference to the best as computed, in points.
    pub expected_loss: f64,
    /// How many points lower the choice was on test images than the best of those tried.
    pub regret: f64,
}

/// A map with what it says of data sets that it was not fitted on.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedCalibration {
    /// The map.
    pub calibration: Calibration,
    /// What the map of the other data sets says of each, and what happened there.
    pub checked: Vec<Checked>,
}

/// Searches on one data set, judged by the map of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Name of the data set.
    pub set: String,
    /// Number of searches.
    pub searches: usize,
    /// Mean probability of being close to the best.
    pub said: f64,
    /// Share of searches that were.
    pub happened: f64,
}

/// Strength of the pull towards the identity, in searches.
const PULL: f64 = 4.0;
/// Probabilities of 0 and 1 count as this far from them.
const EDGE: f64 = 0.01;
/// Number of straight lines of the map.
const LINES: u32 = 20;

/// Fits the map: happened = sigmoid(a + b logit(computed)), by maximum likelihood with a pull to a = 0, b = 1 (Platt 1999),
/// and checks it by leaving one data set out. `close` is how many points from the best count as close.
#[must_use]
pub fn calibration(outcomes: &[Outcome], close: f64, source: &str) -> FittedCalibration {
    let all: Vec<&Outcome> = outcomes.iter().collect();
    let line = Line::fit(&all, close);
    let knots = (0..=LINES).map(|step| {
        let computed = f64::from(step) / f64::from(LINES);
        Knot { computed, happened: line.at(computed) }
    });
    let sum = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>();
    let said = sum(|outcome| outcome.expected_loss);
    let expected_loss = if said > 0.0 { sum(|outcome| outcome.regret) / said } else { 1.0 };
    let calibration = Calibration {
        fitted: !outcomes.is_empty(),
        source: source.to_owned(),
        expected_loss,
        knots: knots.collect(),
    };
    let checked = distinct(outcomes.iter().map(|outcome| outcome.set.as_str())).into_iter().map(|set| {
        let (own, others): (Vec<&Outcome>, Vec<&Outcome>) =
            outcomes.iter().partition(|outcome| outcome.set == set);
        let line = Line::fit(&others, close);
        Checked {
            set: set.to_owned(),
            searches: own.len(),
            said: mean(&own.iter().map(|outcome| line.at(outcome.computed)).collect::<Vec<_>>()),
            happened: mean(&own.iter().map(|outcome| happened(outcome, close)).collect::<Vec<_>>()),
        }
    });
    FittedCalibration { checked: checked.collect(), calibration }
}

fn happened(outcome: &Outcome, close: f64) -> f64 {
    f64::from(u8::from(outcome.regret <= close))
}

/// A line in log odds.
struct Line {
    offset: f64,
    slope: f64,
}

impl Line {
    /// Newton's method from the identity; the likelihood is concave.
    fn fit(outcomes: &[&Outcome], close: f64) -> Self {
        let mut line = Self { offset: 0.0, slope: 1.0 };
        for _ in 0..50 {
            let mut gradient = [-PULL * line.offset, -PULL * (line.slope - 1.0)];
            let mut curvature = [PULL, 0.0, PULL];
            for outcome in outcomes {
                let odds = log_odds(outcome.computed);
                let said = sigmoid(line.offset + line.slope * odds);
                let (residual, weight) = (happened(outcome, close) - said, said * (1.0 - said));
                gradient[0] += residual;
                gradient[1] += residual * odds;
                curvature[0] += weight;
                curvature[1] += weight * odds;
                curvature[2] += weight * odds * odds;
            }
            let determinant = curvature[0] * curvature[2] - curvature[1] * curvature[1];
            let step = [
                (curvature[2] * gradient[0] - curvature[1] * gradient[1]) / determinant,
                (curvature[0] * gradient[1] - curvature[1] * gradient[0]) / determinant,
            ];
            line.offset += step[0];
            // A map that falls says nothing of use.
            line.slope = (line.slope + step[1]).max(0.0);
            if step[0].abs() + step[1].abs() < 1e-10 {
                break;
            }
        }
        line
    }

    fn at(&self, computed: f64) -> f64 {
        sigmoid(self.offset + self.slope * log_odds(computed))
    }
}

fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

fn log_odds(probability: f64) -> f64 {
    let inside = probability.clamp(EDGE, 1.0 - EDGE);
    (inside / (1.0 - inside)).ln()
}

/// What one arm gained over the first arm on one data set with one number of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Gain {
    /// Name of the data set.
    pub set: String,
    /// Name of the arm.
    pub arm: String,
    /// Whether the images are unlike the source's.
    pub unlike: bool,
    /// Gain of test accuracy in points, a mean over seeds.
    pub points: f64,
    /// Loss saved out of fold, as a share of the first arm's; `None` where it was not measured.
    pub loss: Option<f64>,
}

/// Fewest data sets from which an arm gets an entry.
const FEWEST_SETS: usize = 3;
/// Strength of the pull of a mean to 0, in data sets.
const MEAN_PULL: f64 = 2.0;

/// Fits the prior: for each arm the mean gain and its standard deviation over tasks, apart for images unlike the source's and
/// others where there are enough data sets of both. Means are pulled towards 0, and no deviation is below a quarter of the
/// usual one.
#[must_use]
pub fn prior(gains: &[Gain], before: &Prior, source: &str) -> Prior {
    let mut arms: BTreeMap<&str, Vec<&Gain>> = BTreeMap::new();
    gains.iter().for_each(|gain| arms.entry(&gain.arm).or_default().push(gain));
    let mut entries = Vec::new();
    for (arm, gains) in arms {
        let of = |unlike: Option<bool>| -> Option<Entry> {
            let chosen: Vec<&&Gain> =
                gains.iter().filter(|gain| unlike.is_none_or(|unlike| gain.unlike == unlike)).collect();
            let sets: BTreeSet<&str> = chosen.iter().map(|gain| gain.set.as_str()).collect();
            (sets.len() >= FEWEST_SETS).then(|| Entry {
                name: arm.to_owned(),
                per_class_up_to: None,
                unlike,
                expected: expected(&chosen, sets.len(), before.usual),
            })
        };
        entries.extend([Some(true), Some(false), None].into_iter().filter_map(of));
    }
    Prior { fitted: !entries.is_empty(), source: source.to_owned(), arms: entries, ..before.clone() }
}

fn expected(gains: &[&&Gain], sets: usize, usual: Expected) -> Expected {
    let points: Vec<f64> = gains.iter().map(|gain| gain.points).collect();
    let losses: Vec<f64> = gains.iter().filter_map(|gain| gain.loss).collect();
    let pull = sets as f64 / (sets as f64 + MEAN_PULL);
    let spread = |values: &[f64], usual: f64| standard_deviation(values).max(usual / 4.0);
    let (loss, loss_sd) = match losses.len() {
        0 | 1 => (usual.loss, usual.loss_sd),
        _ => (pull * mean(&losses), spread(&losses, usual.loss_sd)),
    };
    Expected { points: pull * mean(&points), points_sd: spread(&points, usual.points_sd), loss, loss_sd }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches that say too little: they are close far more often than they say.
    fn outcomes() -> Vec<Outcome> {
        let set = |number: usize| format!("set {}", number % 4);
        let outcome = |number: usize| {
            let computed = 0.1 + 0.8 * (number % 10) as f64 / 9.0;
            // Of ten searches that say p about ten times sqrt(p) are close.
            let close = (number / 10 % 10) as f64 / 10.0 < computed.sqrt();
            Outcome { set: set(number), computed, expected_loss: 2.0, regret: if close { 0.5 } else { 1.5 } }
        };
        (0..100).map(outcome).collect()
    }

    #[test]
    fn the_map_says_what_happens_and_is_checked_on_sets_that_it_has_not_seen() {
        let fitted = calibration(&outcomes(), 1.0, "a test");
        let map = &fitted.calibration;
        assert!(map.fitted && Calibration::parse(&toml::to_string(map).unwrap()).unwrap() == *map);
        for (computed, about) in [(0.2, 0.45), (0.5, 0.7), (0.8, 0.88)] {
            let said = map.happened(computed);
            assert!((said - about).abs() < 0.1, "{computed}: {said}");
        }
        assert_eq!(fitted.checked.len(), 4);
        for Checked { set, searches, said, happened } in &fitted.checked {
            assert_eq!(*searches, 25);
            assert!((said - happened).abs() < 0.15, "{set}: {said} {happened}");
        }
        let regret = 0.5 + outcomes().iter().filter(|outcome| outcome.regret > 1.0).count() as f64 / 100.0;
        assert!((map.expected_loss - regret / 2.0).abs() < 1e-12, "{}", map.expected_loss);
        // Without searches there is nothing but the identity.
        let none = calibration(&[], 1.0, "nothing").calibration;
        assert!(!none.fitted && (none.happened(0.3) - 0.3).abs() < 0.01);
    }

    #[test]
    fn gains_become_a_prior_and_few_data_sets_none() {
        let usual = Prior::shipped().unwrap();
        let gain = |set: &str, arm: &str, unlike, points| Gain {
            set: set.to_owned(),
            arm: arm.to_owned(),
            unlike,
            points,
            loss: Some(points / 100.0),
        };
        let gains = [
            gain("a", "all x 0.1", true, 6.0),
            gain("b", "all x 0.1", true, 8.0),
            gain("c", "all x 0.1", true, 7.0),
            gain("d", "all x 0.1", false, -3.0),
            gain("a", "head", true, 1.0),
            gain("b", "head", true, 1.0),
        ];
        let fitted = prior(&gains, &usual, "a test");
        let condition = |unlike| crate::Condition { per_class: 20.0, unlike };
        let unlike = fitted.of("all x 0.1", condition(true));
        assert!((unlike.points - 7.0 * 3.0 / 5.0).abs() < 1e-12 && unlike.points_sd == 1.0, "{unlike:?}");
        let alike = fitted.of("all x 0.1", condition(false));
        assert!((alike.points - 4.5 * 4.0 / 6.0).abs() < 1e-12, "all four: there are too few alike ones");
        assert_eq!(fitted.of("head", condition(true)), usual.usual, "two data sets are too few");
        assert!(fitted.fitted && Prior::parse(&toml::to_string(&fitted).unwrap()).unwrap() == fitted);
        assert!(!prior(&[], &usual, "nothing").fitted);
    }
}
