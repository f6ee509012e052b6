//! Which way to train is best: a race on folds of the training images. The crate `search` has the race; here the arms of a
//! network, or of several ([`networks`]), are made into runs ([`arms`]), and trained or fitted on folds ([`trainer`]).
//!
//! Validation and test images are taken out of the materials before anything begins.

mod arms;
mod networks;
mod trainer;

use std::path::Path;

use ::search::record::{About, record};
use ::search::{Budget, Calibration, Cells, Entrant, Images, Listed, Prior, Race, Rules, Setup, drive};
use features::dataset::{DecodedDataset, ImageSubset};
use images::DataSet;
use records::{Depth, Event, RaceCellRecord, RunRecord, SearchRecord, Session, StepName};
use run_config::{Config, Run};
use team::Team;

use self::networks::OfNetwork;
use self::trainer::{FoldTrainer, Process};
use crate::Error;
use crate::helpers::Helpers;
use crate::recipe::{self, Materials};
use run_folder::{FolderError, RunFolder};

/// Number of folds: each arm is trained on four fifths of the images at a time.
const FOLDS: usize = 5;

/// Reads what a search needs: of the images the training split alone.
///
/// # Errors
/// As [`recipe::gather`].
pub fn gather(run: &Run, session: &mut Session<'_>) -> Result<Materials, Error> {
    let mut choose = |set: &mut DataSet| {
        set.validation.clear();
        set.test.clear();
        Ok(())
    };
    let materials = recipe::gather_chosen(run, &Team::alone(), &mut choose, session)?;
    if let Some(per_class) = run.config.data.images_per_class {
        let drawn = materials.images.train.take_per_class(per_class.get(), run.config.run.seed);
        drawn.map_err(|error| run.source.wrong("data.images_per_class", error.to_string()))?;
    }
    Ok(materials)
}

/// Races the arms of a run whose depth is [`Depth::Search`], in a folder that may hold finished cells of the same search, with
/// helpers that [join](join()) it. Writes `search.json`, the page, and `chosen.toml`, the configuration of the arm to take.
///
/// # Errors
/// When there are too few images to hold some out, a cell fails, or on interruption: finished cells stay.
pub fn perform(
    run: &Run,
    materials: &Materials,
    folder: &RunFolder,
    helpers: &Helpers<'_>,
    session: &mut Session<'_>,
) -> Result<SearchRecord, Error> {
    let Prepared { mut race, field, about, mut networks } =
        prepare(run, materials, helpers.count() + 1, session)?;
    let calibration = Calibration::shipped()?;
    let cells = Cells::of(folder.path());
    let mut course: Vec<RaceCellRecord> = Vec::new();
    let process = Process::first(helpers, folder.path(), &about, &calibration);
    let mut trainer = FoldTrainer::new(&mut networks, &field, process, session);
    let end = drive(&mut race, &cells, &mut trainer, &mut course).map_err(|error| match error {
        Error::Interrupted => Error::SearchInterrupted { folder: folder.path().to_owned() },
        error => error,
    })?;
    drop(trainer);
    let Some(record) = record(&race, &about, &course, Some(end), &calibration) else {
        let message =
            "is less than the cheapest arm costs, and images that are augmented leave no free ones; raise it";
        return Err(run.source.wrong("search.budget", message).into());
    };
    let network =
        field.iter().find(|entrant| entrant.arm.name == record.chosen).map_or(0, |it| it.arm.network);
    let chosen = chosen(run, &networks[network].materials, &record)?;
    folder.write_search(&record, &chosen.config)?;
    session.emit(&Event::Standing { search: &record, over: true });
    Ok(record)
}

/// Helps with the search that this number of processes carry out in this folder, until it is over.
///
/// # Errors
/// When a cell fails, and on interruption. The cell at fault is released.
pub fn join(run: &Run, folder: &Path, jobs: usize, session: &mut Session<'_>) -> Result<(), Error> {
    let materials = gather(run, session)?;
    let Prepared { mut race, field, mut networks, .. } = prepare(run, &materials, jobs, session)?;
    let mut trainer = FoldTrainer::new(&mut networks, &field, Process::Helper, session);
    drive(&mut race, &Cells::of(folder), &mut trainer, &mut Vec::new())?;
    Ok(())
}

/// A race that is about to begin.
struct Prepared {
    race: Race,
    field: Vec<Entrant>,
    about: About,
    networks: Vec<OfNetwork>,
}

