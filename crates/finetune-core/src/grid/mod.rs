//! Many runs over seeds, methods and amounts of data, and what they say together.

mod rows;
mod verdict;

use std::time::Instant;

use report::record::{CellRecord, GridRecord, Outcome, RunRecord};

use crate::Error;
use crate::config::{Checkpoints, CompareConfig, Method, VariantConfig};
use crate::event::{Event, Listener};
use crate::interrupt::Interrupt;
use crate::model_file;
use crate::recipe::{self, Finished, Materials};
use crate::run::Run;
use crate::run_folder::RunFolder;
use crate::source_weights::SourceWeights;

/// One run of a grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Position among the variants.
    pub variant: usize,
    /// Training images of each class; `None` means all.
    pub images_per_class: Option<u32>,
    /// How it is trained.
    pub method: Method,
    /// Of the drawn images and of the training.
    pub seed: u64,
}

/// The runs of a grid, in the order in which they are carried out. Pure.
#[must_use]
pub fn plan(compare: &CompareConfig) -> Vec<Cell> {
    let amounts: Vec<Option<u32>> = match compare.images_per_class.as_slice() {
        [] => vec![None],
        amounts => amounts.iter().copied().map(Some).collect(),
    };
    let mut cells = Vec::new();
    for variant in 0..compare.variants.len().max(1) {
        for &images_per_class in &amounts {
            for &method in &compare.methods {
                for &seed in &compare.seeds {
                    cells.push(Cell { variant, images_per_class, method, seed });
                }
            }
        }
    }
    cells
}

