//! `cargo xtask regret`: what following `finetune advise` costs, measured against a grid of real runs.
//!
//! For each task (`tasks`) its data are laid out as a folder (`data`, `fashion`), `finetune` compares all depths and
//! `"auto"` over several seeds, and the accuracies on the test split become a page (`outcome`, `page`). What was measured
//! of a task is kept (`remembered`) and not measured again unless asked; a grid that was begun is resumed.

mod data;
mod fashion;
mod outcome;
mod page;
mod remembered;
mod tasks;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use self::outcome::Outcome;
use self::tasks::{TASKS, Task};
use crate::bench::machine::Machine;
use crate::process::{self, say};
use crate::recipe;
use crate::setup;
use crate::tools::Tool;
use crate::workspace::Workspace;

/// Compare what `finetune advise` recommends with the best of a grid of runs
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder for configs and runs; grids that are done there are not run again [default: runs/regret]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only these tasks, by name
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Also those that were measured before, as the rule or the program has changed
    #[arg(long)]
    again: bool,
    /// Seeds of each cell
    #[arg(long, value_name = "SEEDS", value_delimiter = ',', default_values_t = [0, 1, 2])]
    seeds: Vec<u64>,
}

/// The command: a table on stdout, what was measured in `docs/regret`, and from all of that `docs/advise.md`.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let chosen = chosen(&arguments.only)?;
    let measured = workspace.root.join("docs/regret");
    let folder = arguments.out.clone().unwrap_or_else(|| workspace.root.join("runs/regret"));
    let folder = std::path::absolute(&folder).with_context(|| format!("cannot find {}", folder.display()))?;
    for task in chosen {
        let outcome = match remembered::read(&measured, task)? {
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
    let path = workspace.root.join("docs/advise.md");
    fs::write(&path, page::markdown(&outcomes))
        .with_context(|| format!("cannot write {}", path.display()))?;
    say(format!("Wrote {}", path.display()));
    Ok(())
}

/// Runs a task's grid, unless that is done in the folder.
fn measure(workspace: &Workspace, task: &'static Task, seeds: &[u64], folder: &Path) -> Result<Outcome> {
    let runs = folder.join(task.name);
    if !runs.join("summary.json").is_file() {
        setup::ensure(workspace)?;
        let finetune = Tool::finetune(workspace)?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let letters = recipe::letters_and_source(workspace, folder)?;
        let root = data::lay_out(workspace, &task.data, &letters, task.test_per_class)?;
        let config = folder.join(format!("{}.toml", task.name));
        let text = task.config(&root, &letters.weights, seeds)?;
        fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
        carry_out(workspace, &finetune, &config, &runs)?;
    }
    let Machine { program, day, .. } = Machine::now(workspace);
    Outcome::read(task, &runs, (program, day))
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

/// Runs a grid, or the cells of it that are still missing.
fn carry_out(workspace: &Workspace, finetune: &Tool, config: &Path, runs: &Path) -> Result<()> {
    let mut command = Command::new(finetune.program());
    command.current_dir(&workspace.root).arg("--config").arg(config);
    command.arg(if runs.exists() { "--resume" } else { "--out" }).arg(runs);
    process::run_as_progress(&mut command)
}
