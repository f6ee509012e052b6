//! A network that ends early, or whose head reads several stages.

use super::Contradiction;
use crate::config::{Config, HeadPolicy};

/// Refuses what reads the end of the whole network.
pub(super) fn check(config: &Config) -> Option<Contradiction> {
    let finetune = &config.finetune;
    let key = match (&finetune.cut, finetune.taps.as_slice()) {
        (Some(_), _) => "finetune.cut",
        (None, [_, ..]) => "finetune.taps",
        (None, []) => return None,
    };
    if finetune.head == HeadPolicy::Keep {
        let message = "puts a new head on other features, and finetune.head = \"keep\" keeps the source's, which reads the end of its network; remove one of them";
        return Some((key, message.to_owned()));
    }
    config.regularize.co_tuning.is_some().then(|| {
        let message =
            format!("trains the source's head too, which reads the end of the whole network, and {key} ends it otherwise; remove one of them");
        ("regularize.co_tuning", message)
    })
}
