//! A configuration checked against the world: what the rest of the program sees.

use std::path::{Component, Path};

use backbone::Network;
use tch::Device;

use crate::Error;
use crate::config::{CompareConfig, Config, Method, Source};
use crate::freeze::Depth;
use crate::grid::slug;
use crate::source_weights::SourceWeights;
use crate::zoo;

/// More make nothing faster, and far more make libtorch end the program.
const MOST_THREADS: u32 = 1024;

/// A validated run. Names have become things; nothing optional is left that a default could fill.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// The numbers.
    pub config: Config,
    /// Where they came from, so that a mistake found later still points at its line.
    pub source: Source,
    /// The network.
    pub network: &'static Network,
    /// How far back.
    pub depth: Depth,
    /// Where it starts from; `None` is random initialisation.
    pub weights: Option<SourceWeights>,
    /// Where it computes.
    pub device: Device,
    /// Threads that libtorch computes with.
    pub threads: u32,
    /// Threads that decode pictures.
    pub workers: usize,
}

/// Checks a configuration.
///
/// # Errors
/// [`crate::config::ConfigError`] at the key at fault.
pub fn resolve(config: Config, source: Source) -> Result<Run, Error> {
    check_numbers(&config, &source)?;
    let network =
        zoo::network(&config.model.arch).map_err(|error| source.wrong("model.arch", error.to_string()))?;
    let depth: Depth =
        config.finetune.depth.parse().map_err(|error: crate::freeze::UnknownDepth| {
            source.wrong("finetune.depth", error.to_string())
        })?;
    let weights = SourceWeights::find(network.name, &config.model.weights)
        .map_err(|error| source.wrong("model.weights", error.to_string()))?;
    if weights.is_none() && needs_weights(&config, &depth) {
        return Err(source
            .wrong(
                "model.weights",
                "with \"none\" there is nothing to transfer; name weights, or train everything with finetune.depth = \"scratch\"",
            )
            .into());
    }
    let device = torch_extra::cuda::device(&config.run.device)
        .map_err(|error| source.wrong("run.device", error.to_string()))?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Run {
        name: config.run.name.clone().unwrap_or_else(|| source.stem()),
        network,
        depth,
        weights,
        device,
        threads: if config.run.threads == 0 { u32::try_from(cores).unwrap_or(1) } else { config.run.threads },
        workers: if config.run.workers == 0 { cores } else { config.run.workers },
        config,
        source,
    })
}

impl Run {
    /// Processes that share a grid: those asked for, or as many as the cores have room for. A GPU has one.
    #[must_use]
    pub fn jobs(&self, compare: &CompareConfig) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        match (compare.jobs, self.device) {
            (0, Device::Cpu) => (cores / usize::try_from(self.threads).unwrap_or(cores)).max(1),
            (0, _) => 1,
            (jobs, _) => jobs,
        }
    }

    /// The same run by another method, as a cell of a grid.
    #[must_use]
    pub fn by(&self, method: Method) -> Self {
        let depth = match method {
            Method::Scratch => Depth::Scratch,
            Method::Head => Depth::Head,
            Method::FineTune => self.depth.clone(),
        };
        Self { depth, ..self.clone() }
    }
}

/// Whether some run needs source weights that nothing but `model.weights` could name.
fn needs_weights(config: &Config, depth: &Depth) -> bool {
    match &config.compare {
        None => *depth != Depth::Scratch,
        Some(CompareConfig { methods, variants, .. }) => {
            let transfers = methods.iter().any(|&method| method != Method::Scratch);
            transfers && (variants.is_empty() || variants.iter().any(|variant| variant.weights.is_none()))
        }
    }
}

/// Whether a name is that of one folder: no path, and not `..`.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

/// What the variants' names become in the names of folders.
fn folder_names(compare: &CompareConfig) -> Vec<String> {
    compare.variants.iter().map(|variant| slug(&variant.name)).collect()
}

fn all_differ<T: PartialEq>(values: &[T]) -> bool {
    values.iter().enumerate().all(|(place, value)| !values[..place].contains(value))
}

