//! This program again, a number of times, on this machine.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use records::Interrupt;

use crate::environment::RESTARTS;

/// Exit codes.
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const INTERRUPTED: u8 = 130;
/// Names the file in which the processes meet.
const STORE: &str = "FINETUNE_STORE";
/// Names the file in which rank 0 writes down the folder of its run, for processes that are started after it.
const FOLDER: &str = "FINETUNE_FOLDER";

/// Time that the others have once one has failed: they notice within seconds, and rank 0 saves a state.
const GRACE: Duration = Duration::from_secs(15);
/// How often the processes are looked at.
const GLANCE: Duration = Duration::from_millis(30);

/// Starts the processes, waits for them and returns the exit code of the first that failed. They share a store in a file, so that
/// no port is open. They are asked to stop by a byte on their stdin, and stop when it ends. Where one fails, or is killed, all are
/// started again, at most `restarts` times, and go on from the last state of their run; not where the command or its configuration
/// is at fault, or the user has stopped them.
///
/// # Errors
/// When a process cannot be started.
pub fn start(count: usize, restarts: u32) -> io::Result<u8> {
    let folder = tempfile::Builder::new().prefix("finetune-processes-").tempdir()?;
    let (asked, asks) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = asked.send(());
    })
    .map_err(io::Error::other)?;
    let mut restart = 0;
    loop {
        let mut children = started(count, folder.path(), restart)?;
        let Ended { code, is_asked } = wait(&mut children, &asks);
        if matches!(code, 0 | USAGE | INTERRUPTED) || is_asked || restart >= restarts {
            return Ok(code);
        }
        restart += 1;
        let all = if count > 1 { "the processes" } else { "the process" };
        let _ = writeln!(
            io::stderr(),
            "finetune: {all} ended with exit code {code}; started again from the last state ({restart} of {restarts})"
        );
    }
}

/// Starts the processes, for the first time or again.
fn started(count: usize, folder: &Path, restart: u32) -> io::Result<Vec<Child>> {
    let program = std::env::current_exe()?;
    let mut children = Vec::new();
    for rank in 0..count {
        let mut command = Command::new(&program);
        command.args(arguments(std::env::args_os().skip(1)));
        for (name, value) in
            [("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", count), ("LOCAL_WORLD_SIZE", count)]
        {
            command.env(name, value.to_string());
        }
        command.env(STORE, folder.join(format!("store-{restart}")));
        command.env(FOLDER, folder.join("folder")).env(RESTARTS, restart.to_string());
        command.stdin(Stdio::piped());
        if rank > 0 {
            command.stdout(Stdio::null());
        }
        in_a_group_of_its_own(&mut command);
        children.push(command.spawn()?);
    }
    Ok(children)
}

/// Writes down the folder of a run, in rank 0, for those that [`start`] starts after this process.
pub fn remember_folder(path: &Path) {
    if let Some(file) = std::env::var_os(FOLDER)
        && let Ok(path) = std::path::absolute(path)
    {
        let _ = fs::write(file, path.as_os_str().as_encoded_bytes());
    }
}

/// Returns the folder that an earlier process wrote down; `None` where there was none.
#[must_use]
pub fn remembered_folder() -> Option<PathBuf> {
    let path = fs::read_to_string(std::env::var_os(FOLDER)?).ok()?;
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// How processes ended.
struct Ended {
    /// The exit code of the first that failed; 0 where none did.
    code: u8,
    /// Whether the user asked them to stop.
    is_asked: bool,
}

/// Ctrl-C at a terminal reaches the processes by way of this one, once.
fn in_a_group_of_its_own(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Waits until all have ended.
fn wait(children: &mut [Child], asks: &mpsc::Receiver<()>) -> Ended {
    let mut is_asked = false;
    let mut ended: Vec<Option<ExitStatus>> = vec![None; children.len()];
    let mut failed: Option<(u8, Instant)> = None;
    while ended.iter().any(Option::is_none) {
        if asks.recv_timeout(GLANCE).is_ok() {
            is_asked = true;
            let stdins = children.iter_mut().filter_map(|child| child.stdin.as_mut());
            stdins.for_each(|stdin| {
                let _ = stdin.write_all(b".").and_then(|()| stdin.flush());
            });
        }
        for (child, ended) in children.iter_mut().zip(&mut ended).filter(|(_, ended)| ended.is_none()) {
            *ended = child.try_wait().ok().flatten();
            if let Some(status) = ended.filter(|status| !status.success()) {
                let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED);
                failed.get_or_insert((code, Instant::now()));
            }
        }
        if failed.is_some_and(|(_, since)| since.elapsed() > GRACE) {
            children.iter_mut().for_each(|child| {
                let _ = child.kill();
            });
        }
    }
    Ended { code: failed.map_or(0, |(code, _)| code), is_asked }
}

/// Options of this process alone, each with a value.
const OWN: [&str; 2] = ["--processes", "--max-restarts"];

/// The arguments without `--processes N` and `--max-restarts N`.
fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut given = given;
    while let Some(argument) = given.next() {
        let text = argument.to_string_lossy();
        if OWN.contains(&&*text) {
            given.next();
        } else if !OWN.iter().any(|own| text.strip_prefix(own).is_some_and(|rest| rest.starts_with('='))) {
            kept.push(argument);
        }
    }
    kept
}

/// Makes a process that is about to be started one that is alone.
pub fn alone(command: &mut Command) {
    for name in ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", STORE, FOLDER, RESTARTS] {
        command.env_remove(name);
    }
}

/// Listens to the process that started this one, if [`start`] did: a byte asks to stop, a second one to stop at once.
pub fn follow_parent(interrupt: &Interrupt) {
    if std::env::var_os(STORE).is_none() {
        return;
    }
    let interrupt = interrupt.clone();
    thread::spawn(move || {
        let mut byte = [0];
        while io::stdin().lock().read(&mut byte).is_ok_and(|count| count > 0) {
            if interrupt.request() {
                std::process::exit(i32::from(INTERRUPTED));
            }
        }
        interrupt.request();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_started_with_the_same_arguments_but_for_their_number() {
        let of = |text: &str| {
            arguments(text.split(' ').map(OsString::from)).join(" ".as_ref()).into_string().unwrap()
        };
        assert_eq!(of("--config c.toml --processes 2 --out x"), "--config c.toml --out x");
        assert_eq!(of("--processes=4 --config c.toml"), "--config c.toml");
        assert_eq!(of("--config c.toml --max-restarts 3 --processes 2 --json"), "--config c.toml --json");
    }
}
