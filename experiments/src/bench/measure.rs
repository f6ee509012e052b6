//! `experiments measure`, which only the bench calls: runs one program and writes down its time and its peak of memory.
//!
//! It is a process of its own because the system reports the peak of all children together, never of one. Lines of the
//! program on stderr are passed on, and recorded with their times.

use std::fs;
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use xtask::process;

/// Run a program and write down its time and its peak of memory
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the measurement goes
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Stop the clock and the program as soon as there is something in this file
    #[arg(long, value_name = "FILE")]
    until: Option<PathBuf>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// What one process and its children needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Wall-clock seconds from start to end.
    pub(crate) seconds: f64,
    /// The largest resident set of any one of its processes.
    pub(crate) peak_bytes: u64,
    /// Its lines on stderr, in order.
    pub(crate) said: Vec<Said>,
}

/// A line on stderr.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Said {
    /// Seconds from the start of the program.
    pub(crate) after: f64,
    pub(crate) line: String,
}

/// How long the last lines may take to come when the program has ended: a child of it may still hold its stderr.
const GRACE: Duration = Duration::from_millis(500);

/// The hidden command. Its exit code is 0 if the program succeeded.
pub(crate) fn command(arguments: &Arguments) -> Result<ExitCode> {
    let [program, rest @ ..] = arguments.command.as_slice() else { bail!("there is nothing to run") };
    let mut command = Command::new(program);
    let (reader, writer) = io::pipe().context("there is no pipe for its stderr")?;
    command.args(rest).stderr(writer);
    let start = Instant::now();
    let lines = listen(reader, start);
    let status = match &arguments.until {
        None => Some(process::status(&mut command)?),
        Some(file) => {
            let enough = || fs::metadata(file).is_ok_and(|file| file.len() > 0);
            process::status_until(&mut command, &enough)?
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let done = match (&arguments.until, status) {
        (None, Some(status)) => status.success(),
        // It ended before it was stopped: then it has come to the point only if there is something in the file.
        (Some(file), Some(_)) => fs::metadata(file).is_ok_and(|file| file.len() > 0),
        (_, None) => true,
    };
    let peak_bytes = peak_of_children()?;
    // Our end of the pipe: without it the listener hears the end.
    drop(command);
    let said = std::iter::from_fn(|| lines.recv_timeout(GRACE).ok()).collect();
    let measured = Measured { seconds, peak_bytes, said };
    let json = serde_json::to_string(&measured)?;
    files::write(&arguments.to, json)?;
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Hands lines on to stderr, and on with their time.
fn listen(reader: PipeReader, start: Instant) -> Receiver<Said> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|length| length > 0) {
            let after = start.elapsed().as_secs_f64();
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            // Nobody may be there to read it.
            let _ = writeln!(io::stderr(), "{line}");
            if sender.send(Said { after, line }).is_err() {
                break;
            }
        }
    });
    lines
}

fn peak_of_children() -> Result<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("the system reports no resource usage")?;
    // macOS counts bytes, the others kibibytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    Ok(u64::try_from(usage.max_rss()).unwrap_or(0) * unit)
}

/// Runs `command` under `experiments measure`; returns the measurement and its stdout.
pub(crate) fn measured(
    command: &Command,
    until: Option<&Path>,
    scratch: &Path,
) -> Result<(Measured, String)> {
    let to = scratch.join("measured.json");
    let mut wrapper = Command::new(std::env::current_exe().context("cannot find this program")?);
    wrapper.arg("measure").arg("--to").arg(&to);
    if let Some(until) = until {
        wrapper.arg("--until").arg(until);
    }
    wrapper.arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapper.env(name, value),
            None => wrapper.env_remove(name),
        };
    }
    // Into a file, so that nobody has to read along while the clock runs.
    let out = scratch.join("stdout.txt");
    let file = fs::File::create(&out).with_context(|| format!("cannot write {}", out.display()))?;
    let status = process::quiet_status(wrapper.stdout(Stdio::from(file)))?;
    if !status.success() {
        bail!("`{}` failed: the reason is above", process::shown(command));
    }
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let measured = serde_json::from_slice(&read(&to)?).context("a measurement is of an unknown form")?;
    Ok((measured, String::from_utf8_lossy(&read(&out)?).into_owned()))
}

/// Reads the last line of a program that was measured, which is JSON.
pub(super) fn last_line<T: serde::de::DeserializeOwned>(stdout: &str) -> Result<T> {
    let line = stdout.lines().next_back().context("a program that was measured printed nothing")?;
    serde_json::from_str(line).with_context(|| format!("a program that was measured ended with: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_is_written_down_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("measured.json");
        let words = ["sh", "-c", "echo one >&2; echo to stdout >/dev/null; printf two >&2"];
        let arguments = Arguments { to: to.clone(), until: None, command: words.map(str::to_owned).to_vec() };
        assert_eq!(command(&arguments).unwrap(), ExitCode::SUCCESS);
        let measured: Measured = serde_json::from_slice(&fs::read(to).unwrap()).unwrap();
        let lines: Vec<&str> = measured.said.iter().map(|said| said.line.as_str()).collect();
        assert_eq!(lines, ["one", "two"]);
        assert!(measured.said[0].after <= measured.said[1].after && measured.peak_bytes > 0);
    }
}
