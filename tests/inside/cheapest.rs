//! The cheapest network of each family, one test at a time: they take all threads, and the seed is libtorch's.

use std::sync::{Mutex, MutexGuard, PoisonError};

use backbone::{Backbone, Network, Options, Values};
use tch::{Device, Kind, Tensor};

/// The cheapest network of each family, and an input it can read in training.
pub(crate) const CHEAPEST: [(&str, i64); 7] = [
    ("lenet5_relu", 32),
    ("alexnet", 64),
    ("vgg11_bn", 64),
    ("googlenet", 64),
    ("inception_v3", 107),
    ("resnet18", 64),
    ("efficientnet_lite0", 64),
];

pub(crate) fn for_the_cheapest(mut check: impl FnMut(&mut Backbone, &Tensor)) {
    let _one_at_a_time = one_at_a_time();
    for (name, size) in CHEAPEST {
        let network = zoo::network(name).unwrap();
        check(&mut build(network, size), &input(network, size));
    }
}

pub(crate) fn build(network: &Network, size: i64) -> Backbone {
    tch::set_num_threads(2);
    tch::manual_seed(0);
    let channels = (network.input)().channels.into();
    let options =
        Options { channels, size, dropout: Some(0.0), stochastic_depth: Some(0.0), ..Options::default() };
    network.build(Values::default(), &options)
}

pub(crate) fn input(network: &Network, size: i64) -> Tensor {
    let channels = i64::from((network.input)().channels);
    Tensor::randn([4, channels, size, size], (Kind::Float, Device::Cpu))
}

pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}
