use std::num::NonZeroU32;

use pretrained::PartialInput;
use records::{Amount, Event, Outcome, Session};
use run_config::{Checkpoints, CompareConfig, Method, Run, VariantConfig};
use team::Team;
use zoo::source_weights::SourceWeights;

use super::Cell;
use super::cells::Cells;
use crate::Error;
use crate::advise;
use crate::helpers::Helpers;
use crate::recipe::{self, Course, Materials};
use crate::search;
use run_folder::RunFolder;

/// Carries out cells one after another. The images and weights of a variant are read once.
pub(super) struct Worker<'a> {
    run: &'a Run,
    compare: &'a CompareConfig,
    cells: &'a Cells<'a>,
    gathered: Option<Gathered>,
}

/// What cells share that are of one variant and prepare images alike.
pub(super) struct Gathered {
    variant: usize,
    /// Their `data.input`.
    input: Option<PartialInput>,
    run: Run,
    /// The run with each of the settings.
    settings: Vec<Run>,
    materials: Materials,
}

impl<'a> Worker<'a> {
    pub(super) fn new(run: &'a Run, compare: &'a CompareConfig, cells: &'a Cells<'a>) -> Self {
        Self { run, compare, cells, gathered: None }
    }

    /// Carries out the first cell that no process has begun. Returns whether there was one.
    pub(super) fn next(&mut self, plan: &[Cell], session: &mut Session<'_>) -> Result<bool, Error> {
        for cell in plan {
            if session.interrupted() {
                break;
            }
            let Some(claim) = self.cells.claim(cell)? else { continue };
            let folder = claim.folder();
            let (cells, compare) = (self.cells, self.compare);
            let input = self.input(cell.setting);
            let gathered = input.and_then(|input| self.gather(cell.variant, input, session));
            let done = gathered.and_then(|Gathered { run, settings, materials, .. }| {
                let run = run_of_cell(run, settings, cell);
                let interrupt = session.interrupt;
                let mut steps = |event: &Event<'_>| {
                    if let Event::Stepped { .. } = event {
                        session.emit(event);
                    }
                };
                let session = &mut Session { interrupt, listener: &mut steps };
                // The cells of the comparison are shared already.
                let alone = Helpers::new(0, &|_| std::process::Command::new(""));
                let search_in = || RunFolder::at(&folder.file("search"));
                let (run, search) = search::resolve_search(&run, materials, &search_in, &alone, session)?;
                let (run, advice) = advise::resolve_auto_depth(&run, materials, session)?;
                // No checkpoint but the last good one of a run that diverges.
                let checkpoints = compare.keep_models.then_some(folder);
                let performed =
                    recipe::perform(&run, &mut materials.clone(), checkpoints, Course::unsaved(), session);
                let mut finished = match performed {
                    Err(error @ Error::Training(training::Error::Diverged { .. })) => {
                        return cells.write_diverged(cell, folder, &run, &error);
                    }
                    performed => performed?,
                };
                advise::attach_to_record(&mut finished.record, advice);
                search::attach_to_record(&mut finished.record, search);
                match finished.record.outcome {
                    Outcome::Finished => cells.write(folder, &run, materials, finished),
                    Outcome::Interrupted => Err(Error::Interrupted),
                }
            });
            return match done {
                Ok(()) => Ok(true),
                Err(error) => {
                    claim.release()?;
                    if matches!(error, Error::Interrupted | Error::SearchInterrupted { .. }) {
                        Ok(false)
                    } else {
                        Err(error)
                    }
                }
            };
        }
        Ok(false)
    }

    /// Returns `data.input` of a setting, or that of the run it is laid over.
    pub(super) fn input(&self, setting: Option<usize>) -> Result<Option<PartialInput>, Error> {
        match setting.and_then(|setting| self.compare.settings.get(setting)) {
            Some(setting) => Ok(self.run.with_overrides(setting)?.config.data.input),
            None => Ok(self.run.config.data.input.clone()),
        }
    }

    /// Reads what cells of this variant and `data.input` share, unless it is at hand.
    pub(super) fn gather(
        &mut self,
        variant: usize,
        input: Option<PartialInput>,
        session: &mut Session<'_>,
    ) -> Result<&Gathered, Error> {
        let gathered = match self.gathered.take() {
            Some(gathered) if gathered.variant == variant && gathered.input == input => gathered,
            _ => {
                let mut run = with_variant(self.run, self.compare, variant)?;
                run.config.data.input.clone_from(&input);
                let materials = Materials { seconds: 0.0, ..recipe::gather(&run, &Team::alone(), session)? };
                check_amounts(&run, &materials, self.compare)?;
                let settings = self.compare.settings.iter().map(|setting| {
                    let mut changed = run.with_overrides(setting)?;
                    let own = self.run.with_overrides(setting)?.config.data.input;
                    if own == input {
                        recipe::suits(&mut changed, self.compare, &materials)?;
                    } else {
                        // Its images are read later, with its first cell.
                        changed.config.data.input = own;
                        recipe::can_prepare(&changed, &materials)?;
                    }
                    Ok(changed)
                });
                let settings = settings.collect::<Result<Vec<Run>, Error>>()?;
                Gathered { variant, input, run, settings, materials }
            }
        };
        Ok(self.gathered.insert(gathered))
    }
}

/// The run with a variant's data and weights in place of its own.
fn with_variant(run: &Run, compare: &CompareConfig, variant: usize) -> Result<Run, Error> {
    let mut run = run.clone();
    if let Some(VariantConfig { root, weights, .. }) = compare.variants.get(variant) {
        if let Some(root) = root {
            run.config.data.root = Some(root.clone());
        }
        if let Some(weights) = weights {
            run.weights = SourceWeights::find(run.network.name, weights)
                .map_err(|error| run.source.wrong("compare.variant", error.to_string()))?;
            run.config.model.weights =
                run.weights.as_ref().map_or_else(|| weights.clone(), |found| found.label.clone());
        }
    }
    if run.weights.is_none() && compare.methods.iter().any(|method| *method != Method::Scratch) {
        let message = "with \"none\" there is nothing to transfer; name weights, or compare only \"scratch\"";
        return Err(run.source.wrong("model.weights", message).into());
    }
    Ok(run)
}

/// The run of one cell.
fn run_of_cell(base: &Run, settings: &[Run], cell: &Cell) -> Run {
    let setting = cell.setting.and_then(|setting| settings.get(setting));
    let mut run = setting.map_or_else(|| base.for_method(cell.method), Run::clone);
    run.config.run.seed = cell.seed;
    run.config.run.checkpoints = Checkpoints::None;
    run.config.data.images_per_class = cell.images_per_class;
    run.config.data.fold = cell.fold;
    if setting.is_none() && cell.method == Method::Head {
        // What the fine-tuned run does up to its fourth step, so that the two differ in the fifth alone.
        let epochs = NonZeroU32::new(run.config.finetune.head_epochs).unwrap_or(NonZeroU32::MIN);
        run.config.train.epochs = Some(epochs);
    }
    run.config.compare = None;
    run.name =
        format!("{} {}", cell.method.name(), Amount(cell.images_per_class.map(NonZeroU32::get)).short());
    run
}

/// Refuses a class with too few images before the first run, not in the middle of the comparison.
fn check_amounts(run: &Run, materials: &Materials, compare: &CompareConfig) -> Result<(), Error> {
    if let Some(&most) = compare.images_per_class.iter().max() {
        materials
            .images
            .train
            .take_per_class(most.get(), 0)
            .map_err(|error| Error::from(run.source.wrong("compare.images_per_class", error.to_string())))?;
    }
    Ok(())
}
