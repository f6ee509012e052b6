//! `experiments regret`: what following `finetune advise` costs, measured against comparisons of real runs.
//!
//! For each task (`tasks`) its data are laid out as a folder (`data`, `fashion`), `finetune` compares all depths and
//! `"auto"` over several seeds, and the accuracies on the test split become regrets (`outcome`, `table`). What was measured
//! of a task is stored (`remembered`) and not measured again unless asked; an unfinished comparison is resumed.

mod data;
mod fashion;
mod outcome;
mod remembered;
mod table;
mod tasks;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use xtask::process;
use xtask::recipe;
use xtask::setup;
use xtask::tools::Tool;
use xtask::workspace::Workspace;

use self::outcome::{Advised, Outcome};
use self::tasks::{TASKS, Task};
use crate::bench::machine::Machine;

/// Measure the regret of `finetune advise`: its accuracy below that of the best depth
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder for configs and runs; finished comparisons are not run again [default: runs/regret]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only these tasks, by name
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Also measure tasks that were measured before
    #[arg(long)]
    again: bool,
    /// Run `advise` again, but no training; refused where the advice has changed
    #[arg(long, conflicts_with = "again")]
    advice: bool,
    /// Seeds of each cell
    #[arg(long, value_name = "SEEDS", value_delimiter = ',', default_values_t = [0, 1, 2])]
    seeds: Vec<u64>,
}

/// The command: each task and a table of all that are measured on stdout; what was measured is kept in `docs/regret`.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let chosen = chosen(&arguments.only)?;
    let measured = workspace.root.join("docs/regret");
    let folder = arguments.out.clone().unwrap_or_else(|| workspace.root.join("runs/regret"));
    let folder = std::path::absolute(&folder).with_context(|| format!("cannot find {}", folder.display()))?;
    for task in chosen {
        let outcome = match remembered::read(&measured, task)? {
            Some(mut outcome) if arguments.advice => {
                advise_again(workspace, &mut outcome, &arguments.seeds, &folder)?;
                remembered::write(&measured, &outcome)?;
                outcome
            }
            Some(outcome) if !arguments.again => outcome,
            _ => {
                let outcome = measure(workspace, task, &arguments.seeds, &folder)?;
                remembered::write(&measured, &outcome)?;
                outcome
            }
        };
        anstream::println!("{}", outcome.text());
    }
    let outcomes = TASKS
        .iter()
        .filter_map(|task| remembered::read(&measured, task).transpose())
        .collect::<Result<Vec<_>>>()?;
    anstream::print!("{}", table::text(&outcomes));
    Ok(())
}

/// Runs the comparison of a task, unless it is finished in the folder.
fn measure(workspace: &Workspace, task: &'static Task, seeds: &[u64], folder: &Path) -> Result<Outcome> {
    let runs = folder.join(task.name);
    if !runs.join("summary.json").is_file() {
        let (finetune, config) = prepare(workspace, task, seeds, folder)?;
        carry_out(workspace, &finetune, &config, &runs)?;
    }
    Outcome::read(task, &runs, Machine::now(workspace))
}

/// The program, and the configuration of a task's comparison with its data laid out.
fn prepare(workspace: &Workspace, task: &Task, seeds: &[u64], folder: &Path) -> Result<(Tool, PathBuf)> {
    setup::ensure(workspace)?;
    let finetune = Tool::finetune(workspace)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let letters = recipe::letters_and_source(workspace, folder)?;
    let root = data::lay_out(workspace, &task.data, &letters, task.test_per_class)?;
    let config = folder.join(format!("{}.toml", task.name));
    let text = task.config(&root, &letters.weights, seeds)?;
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    Ok((finetune, config))
}

/// What the program advises now, for each seed. It replaces the advice that the runs followed, which must
/// be the same depth and rate.
fn advise_again(workspace: &Workspace, outcome: &mut Outcome, seeds: &[u64], folder: &Path) -> Result<()> {
    let (finetune, config) = prepare(workspace, outcome.task, seeds, folder)?;
    ensure!(seeds.len() == outcome.advised.len(), "{} was run with other seeds", outcome.task.name);
    for (seed, then) in seeds.iter().zip(&mut outcome.advised) {
        let out = folder.join(format!("{}-advice-{seed}", outcome.task.name));
        if out.exists() {
            fs::remove_dir_all(&out).with_context(|| format!("cannot remove {}", out.display()))?;
        }
        let mut command = Command::new(finetune.program());
        command.current_dir(&workspace.root).args(["advise", "--json", "--scores", "--set"]);
        command.arg(format!("run.seed={seed}")).arg("--config").arg(&config).arg("--out").arg(&out);
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("cannot run {}", finetune.program().display()))?;
        ensure!(output.status.success(), "finetune advise failed on {}", outcome.task.name);
        let now: Advised =
            serde_json::from_slice(&output.stdout).context("finetune advise printed no advice")?;
        ensure!(
            now.depth == then.depth && now.rate_scale == then.rate_scale,
            "{} with seed {seed}: {} x {} is advised now, and the runs followed {} x {}; run it with --again",
            outcome.task.name,
            now.depth,
            now.rate_scale,
            then.depth,
            then.rate_scale
        );
        *then = now;
    }
    Ok(())
}

fn chosen(only: &[String]) -> Result<Vec<&'static Task>> {
    if only.is_empty() {
        return Ok(TASKS.iter().collect());
    }
    let find = |name: &String| {
        let known = || TASKS.iter().map(|task| task.name).collect::<Vec<_>>().join(", ");
        TASKS
            .iter()
            .find(|task| task.name == name)
            .with_context(|| format!("no task {name:?}; there are {}", known()))
    };
    only.iter().map(find).collect()
}

/// Runs a comparison, or the missing part of it.
fn carry_out(workspace: &Workspace, finetune: &Tool, config: &Path, runs: &Path) -> Result<()> {
    let mut command = Command::new(finetune.program());
    command.current_dir(&workspace.root).arg("--config").arg(config);
    command.arg(if runs.exists() { "--resume" } else { "--out" }).arg(runs);
    process::run_as_progress(&mut command)
}
