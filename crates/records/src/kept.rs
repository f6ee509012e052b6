use serde::{Deserialize, Serialize};

/// The weights of a run that became its model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRecord {
    /// `train-head` or `fine-tune`.
    pub phase: String,
    /// Epoch within the phase, from 1, after which they were the model; 0 for the weights before the first.
    pub epoch: u32,
    /// Metric that they were chosen by, `loss`; `None` where they are the last.
    pub metric: Option<String>,
    /// Its value; `None` where they are the last.
    pub value: Option<f64>,
    /// Split on whose images they were chosen, `validation`; `None` where they are the last.
    pub chosen_on: Option<String>,
    /// Why these, in a clause.
    pub because: String,
}

impl KeptRecord {
    /// Returns the record of a model that has the weights of the last epoch, of this phase.
    #[must_use]
    pub fn last(phase: &str, epoch: u32) -> Self {
        let because = "the last: none was chosen on validation images".to_owned();
        Self { phase: phase.to_owned(), epoch, metric: None, value: None, chosen_on: None, because }
    }

    /// Returns the place in words: `epoch 2 of train-head`.
    #[must_use]
    pub fn place(&self) -> String {
        match self.epoch {
            0 => format!("the weights that {} began with", self.phase),
            epoch => format!("epoch {epoch} of {}", self.phase),
        }
    }
}
