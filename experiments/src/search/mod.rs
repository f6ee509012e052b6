//! `experiments search`: what the search is worth, measured cell by cell on real data sets, and the page about it.
//!
//! A cell is a data set (`sets`), a number of images, a seed and a setting (`settings`); `plan` has them in their order. `cell`
//! carries one out, `store` keeps its record (`record`) as one line below `docs/search`, and what stands there is not
//! measured again. Held-out sets are refused until a commit has locked code, thresholds and list (`lock`). `page` writes
//! `docs/search-measured.md` from what is there.

mod cell;
mod grid;
mod lock;
mod page;
mod plan;
mod record;
mod sets;
mod settings;
mod store;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use xtask::process::{Interrupted, say};
use xtask::setup;
use xtask::tools;
use xtask::workspace::{Workspace, cache_folder};

use self::cell::{Ended, Runner};
use self::plan::Cell;
use self::record::Record;
use self::sets::{Part, Sources};
use self::settings::How;
use crate::bench::machine::Machine;

/// Measure the search against constants, other programs' recipes and cross-validation, cell by cell
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder for data sets, packages and unfinished runs [default: search, in the user's cache]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Begin no cell that would end after so many minutes
    #[arg(long, value_name = "N")]
    minutes: Option<f64>,
    /// Only these: names of data sets and settings, development, held-out, growth, 20-a-class, seed-0
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    only: Vec<String>,
    /// Processes at the same time, each with one thread
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,
    /// Folder with dogs_cats_2000.zip, cifar10_small.zip and hymenoptera_data.zip
    #[arg(long, value_name = "DIR", default_value = "data")]
    zips: PathBuf,
    /// File of the network's weights
    #[arg(long, value_name = "FILE", default_value = "weights/efficientnet-lite0-57934424.pth")]
    weights: PathBuf,
    /// A Python with fastai, timm and safetensors, for that peer
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// The commit that finetune was built from, where the variable FINETUNE names a ready-built one [default: the checkout's]
    #[arg(long, value_name = "COMMIT")]
    commit: Option<String>,
    /// How far runs give way to other programs, 0 to 19
    #[arg(long, value_name = "N", default_value_t = 19, value_parser = clap::value_parser!(u8).range(0..=19))]
    nice: u8,
    /// Make the data sets that are chosen, and measure nothing
    #[arg(long, conflicts_with_all = ["page", "lock"])]
    prepare: bool,
    /// Write docs/search-measured.md from the finished cells, and measure nothing
    #[arg(long, conflicts_with = "lock")]
    page: bool,
    /// Record the commit after which held-out sets may be measured
    #[arg(long)]
    lock: bool,
    #[arg(long, hide = true)]
    helper: bool,
}

/// The command: progress on stderr; at the end the page, and on stdout how many cells there are.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let results = workspace.root.join("docs/search");
    if arguments.lock {
        return lock::write(workspace, &results);
    }
    if arguments.page {
        return page::write(workspace, &results);
    }
    let mut cells = plan::chosen(&arguments.only)?;
    let sources = sources(workspace, arguments)?;
    if arguments.prepare {
        let mut seen = BTreeSet::new();
        for cell in cells.iter().filter(|cell| seen.insert(cell.set.name)) {
            let about = sets::about(&cell.set.ready(&sources)?)?;
            anstream::println!(
                "{}: {:?} to draw from, {:?} to test, {}",
                cell.set.name,
                about.train,
                about.test,
                about.digest
            );
        }
        return Ok(());
    }
    if !lock::is_there(&results) {
        cells.retain(|cell| cell.set.part != Part::HeldOut);
        say("Held-out sets wait for --lock.");
    }
    let lacking = prepare(&cells, &sources);
    cells.retain(|cell| !lacking.contains(cell.set.name));
    let runner = runner(workspace, arguments, sources)?;
    let helpers = helpers(arguments)?;
    let failures = work(&runner, &cells, &results, arguments.minutes);
    for mut helper in helpers {
        helper.wait().context("a helper cannot be waited for")?;
    }
    let failures = failures?;
    let finished = store::read(&results)?;
    let there = cells.iter().filter(|cell| is_finished(cell, &finished)).count();
    if !arguments.helper {
        anstream::println!("{there} of the {} cells asked for are finished", cells.len());
        page::write(workspace, &results)?;
    }
    if !failures.is_empty() {
        bail!("{} cells failed: {}", failures.len(), failures.join("; "));
    }
    Ok(())
}

/// Makes the data sets of these cells, before several processes want them. Returns the names of those that cannot be made, each
/// with a message.
fn prepare(cells: &[Cell], sources: &Sources<'_>) -> BTreeSet<&'static str> {
    let names: BTreeSet<&str> = cells.iter().map(|cell| cell.set.name).collect();
    let sets = sets::SETS.iter().filter(|set| names.contains(set.name));
    let fails = sets.filter(|set| {
        let ready = set.ready(sources);
        if let Err(error) = &ready {
            say(format!("{error:#}"));
        }
        ready.is_err()
    });
    fails.map(|set| set.name).collect()
}

fn sources<'a>(workspace: &'a Workspace, arguments: &Arguments) -> Result<Sources<'a>> {
    let folder = match &arguments.data {
        Some(folder) => absolute(workspace, folder),
        None => cache_folder()?.join("search"),
    };
    Ok(Sources { workspace, folder, zips: absolute(workspace, &arguments.zips) })
}

