//! A configuration checked against the world: what the rest of the program sees.

mod contradictions;
mod ineffective;
mod threads;

use std::num::NonZeroU32;

use backbone::Network;
use records::{DecisionRecord, Depth};
use tch::Device;
use torch_extra::determinism::{self, Algorithms, Denormals};
use zoo::source_weights::SourceWeights;

use crate::config::{
    self, BatchNormPolicy, CompareConfig, Config, ConfigError, HeadPolicy, HeadSolver, Method, SettingConfig,
    Source,
};
pub use threads::Threads;

/// A validated run: names have become things, and what no default fills is optional for a reason.
#[derive(Clone, Debug)]
pub struct Run {
    /// Name of the run.
    pub name: String,
    /// Configuration.
    pub config: Config,
    /// Where the configuration came from, so that a mistake found later still points at its line.
    pub source: Source,
    /// Network to train.
    pub network: &'static Network,
    /// Weights to start from; `None` is random initialisation.
    pub weights: Option<SourceWeights>,
    /// Device to compute on.
    pub device: Device,
    /// Number of threads that libtorch computes with.
    pub threads: u32,
    /// Number of threads that prepare images; with 0 the computing thread does it.
    pub workers: usize,
    /// Number of processes that train together.
    pub processes: usize,
    /// What was decided for keys that the configuration leaves open; nothing until images and network are known.
    pub decisions: Vec<DecisionRecord>,
}

/// Checks a configuration.
///
/// # Errors
/// [`ConfigError`] at the key at fault.
pub fn resolve(mut config: Config, source: Source) -> Result<Run, ConfigError> {
    config::check(&config, &source)?;
    // Written out, so that a kept configuration does not depend on the usual strength of a later version.
    config.regularize.weight_decay = Some(config.regularize.weight_decay());
    let network =
        zoo::network(&config.model.arch).map_err(|error| source.wrong("model.arch", error.to_string()))?;
    contradictions::check(&config, &source)?;
    let weights = SourceWeights::find(network.name, &config.model.weights)
        .map_err(|error| source.wrong("model.weights", error.to_string()))?;
    if let Some(weights) = &weights {
        // A branch of the hub may move: the kept configuration names the commit.
        config.model.weights.clone_from(&weights.label);
    }
    if weights.is_none() && needs_weights(&config) {
        return Err(source
            .wrong(
                "model.weights",
                "with \"none\" there is nothing to transfer; name weights, or train everything with finetune.depth = \"scratch\"",
            ));
    }
    let device = torch_extra::cuda::device(&config.run.device)
        .map_err(|error| source.wrong("run.device", error.to_string()))?;
    let precision = config.run.precision.check(device);
    precision.map_err(|error| source.wrong("run.precision", error.to_string()))?;
    let budget = match config.run.threads.get() {
        0 => u32::try_from(cores()).unwrap_or(1),
        asked => asked,
    };
    let Threads { computing, preparing } = Threads::share(budget, config.run.workers, device);
    Ok(Run {
        name: config.run.name.clone().unwrap_or_else(|| source.stem()),
        network,
        weights,
        device,
        threads: computing,
        workers: preparing,
        processes: 1,
        decisions: Vec::new(),
        config,
        source,
    })
}

impl Run {
    /// How far back the network is trained.
    #[must_use]
    pub fn depth(&self) -> &Depth {
        &self.config.finetune.depth
    }

    /// Makes the run one of several processes, of which `here` share this machine, its cores among them.
    #[must_use]
    pub fn shared_by(self, processes: usize, here: usize) -> Self {
        let asked = &self.config.run;
        let budget = match asked.threads.get() {
            0 => u32::try_from(cores() / here.max(1)).unwrap_or(1).max(1),
            asked => asked,
        };
        let Threads { computing, preparing } = Threads::share(budget, asked.workers, self.device);
        Self { threads: computing, workers: preparing, processes, ..self }
    }

