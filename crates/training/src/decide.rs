//! What a configuration leaves open, decided once, before training, from what is known then.

use records::DecisionRecord;
use run_config::BatchNormPolicy;

use crate::freeze::Norms;

/// Largest learning rate of a stage before the head, as a multiple of the head's, at which the source's batch-norm statistics
/// are kept. At the full rate they diverged on images unlike the source.
pub const GENTLE_RATE: f64 = 0.3;
/// From this number of training images on, batch-norm normalises by the batch.
pub const MANY_IMAGES: usize = 5_000;
/// From this number of images in a batch on, its statistics are of use.
pub const LARGE_BATCH: usize = 16;

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

/// Decides what batch-norm uses in live stages, see [`BatchNormPolicy::Auto`]. The record is `None` where no stage that is
/// trained has batch-norm.
#[must_use]
pub fn batch_norm(known: Circumstances) -> (BatchNormPolicy, Option<DecisionRecord>) {
    let Circumstances { from_source, norms, images, batch_size } = known;
    let Some(Norms { largest_rate: rate }) = norms else { return (BatchNormPolicy::Train, None) };
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
            assert_eq!((policy, record), (Train, None));
        }
    }
}
