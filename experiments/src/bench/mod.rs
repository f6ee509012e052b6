//! `experiments bench`: speed and memory: small pieces, or whole jobs next to PyTorch scripts that do the same work in the
//! same run.
//!
//! - `micro`: the small pieces, without weights or photographs
//! - `works`: what is measured and what is to be reached; `jobs`, `images`: how each side does it
//! - `materials`: programs, photographs, weights; `python`: the peers' environment
//! - `measure`: one process, its time and its peak of memory
//! - `table`, `page`: from the runs to the figures and `docs/benchmarks.md`; `machine`: where it was
//! - `remembered`: what was measured before, in `docs/benchmarks.json`, so that the page can be made work by work
//! - `growth`: 100, 1,000 and 10,000 images
//! - `saving`: what the states of a run cost that it is resumed from

mod growth;
mod images;
mod jobs;
pub(crate) mod machine;
mod materials;
pub(crate) mod measure;
mod micro;
mod page;
mod python;
mod remembered;
mod saving;
mod table;
mod works;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use self::jobs::Size;
use self::machine::Machine;
use self::materials::Materials;
use self::micro::Extent;
use self::python::Python;
use self::remembered::Measured;
use self::table::Outcomes;
use self::works::{Side, Work};
use xtask::process::say;
use xtask::setup;
use xtask::workspace::{Workspace, cache_folder};

/// Measure speed and memory: small pieces, or whole jobs next to PyTorch scripts that do the same work
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("jobs").args(["peers", "alone", "growth", "saving"]))]
pub(crate) struct Arguments {
    /// Whole jobs here and in PyTorch, in turn; writes docs/benchmarks.md, and every run into docs/benchmarks.json
    #[arg(long)]
    peers: bool,
    /// The same whole jobs without PyTorch
    #[arg(long)]
    alone: bool,
    /// How cost grows from 100 to 10,000 generated images; writes docs/growth.md
    #[arg(long, conflicts_with = "only")]
    growth: bool,
    /// What saving states costs, while the whole of ResNet-18 is trained; fails where it takes more than 1 % of the training
    #[arg(long, conflicts_with = "only")]
    saving: bool,
    /// Do little of everything, to test the command: no measurement, no page
    #[arg(long)]
    quick: bool,
    /// Only this small piece or, with --peers or --alone, this job (may be repeated; a wrong name lists
    /// all). The page keeps the stored results of the other jobs
    #[arg(long, value_name = "WORK")]
    only: Vec<String>,
    /// Runs of each side [default: 3]; the page takes at least 3. With --saving, epochs [default: 6]
    #[arg(long, value_name = "N", requires = "jobs", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// Photographs: train/ and val/ with a folder per class [default: data/dogs_cats_small]
    #[arg(long, value_name = "DIR", requires = "jobs")]
    data: Option<PathBuf>,
    /// A Python with torch, torchvision and timm, in place of the environment in the cache
    #[arg(long, value_name = "FILE", requires = "jobs")]
    python: Option<PathBuf>,
    /// What our side computes in, as in run.precision
    #[arg(long, value_name = "TYPE", requires = "jobs", default_value = "auto", value_parser = ["auto", "float32", "bf16"])]
    precision: String,
    /// Write the page here [default: docs/benchmarks.md]
    #[arg(long, value_name = "FILE", requires = "peers")]
    page: Option<PathBuf>,
}

/// The command: tables on stdout, progress on stderr.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if !(arguments.peers || arguments.alone || arguments.growth || arguments.saving) {
        let extent = if arguments.quick { Extent::Quick } else { Extent::Full };
        warn_if_busy(&Machine::now(workspace));
        anstream::print!("{}", micro::table(workspace, &arguments.only, extent)?);
        return Ok(());
    }
    let works = works(&arguments.only)?;
    setup::ensure(workspace)?;
    let python = if arguments.peers || arguments.python.is_some() {
        Some(Python::ready(workspace, arguments.python.as_deref())?)
    } else {
        None
    };
    let scratch = Scratch::new()?;
    let data = arguments.data.clone().unwrap_or_else(|| workspace.root.join("data/dogs_cats_small"));
    let mut materials = Materials::new(workspace, python, &data, &arguments.precision, &scratch.folder)?;
    if arguments.growth {
        return grow(workspace, &mut materials, arguments, &scratch);
    }
    if arguments.saving {
        materials.need_weights(workspace, saving::network())?;
        let epochs = arguments.rounds.unwrap_or(if arguments.quick { 1 } else { saving::EPOCHS });
        let cost = saving::cost(&materials, epochs, &scratch.next("saving")?)?;
        anstream::print!("{cost}");
        return cost.check();
    }
    let mut size = if arguments.quick { Size::QUICK } else { Size::FULL };
    if let Some(rounds) = arguments.rounds {
        size.rounds = rounds as usize;
    }
    let is_measurement = arguments.peers && !arguments.quick && size.rounds >= page::ENOUGH;
    let machine = Machine::now(workspace);
    warn_if_busy(&machine);
    let memory = workspace.root.join("docs/benchmarks.json");
    let mut measured = remembered::read(&memory, &machine.hardware, &arguments.precision);
    for work in works {
        prepare(workspace, &mut materials, work, &size, &scratch)?;
        let peers = if arguments.peers { work.peers() } else { &[] };
        let outcomes = in_turn(&materials, work, peers, &size, &scratch)?;
        anstream::print!("{}", page::text(work, &outcomes));
        let (precision, rounds) = (arguments.precision.clone(), size.rounds);
        measured.insert(work, Measured { machine: machine.clone(), precision, rounds, outcomes });
        if is_measurement {
            remembered::write(&memory, &measured)?;
        }
    }
    if arguments.peers && !is_measurement {
        say(format!(
            "A measurement takes whole jobs and at least {} rounds: docs/benchmarks.md stays as it is.",
            page::ENOUGH
        ));
    }
    let usual = is_measurement.then(|| workspace.root.join("docs/benchmarks.md"));
    if let Some(place) = arguments.page.clone().or(usual) {
        let weights: Vec<String> =
            materials.weights_used().map(|(arch, path)| format!("{arch} {}", name_of(path))).collect();
        let preface = if arguments.quick {
            "**Little was done of everything: these are no measurements.**\n\n"
        } else {
            ""
        };
        let about = page::About {
            preface,
            hardware: &machine.hardware,
            versions: materials.versions(),
            weights: &weights.join(", "),
            precision: &materials.precision,
            batch: materials::BATCH,
        };
        let text = page::markdown(&measured, &about);
        write_page(&place, &text)?;
    }
    Ok(())
}

