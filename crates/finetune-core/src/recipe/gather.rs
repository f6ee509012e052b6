//! What a run reads before its first step: listings and weights first, in which mistakes show at once, then images.

use std::sync::Arc;
use std::time::Instant;

use backbone::{Backbone, Ending, Network, Options, Values};
use checkpoint::Checkpoint;
use data_parallel::split;
use features::dataset::{self, DecodedDataset};
use images::{DataSet, Transform};
use pretrained::{Fit, InputSpec};
use ranged::Fraction;
use records::{Depth, Event, Session};
use run_config::{CompareConfig, HeadPolicy, Run};
use team::Team;
use training::against_data::{self, Known};
use training::freeze::FreezePlan;
use zoo::source_weights;

use super::chosen_images::images_of;
use super::kept_head::{self, ClassOrder};
use super::kept_pixels::pixels_to_keep;
use crate::Error;
use trained_model::mismatch;
use trained_model::model_file::Description;
use trained_model::wide_images;

/// What a run needs from disk; several runs of a comparison may share it.
#[derive(Clone)]
pub struct Materials {
    /// The images.
    pub images: DecodedDataset,
    /// The source weights, unless there are none, or they are in the network already.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// SHA-256 of their file.
    pub source_sha256: Option<String>,
    /// The name of the source weights by which anybody finds the same bytes, where they have one.
    pub source_name: Option<String>,
    /// Licence of the source weights, where it is known.
    pub licence: Option<String>,
    /// How images are prepared.
    pub input: InputSpec,
    /// Where [`Materials::input`] came from, in a few words.
    pub input_from: &'static str,
    /// How the rows of the weights' head came into the order of the data's classes.
    pub class_order: ClassOrder,
    /// The processes that train together; every one has read the same.
    pub team: Team,
    /// Seconds it took to read all this: part of step `load`.
    pub seconds: f64,
}

/// Returns the metadata of the model file of a network that is not measured yet.
pub(super) fn model_description<'a>(materials: &'a Materials, images: &'a DecodedDataset) -> Description<'a> {
    Description {
        classes: &images.classes,
        input: &materials.input,
        source_sha256: materials.source_sha256.as_deref().unwrap_or_default(),
        source_name: materials.source_name.as_deref(),
        licence: materials.licence.as_deref(),
        temperature: None,
    }
}

/// Reads what a run needs: first the listings and weights, in which mistakes show at once, then the images, each in one of the
/// processes.
///
/// # Errors
/// When something is missing or does not fit together, in any of them.
pub fn gather(run: &Run, team: &Team, session: &mut Session<'_>) -> Result<Materials, Error> {
    let materials = gather_chosen(run, team, &mut |_| Ok(()), session)?;
    if let Some(per_class) = run.config.data.images_per_class {
        let chosen = materials.images.train.take_per_class(per_class.get(), run.config.run.seed);
        chosen.map_err(|error| run.source.wrong("data.images_per_class", error.to_string()))?;
    }
    images_of(run, &materials.images)?;
    Ok(materials)
}

/// Reads what a run needs, and of the images only those that `choose` leaves in the listing.
///
/// # Errors
/// As [`gather`].
pub fn gather_chosen(
    run: &Run,
    team: &Team,
    choose: &mut dyn FnMut(&mut DataSet) -> Result<(), Error>,
    session: &mut Session<'_>,
) -> Result<Materials, Error> {
    let started = Instant::now();
    let Listed { set, checkpoint, input, input_from, class_order } =
        team.agree(list(run, choose, session))?;
    dataset::agree_on_listing(team, &set)?;
    // Nothing computes meanwhile: decoding has all threads.
    let threads = usize::try_from(run.threads).unwrap_or(1);
    let [training, others] = pixels_to_keep(run, &input)?;
    let how = dataset::Decoding { training, others, threads, team };
    let data = &run.config.data;
    let images = dataset::decode(set, data, &run.source, how, session.interrupt, session.listener)?;
    if let Some(warning) = wide_images::warning(images.wide(), input.range) {
        session.emit(&Event::Warning(warning));
    }
    check_images(run, &images)?;
    let seconds = started.elapsed().as_secs_f64();
    let source_sha256 = checkpoint.as_ref().map(|checkpoint| checkpoint.sha256.clone());
    let source_name = run.weights.as_ref().filter(|_| checkpoint.is_some());
    let source_name = source_name.and_then(|weights| weights.lasting_name()).map(str::to_owned);
    let licence = source_weights::licence(run.network, run.weights.as_ref(), checkpoint.as_ref());
    let checkpoint = checkpoint.map(Arc::new);
    let team = Team::alone();
    Ok(Materials {
        images,
        checkpoint,
        source_sha256,
        source_name,
        licence,
        input,
        input_from,
        class_order,
        team,
        seconds,
    })
}

