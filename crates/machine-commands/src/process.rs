//! Spawning: every command is shown before it runs, and Ctrl-C reaches it exactly once.
//!
//! A child gets a process group of its own, so the terminal's Ctrl-C comes to xtask alone, which passes it on to
//! the whole group and then waits: a child that saves its work on Ctrl-C is given the time to do so.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The exit code after Ctrl-C.
pub const INTERRUPTED: u8 = 130;

static WAS_INTERRUPTED: AtomicBool = AtomicBool::new(false);
static CHILD_GROUP: Mutex<Option<Pid>> = Mutex::new(None);

/// The user pressed Ctrl-C.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Installs the handler: Ctrl-C goes to the running child, or ends xtask with 130 when there is none.
pub fn pass_interrupts_on() -> Result<()> {
    ctrlc::set_handler(|| {
        WAS_INTERRUPTED.store(true, Ordering::SeqCst);
        match *child_group() {
            // The group may have ended a moment ago; then there is nothing to interrupt.
            Some(group) => drop(killpg(group, Signal::SIGINT)),
            None => std::process::exit(i32::from(INTERRUPTED)),
        }
    })
    .context("cannot install the Ctrl-C handler")
}

/// Shows the command, runs it to its end, and fails if it failed.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Like [`run`], with the child's stdout going to our stderr: its chatter is progress, not our result.
pub fn run_as_progress(command: &mut Command) -> Result<()> {
    run(command.stdout(Stdio::from(io::stderr())))
}

/// Shows the command, runs it to its end and returns its status.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    announce(command);
    let mut child = spawn(command)?;
    let status = child.wait();
    finish(command, status)
}

/// Like [`status`], without showing the command.
pub fn quiet_status(command: &mut Command) -> Result<ExitStatus> {
    let mut child = spawn(command)?;
    let status = child.wait();
    finish(command, status)
}

/// Like [`status`], but asks `enough` every few milliseconds, and when it returns true ends the command with all of its
/// children; then there is no status.
pub fn status_until(command: &mut Command, enough: &dyn Fn() -> bool) -> Result<Option<ExitStatus>> {
    announce(command);
    let mut child = spawn(command)?;
    loop {
        match child.try_wait() {
            Ok(None) if enough() => {
                if let Ok(group) = i32::try_from(child.id()) {
                    // It may have ended in this moment.
                    let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
                }
                let ended = child.wait();
                return finish(command, ended).map(|_| None);
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            ended => {
                let ended = ended.and_then(|status| status.map_or_else(|| child.wait(), Ok));
                return finish(command, ended).map(Some);
            }
        }
    }
}

/// Shows the command, runs it to its end and returns what it wrote to stdout; its stderr is ours.
pub fn output(command: &mut Command) -> Result<String> {
    announce(command);
    let output = captured(command)?;
    if !output.status.success() {
        bail!("`{}` failed ({})", shown(command), output.status);
    }
    Ok(output.stdout)
}

/// How a command ended and what it wrote to stdout.
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote; bytes that are no Unicode are replaced.
    pub stdout: String,
}

/// Runs the command to its end without showing it; its stderr is ours.
pub fn captured(command: &mut Command) -> Result<Captured> {
    let child = spawn(command.stdout(Stdio::piped()))?;
    let output = child.wait_with_output();
    let stdout = output.as_ref().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let stdout = stdout.unwrap_or_default();
    let status = finish(command, output.map(|output| output.status))?;
    Ok(Captured { status, stdout })
}

/// The stdout of a short question such as `rustc --version`; nothing is shown, `None` if it cannot be asked.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A message of a command to the user: what it does or why. Where nobody listens any more, the work goes on.
pub fn say(message: impl AsRef<str>) {
    let _ = writeln!(anstream::stderr(), "{}", message.as_ref());
}

/// Shows the command.
pub fn announce(command: &Command) {
    let dim = anstyle::Style::new().dimmed();
    say(format!("{dim}$ {}{dim:#}", shown(command)));
}

fn spawn(command: &mut Command) -> Result<Child> {
    let mut group = child_group();
    if WAS_INTERRUPTED.load(Ordering::SeqCst) {
        return Err(Interrupted.into());
    }
    command.stdin(Stdio::null()).process_group(0);
    let child = command.spawn().with_context(|| format!("cannot run `{}`", shown(command)))?;
    *group = i32::try_from(child.id()).ok().map(Pid::from_raw);
    Ok(child)
}

fn finish(command: &Command, status: io::Result<ExitStatus>) -> Result<ExitStatus> {
    *child_group() = None;
    let status = status.with_context(|| format!("cannot wait for `{}`", shown(command)))?;
    let stopped =
        status.code() == Some(i32::from(INTERRUPTED)) || status.signal() == Some(Signal::SIGINT as i32);
    if stopped || WAS_INTERRUPTED.load(Ordering::SeqCst) {
        return Err(Interrupted.into());
    }
    Ok(status)
}

fn child_group() -> MutexGuard<'static, Option<Pid>> {
    CHILD_GROUP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The command as one would type it; arguments that a shell would split are quoted.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| {
            let word = word.to_string_lossy();
            let plain = |letter: char| letter.is_alphanumeric() || "-_./=+:,@%".contains(letter);
            if !word.is_empty() && word.chars().all(plain) {
                word.into_owned()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("python3");
        command.args(["-m", "pip", "download", "nvidia-cuda-runtime==13.0.*", "it's", ""]);
        assert_eq!(shown(&command), r"python3 -m pip download 'nvidia-cuda-runtime==13.0.*' 'it'\''s' ''");
    }

    #[test]
    fn output_is_captured_and_failure_names_the_command() {
        assert_eq!(output(Command::new("echo").arg("forty-two")).unwrap(), "forty-two\n");
        let error = run(Command::new("sh").args(["-c", "exit 7"])).unwrap_err().to_string();
        assert!(error.contains("sh -c 'exit 7'") && error.contains('7'), "{error}");
    }

    #[test]
    fn a_child_that_ends_with_130_counts_as_interrupted() {
        let error = run(Command::new("sh").args(["-c", "exit 130"])).unwrap_err();
        assert!(error.is::<Interrupted>());
    }
}
