//! Several networks in one race.

use std::collections::BTreeMap;

use crate::entrants::{Entrant, Network, entrants};

/// A network that races with others.
#[derive(Clone, Debug, PartialEq)]
pub struct Contestant {
    /// Name, unique in the race.
    pub name: String,
    /// Changes of the configuration, `KEY=VALUE`, that take this network.
    pub set: Vec<String>,
    /// Cost of a final run that trains all of it, in final runs of the first network.
    pub cost: f64,
    /// What of it decides about its arms.
    pub network: Network,
}

/// Returns the arms of several networks: tier by tier, in each the networks in their order.
#[must_use]
pub fn entrants_of(contestants: &[Contestant]) -> Vec<Entrant> {
    let mut all: Vec<(usize, Entrant)> = Vec::new();
    for (place, Contestant { name, set, cost, network }) in contestants.iter().enumerate() {
        let first = all.len();
        all.extend(entrants(network).into_iter().enumerate().map(|(number, mut entrant)| {
            entrant.arm.name = format!("{name}: {}", entrant.arm.name);
            entrant.arm.fold_cost *= cost;
            entrant.arm.rides_on = entrant.arm.rides_on.map(|carrier| first + carrier);
            entrant.arm.ends_as = entrant.arm.ends_as.map(|linear| first + linear);
            entrant.set = [set.as_slice(), &entrant.set].concat();
            entrant.arm.network = place;
            (first + number, entrant)
        }));
    }
    all.sort_by_key(|(number, entrant)| (entrant.arm.tier, *number));
    let places: BTreeMap<usize, usize> =
        all.iter().enumerate().map(|(place, (number, _))| (*number, place)).collect();
    let moved = all.into_iter().map(|(_, mut entrant)| {
        let place = |arm: usize| places.get(&arm).copied();
        entrant.arm.rides_on = entrant.arm.rides_on.and_then(place);
        entrant.arm.ends_as = entrant.arm.ends_as.and_then(place);
        entrant
    });
    moved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entrants::{Able, StageFacts};
    use crate::{How, Tier};

    #[test]
    fn networks_race_tier_by_tier_and_averages_stay_with_their_arm() {
        let stage = |live| StageFacts { name: format!("s{live}"), live, norms: true };
        let network = Network {
            stages: [1.0, 0.7, 0.2, 0.05].map(stage).to_vec(),
            caches: true,
            fold_share: 0.8,
            able: Able { linear: true, averages: true },
            weight_decay: 1e-4,
        };
        let of = |name: &str, cost| Contestant {
            name: name.to_owned(),
            set: vec![format!("model.arch={name}")],
            cost,
            network: network.clone(),
        };
        let alone = entrants(&network);
        let field = entrants_of(&[of("small", 1.0), of("large", 3.0)]);
        assert_eq!(field.len(), 2 * alone.len());
        assert!(field.is_sorted_by_key(|entrant| entrant.arm.tier));
        for (place, entrant) in field.iter().enumerate() {
            let (network, way) = entrant.arm.name.split_once(": ").unwrap();
            let own = alone.iter().find(|own| own.arm.name == way).unwrap();
            let cost = if network == "large" { 3.0 } else { 1.0 };
            assert_eq!(
                (&*entrant.set[0], entrant.arm.network),
                (&*format!("model.arch={network}"), usize::from(cost > 2.0))
            );
            assert_eq!(entrant.set[1..], own.set);
            assert_eq!(entrant.arm.fold_cost, cost * own.arm.fold_cost);
            match (entrant.arm.rides_on, own.arm.rides_on) {
                (Some(carrier), Some(of_own)) => {
                    assert!(carrier < place);
                    assert_eq!(field[carrier].arm.name, format!("{network}: {}", alone[of_own].arm.name));
                }
                (carrier, of_own) => assert_eq!(carrier, of_own),
            }
        }
        let free = field.iter().filter(|entrant| entrant.arm.tier == Tier::Free).count();
        assert!(field[..free].iter().all(|entrant| matches!(entrant.how, How::Linear(_))));
        assert_eq!(field[0].arm.name, "small: linear on joined last 3");
    }
}
