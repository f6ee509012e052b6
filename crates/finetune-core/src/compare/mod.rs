//! The comparison runner: many runs over seeds, methods or settings, and amounts of data.
//!
//! Every run is a cell with a folder of its own under `cells/`. The process that has the folder's lease carries the run out, so
//! that several processes, on one machine or many, share a comparison through the file system alone ([`Helpers`], [`join`]); a cell
//! with a summary is finished, and one whose process is gone is begun again by any other. What the runs say together is worked out by the crate `comparison`.
//!
//! In reading order: [`vary`] makes the settings, [`plan`] the cells; `cells` has their folders, `worker` carries them out,
//! [`Helpers`] are the other processes.

mod cells;
mod error;
mod vary;
mod worker;

use std::num::NonZeroU32;
use std::thread;
use std::time::Instant;

use comparison::{Ended, Figure, Finished, Judge, Pooled};
use records::{CellRecord, ComparisonRecord, DivergedRecord, Event, Outcome, Session, TraceRecord};
use run_config::{CompareConfig, Folds, Method, Metric, Run};

use self::cells::Cells;
use self::worker::Worker;
use crate::Error;
use crate::helpers::{Helpers, POLL_INTERVAL};
use run_folder::RunFolder;

pub use error::CompareError;
pub use vary::{Vary, VaryError, alone, vary};

/// One run of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Index of the variant; 0 where there are none.
    pub variant: usize,
    /// Training images of each class; `None` means all.
    pub images_per_class: Option<NonZeroU32>,
    /// How it is trained.
    pub method: Method,
    /// Index of the setting, where there are some.
    pub setting: Option<usize>,
    /// Seed of the choice of images and of the training.
    pub seed: u64,
    /// The fold that is held out, from 1; `None` where there are none.
    pub fold: Option<NonZeroU32>,
}

/// Returns the runs of a comparison in the order in which they are carried out, each on every fold where there are folds.
/// Pure.
#[must_use]
pub fn plan(compare: &CompareConfig, folds: Option<Folds>) -> Vec<Cell> {
    let folds: Vec<Option<NonZeroU32>> = match folds {
        None => vec![None],
        Some(folds) => (1..=folds.get()).map(NonZeroU32::new).collect(),
    };
    let amounts: Vec<Option<NonZeroU32>> = match compare.images_per_class.as_slice() {
        [] => vec![None],
        amounts => amounts.iter().copied().map(Some).collect(),
    };
    // Settings are compared under the first method.
    let trained: Vec<(Method, Option<usize>)> = match compare.settings.len() {
        0 => compare.methods.iter().map(|&method| (method, None)).collect(),
        count => {
            let method = compare.methods.first().copied().unwrap_or(Method::FineTune);
            (0..count).map(|setting| (method, Some(setting))).collect()
        }
    };
    let mut cells = Vec::new();
    for variant in 0..compare.variants.len().max(1) {
        for &images_per_class in &amounts {
            for &(method, setting) in &trained {
                for &seed in &compare.seeds {
                    let cell = |&fold| Cell { variant, images_per_class, method, setting, seed, fold };
                    cells.extend(folds.iter().map(cell));
                }
            }
        }
    }
    cells
}