fn runner<'a>(workspace: &'a Workspace, arguments: &Arguments, sources: Sources<'a>) -> Result<Runner<'a>> {
    setup::ensure(workspace)?;
    let finetune = tools::finetune(workspace)?.program().to_owned();
    let weights = absolute(workspace, &arguments.weights);
    if !weights.is_file() {
        bail!("{} is not there: cargo xtask fetch-weights efficientnet_lite0", weights.display());
    }
    let program = cell::version(workspace, &finetune, arguments.commit.as_deref())?;
    let day = Machine::now(workspace).day;
    Ok(Runner {
        sources,
        finetune,
        weights,
        python: arguments.python.clone(),
        nice: arguments.nice,
        program,
        day,
    })
}

fn absolute(workspace: &Workspace, path: &Path) -> PathBuf {
    workspace.root.join(path)
}

/// Further processes that work through the same cells.
fn helpers(arguments: &Arguments) -> Result<Vec<Child>> {
    let start = |_| {
        let program = std::env::current_exe().context("this program has no path")?;
        let mut words = std::env::args_os().skip(1).collect::<Vec<_>>();
        words.push("--helper".into());
        Command::new(program).args(words).spawn().context("no helper can be started")
    };
    let further = if arguments.helper { 0 } else { arguments.jobs - 1 };
    (0..further).map(start).collect()
}

/// Carries out what is not finished and not another process's, until the time is over. Returns what failed.
fn work(runner: &Runner<'_>, cells: &[Cell], results: &Path, minutes: Option<f64>) -> Result<Vec<String>> {
    let began = Instant::now();
    let end = minutes.map(|minutes| began + Duration::from_secs_f64(minutes * 60.0));
    let mut not_possible = BTreeSet::new();
    let mut failures = Vec::new();
    for cell in cells {
        let finished = store::read(results)?;
        if not_possible.contains(cell.setting.name) || is_finished(cell, &finished) {
            continue;
        }
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            break;
        }
        if left.is_some_and(|left| expected(cell, &finished) > left.as_secs_f64()) {
            continue;
        }
        let claims = runner.sources.folder.join("claims");
        let Some(_claim) = store::Claim::of(&claims, &cell.to_string())? else { continue };
        // Another process may have finished it between reading and claiming.
        let finished = store::read(results)?;
        if is_finished(cell, &finished) {
            continue;
        }
        match one(runner, cell, &finished) {
            Ok(Some(Ended::Finished(record))) => {
                store::append(results, &record)?;
                say(format!("{cell}: {:.1} %, {:.0} s", 100.0 * record.accuracy, record.seconds));
            }
            Ok(Some(Ended::NotPossible(reason))) => {
                say(format!("{}: not possible: {reason}", cell.setting.name));
                not_possible.insert(cell.setting.name);
            }
            Ok(None) => {}
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                say(format!("{cell}: {error:#}"));
                failures.push(cell.to_string());
            }
        }
    }
    Ok(failures)
}

/// Carries out one cell; `None` where cells that it needs are not finished.
fn one(runner: &Runner<'_>, cell: &Cell, finished: &[Record]) -> Result<Option<Ended>> {
    if !matches!(cell.setting.how, How::Grid) {
        let run = |task: &cell::Task<'_>| runner.run(&cell.to_string(), &cell.setting.how, task);
        return runner.carry_out(cell, run).map(Some);
    }
    let Some(finals) = grid::needed(cell, finished) else { return Ok(None) };
    let mut chosen = None;
    let ended = runner.carry_out(cell, |task| {
        let choice = grid::choose(runner, cell, task, &finals)?;
        let record = choice.record;
        chosen = Some(record.setting.clone());
        Ok(cell::Run::Measured(Box::new(cell::Measured {
            accuracy: record.accuracy,
            loss: record.loss,
            answers: record.answers()?,
            search: None,
            seconds: choice.seconds + record.seconds,
            program: record.program.clone(),
        })))
    })?;
    Ok(Some(match ended {
        Ended::Finished(record) => Ended::Finished(Box::new(Record { chosen, ..*record })),
        not_possible @ Ended::NotPossible(_) => not_possible,
    }))
}

fn is_finished(cell: &Cell, finished: &[Record]) -> bool {
    finished.iter().any(|record| {
        record.set == cell.set.name
            && record.images == cell.images
            && record.seed == cell.seed
            && record.setting == cell.setting.name
    })
}

/// Seconds that a cell will take: the longest of its setting on the same set and number of images; 0 where none is finished.
fn expected(cell: &Cell, finished: &[Record]) -> f64 {
    let alike = finished.iter().filter(|record| {
        record.set == cell.set.name && record.images == cell.images && record.setting == cell.setting.name
    });
    alike.map(|record| record.wall).fold(0.0, f64::max)
}
