//! What is measured, and what is to be reached.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::materials::BATCH;
use super::measure::Measured;

/// A piece of work that both sides do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
pub(super) enum Work {
    /// A new head on ResNet-50, start to saved model, and its memory
    Head,
    /// The same on EfficientNet-Lite0 with real weights
    Lite,
    /// The last stage of ResNet-50 after one epoch of the head
    LastStage,
    /// The whole of ResNet-18 with augmentation
    Full,
    /// A folder of photographs through ResNet-50
    Predict,
    /// The same through ConvNeXt-T, in batches of 32
    PredictConvnext,
    /// The same through ViT-B/16, in batches of 32
    PredictVit,
    /// Decoding and augmenting on one core
    Decode,
    /// From the start of the process to the first training step
    FirstStep,
}

/// A network that classifies, and how many images at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Classifier {
    /// TorchVision's name.
    pub(super) arch: &'static str,
    /// Images in a batch.
    pub(super) batch: u32,
}

/// The program that does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Side {
    Ours,
    Usual,
    Tuned,
    Compiled,
}

impl Side {
    /// As in the peers' `--form` and in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "finetune",
            Self::Usual => "usual",
            Self::Tuned => "tuned",
            Self::Compiled => "compiled",
        }
    }
}

/// What one run gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Wall-clock seconds from start to end.
    pub(super) seconds: f64,
    /// The largest resident set, in bytes.
    pub(super) peak_bytes: f64,
    /// Mean seconds of an epoch of the main training, validation included.
    pub(super) epoch: Option<f64>,
    /// Seconds for an image, decoding included.
    pub(super) decoded: Option<f64>,
    /// Seconds for an image that is in memory.
    pub(super) cached: Option<f64>,
    /// Seconds for an image of a prediction that is under way.
    pub(super) steady: Option<f64>,
    /// Seconds until the first batch was at hand.
    #[serde(default)]
    pub(super) first_batch: Option<f64>,
    /// Share of the validation images, or of those predicted, that was classified correctly.
    pub(super) accuracy: Option<f64>,
    /// Where the time went: what, seconds.
    pub(super) profile: Vec<(String, f64)>,
}

impl Outcome {
    /// Time and memory of a process; all else is not known yet.
    pub(super) fn measured(measured: &Measured) -> Self {
        Self { seconds: measured.seconds, peak_bytes: measured.peak_bytes as f64, ..Self::default() }
    }
}

/// A figure of an outcome; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    Seconds,
    Epoch,
    Peak,
    Decoded,
    /// Ours from pixels in memory; a peer that keeps none decodes them again.
    Cached,
    /// Shown as its inverse.
    Steady,
    FirstBatch,
}

impl Quantity {
    pub(super) fn of(self, outcome: &Outcome) -> Option<f64> {
        match self {
            Self::Seconds => Some(outcome.seconds),
            Self::Epoch => outcome.epoch,
            Self::Peak => Some(outcome.peak_bytes),
            Self::Decoded => outcome.decoded,
            Self::Cached => outcome.cached.or(outcome.decoded),
            Self::Steady => outcome.steady,
            Self::FirstBatch => outcome.first_batch,
        }
    }

    /// A figure as people read it.
    pub(super) fn shown(self, figure: f64) -> String {
        match self {
            Self::Seconds | Self::Epoch | Self::FirstBatch if figure < 10.0 => format!("{figure:.2} s"),
            Self::Seconds | Self::Epoch | Self::FirstBatch => format!("{figure:.1} s"),
            Self::Peak => format!("{:.2} GB", figure / 1e9),
            Self::Decoded | Self::Cached => format!("{:.2} ms", figure * 1e3),
            Self::Steady => format!("{:.1} images/s", 1.0 / figure),
        }
    }

    /// Whether the profile of a run has its parts.
    pub(super) fn is_time(self) -> bool {
        self != Self::Peak
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) quantity: Quantity,
    /// The tuned forms; the fastest of them counts.
    pub(super) tuned: &'static [Side],
    /// How many times ours the tuned script's figure is to be, at least.
    pub(super) against_tuned: Option<f64>,
    /// The same of the usual script.
    pub(super) against_usual: Option<f64>,
}

/// At 0.6 of their memory, theirs is this many times ours.
const LESS_MEMORY: f64 = 1.0 / 0.6;

