//! What a finished cell leaves behind: one line of JSON.

use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use records::{ArmRecord, SearchRecord};
use serde::{Deserialize, Serialize};

/// A finished cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Name of the data set.
    pub(super) set: String,
    /// Training images of each class that were asked for.
    pub(super) images: usize,
    pub(super) seed: u64,
    pub(super) setting: String,
    /// Accuracy on the test images, in `0..=1`.
    pub(super) accuracy: f64,
    /// Mean cross-entropy on them, in nats.
    pub(super) loss: Option<f64>,
    /// Number of test images.
    pub(super) tested: usize,
    /// A bit for each test image, class by class, set where the prediction was correct; packed from the highest bit, in base64.
    pub(super) correct: String,
    /// Number of training images.
    pub(super) trained: usize,
    /// Seconds of processor time, data loading and the test included.
    pub(super) seconds: f64,
    /// Seconds of wall clock; other programs may have run.
    pub(super) wall: f64,
    /// Program and version, or those of the peer.
    pub(super) program: String,
    /// The day, as `2026-01-31`.
    pub(super) day: String,
    /// First digits of the data set's digest.
    pub(super) data: String,
    /// Setting of the grid that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) chosen: Option<String>,
    /// What the search said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) search: Option<Claim>,
}

/// What the search says of its choice: a part of `search` in `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) chosen: String,
    /// Changes of the configuration that make it the run of the chosen arm.
    #[serde(default)]
    pub(super) set: Vec<String>,
    /// Probability that the choice is within so many points of the best, as computed and as calibrated.
    pub(super) computed: Option<f64>,
    pub(super) close: Option<f64>,
    pub(super) within: Option<f64>,
    #[serde(default)]
    pub(super) calibrated: bool,
    /// Whether an earlier stage told the classes apart better than the last one.
    #[serde(default)]
    pub(super) unlike: bool,
    /// Expected difference to the best, in points.
    pub(super) expected_loss: Option<f64>,
    pub(super) tried: Option<u64>,
    pub(super) alike: Option<u64>,
    /// What was spent, in final runs as planned.
    pub(super) spent: Option<f64>,
    /// Arms that were measured, with their figures on images held out by folds.
    #[serde(default)]
    pub(super) arms: Vec<Arm>,
}

/// An arm of the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Arm {
    pub(super) name: String,
    #[serde(default)]
    pub(super) state: String,
    pub(super) accuracy: Option<f64>,
    pub(super) loss: Option<f64>,
    #[serde(default)]
    pub(super) close: Option<f64>,
}

impl Claim {
    /// The part of a search's record that is kept; arms that were not tried are left out.
    pub(super) fn of(search: SearchRecord) -> Self {
        let number = |value: f64| value.is_finite().then_some(value);
        let arms = search.arms.into_iter().filter(|arm| arm.accuracy.is_some());
        let arm = |arm: ArmRecord| Arm {
            name: arm.name,
            state: arm.state,
            accuracy: arm.accuracy,
            loss: arm.loss,
            close: arm.close,
        };
        Self {
            chosen: search.chosen,
            set: search.set,
            computed: number(search.computed),
            close: number(search.close),
            within: number(search.within),
            calibrated: search.calibrated,
            unlike: search.unlike,
            expected_loss: number(search.expected_loss),
            tried: Some(search.tried),
            alike: Some(search.alike),
            spent: number(search.spent),
            arms: arms.map(arm).collect(),
        }
    }
}

impl Record {
    /// Whether each test image was classified correctly.
    ///
    /// # Errors
    /// The text is not base64, or holds another number of images.
    pub(super) fn answers(&self) -> Result<Vec<bool>> {
        let bytes = STANDARD.decode(&self.correct)?;
        ensure!(
            bytes.len() == self.tested.div_ceil(8),
            "{} bytes of bits where {} images were tested",
            bytes.len(),
            self.tested
        );
        Ok((0..self.tested).map(|place| bytes[place / 8] >> (7 - place % 8) & 1 == 1).collect())
    }
}

/// Bits, packed from the highest of a byte, in base64.
pub(super) fn packed(answers: impl IntoIterator<Item = bool>) -> String {
    let answers: Vec<bool> = answers.into_iter().collect();
    let byte = |bits: &[bool]| {
        bits.iter().enumerate().fold(0_u8, |byte, (place, &bit)| byte | u8::from(bit) << (7 - place))
    };
    STANDARD.encode(answers.chunks(8).map(byte).collect::<Vec<u8>>())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A record with these answers.
    pub(in crate::search) fn record(set: &str, setting: &str, seed: u64, answers: &[bool]) -> Record {
        let correct = answers.iter().filter(|&&answer| answer).count();
        Record {
            set: set.into(),
            images: 20,
            seed,
            setting: setting.into(),
            accuracy: correct as f64 / answers.len() as f64,
            loss: Some(0.5),
            tested: answers.len(),
            correct: packed(answers.iter().copied()),
            trained: 40,
            seconds: 1.0,
            wall: 1.0,
            program: "finetune 0.2.0".into(),
            day: "2026-01-31".into(),
            data: "abc".into(),
            chosen: None,
            search: None,
        }
    }

    #[test]
    fn answers_come_back_whatever_their_number() {
        for count in [0, 1, 7, 8, 9, 153] {
            let answers: Vec<bool> = (0..count).map(|place| place % 3 == 0).collect();
            assert_eq!(record("a", "b", 0, &answers).answers().unwrap(), answers);
        }
        let mut torn = record("a", "b", 0, &[true; 9]);
        torn.tested = 20;
        assert!(torn.answers().is_err());
    }
}