/// Carries out a grid. Each run leaves its model and summary under `cells/` in the folder.
///
/// # Errors
/// As a single run; the first failure ends the grid.
pub fn perform(
    run: &Run,
    compare: &CompareConfig,
    folder: &RunFolder,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<(GridRecord, Outcome), Error> {
    let started = Instant::now();
    let config = folder.write_config(&run.config)?;
    let cells = plan(compare);
    let mut records: Vec<CellRecord> = Vec::new();
    let mut example: Option<RunRecord> = None;
    let mut shared: Option<(usize, Run, Materials)> = None;
    for cell in &cells {
        if interrupt.requested() {
            break;
        }
        if shared.as_ref().is_none_or(|(variant, ..)| *variant != cell.variant) {
            let base = vary(run, compare, cell.variant)?;
            let materials = Materials { seconds: 0.0, ..recipe::gather(&base, interrupt, listen)? };
            check_amounts(&base, &materials, compare)?;
            shared = Some((cell.variant, base, materials));
        }
        let Some((_, base, materials)) = &shared else { continue };
        let cell_run = of_cell(base, cell);
        let finished = recipe::perform(&cell_run, materials, None, interrupt, &mut |_| {})?;
        if finished.record.outcome == Outcome::Interrupted {
            break;
        }
        let variant = compare.variants.get(cell.variant).map_or("", |variant| &variant.name);
        let (record, whole) = keep(cell, variant, &cell_run, materials, finished, folder)?;
        listen(&Event::Cell { record: &record, done: records.len() + 1, total: cells.len() });
        records.push(record);
        if example.is_none() || worth_showing(cell, &cells) {
            example = Some(whole);
        }
    }
    let Some(example) = example else { return Err(Error::Interrupted) };
    let rows = rows::of(&records);
    let mut verdict = verdict::of(&rows, compare.judge_on.as_deref());
    let complete = records.len() == cells.len();
    if !complete {
        verdict.insert(0, format!("Interrupted after {} of {} runs.", records.len(), cells.len()));
    }
    let record = GridRecord {
        name: run.name.clone(),
        judged_on: compare.judge_on.clone(),
        rows,
        cells: records,
        verdict,
        example: Box::new(example),
        config,
        seconds: started.elapsed().as_secs_f64(),
    };
    folder.write_grid(&record)?;
    Ok((record, if complete { Outcome::Finished } else { Outcome::Interrupted }))
}

/// The run with a variant's data and weights in place of its own.
fn vary(run: &Run, compare: &CompareConfig, variant: usize) -> Result<Run, Error> {
    let mut run = run.clone();
    if let Some(VariantConfig { root, weights, .. }) = compare.variants.get(variant) {
        if let Some(root) = root {
            run.config.data.root.clone_from(root);
        }
        if let Some(weights) = weights {
            run.config.model.weights.clone_from(weights);
            run.weights = SourceWeights::find(run.network.name, weights)
                .map_err(|error| run.source.wrong("compare.variant", error.to_string()))?;
        }
    }
    if run.weights.is_none() && compare.methods.iter().any(|method| *method != Method::Scratch) {
        let message = "with \"none\" there is nothing to transfer; name weights, or compare only \"scratch\"";
        return Err(run.source.wrong("model.weights", message).into());
    }
    Ok(run)
}

fn of_cell(base: &Run, cell: &Cell) -> Run {
    let mut run = base.by(cell.method);
    run.config.run.seed = cell.seed;
    run.config.run.checkpoints = Checkpoints::None;
    run.config.data.images_per_class = cell.images_per_class;
    run.config.finetune.depth = run.depth.to_string();
    if cell.method == Method::Head {
        // What the fine-tuned run does up to its fourth step, so that the two differ in the fifth alone.
        run.config.train.epochs = run.config.finetune.head_epochs.max(1);
    }
    run.config.compare = None;
    run.name = format!("{} {}", cell.method.name(), amount(cell.images_per_class));
    run
}

/// A class with too few images is told before the first run, not in the middle of the grid.
fn check_amounts(run: &Run, materials: &Materials, compare: &CompareConfig) -> Result<(), Error> {
    if let Some(&most) = compare.images_per_class.iter().max() {
        materials
            .pictures
            .train
            .take_per_class(most, 0)
            .map_err(|error| Error::from(run.source.wrong("compare.images_per_class", error.to_string())))?;
    }
    Ok(())
}

fn keep(
    cell: &Cell,
    variant: &str,
    run: &Run,
    materials: &Materials,
    finished: Finished,
    folder: &RunFolder,
) -> Result<(CellRecord, RunRecord), Error> {
    let Finished { mut record, backbone, .. } = finished;
    let place = format!(
        "cells/{}{}-{}-seed-{}",
        if variant.is_empty() { String::new() } else { format!("{}-", slug(variant)) },
        amount(cell.images_per_class).replace(' ', "-"),
        cell.method.name(),
        cell.seed
    );
    let folder = folder.below(&place)?;
    record.config = folder.write_config(&run.config)?;
    let description = recipe::description(materials, &materials.pictures);
    let sha256 = model_file::save(&backbone, &description, &folder.file("model.safetensors"))?;
    record.digests.insert("model.safetensors".to_owned(), sha256.clone());
    folder.write_summary(&record)?;
    let measured = record.evaluations.last();
    let cell = CellRecord {
        variant: variant.to_owned(),
        images_per_class: cell.images_per_class,
        method: cell.method.name().to_owned(),
        seed: cell.seed,
        accuracy: measured.map_or(f64::NAN, |measured| measured.accuracy),
        groups: measured.map(|measured| measured.groups.clone()).unwrap_or_default(),
        model_sha256: sha256,
        seconds: record.seconds,
    };
    Ok((cell, record))
}

/// The run that is shown in full: the most images, the deepest method, the first variant and seed.
fn worth_showing(cell: &Cell, cells: &[Cell]) -> bool {
    let best = cells
        .iter()
        .filter(|other| other.variant == 0 && other.seed == cells[0].seed)
        .max_by_key(|other| (other.method, other.images_per_class.unwrap_or(u32::MAX)));
    best == Some(cell)
}

fn amount(images_per_class: Option<u32>) -> String {
    images_per_class.map_or_else(|| "all images".to_owned(), |count| format!("{count} per class"))
}

fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_the_product_of_its_axes() {
        let compare = CompareConfig {
            images_per_class: vec![1, 5],
            methods: vec![Method::Scratch, Method::FineTune],
            seeds: vec![3, 4, 5],
            judge_on: None,
            variants: Vec::new(),
        };
        let cells = plan(&compare);
        assert_eq!(cells.len(), 12);
        assert!(cells.iter().all(|cell| cell.variant == 0));
        let shown: Vec<_> = cells.iter().filter(|cell| worth_showing(cell, &cells)).collect();
        let expected = Cell { variant: 0, images_per_class: Some(5), method: Method::FineTune, seed: 3 };
        assert_eq!(shown, [&expected]);
    }
}