/// What is known before the first image is decoded.
struct Listed {
    set: DataSet,
    checkpoint: Option<Checkpoint>,
    input: InputSpec,
    input_from: &'static str,
    class_order: ClassOrder,
}

/// Lists the images, reads the weights, and sees that they fit together.
fn list(
    run: &Run,
    choose: &mut dyn FnMut(&mut DataSet) -> Result<(), Error>,
    session: &mut Session<'_>,
) -> Result<Listed, Error> {
    let data = &run.config.data;
    let mut set: DataSet = dataset::list(data, &run.source, run.config.run.seed)?;
    if let Some(note) = dataset::leave_unopened(&mut set, data) {
        session.emit(&Event::Note(note));
    }
    let labels = set.train.iter().map(|sample| sample.label);
    let known =
        Known::of(&set.classes, labels, validation_images(run, set.train.len(), set.validation.len()));
    against_data::check_data(run, &known)?;
    let wanted = run.weights.as_ref().filter(|_| needs_weights(run));
    let checkpoint = wanted.map(|weights| weights.read(run.network)).transpose()?;
    check_network(run, checkpoint.as_ref())?;
    let of_use = |checkpoint| source_weights::of_use(run.network, run.weights.as_ref(), checkpoint);
    let mut checkpoint = checkpoint.map(of_use);
    for warning in checkpoint.iter().flat_map(|checkpoint| source_weights::warnings(run.network, checkpoint))
    {
        session.emit(&Event::Warning(warning));
    }
    let (input, input_from) = input(run, checkpoint.as_ref())?;
    check_input(run, &input)?;
    // Built once without training so that other weights or an unknown stage are reported before any image is read.
    let (trial, plan) = trial(run, &input, checkpoint.as_ref(), &set.classes)?;
    against_data::check_epochs(run, run.config.compare.as_ref(), &plan, &known)?;
    split::of_run(run, plan.norms(&trial).is_some())?;
    let class_order = match &mut checkpoint {
        Some(checkpoint) => kept_head::put_into_order(run, &trial, checkpoint, &set.classes),
        None => ClassOrder::Unknown,
    };
    drop(trial);
    if run.config.finetune.head == HeadPolicy::Keep && class_order == ClassOrder::Unknown {
        session.emit(&Event::Warning(format!("finetune.head is \"keep\", and {}", class_order.in_words())));
    }
    dataset::report(&set, session.listener);
    choose(&mut set)?;
    Ok(Listed { set, checkpoint, input, input_from, class_order })
}

/// Returns the number of validation images, about that of a fold where one takes their place.
fn validation_images(run: &Run, training: usize, validation: usize) -> usize {
    let folds = run.config.data.folds.and_then(|folds| usize::try_from(folds.get()).ok());
    folds.map_or(validation, |folds| training / folds)
}

/// Refuses a setting of a comparison that the materials gathered for its runs do not suit, and leaves out what would have no
/// effect in it.
///
/// # Errors
/// At the key at fault.
pub fn suits(run: &mut Run, compare: &CompareConfig, materials: &Materials) -> Result<(), Error> {
    check_crops(run, &materials.input)?;
    let DecodedDataset { classes, train, validation, .. } = &materials.images;
    let validation = validation_images(run, train.len(), validation.len());
    let known = Known::of(classes, train.labels().into_iter(), validation);
    against_data::check_data(run, &known)?;
    let (_, plan) = trial(run, &materials.input, materials.checkpoint.as_deref(), classes)?;
    against_data::check_epochs(run, Some(compare), &plan, &known)?;
    forget_skipping(run, materials)
}

/// Refuses a setting of a comparison that asks for images to be prepared as its network cannot read them.
///
/// # Errors
/// At the key at fault.
pub fn can_prepare(run: &Run, materials: &Materials) -> Result<(), Error> {
    let (input, _) = input(run, materials.checkpoint.as_deref())?;
    check_input(run, &input)
}

