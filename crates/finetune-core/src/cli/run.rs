//! A single run in its folder: begun, saved on the way, and written. Those that were begun before are in [`super::resumed`].

use std::path::PathBuf;
use std::thread;

use ::team::Team;
use anyhow::Context;
use backbone::Backbone;
use finetune_core::recipe::{Course, Materials, Resumed};
use finetune_core::{Error, advise, recipe, search};
use records::{AdviceRecord, Event, Interrupt, Outcome, RunRecord, SearchRecord, Session};
use run_config::{Run, SaveInterval};
use run_folder::{FolderError, Metrics, RunFolder};
use run_state::{Basis, ImageList, Keeper, StateFolder};
use trained_model::model_file::{self, Description, SaveError};

use super::joined::search_helpers;
use super::options::{TrainArguments, print_summary};
use super::resume::hint;
use super::team;
use progress::Progress;

/// Begins a run in a new folder.
pub(super) fn begin(
    team: &Team,
    run: &Run,
    folder: &RunFolder,
    arguments: TrainArguments<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let saves = run.config.run.save_seconds != SaveInterval::Off;
    let states = if saves { Some(run_state::begin(run, folder.path()).map_err(Error::from)?) } else { None };
    if saves {
        hint(format!("finetune --resume {}", folder.path().display()));
    }
    // Hashed while images are read.
    thread::spawn(files::running_program);
    let mut progress = Progress::new();
    let mut before = |event: &Event<'_>| progress.listen(event);
    let session = &mut Session { interrupt, listener: &mut before };
    let mut materials = recipe::gather(run, team, session)?;
    let search_in = || RunFolder::at(&search_folder(folder));
    let decided = team::lead_decides(team, || decide(run, &materials, &search_in, session))?;
    let decided = decided.context("rank 0 decides")?;
    let decided = Decided { run: team::decided(team, run, Some(&decided.run))?, ..decided };
    materials.team = team.clone();
    let metrics = || Metrics::create(folder);
    carry_out(
        Begun { decided, states, materials, folder, saved: None },
        metrics,
        progress,
        arguments,
        interrupt,
    )
}

/// A run with everything decided, and what decided it.
pub(super) struct Decided {
    pub(super) run: Run,
    pub(super) search: Option<SearchRecord>,
    pub(super) advice: Option<AdviceRecord>,
    pub(super) basis: Basis,
}

/// Decides what a run leaves open; a search before it goes on in the folder that is opened for it.
pub(super) fn decide(
    run: &Run,
    materials: &Materials,
    search_in: &dyn Fn() -> Result<RunFolder, FolderError>,
    session: &mut Session<'_>,
) -> anyhow::Result<Decided> {
    let helpers = search_helpers(run);
    let (run, search) = search::resolve_search(run, materials, search_in, &helpers, session)?;
    let (run, advice) = advise::resolve_auto_depth(&run, materials, session)?;
    let basis = run_state::basis(&run, of_state(materials)).map_err(Error::from)?;
    let basis = Basis { search: search.clone(), advice: advice.clone(), ..basis };
    Ok(Decided { run, search, advice, basis })
}

/// A run that is about to be carried out.
pub(super) struct Begun<'a> {
    pub(super) decided: Decided,
    /// Where states go; `None` where none are saved.
    pub(super) states: Option<StateFolder>,
    pub(super) materials: Materials,
    pub(super) folder: &'a RunFolder,
    /// What an earlier process saved: of its training too, where it had begun; `None` for a run that begins.
    pub(super) saved: Option<Option<Resumed>>,
}

/// Carries a run out and writes what came of it.
pub(super) fn carry_out(
    begun: Begun<'_>,
    metrics: impl FnOnce() -> Result<Metrics, FolderError>,
    mut progress: Progress,
    arguments: TrainArguments<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let Begun { decided: Decided { run, search, advice, basis }, states, mut materials, folder, saved } =
        begun;
    let inexact = basis.inexact.clone();
    let mut keeper = states.map(|states| Keeper::new(states, basis, run.config.run.save_seconds));
    if let (Some(keeper), None) = (&mut keeper, &saved) {
        keeper.save_basis(ImageList::of(&materials.images).text()).map_err(Error::from)?;
    }
    let config = folder.write_config(&run.config)?;
    let mut metrics = metrics()?;
    let mut listen = |event: &Event<'_>| {
        progress.listen(event);
        metrics.listen(event);
    };
    let session = &mut Session { interrupt, listener: &mut listen };
    let course = Course::new(keeper.as_mut(), saved.flatten());
    let finished = recipe::perform(&run, &mut materials, Some(folder), course, session)?;
    let description = finished.description(&materials);
    let mut record = RunRecord { config, inexact, ..finished.record.clone() };
    advise::attach_to_record(&mut record, advice);
    search::attach_to_record(&mut record, search);
    let sha256 = model_file::save(&finished.backbone, &description, &folder.file("model.safetensors"))
        .map_err(|error| kept_elsewhere(&finished.backbone, &description, error))?;
    record.digests.insert("model.safetensors".to_owned(), sha256);
    keeper.iter_mut().for_each(|keeper| keeper.wait(session));
    metrics.finish()?;
    folder.write_predictions(finished.predictions.as_ref().filter(|_| run.config.data.fold.is_some()))?;
    folder.write_run(&record)?;
    // Its states are of no use any more once the summary is there.
    if let (Some(keeper), Outcome::Finished) = (keeper, record.outcome) {
        keeper.remove();
    }
    print_summary(&report::text::run_summary(&record), folder, &record, arguments)?;
    Ok(record.outcome)
}

/// Returns what of the materials a state depends on.
pub(super) fn of_state(materials: &Materials) -> run_state::Materials<'_> {
    run_state::Materials { images: &materials.images, weights: materials.source_sha256.as_deref() }
}

/// Returns the folder of the search before a run: next to its own, `runs/NAME-search`.
pub(super) fn search_folder(folder: &RunFolder) -> PathBuf {
    let mut name = folder.path().file_name().unwrap_or_default().to_owned();
    name.push("-search");
    folder.path().with_file_name(name)
}

/// Saves a model that cannot be written into its folder among the temporary files, so that the training is not lost. Returns
/// the error, which names the file.
fn kept_elsewhere(backbone: &Backbone, description: &Description<'_>, error: SaveError) -> anyhow::Error {
    let Ok(folder) = tempfile::Builder::new().prefix("finetune-").tempdir() else { return error.into() };
    let path = folder.path().join("model.safetensors");
    if model_file::save(backbone, description, &path).is_err() {
        return error.into();
    }
    let _ = folder.keep();
    anyhow::anyhow!("{error}; the trained model is kept in {}", path.display())
}
