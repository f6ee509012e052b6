//! The variables that `torchrun` sets for each process; `finetune --processes` sets the same.

use std::path::PathBuf;
use std::str::FromStr;

use crate::error::Error;

/// Which process this is, and where it meets the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Number of this process, from 0.
    pub rank: usize,
    /// Number of processes, at least 2.
    pub world: usize,
    /// Number of this process among those of its machine.
    pub local_rank: usize,
    /// Number of processes on this machine.
    pub local_world: usize,
    /// Where they meet.
    pub meeting: Meeting,
    /// Number of times they were started again.
    pub restarts: u32,
    /// The agent's name for the run.
    pub run: String,
    /// Where `torchrun` looks for the cause of a failure.
    pub error_file: Option<PathBuf>,
    /// Network interface; `None` for the one that the host's name stands for.
    pub interface: Option<String>,
    /// Whether each call is compared by its place in the program.
    pub checks_calls: bool,
}

/// Where processes meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// A file on this machine's disk.
    File(PathBuf),
    /// A port that rank 0, or the agent that started the processes, listens to.
    Port {
        /// Name or address of the machine.
        host: String,
        /// The port.
        port: u16,
        /// Whether an agent listens there already.
        is_agents: bool,
    },
}

/// Names the number of times that the processes were started again.
pub(crate) const RESTARTS: &str = "TORCHELASTIC_RESTART_COUNT";

const NEEDED: [&str; 4] = ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"];

impl Environment {
    /// Reads the variables that `get` returns; `None` for a process that is alone.
    ///
    /// # Errors
    /// When some are set and others are missing, or are no numbers.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        let is_alone = get("WORLD_SIZE").map_or(get("RANK").is_none(), |world| world == "1");
        if is_alone {
            return Ok(None);
        }
        let file = get("FINETUNE_STORE").map(PathBuf::from);
        let port: &[&str] = if file.is_some() { &[] } else { &["MASTER_ADDR", "MASTER_PORT"] };
        let missing: Vec<&str> =
            NEEDED.iter().chain(port).copied().filter(|&name| get(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(Error::Environment(format!(
                "of the variables of torchrun some are set, but not {}; set them for every process, or none of them",
                missing.join(", ")
            )));
        }
        let [rank, world, local_rank, local_world] = NEEDED.map(|name| number::<usize>(&get, name));
        let (rank, world, local_rank, local_world) = (rank?, world?, local_rank?, local_world?);
        if world == 0 || rank >= world || local_world == 0 || local_rank >= local_world {
            return Err(Error::Environment(format!(
                "there is no rank {rank} of WORLD_SIZE={world}, or no LOCAL_RANK={local_rank} of LOCAL_WORLD_SIZE={local_world}"
            )));
        }
        let meeting = match file {
            Some(path) => Meeting::File(path),
            None => Meeting::Port {
                host: get("MASTER_ADDR").unwrap_or_default(),
                port: number(&get, "MASTER_PORT")?,
                is_agents: get("TORCHELASTIC_USE_AGENT_STORE").is_some_and(|value| value == "True"),
            },
        };
        // A host's name that is not known there is no obstacle where all processes are on one machine.
        let interface = match get("GLOO_SOCKET_IFNAME") {
            None if local_world == world => Some("lo".to_owned()),
            asked => asked,
        };
        Ok(Some(Self {
            rank,
            world,
            local_rank,
            local_world,
            meeting,
            restarts: restarts(&get),
            run: get("TORCHELASTIC_RUN_ID").unwrap_or_default(),
            error_file: get("TORCHELASTIC_ERROR_FILE").map(PathBuf::from),
            interface,
            checks_calls: get("FINETUNE_CHECK_TEAM").is_some_and(|value| value == "1"),
        }))
    }
}

/// Returns how often the processes were started again, of which there may be one only.
pub fn restarts(get: impl Fn(&str) -> Option<String>) -> u32 {
    get(RESTARTS).and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn number<T: FromStr>(get: &impl Fn(&str) -> Option<String>, name: &str) -> Result<T, Error> {
    let value = get(name).unwrap_or_default();
    value.parse().map_err(|_| Error::Environment(format!("{name}={value} is no number of this kind")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Environment>, Error> {
        let get =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|&(_, value)| value.to_owned());
        Environment::read(get)
    }

    const OF_TORCHRUN: [(&str, &str); 6] = [
        ("RANK", "1"),
        ("WORLD_SIZE", "2"),
        ("LOCAL_RANK", "1"),
        ("LOCAL_WORLD_SIZE", "2"),
        ("MASTER_ADDR", "node"),
        ("MASTER_PORT", "29500"),
    ];

    #[test]
    fn all_of_torchruns_variables_or_none() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[("MASTER_ADDR", "node")]).unwrap(), None);
        assert_eq!(read(&[("WORLD_SIZE", "1"), ("RANK", "0")]).unwrap(), None);
        for (name, _) in OF_TORCHRUN {
            let some: Vec<_> = OF_TORCHRUN.into_iter().filter(|(other, _)| *other != name).collect();
            let error = read(&some).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        let whole = read(&OF_TORCHRUN).unwrap().unwrap();
        assert_eq!((whole.rank, whole.world, whole.interface.as_deref()), (1, 2, Some("lo")));
        assert_eq!(whole.meeting, Meeting::Port { host: "node".to_owned(), port: 29_500, is_agents: false });
    }

    #[test]
    fn numbers_are_numbers_and_a_file_needs_no_port() {
        let changed = |name: &str, value: &'static str| {
            let with = OF_TORCHRUN.map(|(key, old)| (key, if key == name { value } else { old }));
            read(&with)
        };
        for (name, value) in [("RANK", "2"), ("RANK", "-1"), ("WORLD_SIZE", "two"), ("MASTER_PORT", "70000")]
        {
            assert!(changed(name, value).is_err(), "{name}={value}");
        }
        let mut by_file: Vec<_> = OF_TORCHRUN[..4].to_vec();
        by_file.push(("FINETUNE_STORE", "/x/store"));
        let met = read(&by_file).unwrap().unwrap();
        assert_eq!(met.meeting, Meeting::File("/x/store".into()));
        // On two machines the interface is asked for, or found by the host's name.
        assert_eq!(changed("LOCAL_WORLD_SIZE", "3").unwrap().unwrap().interface, None);
    }
}
