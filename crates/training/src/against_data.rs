//! Policies that only the images or the network can contradict.

use backbone::{Backbone, StageId};
use ranged::NotNegative;
use records::Depth;
use run_config::{
    BatchNormPolicy, ClassWeights, CompareConfig, Config, ConfigError, HeadSolver, LearningRateSchedule,
    Metric, Run,
};

use crate::decide;
use crate::freeze::FreezePlan;
use crate::phase::{enough_epochs, steps_per_epoch};
use crate::schedule::warmup_steps;

/// The images of a run, as far as its policies depend on them.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// Names of the classes.
    pub classes: &'a [String],
    /// Training images of each class, before some of each class are chosen.
    pub training: Vec<usize>,
    /// Number of validation images.
    pub validation: usize,
}

impl<'a> Known<'a> {
    /// Counts the images of each class, given the label of each.
    #[must_use]
    pub fn of(classes: &'a [String], training: impl Iterator<Item = usize>, validation: usize) -> Known<'a> {
        let mut counts = vec![0; classes.len()];
        training.for_each(|label| counts[label] += 1);
        Known { classes, training: counts, validation }
    }
}

/// Refuses policies that these images make impossible.
///
/// # Errors
/// At the key at fault.
pub fn check_data(run: &Run, known: &Known<'_>) -> Result<(), ConfigError> {
    let blind = |key: &str| run.source.wrong(key, nothing_to_watch(run, known));
    if known.validation == 0 {
        if run.config.regularize.early_stopping.is_some() {
            return Err(blind("regularize.early_stopping"));
        }
        if matches!(run.config.train.schedule, LearningRateSchedule::Plateau(_)) {
            return Err(blind("train.schedule"));
        }
        if run.config.train.keeps_best() {
            return Err(blind("train.keep"));
        }
        if run.config.train.metric != Metric::Loss {
            return Err(blind("train.metric"));
        }
    }
    check_class_weights(run, known.classes)
}

/// Says why there are no validation images, and how there would be some.
fn nothing_to_watch(run: &Run, known: &Known<'_>) -> String {
    let fraction = run.config.data.validation_fraction.get();
    if fraction <= 0.0 {
        return "there are no validation images to watch; make data.validation_fraction larger than 0, or add a val/ folder".to_owned();
    }
    let each = known.classes.iter().zip(&known.training).take(8);
    let each: Vec<String> = each.map(|(class, images)| format!("{class} has {images}")).collect();
    let more = if known.classes.len() > each.len() { ", ..." } else { "" };
    format!(
        "there are no validation images to watch: with data.validation_fraction = {fraction} a class needs {} images for one to be held out, and {}{more}; add images, make the fraction larger, or add a val/ folder",
        images::needed_to_hold_out(fraction),
        each.join(", ")
    )
}

/// Refuses weights of classes that there are not.
fn check_class_weights(run: &Run, classes: &[String]) -> Result<(), ConfigError> {
    let Some(ClassWeights::PerClass(weights)) = &run.config.train.class_weights else { return Ok(()) };
    if let Some(unknown) = weights.keys().find(|class| !classes.contains(class)) {
        let known = classes.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if classes.len() > 20 { ", ..." } else { "" };
        let message = format!("the data set has no class {unknown:?}; it has {known}{more}");
        return Err(run.source.wrong(&format!("train.class_weights.{unknown}"), message));
    }
    if classes.iter().all(|class| weights.get(class) == Some(&NotNegative::ZERO)) {
        return Err(run.source.wrong("train.class_weights", "some class must weigh more than 0"));
    }
    Ok(())
}

/// Refuses regularizers that this network, cut at this depth, gives nothing to work on.
///
/// # Errors
/// At the key at fault.
pub fn check_features(run: &Run, backbone: &Backbone, plan: &FreezePlan) -> Result<(), ConfigError> {
    let before_head = |id: &StageId| *id >= plan.first_live && *id < backbone.head_id();
    let live = || backbone.ids().filter(before_head);
    let can_move = live().any(|id| backbone.parameter_count(id) > 0);
    let Config { finetune, regularize, .. } = &run.config;
    if regularize.stochastic_depth.is_some() && !backbone.has_branches() {
        let message =
            format!("has no effect: {} has no residual branches to skip; remove it", run.network.name);
        return Err(run.source.wrong("regularize.stochastic_depth", message));
    }
    if regularize.stochastic_depth.is_some()
        && !plan.skips_something(backbone)
        && run.is_users_own("regularize.stochastic_depth")
    {
        let message = format!(
            "has no effect: with the depth \"{}\" no stage that is trained has a residual branch to skip; remove it, or use a greater depth",
            run.depth()
        );
        return Err(run.source.wrong("regularize.stochastic_depth", message));
    }
    if finetune.batch_norm == BatchNormPolicy::Frozen && plan.norms(backbone).is_none() {
        let message = format!(
            "has no effect: of {}, no stage that is trained has batch normalisation; remove it",
            run.network.name
        );
        return Err(run.source.wrong("finetune.batch_norm", message));
    }
    if finetune.head_solver != HeadSolver::Sgd && backbone.first_new() < backbone.head_id() {
        let message = format!(
            "these weights hold features only, so {} is new too and has to be trained; end the network before it (finetune.cut), or use \"sgd\"",
            backbone.name(backbone.first_new())
        );
        return Err(run.source.wrong("finetune.head_solver", message));
    }
    check_wise_ft(run, backbone, plan)?;
    check_lora(run, backbone, plan)?;
    match regularize.needs_depth() {
        Some(key) if !can_move => {
            let message = format!(
                "is about features that change, and with the depth \"{}\" they cannot: nothing before the head is trained; use a greater depth",
                run.depth()
            );
            Err(run.source.wrong(key, message))
        }
        _ => Ok(()),
    }
}

/// Refuses to mix weights whose batch-norm has other statistics than the source's.
///
/// # Errors
/// At the key.
pub fn check_wise_ft(run: &Run, backbone: &Backbone, plan: &FreezePlan) -> Result<(), ConfigError> {
    let Config { finetune, .. } = &run.config;
    if finetune.wise_ft.is_some()
        && finetune.batch_norm == BatchNormPolicy::Train
        && plan.norms(backbone).is_some()
    {
        let message = "mixes the fine-tuned weights with the source's, and finetune.batch_norm = \"train\" gives them other statistics; set that to \"frozen\", or remove this";
        return Err(run.source.wrong("finetune.wise_ft", message));
    }
    Ok(())
}

/// Refuses low-rank updates where nothing that is trained has attention, and of a rank that is none.
fn check_lora(run: &Run, backbone: &Backbone, plan: &FreezePlan) -> Result<(), ConfigError> {
    let Some(low_rank) = plan.low_rank else { return Ok(()) };
    let live = backbone.ids().filter(|&id| id >= plan.first_live && id < backbone.first_new());
    let (arch, depth) = (run.network.name, run.depth());
    match live.filter_map(|id| backbone.largest_rank(id)).min() {
        None if backbone.ids().all(|id| backbone.largest_rank(id).is_none()) => {
            let message = format!(
                "is for attention, and {arch} has none; remove it, or use a network that has (vit, dinov2, swin)"
            );
            Err(run.source.wrong("finetune.lora", message))
        }
        None => {
            let message = format!(
                "is for attention, and with the depth \"{depth}\" no stage of {arch} that is trained has any; use a greater depth"
            );
            Err(run.source.wrong("finetune.lora", message))
        }
        Some(largest) if low_rank.rank > largest => {
            let message = format!(
                "is {}, and the smallest attention that is trained has {largest} values a side; use at most {largest} (8 is usual)",
                low_rank.rank
            );
            Err(run.source.wrong("finetune.lora.rank", message))
        }
        Some(_) => Ok(()),
    }
}

/// Refuses what would come after the end of the training, or never begin. With `compare` the run is one of a comparison.
///
/// # Errors
/// At the key at fault.
pub fn check_epochs(
    run: &Run,
    compare: Option<&CompareConfig>,
    plan: &FreezePlan,
    known: &Known<'_>,
) -> Result<(), ConfigError> {
    let train = &run.config.train;
    let images = most_images(run, compare, known);
    let epochs = enough_epochs(decide::epochs(train, images).0.get(), train, images);
    let last = plan.last_unfreeze();
    if let Some(thaw) = run.config.finetune.thaw.as_ref().filter(|_| last > epochs) {
        let (key, what) = match thaw.at.iter().max_by_key(|(_, epoch)| **epoch) {
            Some((stage, _)) => (format!("finetune.thaw.at.{stage}"), stage.clone()),
            None => ("finetune.thaw.every".to_owned(), "the first stage".to_owned()),
        };
        let message = format!(
            "{what} would be unfrozen in epoch {last}, after the last of {epochs}; unfreeze sooner, train longer (train.epochs) or go back less far (finetune.depth)"
        );
        return Err(run.source.wrong(&key, message));
    }
    if let Some(from) = train.swa_from.filter(|from| from.get() > epochs) {
        let message = format!(
            "epoch {from} comes after the last of {epochs}; begin sooner, or train longer (train.epochs)"
        );
        return Err(run.source.wrong("train.swa_from", message));
    }
    let per_epoch = steps_per_epoch(train, images);
    let warmup = warmup_steps(train.warmup_epochs.get(), per_epoch);
    let head = enough_epochs(run.config.finetune.head_epochs, train, images);
    let trains_head =
        run.config.finetune.head_epochs > 0 && !matches!(run.depth(), Depth::Head | Depth::Scratch);
    let trains_head = trains_head && run.config.finetune.head_solver == HeadSolver::Sgd;
    for (trains, epochs, key) in [(true, epochs, "train.epochs"), (trains_head, head, "finetune.head_epochs")]
    {
        if trains && warmup > 0 && warmup >= per_epoch * u64::from(epochs) {
            let message = format!(
                "the warm-up would take all of {key} = {epochs}; it comes before each training step of the recipe and must be shorter"
            );
            return Err(run.source.wrong("train.warmup_epochs", message));
        }
    }
    Ok(())
}

/// Returns the largest number of images that a run of this configuration trains on; with fewer, `train.min_steps` can only add epochs.
fn most_images(run: &Run, compare: Option<&CompareConfig>, known: &Known<'_>) -> usize {
    // The runs of a comparison train on the amounts that it names.
    let per_class = match compare {
        Some(compare) => compare.images_per_class.iter().max().copied(),
        None => run.config.data.images_per_class,
    };
    let at_most = per_class
        .map(|count| usize::try_from(count.get()).unwrap_or(usize::MAX).saturating_mul(known.classes.len()));
    let training = known.training.iter().sum();
    at_most.map_or(training, |at_most| at_most.min(training))
}
