use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::methods::{
    AdamConfig, OneCycleConfig, OptimizerKind, PlateauConfig, RmsPropConfig, ScheduleKind, SgdConfig,
    StepConfig,
};

/// `[train]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Epochs of the main training: of the fine-tune step, or of the head when the depth is `"head"`.
    pub epochs: u32,
    /// At least this many optimizer steps in each training step of the recipe: with few images, more epochs are run.
    pub min_steps: u64,
    /// Images per batch. The last batch of an epoch may be smaller; it counts.
    pub batch_size: usize,
    /// Batches whose gradients make one step, for steps larger than memory allows. The last group of an epoch may be
    /// smaller; every image weighs the same within its step.
    pub accumulate: usize,
    /// Learning rate of the head.
    pub learning_rate: f64,
    /// `"sgd"`, `"adam"`, `"adamw"` or `"rmsprop"`.
    pub optimizer: OptimizerKind,
    /// `"constant"`, `"step"`, `"cosine"`, `"one-cycle"` or `"plateau"`, over each training step of the recipe.
    pub schedule: ScheduleKind,
    /// Epochs, or a part of one, in which the rate first rises in equal steps to where the schedule begins; the schedule
    /// takes up what is left of the training.
    pub warmup_epochs: f64,
    /// Shrinks the gradient of a step to this Euclidean norm over all live parameters where it is longer (Pascanu et al.
    /// 2013); never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Holds each value of the gradient between minus this and this, before `clip_norm`; never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// Keeps an exponential moving average of the weights of the main training with this decay per step, which is what
    /// is validated and saved (Polyak and Juditsky 1992); none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// Saves the plain mean of the weights at the ends of the epochs of the main training from this one on, with
    /// batch-norm statistics measured anew (SWA, Izmailov et al. 2018); none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swa_from: Option<u32>,
    /// How much the images of each class weigh in the loss; all the same when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// In which order images are shown.
    pub sampler: SamplerKind,
    /// Numbers of `optimizer = "sgd"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sgd: Option<SgdConfig>,
    /// Numbers of `optimizer = "adam"` and `"adamw"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adam: Option<AdamConfig>,
    /// Numbers of `optimizer = "rmsprop"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rmsprop: Option<RmsPropConfig>,
    /// Numbers of `schedule = "step"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepConfig>,
    /// Numbers of `schedule = "one-cycle"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_cycle: Option<OneCycleConfig>,
    /// Numbers of `schedule = "plateau"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plateau: Option<PlateauConfig>,
}

/// How the images of an epoch are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SamplerKind {
    /// Each once, in random order.
    Shuffle,
    /// As many in all, and equally many of each class: images of rare classes come several times, others wait.
    Balanced,
}

/// `train.class_weights`
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeights {
    /// `"balanced"`: images / (classes * images of the class), so that every class weighs the same as a whole.
    Balanced,
    /// Class name -> weight; classes that are not named weigh 1.
    PerClass(BTreeMap<String, f64>),
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 5,
            min_steps: 0,
            batch_size: 32,
            accumulate: 1,
            learning_rate: 1e-3,
            optimizer: OptimizerKind::AdamW,
            schedule: ScheduleKind::Cosine,
            warmup_epochs: 0.0,
            clip_norm: None,
            clip_value: None,
            ema: None,
            swa_from: None,
            class_weights: None,
            sampler: SamplerKind::Shuffle,
            sgd: None,
            adam: None,
            rmsprop: None,
            step: None,
            one_cycle: None,
            plateau: None,
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
