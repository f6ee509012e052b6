//! Why weights do not fit a network, and which value of which key would make them fit.

use std::path::PathBuf;

use backbone::{Auxiliary, LoadError, LoadReport, Network, WrongShape};
use checkpoint::Checkpoint;
use pretrained::InputSpec;
use run_config::{ConfigError, Run};
use zoo::fitting::{Fitted, fitted, fitted_to_all};
use zoo::source_weights;

/// Weights that do not fit a network.
#[derive(Debug, thiserror::Error)]
pub enum MismatchError {
    /// They would fit with another value of a key of the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// They differ from the network, and nothing better is known.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The weights of a model that would fit with another value of a key.
    #[error("{}: {key}: {message}", path.display())]
    OtherShape {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Which tensor differs, and what would fit.
        message: String,
    },
    /// Weights of a network that is not in the zoo, or of a changed one.
    #[error("{error}; {nearest}; `finetune inspect` shows what the file holds")]
    NearAnother {
        /// What differs.
        error: Box<LoadError>,
        /// The network that has the most tensors in common with them, in words.
        nearest: String,
    },
}

/// A change that would make weights fit.
struct Remedy {
    /// The key to change.
    key: &'static str,
    /// The value to set, and why.
    message: String,
}

/// Returns the error of a run whose weights do not fit its network: at the key that is wrong, where one is.
pub(crate) fn of_run(
    error: LoadError,
    run: &Run,
    input: &InputSpec,
    checkpoint: &Checkpoint,
) -> MismatchError {
    let LoadError::OtherNetwork { report, .. } = &error else { return error.into() };
    match remedy(run.network, input, checkpoint, report) {
        Some(Remedy { key, message }) => run.source.wrong(key, message).into(),
        None => with_nearest(error, run.network, checkpoint),
    }
}

/// Returns the error of a model whose weights are not the whole of its network.
pub(crate) fn of_model(
    error: LoadError,
    network: &'static Network,
    input: &InputSpec,
    checkpoint: &Checkpoint,
) -> MismatchError {
    let LoadError::Incomplete { report, .. } = &error else { return error.into() };
    match remedy(network, input, checkpoint, report) {
        Some(Remedy { key, message }) => {
            MismatchError::OtherShape { path: checkpoint.path.clone(), key, message }
        }
        None => with_nearest(error, network, checkpoint),
    }
}

/// The error with the network that comes nearest, if another one comes nearer.
fn with_nearest(error: LoadError, network: &Network, checkpoint: &Checkpoint) -> MismatchError {
    let loaded = match &error {
        LoadError::OtherNetwork { report, .. } | LoadError::Incomplete { report, .. } => report.loaded.len(),
        _ => usize::MAX,
    };
    let Some(nearest) = nearest(network, checkpoint, loaded) else { return error.into() };
    MismatchError::NearAnother { error: Box::new(error), nearest }
}

/// Finds the key that would make these weights fit.
fn remedy(
    network: &'static Network,
    input: &InputSpec,
    checkpoint: &Checkpoint,
    report: &LoadReport,
) -> Option<Remedy> {
    let file = checkpoint.path.display();
    let here = fitted(network, &outline(checkpoint), Auxiliary::LeftOut);
    if here.usable {
        let (channels, crop) = (i64::from(input.channels), i64::from(input.crop));
        let WrongShape { name, file: theirs, network: ours } = report.wrong_shape.first()?;
        let shapes = format!("{name} is {theirs:?} in {file} and {ours:?} in {}", network.name);
        if here.channels != channels {
            let crop = if here.fixed_size && here.size != crop {
                format!(" and crop = {}", here.size)
            } else {
                String::new()
            };
            let message = format!(
                "{shapes}, which reads {channels} channels here; set channels = {}{crop}, with as many values in mean and std",
                here.channels
            );
            return Some(Remedy { key: "data.input.channels", message });
        }
        if here.fixed_size && here.size != crop {
            let fitting = sizes_that_fit(&here);
            let recorded = source_weights::recorded_input(checkpoint).ok().flatten();
            let theirs = recorded.map(|input| i64::from(input.crop)).filter(|&side| fits_with(&here, side));
            let advice = match theirs {
                Some(side) => format!("set crop = {side}, the size these weights were trained with"),
                None => format!("{fitting} would fit"),
            };
            let message = format!("{shapes}, which is built for images of {crop} pixels here; {advice}");
            return Some(Remedy { key: "data.input.crop", message });
        }
        // Nothing differs but the head: another network would fit no better.
        return None;
    }
    let opened = checkpoint::open(&checkpoint.path).ok()?;
    let mut others: Vec<&str> = fitted_to_all(&opened)
        .into_iter()
        .filter(|other| other.usable && other.network.name != network.name)
        .map(|other| other.network.name)
        .collect();
    others.dedup();
    let first = others.first()?;
    let more = if others.len() > 1 {
        format!(" ({} have the same tensors)", others.join(", "))
    } else {
        String::new()
    };
    let message = format!(
        "{file} holds the weights of {first}{more}, not of {}; set model.arch = {first:?}",
        network.name
    );
    Some(Remedy { key: "model.arch", message })
}

