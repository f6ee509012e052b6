//! What becomes of each key of a configuration when a run is resumed. A new key has to be put into one of these lists.

/// Keys that decide what is trained: a run with another value is another run.
pub const DECIDES: &[&str] = &[
    "data.classes",
    "data.merge",
    "data.group",
    "data.validation_fraction",
    "data.images_per_class",
    "data.folds",
    "data.fold",
    "data.reduced_decoding",
    "data.input",
    "data.groups",
    "model.arch",
    "finetune.depth",
    "finetune.head",
    "finetune.cut",
    "finetune.taps",
    "finetune.head_solver",
    "finetune.head_epochs",
    "finetune.rate_scale",
    "finetune.rate_decay",
    "finetune.rate_floor",
    "finetune.rates",
    "finetune.batch_norm",
    "finetune.wise_ft",
    "finetune.lora",
    "finetune.thaw",
    "train.epochs",
    "train.min_steps",
    "train.keep",
    "train.validate_every",
    "train.metric",
    "train.batch_size",
    "train.accumulate",
    "train.learning_rate",
    "train.optimizer",
    "train.schedule",
    "train.warmup_epochs",
    "train.clip_norm",
    "train.clip_value",
    "train.ema",
    "train.swa_from",
    "train.class_weights",
    "train.sampler",
    "augment.views",
    "augment.horizontal_flip",
    "augment.vertical_flip",
    "augment.quarter_turns",
    "augment.rotation",
    "augment.gray",
    "augment.sampling",
    "augment.policy",
    "augment.resized_crop",
    "augment.color_jitter",
    "augment.blur",
    "augment.erasing",
    "regularize.weight_decay",
    "regularize.decay",
    "regularize.l1",
    "regularize.max_norm",
    "regularize.label_smoothing",
    "regularize.mixup",
    "regularize.cutmix",
    "regularize.dropout",
    "regularize.stochastic_depth",
    "regularize.early_stopping",
    "regularize.l2_sp",
    "regularize.delta",
    "regularize.spectral_shrinkage",
    "regularize.co_tuning",
    "run.seed",
    "run.precision",
    "search.archs",
    "search.budget",
    "search.minutes",
    "compare.images_per_class",
    "compare.methods",
    "compare.seeds",
    "compare.judge_on",
    "compare.judge_by",
    "compare.keep_models",
    "compare.setting",
    "compare.variant",
];

/// Keys that change the last bits of a result, and nothing else.
pub const BITS: &[&str] =
    &["run.device", "run.deterministic", "run.flush_denormals", "run.threads", "run.split", "run.backend"];

/// Keys that may change. Of paths the content decides: images and weights are known by their digests.
pub const FREE: &[&str] = &[
    "data.root",
    "data.list",
    "data.exclude",
    "data.max_unreadable",
    "data.memory_mib",
    "model.weights",
    "run.name",
    "run.workers",
    "run.features_mib",
    "run.cache",
    "run.cache_mib",
    "run.checkpoints",
    "run.save_seconds",
    "run.peer_timeout",
    "compare.jobs",
    "search.jobs",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_configuration_is_in_exactly_one_list() {
        let schema = run_config::schema();
        let tables = schema["properties"].as_object().unwrap();
        let keys: Vec<String> = tables
            .iter()
            .flat_map(|(table, about)| {
                let fields = about["properties"].as_object().unwrap();
                fields.keys().map(move |field| format!("{table}.{field}"))
            })
            .collect();
        assert!(keys.len() > 80, "{keys:?}");
        let lists = [DECIDES, BITS, FREE];
        for key in &keys {
            let times = lists.iter().flat_map(|list| list.iter()).filter(|listed| *listed == key).count();
            assert_eq!(times, 1, "{key}");
        }
        for listed in lists.into_iter().flatten() {
            assert!(keys.iter().any(|key| key == listed), "{listed} is no key");
        }
    }
}