/// Removes a stochastic depth that has no branch to skip where `advise` or a setting of a comparison goes back less far than
/// it was given for, so that the configuration that is kept can be run again.
pub(crate) fn forget_skipping(run: &mut Run, materials: &Materials) -> Result<(), Error> {
    if run.config.regularize.stochastic_depth.is_some() && !matches!(run.depth(), Depth::Auto | Depth::Search)
    {
        let mut backbone = build(run, &materials.input, materials.checkpoint.as_deref(), Values::Outline)?;
        end(run, &mut backbone)?;
        if !freeze_plan(run, &backbone)?.skips_something(&backbone) {
            run.config.regularize.stochastic_depth = None;
        }
    }
    Ok(())
}

/// Returns the outline of the network as its weights fit it, for images of these classes, and what of it is frozen.
pub(super) fn trial(
    run: &Run,
    input: &InputSpec,
    checkpoint: Option<&Checkpoint>,
    classes: &[String],
) -> Result<(Backbone, FreezePlan), Error> {
    let mut trial = build(run, input, checkpoint, Values::Outline)?;
    if let Some(checkpoint) = checkpoint {
        check_channels(run, input, &trial, checkpoint)?;
        let loaded =
            trial.fit(checkpoint).map_err(|error| mismatch::of_run(error, run, input, checkpoint))?;
        kept_head::check_original_head(run, &trial, checkpoint, &loaded)?;
        kept_head::check(run, &trial, checkpoint, &loaded, classes)?;
    }
    end(run, &mut trial)?;
    let plan = freeze_plan(run, &trial)?;
    against_data::check_features(run, &trial, &plan)?;
    Ok((trial, plan))
}

fn needs_weights(run: &Run) -> bool {
    *run.depth() != Depth::Scratch || run.config.compare.is_some()
}

/// Returns the input specification: the configuration's, else what the weights or the network ask for.
fn input(run: &Run, checkpoint: Option<&Checkpoint>) -> Result<(InputSpec, &'static str), Error> {
    let (usual, usual_from) = source_weights::input(run.network, run.weights.as_ref(), checkpoint)
        .map_err(|error| run.source.wrong("model.weights", error.to_string()))?;
    Ok(match &run.config.data.input {
        Some(input) if input.is_whole() => (input.over(&usual), "as [data.input] says"),
        Some(input) => (input.over(&usual), "as [data.input] says, else the weights or the network"),
        None => (usual, usual_from),
    })
}

/// Refuses a file that says it holds another network.
fn check_network(run: &Run, checkpoint: Option<&Checkpoint>) -> Result<(), Error> {
    let Some(checkpoint) = checkpoint else { return Ok(()) };
    match source_weights::other_network(checkpoint, run.network) {
        Some(arch) => {
            let file = checkpoint.path.display();
            let message = format!("{file} holds the weights of {arch}, not of {}", run.network.name);
            Err(run.source.wrong("model.weights", message).into())
        }
        None => Ok(()),
    }
}

fn check_input(run: &Run, input: &InputSpec) -> Result<(), Error> {
    Transform::evaluation(input).map_err(|error| run.source.wrong("data.input", error.to_string()))?;
    let Network { name, smallest_input, .. } = run.network;
    if input.crop < *smallest_input {
        let message = format!(
            "{name} reads images of at least {smallest_input} pixels a side, and crop is {}; set [data.input] resize and crop higher, or use a network for small images (lenet5_relu)",
            input.crop
        );
        return Err(run.source.wrong("data.input", message).into());
    }
    check_crops(run, input)
}

/// Refuses random crops where images are shown whole between bars: training would show what is never met later, and no bars.
fn check_crops(run: &Run, input: &InputSpec) -> Result<(), Error> {
    if run.config.augment.resized_crop.is_none() || input.fit != Fit::Pad {
        return Ok(());
    }
    let message = "shows a random part of each image, and data.input.fit = \"pad\" the whole of it between bars; remove this, or choose another fit (\"squash\" and \"crop\" go with it)";
    Err(run.source.wrong("augment.resized_crop", message).into())
}

