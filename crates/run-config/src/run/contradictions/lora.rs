//! Low-rank updates in place of weights.

use records::Depth;

use super::Contradiction;
use crate::config::Config;

/// Refuses what acts on weights of the source that stay as they are.
pub(super) fn check(config: &Config, depth: &Depth) -> Option<Contradiction> {
    // Without stages that are trained they have no effect, which is said elsewhere.
    if config.finetune.lora.is_none() || matches!(depth, Depth::Head | Depth::Scratch) {
        return None;
    }
    let regularize = &config.regularize;
    let to_zero = "regularize.weight_decay pulls the updates to zero, and with them the sum to the source";
    let keys = [
        (
            "finetune.wise_ft",
            config.finetune.wise_ft.is_some(),
            "mixes weights that were trained with those that they began as, and a mixture of the factors of an update is no mixture of weights",
        ),
        ("regularize.l1", regularize.l1.get() > 0.0, to_zero),
        ("regularize.l2_sp", regularize.l2_sp.is_some(), to_zero),
        ("regularize.delta", regularize.delta.is_some(), to_zero),
        (
            "regularize.max_norm",
            regularize.max_norm.is_some(),
            "bounds the weights of each unit, and not the factors of their updates",
        ),
    ];
    let (key, _, because) = keys.into_iter().find(|(_, given, _)| *given)?;
    let message = format!("does not go with finetune.lora: {because}; remove one of them");
    Some((key, message))
}