/// Carries out a comparison, with helpers that take the cells that no process has begun.
///
/// # Errors
/// As a single run; the first failure ends the comparison, but for runs that diverge: these are recorded, and fail it only
/// where no other run is left.
pub fn perform(
    run: &Run,
    compare: &CompareConfig,
    folder: &RunFolder,
    helpers: Helpers<'_>,
    session: &mut Session<'_>,
) -> Result<(ComparisonRecord, Outcome), CompareError> {
    let started = Instant::now();
    let config = folder.write_named_config(&run.config, &run.name).map_err(Error::from)?;
    let plan = plan(compare, run.config.data.folds);
    let cells = Cells::of(folder, compare, run);
    let mut worker = Worker::new(run, compare, &cells);
    // Errors in data and weights show here, once, before a helper could repeat them.
    let first = worker.input(plan.first().and_then(|cell| cell.setting))?;
    worker.gather(0, first, session)?;
    let most = plan.len().saturating_sub(1);
    let mut helpers = helpers.start(folder.path(), most).map_err(CompareError::Helper)?;
    let mut results = Results { ended: vec![None; plan.len()] };
    loop {
        // A cell that another process left unfinished is carried out here, where its error is reported.
        while worker.next(&plan, session)? {
            results.collect(&plan, &cells, session)?;
        }
        results.collect(&plan, &cells, session)?;
        if session.interrupted() || results.ended.iter().all(Option::is_some) {
            break;
        }
        thread::sleep(POLL_INTERVAL);
    }
    helpers.wait(CompareError::Helper, || Ok(()))?;
    let complete = results.ended.iter().all(Option::is_some);
    let example = results.example(&plan).map(|cell| cells.read(cell)).transpose()?.flatten();
    let traces = traces(&plan, &cells)?;
    let Pooled { ended: judged, predictions } = match run.config.data.folds {
        None => single(compare, &plan, &results.ended, &cells)?,
        Some(folds) => cells.pooled(&plan, &results.ended, folds)?,
    };
    let rows = comparison::rows(&judged);
    let Parted { records, lost } = Parted::of(results.ended.into_iter().flatten());
    let Some(example) = example else {
        return Err(diverged(&lost).filter(|_| complete).unwrap_or(Error::Interrupted.into()));
    };
    let judged = Parted::of(judged);
    let finished = Finished {
        cells: &judged.records,
        diverged: &judged.lost,
        judged_on: compare.judge_on.as_deref(),
        judged_by: figure(compare.judge_by)
            .map_or(Judge::Accuracy, |figure| Judge::Figure { figure, predictions: &predictions }),
        baseline: compare.settings.first().map(|setting| setting.name.as_str()),
    };
    let effects = comparison::differences(&finished);
    let mut verdict = comparison::conclusions(&finished, &rows);
    verdict.splice(..0, comparison::of_folds(run.config.data.folds.map(Folds::get), &judged.records));
    if !complete {
        let ended = records.len() + lost.len();
        verdict.insert(0, format!("Interrupted after {ended} of {} runs.", plan.len()));
    }
    let record = ComparisonRecord {
        name: run.name.clone(),
        judged_on: compare.judge_on.clone(),
        folds: run.config.data.folds.map(Folds::get),
        rows,
        cells: records,
        diverged: lost,
        effects,
        verdict,
        traces,
        example: Box::new(example),
        config,
        seconds: started.elapsed().as_secs_f64(),
    };
    folder.write_comparison(&record).map_err(Error::from)?;
    Ok((record, if complete { Outcome::Finished } else { Outcome::Interrupted }))
}

/// Returns the cells that ended, each a run of its own, with their predictions where these are compared.
fn single(
    compare: &CompareConfig,
    plan: &[Cell],
    ended: &[Option<Ended>],
    cells: &Cells<'_>,
) -> Result<Pooled, Error> {
    let finished = plan.iter().zip(ended).filter(|(_, ended)| matches!(ended, Some(Ok(_))));
    let predictions = match figure(compare.judge_by) {
        None => Vec::new(),
        Some(_) => finished.map(|(cell, _)| cells.predictions(cell)).collect::<Result<_, _>>()?,
    };
    Ok(Pooled { ended: ended.iter().flatten().cloned().collect(), predictions })
}

/// What settings are compared by; `None` for accuracy.
fn figure(judge_by: Metric) -> Option<Figure> {
    match judge_by {
        Metric::Accuracy => None,
        Metric::BalancedAccuracy => Some(Figure::BalancedAccuracy),
        Metric::F1 => Some(Figure::F1),
        Metric::Loss => Some(Figure::Loss),
    }
}

/// Runs that finished, and those that diverged.
struct Parted {
    records: Vec<CellRecord>,
    lost: Vec<DivergedRecord>,
}

impl Parted {
    fn of(ended: impl IntoIterator<Item = Ended>) -> Self {
        let mut parted = Self { records: Vec::new(), lost: Vec::new() };
        for ended in ended {
            match ended {
                Ok(record) => parted.records.push(record),
                Err(record) => parted.lost.push(record),
            }
        }
        parted
    }
}

/// Most cells of one seed whose training is shown one by one.
const TRACES: usize = 12;

