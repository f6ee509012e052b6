//! What a configuration leaves open, decided once, before training, from what is known then.

use std::num::NonZeroU32;

use records::DecisionRecord;
use run_config::{BatchNormPolicy, KeepPolicy, TrainConfig};

use crate::freeze::Norms;
use crate::phase::{enough_epochs, steps_per_epoch};

/// Largest learning rate of a stage before the head, as a multiple of the head's, at which the source's batch-norm statistics
/// are kept. At the full rate they diverged on images unlike the source.
pub const GENTLE_RATE: f64 = 0.3;
/// From this number of training images on, batch-norm normalises by the batch.
pub const MANY_IMAGES: usize = 5_000;
/// From this number of images in a batch on, its statistics are of use.
pub const LARGE_BATCH: usize = 16;

/// Below this number of training images a run without a length of its own fine-tunes for [`FEW_IMAGES_STEPS`] (BiT-HyperRule,
/// Kolesnikov et al., "Big Transfer", 2020).
pub const FEW_IMAGES: usize = 20_000;
/// Number of optimizer steps.
pub const FEW_IMAGES_STEPS: u64 = 500;
/// Largest number of times that such a run is validated: an epoch over few images is a step or two.
const VALIDATIONS: u32 = 50;

const EPOCHS: &str = "train.epochs";

/// What decides about batch-norm.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Whether the network begins with the weights of a source.
    pub from_source: bool,
    /// Batch-norm in stages that are trained; `None` where there is none.
    pub norms: Option<Norms>,
    /// Number of training images, after some of each class were chosen and others excluded.
    pub images: usize,
    /// Number of images in a batch.
    pub batch_size: usize,
}

/// Decides what batch-norm uses in live stages, see [`BatchNormPolicy::Auto`]. Where no stage that is trained has batch-norm
/// nothing is decided, and the record is `None`: the configuration of such a run leaves it open to a run that trains more.
#[must_use]
pub fn batch_norm(known: Circumstances) -> (BatchNormPolicy, Option<DecisionRecord>) {
    let Circumstances { from_source, norms, images, batch_size } = known;
    let Some(Norms { largest_rate: rate }) = norms else { return (BatchNormPolicy::Auto, None) };
    let kept = |few: String| {
        let because = format!(
            "the source's statistics are kept, for no stage before the head is trained at more than {rate} of its learning rate, and {few}"
        );
        (BatchNormPolicy::Frozen, because)
    };
    let (policy, because) = if !from_source {
        (BatchNormPolicy::Train, "random weights have no statistics to keep".to_owned())
    } else if rate > GENTLE_RATE {
        let because = format!(
            "a stage before the head is trained at {rate} of its learning rate, and above {GENTLE_RATE} training with the source's statistics may diverge"
        );
        (BatchNormPolicy::Train, because)
    } else if images < MANY_IMAGES {
        kept(format!("{images} training images are fewer than {MANY_IMAGES}"))
    } else if batch_size < LARGE_BATCH {
        kept(format!("a batch of {batch_size} is smaller than {LARGE_BATCH}"))
    } else {
        let because = format!(
            "{images} training images are at least {MANY_IMAGES}, and a batch of {batch_size} is at least {LARGE_BATCH}"
        );
        (BatchNormPolicy::Train, because)
    };
    let value = if policy == BatchNormPolicy::Frozen { "\"frozen\"" } else { "\"train\"" };
    let key = "finetune.batch_norm".to_owned();
    (policy, Some(DecisionRecord { key, value: value.to_owned(), because }))
}

/// Returns the number of epochs of the main training over this number of images, before `train.min_steps` adds to them. The
/// record is `None` where the configuration says how long.
#[must_use]
pub fn epochs(train: &TrainConfig, images: usize) -> (NonZeroU32, Option<DecisionRecord>) {
    let usual = train.epochs();
    if train.epochs.is_some() || train.min_steps.is_some() {
        return (usual, None);
    }
    let per_epoch = steps_per_epoch(train, images);
    let (epochs, because) = if images < FEW_IMAGES {
        let long = TrainConfig { min_steps: Some(FEW_IMAGES_STEPS), ..train.clone() };
        let epochs = NonZeroU32::new(enough_epochs(usual.get(), &long, images)).unwrap_or(usual);
        let because = format!(
            "neither train.epochs nor train.min_steps is given, and below {FEW_IMAGES} training images a training takes at least {FEW_IMAGES_STEPS} optimizer steps, here {per_epoch} an epoch"
        );
        (epochs, because)
    } else {
        (usual, "the default; neither train.epochs nor train.min_steps is given".to_owned())
    };
    let key = EPOCHS.to_owned();
    (epochs, Some(DecisionRecord { key, value: epochs.to_string(), because }))
}

/// Returns after how many epochs the validation images are predicted: each where the configuration gives the length, else so
/// many that it happens 50 times at most.
#[must_use]
pub fn validate_every(train: &TrainConfig, epochs: NonZeroU32) -> NonZeroU32 {
    let given = train.epochs.is_some() || train.min_steps.is_some();
    let usual = if given { 1 } else { epochs.get().div_ceil(VALIDATIONS) };
    train.validate_every.or(NonZeroU32::new(usual)).unwrap_or(NonZeroU32::MIN)
}

