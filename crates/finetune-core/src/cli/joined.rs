//! Processes of this program that share a comparison or a search.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use finetune_core::helpers::Helpers;
use progress::Progress;
use records::{Event, Interrupt, Session};
use run_config::Run;
use team::processes;

/// Returns the helpers of the search of a run.
pub(super) fn search_helpers(run: &Run) -> Helpers<'static> {
    let asked = run.config.search.as_ref().map_or(0, |search| search.jobs);
    Helpers::new(run.jobs(asked) - 1, &|folder: &Path| joining(folder, &["search"]))
}

/// Returns this program with a command and the arguments of a helper in a folder. It prints nothing: what fails there is
/// carried out again here.
pub(super) fn joining(folder: &Path, command: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("finetune"));
    let mut helper = Command::new(program);
    helper.args(command).arg("--config").arg(folder.join("config.toml")).arg("--join").arg(folder);
    processes::alone(&mut helper);
    helper.env(HELPER, "1").stdout(Stdio::null()).stderr(Stdio::null());
    helper
}

/// Set for a helper that a process of this program has started.
const HELPER: &str = "FINETUNE_HELPER";

/// Takes part in what another process carries out in a folder: as its helper, silent and for as long as it lives, or as a process
/// that the user has started, on this machine or another one.
pub(super) fn joined(
    folder: &Path,
    interrupt: &Interrupt,
    work: impl FnOnce(&mut Session<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if std::env::var_os(HELPER).is_some() {
        stop_with_stdin(interrupt);
        return work(&mut Session { interrupt, listener: &mut |_| {} });
    }
    let mut progress = Progress::new();
    let mut listen = |event: &Event<'_>| progress.listen(event);
    work(&mut Session { interrupt, listener: &mut listen })?;
    let _ = writeln!(io::stderr(), "no run is left to begin in {}", folder.display());
    Ok(())
}

/// Requests an interruption when stdin ends: then the process that a helper helps is gone.
fn stop_with_stdin(interrupt: &Interrupt) {
    let abandoned = interrupt.clone();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        abandoned.request();
    });
}