/// Numbers that make no sense are refused before anything is loaded.
fn check_numbers(config: &Config, source: &Source) -> Result<(), Error> {
    let Config { data, finetune, augment, regularize, train, run, compare, .. } = config;
    let fraction = 0.0..1.0;
    let share = 0.0..=1.0;
    let positive = |value: f64| value > 0.0 && value.is_finite();
    let not_negative = |value: f64| value >= 0.0 && value.is_finite();
    let crops_well = augment.resized_crop.is_none_or(|crop| {
        let ordered = |(low, high): (f64, f64)| positive(low) && low <= high && high.is_finite();
        ordered(crop.scale) && crop.scale.1 <= 1.0 && ordered(crop.ratio)
    });
    let checks = [
        (
            "data.validation_fraction",
            fraction.contains(&data.validation_fraction),
            "must be at least 0 and below 1",
        ),
        ("data.images_per_class", data.images_per_class != Some(0), "must be at least 1"),
        ("data.max_unreadable", share.contains(&data.max_unreadable), "must lie between 0 and 1"),
        ("finetune.rate_scale", positive(finetune.rate_scale), "must be above 0"),
        ("augment.horizontal_flip", share.contains(&augment.horizontal_flip), "must lie between 0 and 1"),
        (
            "augment.resized_crop",
            crops_well,
            "scale and ratio are [smallest, largest], above 0, and a scale is at most 1",
        ),
        ("regularize.weight_decay", not_negative(regularize.weight_decay), "must be at least 0"),
        (
            "regularize.label_smoothing",
            fraction.contains(&regularize.label_smoothing),
            "must be at least 0 and below 1",
        ),
        (
            "regularize.dropout",
            regularize.dropout.is_none_or(|rate| fraction.contains(&rate)),
            "must be at least 0 and below 1",
        ),
        (
            "regularize.stochastic_depth",
            regularize.stochastic_depth.is_none_or(|rate| fraction.contains(&rate)),
            "must be at least 0 and below 1",
        ),
        ("regularize.early_stopping", regularize.early_stopping != Some(0), "must be at least 1 epoch"),
        ("train.epochs", train.epochs > 0, "must be at least 1"),
        ("train.batch_size", train.batch_size > 0, "must be at least 1"),
        ("train.learning_rate", positive(train.learning_rate), "must be above 0"),
        (
            "run.name",
            run.name.as_deref().is_none_or(is_plain),
            "must be the name of one folder; --out takes a path",
        ),
        ("run.threads", run.threads <= MOST_THREADS, "must be at most 1024"),
        (
            "compare.seeds",
            compare.as_ref().is_none_or(|compare| !compare.seeds.is_empty()),
            "name at least one seed",
        ),
        (
            "compare.seeds",
            compare.as_ref().is_none_or(|compare| all_differ(&compare.seeds)),
            "a seed is named twice",
        ),
        (
            "compare.methods",
            compare.as_ref().is_none_or(|compare| all_differ(&compare.methods)),
            "a method is named twice",
        ),
        (
            "compare.images_per_class",
            compare.as_ref().is_none_or(|compare| all_differ(&compare.images_per_class)),
            "a number is named twice",
        ),
        (
            "compare.methods",
            compare.as_ref().is_none_or(|compare| !compare.methods.is_empty()),
            "name at least one method",
        ),
        (
            "compare.images_per_class",
            compare.as_ref().is_none_or(|compare| !compare.images_per_class.contains(&0)),
            "must be at least 1 each",
        ),
        (
            "compare.variant",
            compare.as_ref().is_none_or(|compare| all_differ(&folder_names(compare))),
            "two variants have the same name, or names that differ only in signs",
        ),
        (
            "compare.judge_on",
            compare
                .as_ref()
                .and_then(|compare| compare.judge_on.as_ref())
                .is_none_or(|group| data.groups.contains_key(group)),
            "must be the name of a group in [data.groups]",
        ),
    ];
    match checks.iter().find(|(_, fine, _)| !fine) {
        Some((key, _, message)) => Err(source.wrong(key, *message).into()),
        None => Ok(()),
    }
}
