//! A head that is computed, and not trained.

use records::Depth;

use super::{Contradiction, mixing_key};
use crate::config::{AugmentConfig, Config, HeadPolicy, HeadSolver};

/// Refuses features that vary, and what a solver cannot do.
pub(super) fn check(config: &Config, depth: &Depth) -> Option<Contradiction> {
    let solver = match config.finetune.head_solver {
        HeadSolver::Sgd => return None,
        HeadSolver::Ridge => "ridge",
        HeadSolver::Logistic => "logistic",
    };
    let refuse = |message: &str| Some(("finetune.head_solver", message.to_owned()));
    if *depth == Depth::Scratch {
        return refuse(
            "the depth is \"scratch\": random weights have no features to fit a head to; use \"sgd\", or start from weights",
        );
    }
    if config.finetune.head == HeadPolicy::Keep {
        return refuse(
            "computes a new head, and finetune.head = \"keep\" keeps the source's; remove one of them",
        );
    }
    if let Some(key) = augmenting_key(&config.augment).or_else(|| mixing_key(config)) {
        let message = format!(
            "varies the images, and finetune.head_solver = \"{solver}\" needs features that stay the same; remove it, or use \"sgd\""
        );
        return Some((key, message));
    }
    None
}

/// The key of a change of the training images, if there is one.
fn augmenting_key(augment: &AugmentConfig) -> Option<&'static str> {
    let changes = [
        ("augment.resized_crop", augment.resized_crop.is_some()),
        ("augment.horizontal_flip", augment.horizontal_flip.get() > 0.0),
        ("augment.vertical_flip", augment.vertical_flip.get() > 0.0),
        ("augment.quarter_turns", augment.quarter_turns),
        ("augment.rotation", augment.rotation.get() > 0.0),
        ("augment.policy", augment.policy.is_some()),
        ("augment.color_jitter", augment.color_jitter.is_some()),
        ("augment.gray", augment.gray.get() > 0.0),
        ("augment.blur", augment.blur.is_some()),
        ("augment.erasing", augment.erasing.is_some()),
    ];
    let (key, _) = changes.into_iter().find(|&(_, set)| set)?;
    augment.changes(0).varies().then_some(key)
}
