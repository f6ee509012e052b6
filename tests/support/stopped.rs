//! Ctrl-C in the middle of a run.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::Ran;

/// Starts the program, waits until it has said this on stderr, does something, presses Ctrl-C, and waits for the end.
pub(crate) fn stopped(program: &mut Command, until: &str, meanwhile: impl FnOnce()) -> Ran {
    signalled(program, until, meanwhile, Signal::SIGINT)
}

/// The same by another signal.
pub(crate) fn stopped_by(program: &mut Command, until: &str, signal: Signal) -> Ran {
    signalled(program, until, || {}, signal)
}

fn signalled(program: &mut Command, until: &str, meanwhile: impl FnOnce(), signal: Signal) -> Ran {
    disturbed(program, until, |pid| {
        meanwhile();
        kill(pid, signal).unwrap();
    })
}

/// Starts the program, waits until it has said this on stderr, does something with it, and waits for the end.
pub(crate) fn disturbed(program: &mut Command, until: &str, disturb: impl FnOnce(Pid)) -> Ran {
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(until) {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    disturb(Pid::from_raw(i32::try_from(child.id()).unwrap()));
    stderr.read_to_string(&mut said).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stderr = said.into_bytes();
    Ran::of(&output)
}
