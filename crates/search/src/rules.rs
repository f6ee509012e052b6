use serde::{Deserialize, Serialize};

/// What arms are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Cross-entropy of the held-out images after one temperature for each arm, as a share of the first arm's.
    Loss,
    /// Share of held-out images that are classified correctly, in points.
    Accuracy,
}

/// Thresholds of a race. The defaults were tried on nine development cells of three data sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Arms that lie within this many points of the best count as close to it.
    pub close: f64,
    /// An arm is dropped when it is close to the best with less than this probability.
    pub drop_below: f64,
    /// Folds that arms on cached features are measured on before any of them is dropped.
    pub folds_before_drop: usize,
    /// The race is over when the expected loss of the arm in front, in points, is below this.
    pub settled: f64,
    /// Images below which no deep arm is tried.
    pub fewest_for_deep: usize,
    /// Images from which on deep arms are tried in any case.
    pub enough_for_deep: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            close: 1.0,
            drop_below: 0.05,
            folds_before_drop: 2,
            settled: 0.3,
            fewest_for_deep: 40,
            enough_for_deep: 400,
        }
    }
}

/// How much a race may cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// Number of final runs that train everything.
    FinalRuns(f64),
    /// Wall-clock minutes, those of all processes together.
    Minutes(f64),
}
