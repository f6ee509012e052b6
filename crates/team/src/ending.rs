use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use torch_extra::distributed::leave;

use crate::error::Error;
use crate::failure::Failure;
use crate::together::Together;

/// Exit codes of what every process knows by itself: a wrong configuration, an interruption.
const KNOWN_TO_ALL: [u8; 2] = [2, 130];
/// Under torchrun the first process to end is taken for the cause.
const AFTER_THE_CAUSE: Duration = Duration::from_millis(300);

/// Why a process ends.
#[derive(Debug)]
pub struct Ending<'a> {
    /// What it prints, and its exit code.
    pub failure: Failure,
    /// What other processes had to do with it.
    pub of_team: Option<&'a Error>,
}

pub(crate) fn end(together: Option<&Together>, Ending { failure, of_team }: &Ending<'_>) -> ! {
    let (rank, world) = together.map_or((0, 1), |together| (together.member.rank, together.member.world));
    let peer = of_team.and_then(Error::peer);
    let (is_said, code) = match (peer, of_team) {
        // It says so itself.
        (Some(0), Some(Error::Peer { failure: Some(failure), .. })) => (false, failure.code),
        (Some(_), Some(Error::Peer { failure: Some(failure), .. })) => (rank == 0, failure.code),
        // The lowest rank that is left.
        (Some(peer), _) => (rank == usize::from(peer == 0), failure.code),
        (None, _) => (rank == 0 || !KNOWN_TO_ALL.contains(&failure.code), failure.code),
    };
    if is_said {
        let place = if rank == 0 { String::new() } else { format!("[rank {rank} of {world}] ") };
        let _ = writeln!(io::stderr(), "{place}finetune: {}", failure.message);
    }
    match (together, peer) {
        (Some(together), None) => together.report(failure),
        _ => thread::sleep(AFTER_THE_CAUSE),
    }
    leave(code.max(1).into())
}
