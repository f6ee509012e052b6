//! The networks of a race: that of the run, or those of `search.archs`.

use ::search::{Contestant, Entrant, entrants, entrants_of};
use pretrained::Catalog;
use records::Session;
use run_config::{Run, SettingConfig};
use tch::Tensor;

use super::{arms, gather, only_training};
use crate::Error;
use crate::recipe::{self, Materials};

/// A network of a race.
pub(super) struct OfNetwork {
    /// The run with this network.
    pub(super) run: Run,
    /// What it reads, with the training images alone.
    pub(super) materials: Materials,
    /// Changes of the configuration that take it; none for that of the run itself.
    pub(super) set: Vec<String>,
    /// Whether the outputs of frozen stages were computed for all images.
    pub(super) features_kept: bool,
    /// Pooled outputs of the stages for all images; empty before they are asked for.
    pub(super) stages: Vec<Tensor>,
}

/// Returns the networks that race in a run, whose own materials are these.
///
/// # Errors
/// At `search.archs` for a name that is not in the zoo, has no weights, or comes twice; as [`gather`] for weights that are not
/// there.
pub(super) fn of_run(
    run: &Run,
    materials: &Materials,
    session: &mut Session<'_>,
) -> Result<Vec<OfNetwork>, Error> {
    let asked = run.config.search.as_ref().map_or(&[][..], |search| &search.archs[..]);
    if asked.is_empty() {
        return Ok(vec![OfNetwork::new(run.clone(), materials, Vec::new())?]);
    }
    let mut networks: Vec<OfNetwork> = Vec::new();
    for asked in asked {
        let set = changes(run, asked)?;
        let network = if set.is_empty() {
            OfNetwork::new(run.clone(), materials, set)?
        } else {
            let other = run.with_overrides(&SettingConfig { name: asked.clone(), set: set.clone() })?;
            let materials = gather(&other, session)?;
            OfNetwork::new(other, &materials, set)?
        };
        let name = network.run.network.name;
        if networks.iter().any(|other| other.run.network.name == name) {
            return Err(run.source.wrong("search.archs", format!("{name} is named twice")).into());
        }
        networks.push(network);
    }
    Ok(networks)
}

/// Returns the changes of the configuration that take a network, `ARCH` or `ARCH:WEIGHTS`; none for that of the run itself.
fn changes(run: &Run, asked: &str) -> Result<Vec<String>, Error> {
    let wrong = |message: String| Error::from(run.source.wrong("search.archs", message));
    let named = asked.split_once(':');
    let (arch, weights) = named.map_or((asked, None), |(arch, weights)| (arch, Some(weights)));
    zoo::network(arch).map_err(|error| wrong(error.to_string()))?;
    if arch == run.network.name && weights.is_none_or(|weights| weights == run.config.model.weights) {
        return Ok(Vec::new());
    }
    let weights = match weights {
        Some(weights) => weights.to_owned(),
        None => {
            let default = Catalog::builtin().default_for(arch);
            let none = |_| wrong(format!("no weights of {arch} are known; write {arch}:FILE or {arch}:none"));
            default.map_err(none)?.name.clone()
        }
    };
    Ok(vec![format!("model.arch={arch}"), format!("model.weights={weights}")])
}

/// Returns the arms of the networks, trained on this number of images.
///
/// # Errors
/// When weights do not fit.
pub(super) fn entrants_on(networks: &[OfNetwork], images: usize) -> Result<Vec<Entrant>, Error> {
    if let [OfNetwork { run, materials, set, .. }] = networks
        && set.is_empty()
    {
        return Ok(entrants(&arms::network(run, materials, images)?));
    }
    let mut first = None;
    let mut contestants = Vec::new();
    for OfNetwork { run, materials, set, .. } in networks {
        let cost = arms::multiply_adds(run, materials)?.max(1.0);
        let first = *first.get_or_insert(cost);
        contestants.push(Contestant {
            name: run.network.name.to_owned(),
            set: set.clone(),
            cost: cost / first,
            network: arms::network(run, materials, images)?,
        });
    }
    Ok(entrants_of(&contestants))
}

impl OfNetwork {
    fn new(run: Run, materials: &Materials, set: Vec<String>) -> Result<Self, Error> {
        let training = recipe::images_of(&run, &materials.images)?.train;
        let materials = only_training(materials, &training);
        Ok(Self { run, materials, set, features_kept: false, stages: Vec::new() })
    }
}