impl Work {
    pub(super) const ALL: [Self; 9] = [
        Self::Head,
        Self::Lite,
        Self::LastStage,
        Self::Full,
        Self::Predict,
        Self::PredictConvnext,
        Self::PredictVit,
        Self::Decode,
        Self::FirstStep,
    ];

    /// What classifies the photographs, where that is the work.
    pub(super) fn prediction(self) -> Option<Classifier> {
        match self {
            Self::Predict => Some(Classifier { arch: "resnet50", batch: BATCH }),
            Self::PredictConvnext => Some(Classifier { arch: "convnext_tiny", batch: 32 }),
            Self::PredictVit => Some(Classifier { arch: "vit_b_16", batch: 32 }),
            _ => None,
        }
    }

    /// The peers that it is compared with.
    pub(super) fn peers(self) -> &'static [Side] {
        match self {
            Self::Predict => &[Side::Usual, Side::Tuned, Side::Compiled],
            Self::PredictConvnext | Self::PredictVit => &[Side::Tuned, Side::Compiled],
            Self::Decode => &[Side::Usual],
            _ => &[Side::Usual, Side::Tuned],
        }
    }

    pub(super) fn rows(self) -> Vec<Row> {
        let row = |title, quantity, against_tuned, against_usual| Row {
            title,
            quantity,
            tuned: &[Side::Tuned, Side::Compiled],
            against_tuned,
            against_usual,
        };
        match self {
            Self::Head => vec![
                row("head only, ResNet-50, start to saved model", Quantity::Seconds, Some(8.0), Some(25.0)),
                row("peak memory of that", Quantity::Peak, Some(LESS_MEMORY), Some(LESS_MEMORY)),
            ],
            Self::Lite => {
                vec![row(
                    "head only, EfficientNet-Lite0 with ImageNet's weights",
                    Quantity::Seconds,
                    None,
                    None,
                )]
            }
            Self::LastStage => vec![row(
                "last stage of ResNet-50 after an epoch of the head, start to saved model",
                Quantity::Seconds,
                Some(3.0),
                Some(8.0),
            )],
            Self::Full => {
                vec![row(
                    "all of ResNet-18 with augmentation, an epoch",
                    Quantity::Epoch,
                    Some(1.1),
                    Some(2.5),
                )]
            }
            Self::Predict => vec![
                row(
                    "prediction over a folder, ResNet-50, start of process to last line",
                    Quantity::Seconds,
                    Some(1.5),
                    Some(3.0),
                ),
                Row {
                    tuned: &[Side::Compiled],
                    ..row("prediction, steady, ResNet-50", Quantity::Steady, Some(0.95), None)
                },
            ],
            Self::PredictConvnext => vec![Row {
                tuned: &[Side::Compiled],
                ..row("prediction, steady, ConvNeXt-T in batches of 32", Quantity::Steady, Some(0.95), None)
            }],
            Self::PredictVit => vec![Row {
                tuned: &[Side::Compiled],
                ..row("prediction, steady, ViT-B/16 in batches of 32", Quantity::Steady, Some(0.95), None)
            }],
            Self::Decode => vec![
                row(
                    "decode and augment a photograph on one core, first epoch",
                    Quantity::Decoded,
                    None,
                    Some(1.5),
                ),
                row("augment a photograph on one core, later epochs", Quantity::Cached, None, Some(3.0)),
            ],
            Self::FirstStep => vec![
                row(
                    "start of process to first training step, ResNet-18",
                    Quantity::Seconds,
                    Some(3.0),
                    Some(3.0),
                ),
                row("start of process to first batch, before that step", Quantity::FirstBatch, None, None),
            ],
        }
    }

    /// What tuning gained where the peers were first measured.
    pub(super) fn expected_tuning(self) -> Option<Expected> {
        let epoch = |times| Expected { times, of: Quantity::Epoch, what: "an epoch", instead_of_load: None };
        match self {
            Self::Head => Some(epoch(44.0 / 12.9)),
            Self::Full => Some(epoch(24.0 / 10.2)),
            Self::Predict => Some(Expected {
                times: 73.0 / 18.0,
                of: Quantity::Steady,
                what: "an image",
                instead_of_load: Some("that was the network alone, and here the same cores decode"),
            }),
            _ => None,
        }
    }
}

/// How many times the tuned script's time the usual one's was, on two cores of a server CPU with AVX-512, bf16 and AMX.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) times: f64,
    pub(super) of: Quantity,
    pub(super) what: &'static str,
    /// What was otherwise then.
    pub(super) instead_of_load: Option<&'static str>,
}
