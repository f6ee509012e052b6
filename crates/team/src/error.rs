use crate::failure::Failure;

/// Why processes could not work together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Variables of the environment are missing or are no numbers.
    #[error("{0}")]
    Environment(String),
    /// Some processes did not come.
    #[error("{} of {world} did not come within {seconds} s; all of them must start with the same MASTER_ADDR, MASTER_PORT and WORLD_SIZE", in_words(.ranks))]
    Absent {
        /// The ranks.
        ranks: Vec<usize>,
        /// Number of processes.
        world: usize,
        /// Time waited for them.
        seconds: u64,
    },
    /// A process runs something else.
    #[error(
        "rank {rank} has another {what} than rank 0 ({theirs} in place of {ours}); all processes must run the same"
    )]
    Unlike {
        /// The process.
        rank: usize,
        /// What differs.
        what: &'static str,
        /// What it has.
        theirs: String,
        /// What rank 0 has.
        ours: String,
    },
    /// A process failed or is gone.
    #[error("rank {rank} of {world}{}", how(.failure.as_ref()))]
    Peer {
        /// The process.
        rank: usize,
        /// Number of processes.
        world: usize,
        /// What it said; `None` if it is gone without a word.
        failure: Option<Failure>,
    },
    /// A process is there and does not answer.
    #[error("rank {rank} of {world} has not answered for {seconds} s (run.peer_timeout)")]
    Silent {
        /// The process.
        rank: usize,
        /// Number of processes.
        world: usize,
        /// Time waited for it.
        seconds: u64,
    },
    /// Processes called different functions; a bug.
    #[error("processes are at different places of the program: {0}; this is a bug in the program")]
    Order(String),
    /// Processes hold something different that must be the same.
    #[error("the processes do not have the same {0}")]
    Differ(String),
    /// libtorch failed.
    #[error("libtorch: {0}")]
    Torch(String),
    /// What a process sent could not be read.
    #[error("what a process sent could not be read: {0}")]
    Message(#[from] serde_json::Error),
}

impl Error {
    /// Returns the process at fault, if it is another one.
    #[must_use]
    pub fn peer(&self) -> Option<usize> {
        match self {
            Self::Peer { rank, .. } | Self::Silent { rank, .. } => Some(*rank),
            _ => None,
        }
    }
}

fn in_words(ranks: &[usize]) -> String {
    match ranks {
        [one] => format!("rank {one}"),
        many => format!("ranks {}", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn how(failure: Option<&Failure>) -> String {
    failure.map_or_else(
        || " is gone: it was killed, or its machine is cut off".to_owned(),
        |failure| format!(": {}", failure.message),
    )
}