    /// Sets libtorch up as the run asks: seed, threads, denormal numbers and, on a GPU, which algorithms. Each run does so
    /// before it computes, for several runs may share a process.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn set_up_libtorch(&self) -> Result<(), torch_extra::Error> {
        let asked = &self.config.run;
        determinism::fix(asked.seed, self.threads);
        let denormals = if asked.flush_denormals { Denormals::Flushed } else { Denormals::Kept };
        determinism::denormals(denormals)?;
        determinism::set_algorithms(algorithms(asked.deterministic, self.device));
        Ok(())
    }

    /// Number of processes that share a comparison or a search: `compare.jobs` or `search.jobs`, or as many as the cores
    /// allow. A GPU has one.
    #[must_use]
    pub fn jobs(&self, asked: usize) -> usize {
        match (asked, self.device) {
            (0, Device::Cpu) => (cores() / usize::try_from(self.threads).unwrap_or(usize::MAX)).max(1),
            (0, _) => 1,
            (jobs, _) => jobs,
        }
    }

    /// Returns the run with the changes of a setting laid over it, and without its comparison.
    ///
    /// # Errors
    /// As [`resolve`], at the change at fault.
    pub fn with_overrides(&self, setting: &SettingConfig) -> Result<Self, ConfigError> {
        let mut plain = Config { compare: None, ..self.config.clone() };
        // A setting may bring a pull of its own, which the usual weight decay does not go with. It is recognised by its value,
        // because a comparison that is joined or resumed is read from a file in which it is written out.
        let usual = plain.regularize.usual_weight_decay();
        // Each fold is a single run; which one, the cell says.
        plain.data.fold = plain.data.folds.map(|_| NonZeroU32::MIN);
        plain.regularize.weight_decay = plain.regularize.weight_decay.filter(|&decay| decay != usual);
        let source = self.source.with_setting(setting);
        let changed = config::lay_over(&plain, &setting.set)
            .map_err(|wrong| source.wrong_change(wrong.change, wrong.message))?;
        Ok(Self { name: self.name.clone(), ..resolve(changed, source)? })
    }

    /// Whether the user set a key, and should hear that it has no effect. The run that a comparison varies has values that
    /// only some of its settings use, and a setting inherits values for others.
    #[must_use]
    pub fn is_users_own(&self, key: &str) -> bool {
        is_users_own(&self.config, &self.source, key)
    }

    /// Gives keys without effect their defaults, so that the configuration of a cell or an advised run can be run again.
    pub fn reset_ineffective(&mut self) {
        for found in ineffective::find(&self.config) {
            (found.reset)(&mut self.config);
        }
    }

    /// Returns the run trained by a method, as a cell of a comparison.
    #[must_use]
    pub fn for_method(&self, method: Method) -> Self {
        let mut run = self.clone();
        let Config { finetune, train, regularize, .. } = &mut run.config;
        match method {
            Method::Scratch => finetune.depth = Depth::Scratch,
            Method::Head => finetune.depth = Depth::Head,
            Method::FineTune => {}
        }
        // Keys about stages belong to the fine-tune step, the averages to the main training.
        if method != Method::FineTune {
            finetune.thaw = None;
            finetune.wise_ft = None;
            finetune.lora = None;
            finetune.rates.clear();
        }
        match method {
            Method::FineTune => {}
            Method::Head => {
                (train.ema, train.swa_from) = (None, None);
                // Frozen stages keep their statistics and skip nothing anyway.
                finetune.batch_norm = BatchNormPolicy::Train;
                regularize.stochastic_depth = None;
                regularize.drop_depth_techniques();
            }
            Method::Scratch => {
                finetune.batch_norm = BatchNormPolicy::Train;
                finetune.head = HeadPolicy::New;
                finetune.head_solver = HeadSolver::Sgd;
                regularize.drop_source_techniques();
            }
        }
        run
    }
}

fn is_users_own(config: &Config, source: &Source, key: &str) -> bool {
    config.compare.is_none() && source.gives(key)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A CPU's algorithms repeat by themselves, and asking for others would only change which are chosen.
fn algorithms(deterministic: bool, device: Device) -> Algorithms {
    match device {
        Device::Cuda(_) if deterministic => Algorithms::Repeatable,
        _ => Algorithms::Fastest,
    }
}

/// Whether some run needs source weights that nothing but `model.weights` could name.
fn needs_weights(config: &Config) -> bool {
    match &config.compare {
        None => config.finetune.depth != Depth::Scratch,
        Some(CompareConfig { methods, variants, .. }) => {
            let transfers = methods.iter().any(|&method| method != Method::Scratch);
            transfers && (variants.is_empty() || variants.iter().any(|variant| variant.weights.is_none()))
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    fn run(settings: &str) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        let text = format!(
            "[data]\nroot = \"d\"\n[model]\narch = \"lenet5_relu\"\nweights = \"none\"\n[finetune]\ndepth = \"scratch\"\n\
             [run]\ndevice = \"cpu\"\n{settings}"
        );
        std::fs::write(&path, text).unwrap();
        let (config, source) = config::read(&path, &[]).unwrap();
        resolve(config, source).unwrap()
    }

    #[test]
    fn denormal_numbers_are_kept_unless_a_run_flushes_them() {
        let small = Tensor::full([1], 1e-30, (Kind::Float, Device::Cpu));
        for (settings, vanishes) in [("", false), ("flush_denormals = true", true), ("", false)] {
            run(settings).set_up_libtorch().unwrap();
            let product = (&small * 1e-10f64).double_value(&[0]);
            assert_eq!(product == 0.0, vanishes, "{settings:?}: {product}");
        }
    }

    #[test]
    fn threads_are_a_budget_for_computing_and_preparing() {
        let shared = |settings| {
            let run = run(settings);
            (run.threads, run.workers)
        };
        assert_eq!(shared("threads = 4"), (4, 2));
        assert_eq!(shared("threads = 1"), (1, 0));
        assert_eq!(shared("threads = 4\nworkers = 7"), (4, 7));
    }

    #[test]
    fn repeatable_algorithms_are_asked_for_on_a_gpu_alone() {
        assert_eq!(algorithms(true, Device::Cuda(0)), Algorithms::Repeatable);
        assert_eq!(algorithms(false, Device::Cuda(0)), Algorithms::Fastest);
        assert_eq!(algorithms(true, Device::Cpu), Algorithms::Fastest);
    }
}
