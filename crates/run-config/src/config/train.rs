use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};

use ranged::{NotNegative, Positive, ProperFraction};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::keep::{KeepPolicy, Metric};
use super::optimizer::Optimizer;
use super::schedule::LearningRateSchedule;
use super::tagged;

/// `[train]`: the training loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Number of epochs of the main training: of the head where the depth is `"head"`, else of what is fine-tuned after
    /// `finetune.head_epochs`. When absent 5; and where `min_steps` is absent too and there are fewer than 20,000 training
    /// images, as many more as make at least 500 optimizer steps (Kolesnikov et al. 2020).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<NonZeroU32>,
    /// Smallest number of optimizer steps in each training step of the recipe: few images get more epochs. No smallest number
    /// when absent, but see `epochs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_steps: Option<u64>,
    /// Which weights of the run become the model; when absent `"best"` where there are validation images
    /// (those of a fold are none), else `"last"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepPolicy>,
    /// After how many epochs the validation images are predicted; always after the last. When absent 1, and where the rule of
    /// 500 steps gives the length as many as make it at most 50 times. What waits for validation (`keep`, early stopping, the
    /// schedule `"plateau"`) counts the epochs that have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<NonZeroU32>,
    /// What `keep = "best"` and `regularize.early_stopping` judge weights by, on the validation images.
    pub metric: Metric,
    /// Number of images in a batch. The last batch of an epoch may be smaller, and counts.
    pub batch_size: NonZeroUsize,
    /// Number of batches whose gradients make one optimizer step. The last group of an epoch may be smaller; every image
    /// weighs the same within its step.
    pub accumulate: NonZeroUsize,
    /// Learning rate of the head.
    pub learning_rate: Positive,
    /// How a gradient becomes a step: a name, or a table with the optimizer's own numbers,
    /// `{ name = "sgd", momentum = 0.8 }`.
    #[serde(deserialize_with = "tagged::read", serialize_with = "tagged::write")]
    #[schemars(schema_with = "tagged::schema::<Optimizer>")]
    pub optimizer: Optimizer,
    /// How the learning rate changes over each training step of the recipe: a name, or a table with the schedule's own
    /// numbers, `{ name = "step", every = 5 }`.
    #[serde(deserialize_with = "tagged::read", serialize_with = "tagged::write")]
    #[schemars(schema_with = "tagged::schema::<LearningRateSchedule>")]
    pub schedule: LearningRateSchedule,
    /// Number of epochs, or part of one, in which the learning rate first rises to where the schedule begins; the schedule
    /// takes up what is left of the training.
    pub warmup_epochs: NotNegative,
    /// Largest norm of the gradient over all live parameters; a longer one is shrunk to it (Pascanu et al. 2013). No limit
    /// when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<Positive>,
    /// Largest magnitude of each value of the gradient, applied before `clip_norm`. No limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<Positive>,
    /// Decay per step of a moving average of the weights, such as 0.999; the average is what is validated and saved
    /// (Polyak and Juditsky 1992). None when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<ProperFraction>,
    /// The saved model is the mean of the weights over the ends of epochs from this one on, with batch-norm statistics
    /// measured again (Izmailov et al. 2018). None when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swa_from: Option<NonZeroU32>,
    /// Weight of each class's images in the loss: `"balanced"`, or `{ cat = 1.0, dog = 2.0 }`. All weigh the same when
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// In which order images are shown.
    pub sampler: SamplerKind,
}

/// How the images of an epoch are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SamplerKind {
    /// Each image once, in random order.
    Shuffle,
    /// As many images in all, and equally many of each class: those of rare classes come several times.
    Balanced,
}

/// `train.class_weights`
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeights {
    /// `"balanced"`: images / (classes * images of the class), so that every class weighs the same as a whole.
    Balanced,
    /// Class name -> weight; classes that are not named weigh 1.
    PerClass(BTreeMap<String, NotNegative>),
}

impl TrainConfig {
    /// Returns `train.epochs`, or 5.
    #[must_use]
    pub fn epochs(&self) -> NonZeroU32 {
        const EPOCHS: NonZeroU32 = NonZeroU32::new(5).expect("not zero");
        self.epochs.unwrap_or(EPOCHS)
    }

    /// Returns `train.min_steps`, or 0.
    #[must_use]
    pub fn min_steps(&self) -> u64 {
        self.min_steps.unwrap_or(0)
    }

    /// Whether the validation images are predicted after an epoch, from 1, of a training of `epochs`.
    #[must_use]
    pub fn validates(&self, epoch: u32, epochs: u32) -> bool {
        epoch == epochs || epoch.is_multiple_of(self.validate_every.map_or(1, NonZeroU32::get))
    }

    /// Whether the best weights become the model; not before it is decided.
    #[must_use]
    pub fn keeps_best(&self) -> bool {
        self.keep == Some(KeepPolicy::Best)
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        const BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");
        Self {
            epochs: None,
            min_steps: None,
            keep: None,
            validate_every: None,
            metric: Metric::Loss,
            batch_size: BATCH_SIZE,
            accumulate: NonZeroUsize::MIN,
            learning_rate: Positive::of(1e-3),
            optimizer: Optimizer::default(),
            schedule: LearningRateSchedule::default(),
            warmup_epochs: NotNegative::ZERO,
            clip_norm: None,
            clip_value: None,
            ema: None,
            swa_from: None,
            class_weights: None,
            sampler: SamplerKind::Shuffle,
        }
    }
}

const BALANCED: &str = "balanced";

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Balanced => to.serialize_str(BALANCED),
            Self::PerClass(weights) => weights.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct StringOrTable;

        impl<'de> Visitor<'de> for StringOrTable {
            type Value = ClassWeights;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"balanced\" or a table of class names and weights")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ClassWeights, E> {
                match text {
                    BALANCED => Ok(ClassWeights::Balanced),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClassWeights, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(ClassWeights::PerClass)
            }
        }
        from.deserialize_any(StringOrTable)
    }
}

impl JsonSchema for ClassWeights {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClassWeights".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let weight = NotNegative::json_schema(generator);
        json_schema!({
            "anyOf": [
                { "type": "string", "enum": [BALANCED] },
                { "type": "object", "additionalProperties": weight }
            ]
        })
    }
}
