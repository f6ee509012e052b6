//! The zoo as facts: what each network is, costs and reaches, and its stages. Nothing is computed, networks are outlined
//! and traced.

use backbone::{Auxiliary, Backbone, Family, Network, Options, Trace, Values};
use pretrained::{Catalog, InputSpec};
use serde::Serialize;

use crate::FamilyId;
use crate::source_weights::default_input;

/// A network of the zoo.
#[derive(Clone, Debug, Serialize)]
pub struct Arch {
    /// TorchVision's name.
    pub name: &'static str,
    /// Its family's crate.
    pub family: &'static str,
    /// Year of the paper.
    pub year: u16,
    /// The problem of its predecessors that the family solved.
    pub solved: &'static str,
    /// The network's paper.
    pub paper: &'static str,
    /// Trainable values with the classes of [`Arch::classes`], without auxiliary heads.
    pub parameters: u64,
    /// Trainable values of the auxiliary heads, which only training listens to.
    pub auxiliary_parameters: u64,
    /// Multiplications with an addition each for one image, in convolutions and linear layers.
    pub multiply_adds: u64,
    /// Number of classes: ImageNet's 1,000, or ten digits.
    pub classes: i64,
    /// How its images are prepared, with its default weights if it has some.
    pub input: InputSpec,
    /// The weights of the catalog.
    pub weights: Vec<Weights>,
    /// From input to head.
    pub stages: Vec<ArchStage>,
}

/// Pretrained weights of a network.
#[derive(Clone, Debug, Serialize)]
pub struct Weights {
    /// Their name in the catalog.
    pub name: &'static str,
    /// The file.
    pub file: &'static str,
    /// Whether they are the network's default.
    pub default: bool,
    /// Top-1 accuracy on ImageNet's validation set in percent, as published; none where only the features are of use.
    pub accuracy: Option<f64>,
}

/// A stage of a network.
#[derive(Clone, Debug, Serialize)]
pub struct ArchStage {
    /// Its name.
    pub name: &'static str,
    /// Shape of its output for one image: `[C, H, W]` or `[features]`.
    pub output: Vec<i64>,
    /// Input pixels per output position along one side; none where there are no positions left.
    pub stride: Option<i64>,
    /// Trainable values.
    pub parameters: u64,
    /// Multiplications with an addition each.
    pub multiply_adds: u64,
}

/// Digits of LeNet's task.
const DIGITS: i64 = 10;

/// Every network, family by family.
#[must_use]
pub fn all() -> Vec<Arch> {
    let families = FamilyId::ALL.into_iter().map(FamilyId::family);
    families.flat_map(|family| family.networks.iter().map(move |network| describe(family, network))).collect()
}

/// One network, known to the zoo.
#[must_use]
pub fn of(network: &Network) -> Option<Arch> {
    let families = FamilyId::ALL.into_iter().map(FamilyId::family);
    let mut of_it = families.filter(|family| family.networks.iter().any(|known| known.name == network.name));
    of_it.next().map(|family| describe(family, network))
}

fn describe(family: &'static Family, network: &Network) -> Arch {
    let input = default_input(network);
    let entries = Catalog::builtin().of_arch(network.name).unwrap_or_default();
    let classes = if input.channels == 1 { DIGITS } else { Options::default().classes };
    let plain = outline(network, &input, classes, Auxiliary::LeftOut);
    let whole = outline(network, &input, classes, Auxiliary::Built);
    let stages = stages(&plain, &input);
    let parameters = count(&plain);
    Arch {
        name: network.name,
        family: family.name,
        year: network.year,
        solved: family.solved,
        paper: network.paper,
        parameters,
        auxiliary_parameters: count(&whole) - parameters,
        multiply_adds: stages.iter().map(|stage| stage.multiply_adds).sum(),
        classes,
        input,
        weights: entries
            .into_iter()
            .map(|entry| Weights {
                name: &entry.name,
                file: &entry.file,
                default: entry.is_default,
                accuracy: entry.acc1,
            })
            .collect(),
        stages,
    }
}

fn outline(network: &Network, input: &InputSpec, classes: i64, auxiliary: Auxiliary) -> Backbone {
    let (channels, size) = (input.channels.into(), input.crop.into());
    let options = Options { classes, channels, size, auxiliary, ..Options::default() };
    network.build(Values::Outline, &options)
}

fn stages(backbone: &Backbone, input: &InputSpec) -> Vec<ArchStage> {
    let side = i64::from(input.crop);
    let traces = backbone.trace(&[1, input.channels.into(), side, side]);
    let stages = backbone.ids().zip(traces).map(|(id, Trace { shape, multiply_adds })| ArchStage {
        name: backbone.name(id),
        output: shape[1..].to_vec(),
        stride: backbone.stages().get(id.index()).and_then(|stage| stage.stride),
        parameters: backbone.parameter_count(id),
        multiply_adds,
    });
    stages.collect()
}

fn count(backbone: &Backbone) -> u64 {
    backbone.ids().map(|id| backbone.parameter_count(id)).sum()
}
