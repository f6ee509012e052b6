//! The processes meet, and see that they run the same.

use std::time::{Duration, Instant};

use records::Interrupt;
use torch_extra::distributed::{Member, Store};

use crate::environment::{Environment, Meeting};
use crate::error::Error;
use crate::failure::Failure;
use crate::identity::{Identity, Program};
use crate::together::{Arrival, Together};

/// Time in which every process must come.
const ROLL_CALL: Duration = Duration::from_secs(300);
/// Time after which a peer that does not answer is gone, until a run says otherwise.
const USUAL: Duration = Duration::from_secs(300);

/// The end of the roll call: everybody, or what was wrong.
type Roll = Result<Vec<Identity>, String>;

/// Meets the others.
pub(crate) fn join(
    environment: &Environment,
    program: &Program,
    interrupt: &Interrupt,
) -> Result<Together, Error> {
    let Environment { rank, world, local_rank, local_world, restarts, .. } = *environment;
    let store = store(environment)?;
    let identity = Identity {
        host: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
        pid: std::process::id(),
        program: program.digest.clone(),
        libtorch: program.libtorch.clone(),
    };
    let own = serde_json::to_vec(&identity)?;
    set(&store, &format!("rank/{rank}"), &own)?;
    let roll = if rank == 0 {
        let called = call_roll(&store, world, ROLL_CALL);
        let roll: Roll = called.as_ref().map(Clone::clone).map_err(ToString::to_string);
        set(&store, "roll", &serde_json::to_vec(&roll)?)?;
        called?
    } else {
        let absent = |_| Error::Absent { ranks: vec![0], world, seconds: ROLL_CALL.as_secs() };
        let text = store.get("roll", ROLL_CALL + Duration::from_secs(5)).map_err(absent)?;
        let roll: Roll = serde_json::from_slice(&text)?;
        let failure = |message| Failure { message, code: 1 };
        roll.map_err(|message| Error::Peer { rank: 0, world, failure: Some(failure(message)) })?
    };
    Together::new(Arrival {
        member: Member { rank, world },
        local_rank,
        local_world,
        restarts,
        identities: roll,
        store,
        error_file: environment.error_file.clone(),
        checks_calls: environment.checks_calls,
        interrupt: interrupt.clone(),
        interface: environment.interface.clone(),
        timeout: USUAL,
    })
}

/// Opens the store, with a prefix for this start of the processes.
fn store(environment: &Environment) -> Result<Store, Error> {
    let failed = |error: torch_extra::Error| Error::Torch(error.to_string());
    let store = match &environment.meeting {
        Meeting::File(path) => Store::file(path, environment.world).map_err(failed)?,
        Meeting::Port { host, port, is_agents } => {
            let serve = environment.rank == 0 && !is_agents;
            Store::tcp(host, *port, serve, ROLL_CALL).map_err(|error| {
                Error::Torch(format!("no store at MASTER_ADDR={host}, MASTER_PORT={port}: {error}"))
            })?
        }
    };
    store.below(&format!("finetune/{}/{}", environment.run, environment.restarts)).map_err(failed)
}

/// Waits for everybody and compares what they run.
pub(crate) fn call_roll(store: &Store, world: usize, timeout: Duration) -> Result<Vec<Identity>, Error> {
    let began = Instant::now();
    let mut present = Vec::new();
    let mut absent = Vec::new();
    for rank in 0..world {
        let left = timeout.saturating_sub(began.elapsed()).max(Duration::from_millis(10));
        match store.get(&format!("rank/{rank}"), left) {
            Ok(text) => present.push(serde_json::from_slice::<Identity>(&text)?),
            Err(_) => absent.push(rank),
        }
    }
    if !absent.is_empty() {
        return Err(Error::Absent { ranks: absent, world, seconds: timeout.as_secs() });
    }
    let ours = present[0].clone();
    for (rank, theirs) in present.iter().enumerate() {
        let pairs =
            [("program", &theirs.program, &ours.program), ("libtorch", &theirs.libtorch, &ours.libtorch)];
        if let Some((what, theirs, ours)) = pairs.into_iter().find(|(_, theirs, ours)| theirs != ours) {
            let (theirs, ours) = (theirs.clone(), ours.clone());
            return Err(Error::Unlike { rank, what, theirs, ours });
        }
    }
    Ok(present)
}

fn set(store: &Store, key: &str, value: &[u8]) -> Result<(), Error> {
    store.set(key, value).map_err(|error| Error::Torch(error.to_string()))
}
