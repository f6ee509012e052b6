use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use backbone::{Backbone, Ending, Family, Network, Options, Role, Values};
use tch::{Device, Kind, Tensor};

/// A family under test.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Its networks.
    pub family: &'static Family,
    /// The cheapest networks that between them have every block of the family: what computes takes these.
    pub cheapest: &'static [Cheapest],
    /// The network of which parity also shows that no tensor can be wrong without a failure; `None` where TorchVision has
    /// no network of the family.
    pub every_tensor: Option<&'static str>,
}

/// A network, and a size at which a training step of it is cheap.
#[derive(Clone, Copy, Debug)]
pub struct Cheapest {
    /// TorchVision's name.
    pub network: &'static str,
    /// Side of the square input, pixels.
    pub size: i64,
}

impl Subject {
    /// The network of that name.
    ///
    /// # Panics
    /// When the family has none.
    #[must_use]
    pub fn network(&self, name: &str) -> &'static Network {
        let found = self.family.networks.iter().find(|network| network.name == name);
        found.unwrap_or_else(|| panic!("{} has no {name}", self.family.name))
    }

    /// Runs a check on each of the cheapest networks, random weights without dropout, and a batch of four that it reads.
    pub fn for_the_cheapest(&self, mut check: impl FnMut(&mut Backbone, &Tensor)) {
        let _one_at_a_time = one_at_a_time();
        for Cheapest { network, size } in self.cheapest {
            let network = self.network(network);
            check(&mut with_values(network, *size), &input(network, *size));
        }
    }
}

/// A network with random weights, without dropout and stochastic depth, for square images of this size.
pub(crate) fn with_values(network: &Network, size: i64) -> Backbone {
    tch::manual_seed(0);
    built(network, &Options { dropout: Some(0.0), stochastic_depth: Some(0.0), ..options(network, size) })
}

/// A network that ends early: the stages up to there share their values with `whole`, and its head is new.
pub(crate) fn ended(whole: &Backbone, network: &Network, size: i64, ending: &Ending) -> Backbone {
    let options = Options { dropout: Some(0.0), stochastic_depth: Some(0.0), ..options(network, size) };
    let mut ended = network.build(Values::Awaited { seed: 0 }, &options);
    ended.end(ending).unwrap();
    let values = whole.variables().all().into_iter();
    let values: BTreeMap<String, Tensor> = values.map(|variable| (variable.name, variable.tensor)).collect();
    for variable in ended.variables().all() {
        if let Some(values) = values.get(&variable.name).filter(|it| it.size() == variable.tensor.size()) {
            ended.variables().set(&variable, values).unwrap();
        }
    }
    ended.draw_awaited();
    ended
}

/// A network with random weights. They are drawn once for a network and a size, and copied after that: a VGG has 133
/// million.
pub(crate) fn built(network: &Network, options: &Options) -> Backbone {
    static VALUES: Mutex<BTreeMap<(&str, i64), Vec<Tensor>>> = Mutex::new(BTreeMap::new());
    let mut values = VALUES.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(values) = values.get(&(network.name, options.size)) else {
        let backbone = network.build(Values::default(), options);
        show_what_starts_near_zero(&backbone);
        let copies = backbone.variables().all().iter().map(|variable| variable.tensor.copy()).collect();
        values.insert((network.name, options.size), copies);
        return backbone;
    };
    let backbone = network.build(Values::Awaited { seed: 0 }, options);
    let variables = backbone.variables().all();
    assert_eq!(variables.len(), values.len(), "{}", network.name);
    for (variable, values) in variables.iter().zip(values) {
        assert_eq!(variable.tensor.size(), values.size(), "{}", variable.name);
        backbone.variables().set(variable, &values.copy()).unwrap();
    }
    backbone
}

/// Gives numbers that count to what starts at next to nothing, such as the scale of a branch, behind which nothing would show.
fn show_what_starts_near_zero(backbone: &Backbone) {
    for mut variable in backbone.variables().all() {
        let largest = || variable.tensor.abs().max().double_value(&[]);
        if variable.role == Role::Parameter && !variable.name.ends_with("bias") && largest() < 1e-3 {
            tch::no_grad(|| drop(variable.tensor.uniform_(-0.5, 0.5)));
        }
    }
}

/// Names, shapes and costs alone.
pub(crate) fn outline(network: &Network, size: i64) -> Backbone {
    network.build(Values::Outline, &options(network, size))
}

/// TorchVision's options for square images of this size, with the channels that the network usually reads.
pub(crate) fn options(network: &Network, size: i64) -> Options {
    Options { channels: channels(network), size, ..Options::default() }
}

pub(crate) fn channels(network: &Network) -> i64 {
    (network.input)().channels.into()
}

/// A batch of four images of noise, `[4, C, size, size]`.
pub(crate) fn input(network: &Network, size: i64) -> Tensor {
    Tensor::randn([4, channels(network), size, size], (Kind::Float, Device::Cpu))
}

/// Keeps other tests of the process waiting: each takes two threads, and libtorch has one random generator.
pub fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    let guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(2);
    guard
}
