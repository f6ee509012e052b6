use ranged::{NotNegative, Positive};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[search]`: the race that `finetune.depth = "search"` and `finetune search` hold. [Search](search.md) shows it at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// How much the race may cost, in final runs that train the whole network; linear classifiers on cached features are
    /// free.
    pub budget: NotNegative,
    /// How many minutes it may take, in place of the budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<Positive>,
    /// Number of arms trained at the same time, each in a process of its own with `run.threads` threads; as many as the cores
    /// allow when 0. It changes the time, never a result.
    pub jobs: usize,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { budget: NotNegative::of(3.0), minutes: None, jobs: 0 }
    }
}
