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
    /// Networks that race with one another, each at every depth: names such as `"resnet50"`, with their default weights, or
    /// `"resnet50:IMAGENET1K_V1"`, or a name, a colon and a file. `model.arch` keeps `model.weights`. Without it `model.arch` races
    /// alone. It is for `finetune search`, which `--archs` says too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub archs: Vec<String>,
    /// How many minutes it may take, in place of the budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<Positive>,
    /// Number of arms trained at the same time, each in a process of its own with `run.threads` threads; as many as the cores
    /// allow when 0. It changes the time, never a result.
    pub jobs: usize,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { budget: NotNegative::of(3.0), archs: Vec::new(), minutes: None, jobs: 0 }
    }
}
