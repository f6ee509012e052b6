//! Every network by name, and the weights that it can start from.
//!
//! - [`network`], [`networks`], [`FamilyId`]: the only place that names every family
//! - [`source_weights`]: a catalog entry, a file or nothing, as what a network starts from
//! - [`archs`]: the networks as facts: costs, stages, published accuracies
//! - [`fitting`]: a checkpoint file held against each network; [`inspect`]: what it holds

pub mod archs;
pub mod fitting;
pub mod inspect;
pub mod source_weights;

use backbone::{Family, Network};

/// A family's crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyId {
    /// LeNet-5, 1998.
    LeNet,
    /// AlexNet, 2012.
    AlexNet,
    /// VGG, 2014.
    Vgg,
    /// GoogLeNet, 2014, and Inception v3, 2015.
    Inception,
    /// Residual networks, 2015.
    ResNet,
    /// DenseNet, 2016.
    DenseNet,
    /// MobileNet v2, 2018, and v3, 2019.
    MobileNet,
    /// EfficientNet, 2019, and v2, 2021.
    EfficientNet,
    /// RegNet, 2020.
    RegNet,
    /// Vision transformers, 2020, and DINOv2, 2023.
    Vit,
    /// Swin, 2021, and its second version, 2022.
    Swin,
    /// ConvNeXt, 2022.
    ConvNext,
}

impl FamilyId {
    /// All families, oldest first.
    pub const ALL: [FamilyId; 12] = [
        Self::LeNet,
        Self::AlexNet,
        Self::Vgg,
        Self::Inception,
        Self::ResNet,
        Self::DenseNet,
        Self::MobileNet,
        Self::EfficientNet,
        Self::RegNet,
        Self::Vit,
        Self::Swin,
        Self::ConvNext,
    ];

    /// The family's table of networks.
    #[must_use]
    pub fn family(self) -> &'static Family {
        match self {
            Self::LeNet => &lenet::FAMILY,
            Self::AlexNet => &alexnet::FAMILY,
            Self::Vgg => &vgg::FAMILY,
            Self::Inception => &inception::FAMILY,
            Self::ResNet => &resnet::FAMILY,
            Self::DenseNet => &densenet::FAMILY,
            Self::MobileNet => &mobilenet::FAMILY,
            Self::EfficientNet => &efficientnet::FAMILY,
            Self::RegNet => &regnet::FAMILY,
            Self::ConvNext => &convnext::FAMILY,
            Self::Vit => &vit::FAMILY,
            Self::Swin => &swin::FAMILY,
        }
    }
}

/// A network name that is not in the zoo.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown network {asked:?}{}; the zoo has {}", nearest.map(|name| format!(", did you mean {name:?}?")).unwrap_or_default(), known.join(", "))]
pub struct UnknownNetwork {
    asked: String,
    nearest: Option<&'static str>,
    known: Vec<&'static str>,
}

/// Every network, family by family.
pub fn networks() -> impl Iterator<Item = &'static Network> {
    FamilyId::ALL.into_iter().flat_map(|id| id.family().networks)
}

/// The network of that name.
///
/// # Errors
/// When there is none, with the nearest name and all names.
pub fn network(name: &str) -> Result<&'static Network, UnknownNetwork> {
    networks().find(|network| network.name == name).ok_or_else(|| {
        let likeness = |network: &&Network| strsim::jaro_winkler(network.name, name);
        let nearest = networks().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        UnknownNetwork {
            asked: name.to_owned(),
            nearest: nearest.filter(|nearest| likeness(nearest) > 0.7).map(|nearest| nearest.name),
            known: networks().map(|network| network.name).collect(),
        }
    })
}
