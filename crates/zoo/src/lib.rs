//! Every network by name, and the weights that it can start from.
//!
//! - this file: the only one that names every family
//! - [`source_weights`]: a catalog entry, a file or nothing, as what a network starts from
//! - [`archs`]: the networks as facts: costs, stages, published accuracies
//! - [`fitting`]: a checkpoint file held against each network

pub mod archs;
pub mod fitting;
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
    /// EfficientNet, 2019.
    EfficientNet,
}

impl FamilyId {
    /// All families, oldest first.
    pub const ALL: [FamilyId; 6] =
        [Self::LeNet, Self::AlexNet, Self::Vgg, Self::Inception, Self::ResNet, Self::EfficientNet];

    /// The family's table of networks.
    #[must_use]
    pub fn family(self) -> &'static Family {
        match self {
            Self::LeNet => &lenet::FAMILY,
            Self::AlexNet => &alexnet::FAMILY,
            Self::Vgg => &vgg::FAMILY,
            Self::Inception => &inception::FAMILY,
            Self::ResNet => &resnet::FAMILY,
            Self::EfficientNet => &efficientnet::FAMILY,
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

/// Whether a network has residual branches, which stochastic depth could skip.
#[must_use]
pub fn has_shortcuts(network: &Network) -> bool {
    is_of(network, &[FamilyId::ResNet, FamilyId::EfficientNet])
}

/// The rate of stochastic depth that a network has by nature.
#[must_use]
pub fn own_stochastic_depth(network: &Network) -> f64 {
    if is_of(network, &[FamilyId::EfficientNet]) { 0.2 } else { 0.0 }
}

fn is_of(network: &Network, families: &[FamilyId]) -> bool {
    families.iter().flat_map(|id| id.family().networks).any(|other| other.name == network.name)
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

#[cfg(test)]
mod tests {
    use backbone::digest::{stage, stages};
    use backbone::{Options, Variable, Variables};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn names_are_unique_and_a_near_miss_is_answered() {
        let mut names: Vec<_> = networks().map(|network| network.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        let message = network("resnet81").unwrap_err().to_string();
        assert!(message.contains("did you mean \"resnet1"), "{message}");
        assert!(!network("zzz").unwrap_err().to_string().contains("did you mean"));
    }

    #[test]
    fn each_stage_has_the_digest_of_its_names_shapes_types_and_values() {
        let options = Options { channels: 1, size: 28, ..Options::default() };
        let network = network("lenet5_relu").unwrap();
        let backbone = (network.build)(&Variables::new().root(), &options);
        let all = stages(&backbone, backbone.ids()).unwrap();
        assert_eq!(all.len(), backbone.ids().count());
        for (id, digest) in backbone.ids().zip(&all) {
            let mut expected = Sha256::new();
            for Variable { name, tensor, .. } in backbone.stage_variables(id) {
                expected.update(format!("{name} {:?} Float\n", tensor.size()));
                let values = Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap();
                values.iter().for_each(|value| expected.update(value.to_le_bytes()));
            }
            assert_eq!(*digest, hex::encode(expected.finalize()), "{}", backbone.name(id));
            assert_eq!(stage(&backbone, id).unwrap(), *digest);
        }
    }
}
