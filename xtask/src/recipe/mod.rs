//! `cargo xtask recipe`: the default experiment. A network trained on typed Latin letters is fine-tuned on Cyrillic ones.
//!
//! It has letters drawn (`letters`), writes configs (`configs`), trains the source weights or finds them again (`source`),
//! runs the comparison and shows what came out (`outcome`). All training is done by spawning `finetune` with those
//! configs; run by hand they give the same digests.

mod configs;
mod letters;
mod outcome;
mod plan;
mod source;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};

use self::outcome::Outcome;
use self::plan::Plan;
use crate::process::{self, say};
use crate::setup;
use crate::tools::{self, Tool};
use crate::workspace::Workspace;

/// Run the default experiment: from Latin letters to Cyrillic ones, with few images
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print the results as one JSON object in the last line
    #[arg(long)]
    json: bool,
    /// A new folder for configs, runs and report [default: runs/letters, or runs/letters-2 and so on]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A few runs on a few letters: shows that everything works, not how well
    #[arg(long)]
    quick: bool,
}

/// The command: table, verdict and report's path on stdout; the time is counted once all is set up and built.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if let Some(asked) = arguments.out.as_deref().filter(|asked| asked.exists()) {
        return Err(taken(asked));
    }
    setup::ensure(workspace)?;
    let tools = Tools { finetune: tools::finetune(workspace)?, artist: tools::letters(workspace)? };
    // Not before: a set-up that fails leaves no folder of an experiment.
    let folder = new_folder(workspace, arguments.out.as_deref())?;
    let done = experiment(workspace, &tools, arguments, &folder);
    if done.is_err() {
        // Only if nothing came to be in it.
        let _ = fs::remove_dir(&folder);
    }
    done
}

/// What does the work.
struct Tools {
    finetune: Tool,
    artist: Tool,
}

fn experiment(workspace: &Workspace, tools: &Tools, arguments: &Arguments, folder: &Path) -> Result<()> {
    let start = Instant::now();
    let plan = if arguments.quick { Plan::quick() } else { Plan::full() };
    let drawn = letters::draw(&tools.artist, workspace, &plan)?;
    let latin: Vec<_> = drawn.iter().map(|pair| &pair.latin).collect();
    let weights = source::weights(&tools.finetune, workspace, &plan, &latin, folder)?;
    let variant = |(pair, weights): (&letters::Pair, String)| configs::Variant {
        name: pair.name,
        root: pair.cyrillic.root.clone(),
        weights,
        unshared: pair.cyrillic.unshared.clone(),
    };
    let variants: Vec<_> = drawn.iter().zip(weights).map(variant).collect();
    let config = folder.join("letters.toml");
    write(&config, &configs::comparison(&plan, &variants)?)?;
    let runs = folder.join("comparison");
    let stdout = process::output(finetune(&tools.finetune, workspace, &config, &runs).arg("--json"))?;

    let outcome = Outcome::new(&stdout, start.elapsed().as_secs_f64(), runs.join("report.html"))?;
    anstream::print!("{}", outcome.text(&stdout));
    if arguments.json {
        anstream::println!("{}", serde_json::to_string(&outcome)?);
    }
    Ok(())
}

/// The letters of the full experiment with faces held out, and what is transferred to them.
pub struct LettersAndSource {
    /// The folder of Cyrillic letters, relative to the workspace.
    pub cyrillic: String,
    /// The weights trained on Latin letters, relative to the workspace.
    pub weights: String,
}

/// Draws the letters of the full experiment and trains its source weights, unless they are there; `folder` takes the run.
pub fn letters_and_source(workspace: &Workspace, folder: &Path) -> Result<LettersAndSource> {
    let plan = Plan::full();
    let drawn = letters::draw(&tools::letters(workspace)?, workspace, &plan)?;
    let pair = drawn.first().context("no letters were drawn")?;
    let finetune = tools::finetune(workspace)?;
    let weights = source::weights(&finetune, workspace, &plan, &[&pair.latin], folder)?;
    let weights = weights.into_iter().next().context("no weights were trained")?;
    Ok(LettersAndSource { cyrillic: pair.cyrillic.root.clone(), weights })
}

/// `finetune --config CONFIG --out RUN`, at the root, where the paths in these configs begin.
fn finetune(tool: &Tool, workspace: &Workspace, config: &Path, run: &Path) -> Command {
    let mut command = Command::new(tool.program());
    command.current_dir(&workspace.root).arg("--config").arg(config).arg("--out").arg(run);
    command
}

/// Makes the folder of this experiment: the one asked for, which must not exist, or the next free number.
fn new_folder(workspace: &Workspace, asked: Option<&Path>) -> Result<PathBuf> {
    if let Some(asked) = asked {
        let folder =
            std::path::absolute(asked).with_context(|| format!("cannot find {}", asked.display()))?;
        make_parent(&folder)?;
        return match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(taken(&folder)),
            made => {
                made.map(|()| folder.clone()).with_context(|| format!("cannot make {}", folder.display()))
            }
        };
    }
    for number in 1_u32.. {
        let name = if number == 1 { "letters".to_owned() } else { format!("letters-{number}") };
        let folder = workspace.root.join("runs").join(name);
        make_parent(&folder)?;
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("cannot make {}", folder.display())),
        }
    }
    bail!("runs/ holds too many experiments: name another folder with --out")
}

fn taken(folder: &Path) -> anyhow::Error {
    anyhow!("{} exists and is not overwritten: name another folder", folder.display())
}

fn make_parent(folder: &Path) -> Result<()> {
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    files::write(path, text)?;
    say(format!("Wrote {}", path.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_experiment_is_never_written_over() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace { root: root.path().to_owned() };
        assert!(new_folder(&workspace, None).unwrap().ends_with("runs/letters"));
        assert!(new_folder(&workspace, None).unwrap().ends_with("runs/letters-2"));
        let asked = root.path().join("a/b");
        assert_eq!(new_folder(&workspace, Some(&asked)).unwrap(), asked);
        let error = new_folder(&workspace, Some(&asked)).unwrap_err().to_string();
        assert!(error.contains("not overwritten"), "{error}");
    }
}