/// Refuses another number of channels than the network's first convolution has in the weights' file.
fn check_channels(
    run: &Run,
    input: &InputSpec,
    backbone: &Backbone,
    checkpoint: &Checkpoint,
) -> Result<(), Error> {
    let first = backbone.variables().all().into_iter().find(|variable| variable.tensor.dim() == 4);
    let in_file = first.and_then(|first| checkpoint.tensors.get(&first.name)?.shape.get(1).copied());
    match in_file {
        Some(theirs) if theirs != usize::from(input.channels) && asks_for_channels(run) => {
            let grayscale = if theirs == 3 { "; grayscale images are shown to it in all three" } else { "" };
            let message = format!(
                "channels is {}, and {} reads {theirs} with the weights {}: set channels, mean and std for {theirs}{grayscale}; or train it from random weights (finetune.depth = \"scratch\")",
                input.channels, run.network.name, run.config.model.weights
            );
            Err(run.source.wrong("data.input.channels", message).into())
        }
        _ => Ok(()),
    }
}

/// Returns whether the configuration says how many channels images have.
fn asks_for_channels(run: &Run) -> bool {
    run.config.data.input.as_ref().is_some_and(|input| input.channels.is_some())
}

/// Refuses images smaller than the network can read, unless the configuration asks for them to be enlarged.
fn check_images(run: &Run, images: &DecodedDataset) -> Result<(), Error> {
    let Network { name, smallest_input, .. } = run.network;
    match images.train.store.median_side() {
        Some(side) if side < *smallest_input && !asks_for_size(run) => {
            let message = format!(
                "the images are {side} pixels a side and {name} reads at least {smallest_input}: use a network for small images (lenet5_relu), or ask with [data.input] for them to be enlarged"
            );
            Err(run.source.wrong(run.config.data.origin_key(), message).into())
        }
        _ => Ok(()),
    }
}

/// Returns whether the configuration says how large images become.
fn asks_for_size(run: &Run) -> bool {
    run.config.data.input.as_ref().is_some_and(|input| input.crop.is_some())
}

/// Builds the network of a run for the weights that are going to be loaded into it, with values of this kind until then. It
/// ends where the weights' own network does.
///
/// # Errors
/// When the weights' file ends it where it cannot end.
pub(crate) fn build(
    run: &Run,
    input: &InputSpec,
    checkpoint: Option<&Checkpoint>,
    values: Values,
) -> Result<Backbone, Error> {
    let head = format!("{}.weight", run.network.head);
    let transferred = checkpoint.filter(|_| *run.depth() != Depth::Scratch);
    let in_file = transferred.and_then(|checkpoint| checkpoint.tensors.get(&head)?.shape.first().copied());
    let defaults = Options::default();
    let options = Options {
        classes: in_file.and_then(|classes| i64::try_from(classes).ok()).unwrap_or(defaults.classes),
        channels: input.channels.into(),
        size: input.crop.into(),
        dropout: run.config.regularize.dropout.map(Fraction::get),
        stochastic_depth: run.config.regularize.stochastic_depth.map(Fraction::get),
        ..defaults
    };
    let mut backbone = run.network.build(values, &options);
    if let Some(transferred) = transferred {
        source_weights::end_as_recorded(&mut backbone, transferred)
            .map_err(|error| run.source.wrong("model.weights", error.to_string()))?;
    }
    Ok(backbone)
}

/// Ends a network, its weights loaded, where the run asks for it, and puts the head on the stages that it asks for.
///
/// # Errors
/// At the key that names a stage which the network does not have.
pub(crate) fn end(run: &Run, backbone: &mut Backbone) -> Result<(), Error> {
    let finetune = &run.config.finetune;
    let ended = backbone.end(&Ending { cut: finetune.cut.clone(), taps: finetune.taps.clone() });
    ended.map_err(|error| {
        let key = if error.is_of_cut() { "finetune.cut" } else { "finetune.taps" };
        run.source.wrong(key, error.to_string()).into()
    })
}

/// Returns which stages of a network a run trains.
///
/// # Errors
/// At the key at fault.
pub(super) fn freeze_plan(run: &Run, backbone: &Backbone) -> Result<FreezePlan, Error> {
    FreezePlan::of(backbone, run.depth(), &run.config.finetune)
        .map_err(|(key, error)| run.source.wrong(&key, error.to_string()).into())
}
