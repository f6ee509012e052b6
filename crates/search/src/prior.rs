use serde::{Deserialize, Serialize};

use crate::rules::Measure;
use crate::{Error, Images};

/// What is expected of arms before a race. Gains are over the first arm of a race.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// Whether it was fitted on measurements.
    pub fitted: bool,
    /// What it comes from, in a sentence.
    pub source: String,
    /// What races are decided by.
    pub decide_by: Measure,
    /// Standard deviation that the seed of a training adds to the accuracy of one fold's model, in points.
    pub training_points: f64,
    /// The same for its loss, as a share of the first arm's.
    pub training_loss: f64,
    /// Arms without an entry.
    pub usual: Expected,
    /// Arms by name and condition; the first entry that fits counts.
    #[serde(default, rename = "arm", skip_serializing_if = "Vec::is_empty")]
    pub arms: Vec<Entry>,
}

/// Gain of an arm before anything is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Mean gain of accuracy, in points.
    pub points: f64,
    /// Standard deviation of it from task to task.
    pub points_sd: f64,
    /// Mean loss saved, as a share of the first arm's.
    pub loss: f64,
    /// Standard deviation of it from task to task.
    pub loss_sd: f64,
}

/// What is expected of one arm under a condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Name of the arm, [`Arm::name`](crate::Arm::name).
    pub name: String,
    /// Only up to this number of training images for each class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_class_up_to: Option<f64>,
    /// Only where the images are unlike the source's, or only where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlike: Option<bool>,
    /// What is expected.
    #[serde(flatten)]
    pub expected: Expected,
}

/// What a prior depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Training images of each class, on average.
    pub per_class: f64,
    /// Whether an earlier stage tells the classes apart better than the last one, by more than one standard error.
    pub unlike: bool,
}

impl Prior {
    /// Returns the prior that is part of the program.
    ///
    /// # Errors
    /// [`Error::DataFile`].
    pub fn shipped() -> Result<Self, Error> {
        Self::parse(include_str!("../prior.toml"))
    }

    /// Reads a prior from TOML.
    ///
    /// # Errors
    /// [`Error::DataFile`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        toml::from_str(text)
            .map_err(|error| Error::DataFile { file: "prior.toml", message: error.to_string() })
    }

    /// Returns what is expected of an arm.
    #[must_use]
    pub fn of(&self, name: &str, condition: Condition) -> Expected {
        let name = way_of(name);
        let fits = |entry: &&Entry| {
            entry.name == name
                && entry.per_class_up_to.is_none_or(|most| condition.per_class <= most)
                && entry.unlike.is_none_or(|unlike| unlike == condition.unlike)
        };
        self.arms.iter().find(fits).map_or(self.usual, |entry| entry.expected)
    }
}

/// The name of an arm without that of its network, where several race: `resnet50: last:2 x 0.1`.
fn way_of(name: &str) -> &str {
    name.split_once(": ").map_or(name, |(_, way)| way)
}

impl Condition {
    /// Returns the condition of a race on these images.
    #[must_use]
    pub fn of(images: &Images, unlike: bool) -> Self {
        Self { per_class: images.per_class(), unlike }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_prior_reads_and_the_first_entry_that_fits_counts() {
        let mut prior = Prior::shipped().unwrap();
        let entry = |most, unlike, points| Entry {
            name: "last:2 x 0.1".to_owned(),
            per_class_up_to: most,
            unlike,
            expected: Expected { points, ..prior.usual },
        };
        let entries = vec![entry(Some(10.0), None, 1.0), entry(None, Some(true), 2.0)];
        prior.arms = entries;
        let of = |name, per_class, unlike| prior.of(name, Condition { per_class, unlike }).points;
        assert_eq!(of("last:2 x 0.1", 5.0, true), 1.0);
        assert_eq!(of("last:2 x 0.1", 50.0, true), 2.0);
        assert_eq!(of("resnet50: last:2 x 0.1", 50.0, true), 2.0);
        assert_eq!(of("last:2 x 0.1", 50.0, false), prior.usual.points);
        assert_eq!(of("head", 5.0, true), prior.usual.points);
        let written = toml::to_string(&prior).unwrap();
        assert_eq!(Prior::parse(&written).unwrap(), prior);
        assert!(Prior::parse("fitted = 3").unwrap_err().to_string().contains("prior.toml"));
    }
}
