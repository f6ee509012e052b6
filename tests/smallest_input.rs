//! The smallest input that every network of the zoo declares: it can be read, and less is refused.

use backbone::{Backbone, Mode, Network, Options, StageId, Values, Variables};
use finetune_core::{config, recipe, run, zoo};
use records::Interrupt;
use tch::{Device, Kind, Tensor};

/// The cheapest network of each family.
const CHEAPEST: [&str; 8] = [
    "lenet5",
    "lenet5_relu",
    "alexnet",
    "vgg11_bn",
    "googlenet",
    "inception_v3",
    "resnet18",
    "efficientnet_lite0",
];

/// At its smallest input a network has a position left in every stage; where it has a smallest input by its geometry,
/// and not because less makes no sense, none is left below.
#[test]
fn every_network_reads_its_smallest_input() {
    let positions = |network: &Network, size: i64| {
        let traces = outline(network, size).trace(&[1, (network.input)().channels.into(), size, size]);
        traces.iter().flat_map(|trace| trace.shape.iter().copied()).min().unwrap()
    };
    for network in zoo::networks() {
        let smallest = i64::from(network.smallest_input);
        assert!(positions(network, smallest) >= 1, "{}", network.name);
        let family = zoo::FamilyId::ALL.into_iter().map(zoo::FamilyId::family);
        let mut family = family.filter(|family| family.networks.iter().any(|one| one.name == network.name));
        if !["resnet", "efficientnet"].contains(&family.next().unwrap().name) {
            assert!(positions(network, smallest - 1) < 1, "{}", network.name);
        }
    }
    tch::set_num_threads(2);
    for name in CHEAPEST {
        let network = zoo::network(name).unwrap();
        let smallest = network.smallest_input.into();
        let backbone = build(network, smallest, Values::Drawn);
        let x = Tensor::randn(
            [4, (network.input)().channels.into(), smallest, smallest],
            (Kind::Float, Device::Cpu),
        );
        for mode in [Mode::Evaluate, Mode::Train] {
            let said = tch::no_grad(|| backbone.classify(&x, StageId::INPUT, mode));
            assert_eq!(said.logits.size(), [4, 1000], "{name}");
            assert_eq!(said.logits.isfinite().all().int64_value(&[]), 1, "{name}");
        }
    }
}

/// Whatever the network, an input below its smallest is refused with what to do, before anything is built.
#[test]
fn an_input_below_the_smallest_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        std::fs::create_dir_all(folder.path().join(class)).unwrap();
        for number in 0..3 {
            image::RgbImage::new(4, 4).save(folder.path().join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    for network in zoo::networks() {
        let Network { name, smallest_input, .. } = network;
        let channels = (network.input)().channels;
        let side = smallest_input - 1;
        let text = format!(
            "[data]\nroot = {:?}\n[data.input]\nresize = {side}\ncrop = {side}\ninterpolation = \"bilinear\"\n\
             channels = {channels}\nmean = {mean:?}\nstd = {mean:?}\n[model]\narch = {name:?}\nweights = \"none\"\n\
             [finetune]\ndepth = \"scratch\"\n[run]\ndevice = \"cpu\"\n",
            folder.path().display().to_string(),
            mean = vec![0.5; channels.into()],
        );
        let path = folder.path().join("c.toml");
        std::fs::write(&path, text).unwrap();
        let (config, source) = config::read(&path, &[]).unwrap();
        let run = run::resolve(config, source).unwrap();
        let Err(error) = recipe::gather(&run, &Interrupt::default(), &mut |_| {}) else { panic!("{name}") };
        let says =
            format!("{name} reads images of at least {smallest_input} pixels a side, and crop is {side}");
        assert!(error.to_string().contains(&says), "{name}: {error}");
    }
}

/// Names, shapes and costs alone.
fn outline(network: &Network, size: i64) -> Backbone {
    build(network, size, Values::Outline)
}

fn build(network: &Network, size: i64, values: Values) -> Backbone {
    let options = Options { channels: (network.input)().channels.into(), size, ..Options::default() };
    (network.build)(&Variables::holding(values).root(), &options)
}
