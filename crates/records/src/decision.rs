use std::fmt;

use serde::{Deserialize, Serialize};

/// Value that a run chose, before training, for a key that its configuration leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Key of the configuration, `finetune.batch_norm`.
    pub key: String,
    /// Value as the configuration writes it, `"frozen"`.
    pub value: String,
    /// Why, in a clause.
    pub because: String,
}

impl fmt::Display for DecisionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}", self.key, self.value, self.because)
    }
}
