//! What is asked of a folder in which something was cut off.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use run_config::Config;
use run_folder::{FolderError, RunFolder};
use run_state::StateFolder;

use super::UsageError;

/// Options of the commands that can go on with what was cut off.
#[derive(Debug, clap::Args)]
pub(super) struct ResumeOptions {
    /// Go on with what was cut off in DIR: it knows its configuration
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    resume: Option<PathBuf>,
    /// Go on with what was cut off in the folder of --out, or begin it there
    #[arg(long = "continue", requires = "out", conflicts_with = "resume")]
    go_on: bool,
}

impl ResumeOptions {
    /// Whether a folder is named that is to be gone on with.
    pub(super) fn names_folder(&self) -> bool {
        self.resume.is_some()
    }

    /// Returns the folder to go on in; `None` where something begins. Processes that were started again go on.
    pub(super) fn folder<'a>(&'a self, out: Option<&'a Path>) -> Option<&'a Path> {
        let begun = |path: &Path| {
            let files = ["config.toml", "summary.json", "audit.json"];
            StateFolder::is_in(path) || files.iter().any(|file| path.join(file).is_file())
        };
        self.resume.as_deref().or_else(|| out.filter(|out| self.goes_on() && begun(out)))
    }

    /// Returns the folder that `--out` names, where what begins may lie over what was cut off before it had begun; `None` where
    /// a new one is asked for.
    pub(super) fn folder_to_begin(&self, out: Option<&Path>) -> Option<Result<RunFolder, FolderError>> {
        out.filter(|_| self.goes_on()).map(RunFolder::at_or_cut_off)
    }

    fn goes_on(&self) -> bool {
        self.go_on || restarts() > 0
    }

    /// Refuses to begin where processes are started again that would not find the folder of the run.
    pub(super) fn check_restarts(&self, out: Option<&Path>) -> Result<(), UsageError> {
        let most = std::env::var("TORCHELASTIC_MAX_RESTARTS").ok().and_then(|count| count.parse().ok());
        if restarts().max(most.unwrap_or(0)) > 0 && out.is_none() && self.resume.is_none() {
            return Err(UsageError(
                "--out <DIR> is needed where processes are started again (--max-restarts), to go on with the run there",
            ));
        }
        Ok(())
    }
}

/// Returns how often this process was started again.
fn restarts() -> u32 {
    ::team::restarts(|name| std::env::var(name).ok())
}

/// What a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Run,
    Comparison,
}

/// Returns what a folder holds that is to be gone on with.
///
/// # Errors
/// Where it holds neither a run nor a comparison.
pub(super) fn held_in(path: &Path) -> Result<Holds, FolderError> {
    let config = std::fs::read_to_string(path.join("config.toml")).ok();
    let config: Option<Config> = config.and_then(|text| run_config::parse(&text).ok());
    if config.is_some_and(|config| config.compare.is_some()) {
        return Ok(Holds::Comparison);
    }
    if StateFolder::is_in(path) {
        return Ok(Holds::Run);
    }
    let why = match RunFolder::of_another(path).summary() {
        Some(record) if record.outcome == records::Outcome::Finished => return Ok(Holds::Run),
        Some(_) => "it saved no states (run.save_seconds = \"off\"), or an earlier version began it",
        None if path.join("cells").is_dir() => "it is a search: finetune search --resume goes on with it",
        None if path.is_dir() => "no run was begun there",
        None => "there is no such folder",
    };
    Err(FolderError::NothingToResume { path: path.to_path_buf(), why })
}

/// Says that there is nothing left to do, and tidies up what a killed process had no time for.
pub(super) fn finished_already(folder: &RunFolder) {
    StateFolder::clear(folder.path());
    let _ = writeln!(io::stderr(), "{} is finished already", folder.path().display());
}

/// What becomes of what is under way when the user stops the program, once there is something.
static AT_STOP: Mutex<Option<String>> = Mutex::new(None);

/// Makes the command known that goes on with what is under way.
pub(super) fn hint(command: String) {
    at_stop(format!("go on later with: {command}"));
}

/// Makes known what becomes of what is under way.
pub(super) fn at_stop(sentence: String) {
    *AT_STOP.lock().unwrap_or_else(PoisonError::into_inner) = Some(sentence);
}

/// Returns what is said when the user stops the program.
pub(super) fn stopping() -> String {
    let known = AT_STOP.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let becomes = known.unwrap_or_else(|| "what was trained is kept".to_owned());
    format!("stopping after this step; {becomes} (again to stop at once)")
}
