use backbone::LowRank;
use ranged::{Limits, Positive};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

ranged::ranged! {
    /// Rank of an update.
    Rank(u32, "integer"): Limits::between(1.0, 256.0), "be 1 to 256";
}

/// `[finetune.lora]`: low-rank updates of attention (Hu et al. 2021).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a table such as { rank = 8 }")]
pub struct LoraConfig {
    /// Rank of the update of each projection: queries, keys, values, and what attention gives out.
    pub rank: Rank,
    /// An update counts `alpha / rank` times. When absent it is the rank, so that it counts once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<Positive>,
}

impl LoraConfig {
    /// Returns the updates that it asks for.
    #[must_use]
    pub fn low_rank(self) -> LowRank {
        let rank = self.rank.get();
        LowRank { rank: rank.into(), alpha: self.alpha.map_or(rank.into(), Positive::get) }
    }
}

impl Default for LoraConfig {
    fn default() -> Self {
        Self { rank: Rank::of(8), alpha: None }
    }
}