/// Returns `crop = 28`, or a few values where several give the same shapes.
fn sizes_that_fit(here: &Fitted) -> String {
    let fits = |side: &i64| fits_with(here, *side);
    // The usual size of this network comes first if it is one of them.
    let usual = i64::from((here.network.input)().crop);
    let mut sides: Vec<i64> = (here.size..here.size + 8).take_while(fits).collect();
    if let Some(place) = sides.iter().position(|&side| side == usual) {
        sides.swap(0, place);
    }
    match sides.as_slice() {
        [] => format!("crop = {}", here.size),
        [only] => format!("crop = {only}"),
        [first, rest @ ..] => {
            let rest: Vec<String> = rest.iter().map(ToString::to_string).collect();
            format!("crop = {first} (or {}, which have the same shapes)", rest.join(", "))
        }
    }
}

/// Whether nothing but the head differs for images of this side, in pixels.
fn fits_with(here: &Fitted, side: i64) -> bool {
    let options = backbone::Options {
        classes: here.classes.unwrap_or(1000),
        channels: here.channels,
        size: side,
        auxiliary: Auxiliary::LeftOut,
        ..backbone::Options::default()
    };
    let mut outline = here.network.build(backbone::Values::Outline, &options);
    source_weights::end_as_recorded(&mut outline, &here.checkpoint).is_ok()
        && outline.fit(&here.checkpoint).is_ok()
}

/// Returns the checkpoint without values.
fn outline(checkpoint: &Checkpoint) -> Checkpoint {
    let bare = |array: &checkpoint::Array| checkpoint::Array {
        shape: array.shape.clone(),
        dtype: array.dtype,
        data: Vec::new(),
    };
    Checkpoint {
        path: checkpoint.path.clone(),
        format: checkpoint.format,
        tensors: checkpoint.tensors.iter().map(|(name, array)| (name.clone(), bare(array))).collect(),
        metadata: checkpoint.metadata.clone(),
        classes: None,
        classes_wrong: None,
        unwrapped: checkpoint.unwrapped.clone(),
        skipped: Vec::new(),
        unread: checkpoint.unread.clone(),
        sha256: String::new(),
    }
}

/// Names the network that has the most tensors in common with the file, if it has more than this one with `here`.
fn nearest(network: &Network, checkpoint: &Checkpoint, here: usize) -> Option<String> {
    let opened = checkpoint::open(&checkpoint.path).ok()?;
    let all = fitted_to_all(&opened);
    let best = all.iter().max_by_key(|fitted| fitted.report.loaded.len())?;
    let (loaded, tensors) = (
        best.report.loaded.len(),
        best.report.loaded.len() + best.report.missing.len() + best.report.wrong_shape.len(),
    );
    (best.network.name != network.name && loaded > here && loaded * 2 > tensors)
        .then(|| format!("{} comes nearest, with {loaded} of its {tensors} tensors", best.network.name))
}