/// Sets up the race of a run that this number of processes shares.
fn prepare(
    run: &Run,
    materials: &Materials,
    jobs: usize,
    session: &mut Session<'_>,
) -> Result<Prepared, Error> {
    let training = recipe::images_of(run, &materials.images)?.train;
    let networks = networks::of_run(run, materials, session)?;
    let field = networks::entrants_on(&networks, training.len())?;
    let race = Race::new(Setup {
        arms: field.iter().map(|entrant| entrant.arm.clone()).collect(),
        images: images_of(run, materials, &training)?,
        rules: Rules::default(),
        budget: budget(&run.config, jobs),
        prior: Prior::shipped()?,
        seed: run.config.run.seed,
    })?;
    let about = About {
        name: run.name.clone(),
        arch: networks.iter().map(|network| network.run.network.name).collect::<Vec<_>>().join(", "),
        weights: run.config.model.weights.clone(),
        data: run.config.data.origin().path().display().to_string(),
        seed: run.config.run.seed,
        jobs,
        sets: field.iter().map(|entrant| entrant.set.clone()).collect(),
    };
    Ok(Prepared { race, field, about, networks })
}

/// Replaces the depth `search` of a run by the arm that a search finds in the folder that is opened for it. Returns the run and,
/// where its depth was `search`, the record.
///
/// # Errors
/// As [`perform`], and when the folder is taken.
pub fn resolve_search(
    run: &Run,
    materials: &Materials,
    folder: &dyn Fn() -> Result<RunFolder, FolderError>,
    helpers: &Helpers<'_>,
    session: &mut Session<'_>,
) -> Result<(Run, Option<SearchRecord>), Error> {
    if *run.depth() != Depth::Search {
        return Ok((run.clone(), None));
    }
    if run.config.search.as_ref().is_some_and(|search| !search.archs.is_empty()) {
        let message = "is for finetune search; run its chosen.toml then";
        return Err(run.source.wrong("search.archs", message).into());
    }
    let folder = folder()?;
    folder.write_config(&shared_by(run, helpers).config)?;
    let record = perform(run, materials, &folder, helpers, session)?;
    Ok((chosen(run, materials, &record)?, Some(record)))
}

/// Returns the run with the number of processes written out that its minutes are counted for, so that those on other machines count
/// them alike.
#[must_use]
pub fn shared_by(run: &Run, helpers: &Helpers<'_>) -> Run {
    let mut run = run.clone();
    if let Some(search) = run.config.search.as_mut().filter(|search| search.minutes.is_some()) {
        search.jobs = helpers.count() + 1;
    }
    run
}

/// Adds a search to the record of the run that followed it, as part of the step `freeze`.
pub fn attach_to_record(record: &mut RunRecord, search: Option<SearchRecord>) {
    let Some(search) = search else { return };
    record.seconds += search.seconds;
    if let Some(freeze) = record.steps.iter_mut().find(|step| step.name == StepName::Freeze.name()) {
        freeze.seconds += search.seconds;
        freeze.what = format!("{}; {}", search.statement, freeze.what);
    }
    record.search = Some(Box::new(search));
}

/// Returns the run of the arm that a search chose.
fn chosen(run: &Run, materials: &Materials, record: &SearchRecord) -> Result<Run, Error> {
    let mut chosen = arms::run_of(run, &record.chosen, &record.set)?;
    recipe::forget_skipping(&mut chosen, materials)?;
    Ok(chosen)
}

/// Returns how much a search of this number of processes may cost.
fn budget(config: &Config, jobs: usize) -> Budget {
    let search = config.search.clone().unwrap_or_default();
    match search.minutes {
        Some(minutes) => Budget::Minutes(minutes.get() * jobs as f64),
        None => Budget::FinalRuns(search.budget.get()),
    }
}

/// Deals the training images into folds.
fn images_of(run: &Run, materials: &Materials, training: &ImageSubset) -> Result<Images, Error> {
    let (labels, classes) = (training.labels(), materials.images.classes.len());
    let seed = run.config.run.seed;
    let (groups, folds) = (training.groups(), training.dealt(FOLDS, seed));
    let held_out = || labels.iter().zip(&folds).filter(|(_, fold)| fold.is_some()).map(|(label, _)| label);
    let first = held_out().next();
    if held_out().all(|label| Some(label) == first) {
        let message = "a search holds images out, and needs at least two training images in each of two classes; add images, or set finetune.depth (\"head\" is usual with one or two images per class)";
        let data = &run.config.data;
        let key = if data.images_per_class.is_some() { "data.images_per_class" } else { data.origin_key() };
        return Err(run.source.wrong(key, message).into());
    }
    let listed = Listed { labels: &labels, folds: &folds, groups: &groups };
    Ok(Images::new(listed, classes, seed)?)
}

/// Returns the materials with these training images and no others.
fn only_training(materials: &Materials, training: &ImageSubset) -> Materials {
    let none = ImageSubset { store: training.store.clone(), indices: Vec::new() };
    let images = DecodedDataset {
        train: training.clone(),
        validation: none.clone(),
        test: none,
        fold: None,
        ..materials.images.clone()
    };
    Materials { images, ..materials.clone() }
}
