use std::collections::BTreeMap;

use features::loader::chunk;
use run_config::Run;
use serde::{Deserialize, Serialize};
use torch_extra::determinism::{algorithms, libtorch};

/// Name of the number of threads.
pub(crate) const THREADS: &str = "threads";
/// Name of the number of processes, which is left out where there is one.
pub(crate) const PROCESSES: &str = "processes";

/// What a run computes with, by name: each may change the last bits of a result, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Means(pub BTreeMap<String, String>);

impl Means {
    /// Returns the means of a run in this process, after libtorch was set up for it.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        let program = files::running_program().unwrap_or_else(|error| format!("unknown: {error}"));
        let of_driver = match run.device {
            tch::Device::Cuda(index) => torch_extra::cuda::name(index),
            _ => None,
        };
        let device = of_driver.unwrap_or_else(|| torch_extra::cuda::short_name(run.device));
        let named = [
            ("program", program),
            ("libtorch", libtorch()),
            ("processor", torch_extra::processor()),
            ("device", device),
            (THREADS, run.threads.to_string()),
            ("images at once", chunk(run.device, run.config.train.batch_size.get()).to_string()),
            ("algorithms", format!("{:?}", algorithms())),
            ("denormal numbers flushed", run.config.run.flush_denormals.to_string()),
        ];
        let several = (run.processes > 1).then(|| (PROCESSES, run.processes.to_string()));
        Self(named.into_iter().chain(several).map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Number of processes, in words.
    pub(crate) fn processes(&self) -> &str {
        self.0.get(PROCESSES).map_or("1", String::as_str)
    }
}
