//! A configuration checked against the world: what the rest of the program sees.

mod contradictions;
mod idle;
mod threads;

use backbone::Network;
use records::Depth;
use tch::Device;
use torch_extra::determinism::{self, Algorithms, Denormals};
use zoo::source_weights::SourceWeights;

use crate::config::{
    self, BatchNormPolicy, CompareConfig, Config, ConfigError, HeadPolicy, Method, OptimizerKind, PolicyKind,
    RegularizeConfig, ScheduleKind, SettingConfig, Source,
};
pub use threads::Threads;

/// A validated run. Names have become things; nothing optional is left that a default could fill.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// The numbers.
    pub config: Config,
    /// Where they came from, so that a mistake found later still points at its line.
    pub source: Source,
    /// The network.
    pub network: &'static Network,
    /// How far back.
    pub depth: Depth,
    /// Where it starts from; `None` is random initialisation.
    pub weights: Option<SourceWeights>,
    /// Where it computes.
    pub device: Device,
    /// Threads that libtorch computes with.
    pub threads: u32,
    /// Threads that prepare pictures; with 0 the computing thread does it.
    pub workers: usize,
}

/// Checks a configuration.
///
/// # Errors
/// [`ConfigError`] at the key at fault.
pub fn resolve(mut config: Config, source: Source) -> Result<Run, ConfigError> {
    config::check(&config, &source)?;
    fill_in(&mut config);
    let network =
        zoo::network(&config.model.arch).map_err(|error| source.wrong("model.arch", error.to_string()))?;
    let depth: Depth = config
        .finetune
        .depth
        .parse()
        .map_err(|error: records::UnknownDepth| source.wrong("finetune.depth", error.to_string()))?;
    contradictions::check(&config, &depth, &source)?;
    let weights = SourceWeights::find(network.name, &config.model.weights)
        .map_err(|error| source.wrong("model.weights", error.to_string()))?;
    if weights.is_none() && needs_weights(&config, &depth) {
        return Err(source
            .wrong(
                "model.weights",
                "with \"none\" there is nothing to transfer; name weights, or train everything with finetune.depth = \"scratch\"",
            )
            .into());
    }
    let device = torch_extra::cuda::device(&config.run.device)
        .map_err(|error| source.wrong("run.device", error.to_string()))?;
    let precision = config.run.precision.check(device);
    precision.map_err(|error| source.wrong("run.precision", error.to_string()))?;
    let budget = match config.run.threads {
        0 => u32::try_from(cores()).unwrap_or(1),
        asked => asked,
    };
    let Threads { computing, preparing } = Threads::share(budget, config.run.workers, device);
    Ok(Run {
        name: config.run.name.clone().unwrap_or_else(|| source.stem()),
        network,
        depth,
        weights,
        device,
        threads: computing,
        workers: preparing,
        config,
        source,
    })
}

impl Run {
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

    /// Processes that share a grid: those asked for, or as many as the cores have room for. A GPU has one.
    #[must_use]
    pub fn jobs(&self, compare: &CompareConfig) -> usize {
        match (compare.jobs, self.device) {
            (0, Device::Cpu) => (cores() / usize::try_from(self.threads).unwrap_or(usize::MAX)).max(1),
            (0, _) => 1,
            (jobs, _) => jobs,
        }
    }

    /// The same run with the changes of a setting laid over it, and without its grid.
    ///
    /// # Errors
    /// As [`resolve`], at the change at fault.
    pub fn with(&self, setting: &SettingConfig) -> Result<Self, ConfigError> {
        let mut plain = Config { compare: None, ..self.config.clone() };
        take_out(&mut plain);
        let changed = config::overlay(&plain, &setting.set)?;
        Ok(Self { name: self.name.clone(), ..resolve(changed, self.source.with(setting))? })
    }

    /// Whether who gives a key without effect should be told. The run that a comparison varies has values that only some of
    /// its settings use, and a setting inherits values for others.
    pub fn answers_for(&self, key: &str) -> bool {
        answers_for(&self.config, &self.source, key)
    }

    /// Leaves out what has no effect, so that the configuration of a cell or an advised run can be run again.
    pub fn forget_idle(&mut self) {
        for idle in idle::find(&self.config, &self.depth) {
            (idle.forget)(&mut self.config);
        }
    }

    /// The same run by another method, as a cell of a grid.
    #[must_use]
    pub fn by(&self, method: Method) -> Self {
        let depth = match method {
            Method::Scratch => Depth::Scratch,
            Method::Head => Depth::Head,
            Method::FineTune => self.depth.clone(),
        };
        let mut run = Self { depth, ..self.clone() };
        let Config { finetune, train, regularize, .. } = &mut run.config;
        // What is said of stages is said of the fine-tune step; the averages are of the main training.
        if method != Method::FineTune {
            finetune.thaw = None;
            finetune.rates.clear();
        }
        match method {
            Method::FineTune => {}
            Method::Head => {
                (train.ema, train.swa_from) = (None, None);
                // Frozen stages keep their statistics and skip nothing anyway.
                finetune.batch_norm = BatchNormPolicy::Train;
                regularize.stochastic_depth = None;
                regularize.forget_features();
            }
            Method::Scratch => {
                finetune.batch_norm = BatchNormPolicy::Train;
                finetune.head = HeadPolicy::New;
                regularize.forget_source();
            }
        }
        run
    }
}

fn answers_for(config: &Config, source: &Source, key: &str) -> bool {
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

/// The numbers of the chosen optimizer, schedule and policy, where the file leaves them out.
fn fill_in(config: &mut Config) {
    let regularize = &mut config.regularize;
    regularize.weight_decay = Some(regularize.weight_decay());
    if config.augment.policy == Some(PolicyKind::RandAugment) {
        config.augment.randaugment.get_or_insert_default();
    }
    let train = &mut config.train;
    match train.optimizer {
        OptimizerKind::Sgd => drop(train.sgd.get_or_insert_default()),
        OptimizerKind::Adam | OptimizerKind::AdamW => drop(train.adam.get_or_insert_default()),
        OptimizerKind::RmsProp => drop(train.rmsprop.get_or_insert_default()),
    }
    match train.schedule {
        ScheduleKind::Constant | ScheduleKind::Cosine => {}
        ScheduleKind::Step => drop(train.step.get_or_insert_default()),
        ScheduleKind::OneCycle => drop(train.one_cycle.get_or_insert_default()),
        ScheduleKind::Plateau => drop(train.plateau.get_or_insert_default()),
    }
}

/// Takes out again what [`fill_in`] would put there, so that a change to another optimizer, schedule, policy or pull does not
/// meet numbers that belong to the one before. It goes by the values, because a comparison that is joined or resumed is read
/// from a file in which they are filled in.
fn take_out(config: &mut Config) {
    fn unless_usual<T: Default + PartialEq>(table: &mut Option<T>) {
        table.take_if(|table| *table == T::default());
    }
    let Config { regularize, augment, train, .. } = config;
    let usual = RegularizeConfig { weight_decay: None, ..regularize.clone() }.weight_decay();
    regularize.weight_decay = regularize.weight_decay.filter(|&decay| decay != usual);
    unless_usual(&mut augment.randaugment);
    unless_usual(&mut train.sgd);
    unless_usual(&mut train.adam);
    unless_usual(&mut train.rmsprop);
    unless_usual(&mut train.step);
    unless_usual(&mut train.one_cycle);
    unless_usual(&mut train.plateau);
}

/// Whether some run needs source weights that nothing but `model.weights` could name.
fn needs_weights(config: &Config, depth: &Depth) -> bool {
    match &config.compare {
        None => *depth != Depth::Scratch,
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