/// The course of training under each setting, with the first seed and on the first fold.
fn traces(plan: &[Cell], cells: &Cells<'_>) -> Result<Vec<TraceRecord>, CompareError> {
    let Some(&Cell { seed, fold, .. }) = plan.first() else { return Ok(Vec::new()) };
    let first: Vec<&Cell> = plan.iter().filter(|cell| cell.seed == seed && cell.fold == fold).collect();
    if first.len() > TRACES {
        return Ok(Vec::new());
    }
    let traces = first.into_iter().map(|cell| cells.trace(cell)).collect::<Result<Vec<_>, _>>()?;
    Ok(traces.into_iter().flatten().collect())
}

/// Returns the error of a comparison with diverged runs; `None` where there are none.
#[must_use]
pub fn diverged(runs: &[DivergedRecord]) -> Option<CompareError> {
    comparison::diverged(runs).map(CompareError::Diverged)
}

/// Helps with the comparison that another process carries out in this folder, until no cell is left to begin.
///
/// # Errors
/// As a single run. The cell at fault is released.
pub fn join(
    run: &Run,
    compare: &CompareConfig,
    folder: &RunFolder,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let cells = Cells::of(folder, compare, run);
    let mut worker = Worker::new(run, compare, &cells);
    let plan = plan(compare, run.config.data.folds);
    while worker.next(&plan, session)? {}
    Ok(())
}

/// Results of the cells, in the plan's order.
struct Results {
    /// `None` for a cell that has not ended.
    ended: Vec<Option<Ended>>,
}

impl Results {
    /// Reads the cells that ended since the last call, in whichever process, and reports them.
    fn collect(
        &mut self,
        plan: &[Cell],
        cells: &Cells<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), CompareError> {
        let total = plan.len();
        let mut done = self.ended.iter().flatten().count();
        for (cell, known) in plan.iter().zip(&mut self.ended).filter(|(_, known)| known.is_none()) {
            if let Some(run) = cells.read(cell)? {
                done += 1;
                let record = cells.record(cell, &run);
                session.emit(&Event::Cell { record: &record, done, total });
                *known = Some(Ok(record));
            } else if let Some(record) = cells.read_diverged(cell)? {
                done += 1;
                session.emit(&Event::Diverged { record: &record, done, total });
                *known = Some(Err(record));
            }
        }
        Ok(())
    }

    /// Returns the finished run that is shown in full: of the first variant and seed, the deepest method with the most images.
    fn example<'a>(&self, plan: &'a [Cell]) -> Option<&'a Cell> {
        let finished = plan.iter().zip(&self.ended).filter(|(_, ended)| matches!(ended, Some(Ok(_))));
        finished.map(|(cell, _)| cell).max_by_key(|cell| {
            let first = cell.variant == 0 && cell.seed == plan[0].seed && cell.fold == plan[0].fold;
            (first, cell.method, cell.images_per_class.unwrap_or(NonZeroU32::MAX))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_the_product_of_its_axes() {
        let compare = CompareConfig {
            images_per_class: [1, 5].map(|count| NonZeroU32::new(count).unwrap()).to_vec(),
            methods: vec![Method::Scratch, Method::FineTune],
            seeds: vec![3, 4, 5],
            ..CompareConfig::default()
        };
        let cells = plan(&compare, None);
        assert_eq!(cells.len(), 12);
        assert!(cells.iter().all(|cell| cell.variant == 0 && cell.fold.is_none()));
        let on_folds = plan(&compare, Some(Folds::of(3)));
        assert_eq!(on_folds.len(), 36);
        assert_eq!(on_folds[2].fold, NonZeroU32::new(3));
        assert_eq!((on_folds[2].seed, on_folds[3].seed), (3, 4));
    }

    #[test]
    fn the_run_shown_is_the_deepest_with_the_most_images_among_the_finished() {
        let cell = |images, method, seed| Cell {
            variant: 0,
            images_per_class: NonZeroU32::new(images),
            method,
            setting: None,
            seed,
            fold: None,
        };
        let plan = [cell(1, Method::Scratch, 3), cell(5, Method::Head, 3), cell(5, Method::FineTune, 4)];
        let done = CellRecord { accuracy: 0.5, ..CellRecord::default() };
        let shown = |finished: [bool; 3]| {
            let ended = finished.map(|finished| finished.then(|| Ok(done.clone()))).to_vec();
            Results { ended }.example(&plan).cloned()
        };
        assert_eq!(shown([true; 3]), Some(plan[1].clone()));
        assert_eq!(shown([true, false, true]), Some(plan[0].clone()));
        assert_eq!(shown([false; 3]), None);
    }
}
