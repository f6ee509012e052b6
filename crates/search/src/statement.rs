use records::wording::count;

use crate::calibration::Calibration;
use crate::posterior::Posterior;
use crate::rules::Measure;
use crate::{Decision, Race};

/// An arm better than the chosen one with less than this probability can be told apart from it.
const APART: f64 = 0.05;

/// How sure a decision is.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Number of arms that were measured.
    pub tried: usize,
    /// Probability that the chosen arm lies within [`Rules::close`](crate::Rules::close) points of the best of them, as
    /// computed from the images.
    pub computed: f64,
    /// The same through the calibration map.
    pub close: f64,
    /// Whether that map was fitted on measurements.
    pub calibrated: bool,
    /// Expected difference to the best of them, in points.
    pub expected_loss: f64,
    /// Number of arms, the chosen one among them, that cannot be told apart from it.
    pub alike: usize,
    /// Gains over the first arm, in points.
    pub gains: Posterior,
}

impl Statement {
    /// Returns what can be said of a decision of a race.
    #[must_use]
    pub fn of(race: &Race, decision: &Decision, calibration: &Calibration) -> Self {
        let gains = Posterior::of(&race.field(), Measure::Accuracy);
        let all: Vec<usize> = (0..gains.arms.len()).collect();
        let chosen = gains.place(decision.chosen).unwrap_or(0);
        let computed = gains.close_to_best(&all, race.rules().close).get(chosen).copied().unwrap_or(0.0);
        let alike = all.iter().filter(|&&place| place == chosen || gains.better(place, chosen) >= APART);
        Self {
            tried: all.len(),
            computed,
            close: calibration.happened(computed),
            calibrated: calibration.fitted,
            expected_loss: calibration.expected_loss * gains.expected_loss(&all, chosen),
            alike: alike.count(),
            gains,
        }
    }

    /// Returns it as a sentence: `last:2 x 0.1 is within 1 point of the best of 23 tried with 80%, ...`.
    #[must_use]
    pub fn sentence(&self, name: &str, close: f64) -> String {
        let Self { tried, alike, expected_loss, .. } = *self;
        if tried < 2 {
            return format!("{name} is all that was tried");
        }
        let calibrated = if self.calibrated { "" } else { " (uncalibrated)" };
        let apart = match alike {
            1 => format!("all of the {tried} can be told apart from it"),
            all if all == tried => format!("none of the {tried} can be told apart"),
            some => format!("{some} of the {tried} cannot be told apart"),
        };
        let points = if close == 1.0 { "1 point".to_owned() } else { format!("{close} points") };
        format!(
            "{name} is within {points} of the best of {} tried with {:.0}%{calibrated}; the expected loss is {expected_loss:.1} points, and {apart}",
            count(tried as u64),
            100.0 * self.close
        )
    }
}
