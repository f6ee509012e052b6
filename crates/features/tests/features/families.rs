//! The cheapest network of each family.

use backbone::{Backbone, Options, Values};

/// Name and side of an input in pixels.
const CHEAPEST: [(&str, u32); 7] = [
    ("lenet5_relu", 32),
    ("alexnet", 64),
    ("vgg11_bn", 64),
    ("googlenet", 64),
    ("inception_v3", 107),
    ("resnet18", 64),
    ("efficientnet_lite0", 64),
];

/// Gives libtorch one thread. Every test begins with it, because the number is the process's and decides about last bits.
pub(crate) fn use_one_thread() {
    tch::set_num_threads(1);
}

/// Builds the cheapest network of each family and checks it, with the side of its input.
pub(crate) fn for_each_family(mut check: impl FnMut(&mut Backbone, u32)) {
    use_one_thread();
    for (name, size) in CHEAPEST {
        let network = zoo::network(name).unwrap();
        let options = Options {
            channels: (network.input)().channels.into(),
            size: size.into(),
            dropout: Some(0.0),
            stochastic_depth: Some(0.0),
            ..Options::default()
        };
        check(&mut network.build(Values::default(), &options), size);
    }
}
