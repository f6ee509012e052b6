use serde::{Deserialize, Serialize};

use crate::Error;

/// From computed probabilities of being close to the best to how often that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Whether it was fitted on measurements; until then it is the identity, and what it gives is uncalibrated.
    pub fitted: bool,
    /// What it comes from, in a sentence.
    pub source: String,
    /// Factor of the expected loss in points.
    pub expected_loss: f64,
    /// Points of the map, rising in both values.
    pub knots: Vec<Knot>,
}

/// A point of the map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knot {
    /// Computed probability, in `0..=1`.
    pub computed: f64,
    /// Share of races in which it happened, in `0..=1`.
    pub happened: f64,
}

impl Calibration {
    /// Returns the map that is part of the program.
    ///
    /// # Errors
    /// [`Error::DataFile`].
    pub fn shipped() -> Result<Self, Error> {
        Self::parse(include_str!("../calibration.toml"))
    }

    /// Reads a map from TOML.
    ///
    /// # Errors
    /// [`Error::DataFile`], also where the map falls.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |message| Error::DataFile { file: "calibration.toml", message };
        let read: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let falls =
            |pair: &[Knot]| pair[1].computed <= pair[0].computed || pair[1].happened < pair[0].happened;
        if read.knots.is_empty() || read.knots.windows(2).any(falls) {
            return Err(wrong("knots must be one or more, and rise".to_owned()));
        }
        Ok(read)
    }

    /// Returns the share of races in which it happened, for a computed probability in `0..=1`.
    #[must_use]
    pub fn happened(&self, computed: f64) -> f64 {
        let after = self.knots.iter().position(|knot| knot.computed >= computed);
        match after {
            None => self.knots.last().map_or(computed, |knot| knot.happened),
            Some(0) => self.knots[0].happened,
            Some(after) => {
                let (from, to) = (self.knots[after - 1], self.knots[after]);
                let along = (computed - from.computed) / (to.computed - from.computed);
                from.happened + along * (to.happened - from.happened)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_goes_through_its_knots_and_stays_flat_outside() {
        let shipped = Calibration::shipped().unwrap();
        assert!(shipped.fitted || shipped.happened(0.37) == 0.37);
        let knots = [[0.2, 0.4], [0.5, 0.8], [0.9, 0.9]];
        let knots = knots.map(|[computed, happened]| Knot { computed, happened }).to_vec();
        let map = Calibration { knots, ..shipped };
        let mapped = [0.1, 0.2, 0.35, 0.7, 1.0].map(|computed| map.happened(computed));
        for (mapped, expected) in mapped.into_iter().zip([0.4, 0.4, 0.6, 0.85, 0.9]) {
            assert!((mapped - expected).abs() < 1e-12, "{mapped} {expected}");
        }
        let falling = toml::to_string(&map).unwrap().replace("0.4", "0.95");
        assert!(Calibration::parse(&falling).unwrap_err().to_string().contains("rise"));
    }
}
