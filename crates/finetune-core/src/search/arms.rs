//! The arms of a network as runs.

use std::num::NonZeroU32;

use ::search::entrants::{Able, Network, StageFacts};
use backbone::{StageId, Values};
use run_config::{Checkpoints, KeepPolicy, Run, SettingConfig};
use training::{decide, enough_epochs, steps_per_epoch};

use super::FOLDS;
use crate::Error;
use crate::recipe::{self, Materials};

/// Returns what of a run's network decides about its arms.
///
/// # Errors
/// When the weights do not fit.
pub(super) fn network(run: &Run, materials: &Materials, images: usize) -> Result<Network, Error> {
    let mut outline = recipe::build(run, &materials.input, materials.checkpoint.as_deref(), Values::Outline)?;
    if let Some(checkpoint) = &materials.checkpoint {
        outline.fit(checkpoint)?;
    }
    let side = i64::from(materials.input.crop);
    let traces = outline.trace(&[1, i64::from(materials.input.channels), side, side]);
    let cost = |ids: &mut dyn Iterator<Item = StageId>| -> f64 {
        ids.filter_map(|id| traces.get(id.index())).map(|trace| trace.multiply_adds as f64).sum()
    };
    let all = cost(&mut outline.ids()).max(1.0);
    let stages = outline.ids().filter(|&id| id < outline.first_new() && !outline.roots(id).is_empty());
    let stages = stages.map(|id| StageFacts {
        name: outline.name(id).to_owned(),
        live: cost(&mut outline.ids().filter(|&other| other >= id)) / all,
        norms: outline.stage_variables(id).iter().any(|variable| variable.name.ends_with(".running_mean")),
    });
    let train = &run.config.train;
    let steps = |images: usize| {
        let epochs = enough_epochs(decide::epochs(train, images).0.get(), train, images);
        f64::from(epochs) * steps_per_epoch(train, images) as f64
    };
    let stages: Vec<StageFacts> = stages.collect();
    let linear = stages.first().is_some_and(|first| can_be_linear(run, &first.name));
    Ok(Network {
        stages,
        caches: recipe::shows_the_same(run),
        fold_share: steps(images - images / FOLDS) / steps(images).max(1.0),
        able: Able { linear, averages: true },
        weight_decay: run.config.regularize.weight_decay().get(),
    })
}

/// Returns the multiply-adds of a run's network for one image.
///
/// # Errors
/// When it cannot end where the run says.
pub(super) fn multiply_adds(run: &Run, materials: &Materials) -> Result<f64, Error> {
    let outline = recipe::build(run, &materials.input, materials.checkpoint.as_deref(), Values::Outline)?;
    let side = i64::from(materials.input.crop);
    let traces = outline.trace(&[1, i64::from(materials.input.channels), side, side]);
    Ok(traces.iter().map(|trace| trace.multiply_adds as f64).sum())
}

/// Returns whether the run goes with a linear classifier on a stage: not where its images are augmented, or its head is the
/// source's.
fn can_be_linear(run: &Run, stage: &str) -> bool {
    let set = ["finetune.depth=head", "finetune.head_solver=ridge"].map(str::to_owned);
    let cut = format!("finetune.cut={stage:?}");
    run_of(run, "linear", &[&set[..], &[cut]].concat()).is_ok()
}

/// Returns the run of an arm: the run of a search with changes laid over it.
///
/// # Errors
/// At the change at fault.
pub(super) fn run_of(run: &Run, name: &str, set: &[String]) -> Result<Run, Error> {
    let setting = SettingConfig { name: name.to_owned(), set: set.to_vec() };
    let mut changed = run.with_overrides(&setting)?;
    changed.config.search = None;
    changed.config.data.fold = run.config.data.fold;
    changed.reset_ineffective();
    Ok(changed)
}

/// Returns the run of a cell: an arm on images that are chosen already, of which nothing is kept.
///
/// # Errors
/// As [`run_of`].
pub(super) fn run_of_cell(
    run: &Run,
    name: &str,
    set: &[String],
    materials: &Materials,
) -> Result<Run, Error> {
    let mut cell = run_of(run, name, set)?;
    cell.config.run.checkpoints = Checkpoints::None;
    // The held-out images must choose no epoch, and are asked once, at the end.
    cell.config.train.keep = Some(KeepPolicy::Last);
    cell.config.train.validate_every = Some(NonZeroU32::MAX);
    let data = &mut cell.config.data;
    (data.images_per_class, data.folds, data.fold) = (None, None, None);
    recipe::forget_skipping(&mut cell, materials)?;
    Ok(cell)
}