/// Returns what decided about the number of epochs of a training step: whether `train.min_steps` raised it, and whether the step
/// only prepares fine-tuning.
#[must_use]
pub fn epochs_by(raised: bool, prepares: bool, decisions: &[DecisionRecord]) -> &'static str {
    let decided = decisions.iter().find(|decision| decision.key == EPOCHS);
    match decided {
        _ if raised => "train.min_steps",
        _ if prepares => "finetune.head_epochs",
        None => EPOCHS,
        Some(decided) if decided.value == TrainConfig::default().epochs().to_string() => "default",
        Some(_) => "the rule of 500 steps",
    }
}

/// Decides which weights become the model where the configuration leaves it open. The images of a fold are what the run is
/// judged by, so that none of its epochs is chosen on them.
#[must_use]
pub fn keep(train: &TrainConfig, validation_images: usize, is_fold: bool) -> KeepPolicy {
    let usual = if validation_images > 0 && !is_fold { KeepPolicy::Best } else { KeepPolicy::Last };
    train.keep.unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each condition is met at its bound and missed by one, the others being met.
    #[test]
    fn statistics_are_kept_where_all_conditions_hold() {
        use BatchNormPolicy::{Frozen, Train};
        let cases = [
            // from a source, largest rate, images, batch
            (true, 0.3, 4_999, 32, Frozen),
            (true, 0.300_1, 4_999, 32, Train),
            (true, 0.3, 5_000, 32, Train),
            (true, 0.3, 5_000, 16, Train),
            (true, 0.3, 5_000, 15, Frozen),
            (true, 1.0, 10, 1, Train),
            (false, 0.1, 10, 1, Train),
        ];
        for (from_source, largest_rate, images, batch_size, expected) in cases {
            let norms = Some(Norms { largest_rate });
            let known = Circumstances { from_source, norms, images, batch_size };
            let (policy, record) = batch_norm(known);
            assert_eq!(policy, expected, "{known:?}");
            let record = record.unwrap();
            let word = if expected == Frozen { "\"frozen\"" } else { "\"train\"" };
            assert_eq!((&*record.key, &*record.value), ("finetune.batch_norm", word));
            let (policy, record) = batch_norm(Circumstances { norms: None, ..known });
            assert_eq!((policy, record), (BatchNormPolicy::Auto, None));
        }
    }

    #[test]
    fn a_small_set_gets_500_steps_unless_a_length_is_given() {
        let with = |epochs: Option<u32>, min_steps| TrainConfig {
            epochs: epochs.and_then(NonZeroU32::new),
            min_steps,
            ..TrainConfig::default()
        };
        let open = with(None, None);
        let cases = [
            // 240 images in batches of 32 are 8 steps an epoch.
            (&open, 240, 63, true),
            (&open, 19_999, 5, true),
            // 3,200 are 100: five epochs are enough, and one image less is not.
            (&open, 3_200, 5, true),
            (&open, 3_168, 6, true),
            (&with(Some(7), None), 240, 7, false),
            (&with(None, Some(60)), 240, 5, false),
        ];
        for (train, images, expected, decided) in cases {
            let (epochs, record) = epochs(train, images);
            assert_eq!((epochs.get(), record.is_some()), (expected, decided), "{images}");
            assert!(record.is_none_or(|record| record.value == expected.to_string()));
        }
        // Of 20,000 images on the length is the usual one, whatever the batch.
        let large = TrainConfig { batch_size: std::num::NonZeroUsize::new(4_000).unwrap(), ..open };
        assert_eq!(epochs(&large, 20_000).0.get(), 5);
        assert_eq!(epochs(&large, 19_999).0.get(), 100);
    }

    #[test]
    fn a_length_of_the_rule_is_validated_fifty_times_at_most() {
        let open = TrainConfig::default();
        let number = |number: u32| NonZeroU32::new(number);
        let every = |train: &TrainConfig, epochs| validate_every(train, number(epochs).unwrap()).get();
        assert_eq!([5, 50, 51, 500].map(|epochs| every(&open, epochs)), [1, 1, 2, 10]);
        assert_eq!(every(&TrainConfig { epochs: number(500), ..open.clone() }, 500), 1);
        assert_eq!(every(&TrainConfig { min_steps: Some(9), ..open.clone() }, 500), 1);
        assert_eq!(every(&TrainConfig { validate_every: number(3), ..open }, 500), 3);
    }

    #[test]
    fn the_best_epoch_is_kept_where_there_are_images_to_choose_it_on() {
        use KeepPolicy::{Best, Last};
        let with = |keep| TrainConfig { keep, ..TrainConfig::default() };
        for (given, images, is_fold, expected) in [
            (None, 1, false, Best),
            (None, 0, false, Last),
            (None, 9, true, Last),
            (Some(Best), 9, true, Best),
            (Some(Last), 9, false, Last),
        ] {
            assert_eq!(keep(&with(given), images, is_fold), expected, "{given:?} {images} {is_fold}");
        }
    }
}
