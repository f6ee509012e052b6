use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `train.keep`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepPolicy {
    /// Those that did best by `train.metric` on the validation images, of all epochs of the run: those of `train-head` and
    /// the weights that fine-tuning begins with are among them. Where weights are averaged, it is the average that is judged.
    Best,
    /// Those at the end of training.
    Last,
}

/// `train.metric`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean cross-entropy: the lowest is the best.
    Loss,
    /// Share of correct predictions.
    Accuracy,
    /// Mean recall of the classes.
    BalancedAccuracy,
    /// Mean F1 score of the classes.
    F1,
}

impl Metric {
    /// Returns the name as a configuration writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::F1 => "f1",
        }
    }
}