/// The jobs of these names, all without names.
fn works(names: &[String]) -> Result<Vec<Work>> {
    let work = |asked: &String| {
        let found = Work::ALL.into_iter().find(|&work| name(work) == *asked);
        let known = || Work::ALL.map(name).join(", ");
        found.with_context(|| format!("no job is called {asked:?}: there are {}", known()))
    };
    if names.is_empty() { Ok(Work::ALL.to_vec()) } else { names.iter().map(work).collect() }
}

fn warn_if_busy(machine: &Machine) {
    if machine.is_busy() {
        let load = machine.load.unwrap_or(0.0);
        say(format!("The machine is busy (load {load:.1}): these figures are not reliable."));
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Weights, a model to predict with, photographs, and the choice of precision: nothing that a clock should see.
fn prepare(
    workspace: &Workspace,
    materials: &mut Materials,
    work: Work,
    size: &Size,
    scratch: &Scratch,
) -> Result<()> {
    let Some(arch) = jobs::arch(work, size) else { return Ok(()) };
    materials.need_weights(workspace, arch)?;
    say(format!("{}: a first run that does not count", name(work)));
    if work.prediction().is_some() {
        let folder = scratch.next("model")?;
        jobs::model(materials, arch, &folder)?;
        materials.remember(&folder)?;
        materials.set_model(folder.join("run"), scratch.next("photographs")?);
        materials.copy_photographs(size.predicted(work))?;
    }
    let folder = scratch.next("first")?;
    let brief = Size { head_epochs: 1, last_stage_epochs: 1, full_epochs: 1, ..*size };
    jobs::run(materials, work, Side::Ours, &brief, &folder)?;
    materials.remember(&folder)?;
    remove(&folder)
}

/// Every side once, then again: what else the machine does meets all of them alike.
fn in_turn(
    materials: &Materials,
    work: Work,
    peers: &[Side],
    size: &Size,
    scratch: &Scratch,
) -> Result<Outcomes> {
    let mut outcomes: Outcomes = BTreeMap::new();
    for round in 1..=size.rounds {
        for side in std::iter::once(Side::Ours).chain(peers.iter().copied()) {
            say(format!("{}, round {round} of {}: {}", name(work), size.rounds, side.name()));
            let folder = scratch.next(side.name())?;
            let outcome = jobs::run(materials, work, side, size, &folder)?;
            say(format!("{:.2} s", outcome.seconds));
            outcomes.entry(side).or_default().push(outcome);
            remove(&folder)?;
        }
    }
    Ok(outcomes)
}

fn write_page(place: &Path, text: &str) -> Result<()> {
    files::write(place, text)?;
    say(format!("Wrote {}", place.display()));
    Ok(())
}

fn grow(
    workspace: &Workspace,
    materials: &mut Materials,
    arguments: &Arguments,
    scratch: &Scratch,
) -> Result<()> {
    materials.need_weights(workspace, growth::network())?;
    let counts: &[u32] = if arguments.quick { &[50, 100] } else { &[100, 1_000, 10_000] };
    let mut costs = Vec::new();
    for &count in counts {
        let folder = scratch.next("growth")?;
        costs.push(growth::cost(materials, count, &folder)?);
        materials.remember(&folder)?;
        remove(&folder)?;
    }
    let page = growth::page(&costs, &Machine::now(workspace), &materials.precision);
    anstream::print!("{page}");
    if arguments.quick {
        return Ok(());
    }
    write_page(&workspace.root.join("docs/growth.md"), &page)
}

fn name(work: Work) -> String {
    work.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// A folder in the cache for everything that is of no use afterwards; it goes when this does.
struct Scratch {
    folder: PathBuf,
    used: std::cell::Cell<u32>,
}

impl Scratch {
    fn new() -> Result<Self> {
        let folder = cache_folder()?.join(format!("bench/scratch-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder, used: std::cell::Cell::new(0) })
    }

    /// A fresh folder in it.
    fn next(&self, name: &str) -> Result<PathBuf> {
        self.used.set(self.used.get() + 1);
        let folder = self.folder.join(format!("{}-{name}", self.used.get()));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn remove(folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_go_by_their_names_and_a_wrong_one_lists_all() {
        let names = |names: &[&str]| works(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&[]).unwrap(), Work::ALL);
        assert_eq!(names(&["last-stage", "head"]).unwrap(), [Work::LastStage, Work::Head]);
        let error = names(&["step"]).unwrap_err().to_string();
        assert!(error.contains("\"step\"") && error.contains("first-step"), "{error}");
    }
}
