//! The arms of a network, from free to dear.

use std::ops::Range;

use records::Depth;

use crate::{Arm, Kind, Place, Tier};

/// Largest share of the network's multiply-adds that an arm on cached features trains.
const CACHED: f64 = 0.35;
/// What every training costs, whatever it trains: loading, the head, evaluation; in final runs.
const LEAST: f64 = 0.01;
/// Weight decay above which a configuration means the head alone: stages that are trained with it lose what they know.
const DECAY_OF_A_HEAD: f64 = 0.1;
/// Weight decay of stages then: the program's default.
const USUAL_DECAY: f64 = 1e-4;
/// Shares of the way from the source's weights to the fine-tuned ones (WiSE-FT).
const AVERAGES: [&str; 2] = ["0.75", "0.5"];

/// What of a network decides about its arms.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Stages with parameters before the head, from the input on.
    pub stages: Vec<StageFacts>,
    /// Whether images look the same in every epoch, so that the outputs of frozen stages are computed once.
    pub caches: bool,
    /// Cost of training one fold as a share of that of training on all images.
    pub fold_share: f64,
    /// Which kinds of arms the program can train.
    pub able: Able,
    /// Weight decay of the configuration.
    pub weight_decay: f64,
}

/// What of a stage decides about arms.
#[derive(Clone, Debug, PartialEq)]
pub struct StageFacts {
    /// Name, `features.5`.
    pub name: String,
    /// Share of the network's multiply-adds from this stage to the head, in `0..=1`.
    pub live: f64,
    /// Whether it has batch normalisation.
    pub norms: bool,
}

/// Kinds of arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Able {
    /// Linear classifiers on stages that a run can be cut at.
    pub linear: bool,
    /// Averages of fine-tuned and source weights.
    pub averages: bool,
}

/// An arm, and how it is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Entrant {
    /// The arm.
    pub arm: Arm,
    /// Changes of the configuration, `KEY=VALUE`, that make it the run of this arm.
    pub set: Vec<String>,
    /// How it is trained.
    pub how: How,
}

/// How an arm is trained.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// Ridge regression on the pooled outputs of these stages, indices of [`Network::stages`].
    Linear(Vec<usize>),
    /// By the recipe, with its changes.
    Train,
    /// As the arm it rides on, then this share of the way from the source's weights.
    Average(f64),
}

/// Returns the arms of a network.
#[must_use]
pub fn entrants(network: &Network) -> Vec<Entrant> {
    let mut entrants = Vec::new();
    if network.able.linear {
        entrants.extend(late(network));
    }
    entrants.push(trained(network, Depth::Head, None));
    if network.able.linear {
        entrants.extend(early(network));
    }
    for (depth, rates) in [
        (Depth::Last(1), &["0.1", "0.3", "1"][..]),
        (Depth::Last(2), &["0.1", "0.3", "1"][..]),
        (Depth::Last(4), &["0.1", "1"][..]),
        (Depth::All, &["0.1", "1"][..]),
    ] {
        let reaches = match depth {
            Depth::Last(count) => count < network.stages.len(),
            _ => !network.stages.is_empty(),
        };
        if reaches {
            if depth == Depth::All && network.able.linear {
                let ended = ended_early(network, &entrants);
                entrants.extend(ended);
            }
            for rate in rates {
                push_with_averages(&mut entrants, network, &trained(network, depth.clone(), Some(rate)));
            }
        }
    }
    entrants
}

/// The last three stages joined, and the last one.
fn late(network: &Network) -> Vec<Entrant> {
    let count = network.stages.len();
    let joined = (count >= 3).then(|| joined(network, "joined last 3", count - 3..count));
    let last = count.checked_sub(1).map(|last| stage(network, last));
    joined.into_iter().chain(last).collect()
}

/// Every stage before the last, from the late to the early ones; three joined that end at such a stage; and most of them
/// joined.
fn early(network: &Network) -> Vec<Entrant> {
    let count = network.stages.len();
    let mut entrants: Vec<Entrant> =
        (0..count.saturating_sub(1)).rev().map(|index| stage(network, index)).collect();
    for end in (3..count).rev() {
        entrants.push(joined(network, &joined_to(network, end), end - 3..end));
    }
    let wide = count / 3;
    if wide + 3 < count {
        entrants.push(joined(network, "joined wide", wide..count));
    }
    entrants
}

/// Everything trained gently in networks that end early, after three joined stages: one for each linear arm of that kind.
fn ended_early(network: &Network, linear: &[Entrant]) -> Vec<Entrant> {
    let count = network.stages.len();
    let all = trained(network, Depth::All, Some("0.1"));
    let ended = (3..count).rev().filter_map(|end| {
        let name = joined_to(network, end);
        let like = linear.iter().position(|entrant| entrant.arm.name == format!("linear on {name}"))?;
        let mut entrant = all.clone();
        entrant.arm.name = format!("{}, {name}", all.arm.name);
        // What comes after the end is never computed.
        entrant.arm.fold_cost *= 1.0 - network.stages.get(end).map_or(0.0, |stage| stage.live);
        entrant.arm.ends_as = Some(like);
        entrant.set.push(taps(network, end - 3..end));
        Some(entrant)
    });
    ended.collect()
}

fn joined_to(network: &Network, end: usize) -> String {
    format!("joined 3 to {}", network.stages[end - 1].name)
}

fn stage(network: &Network, index: usize) -> Entrant {
    let last = index + 1 == network.stages.len();
    let name = &network.stages[index].name;
    let mut set = linear_set();
    if !last {
        set.push(format!("finetune.cut={name:?}"));
    }
    Entrant {
        arm: Arm {
            name: if last { "linear on the last stage".to_owned() } else { format!("linear on {name}") },
            kind: Kind::Stage(if last { Place::Last } else { Place::Earlier }),
            tier: Tier::Free,
            fold_cost: 0.0,
            rides_on: None,
            ends_as: None,
            network: 0,
        },
        set,
        how: How::Linear(vec![index]),
    }
}

/// A stretch of stages, joined.
fn joined(network: &Network, name: &str, stages: Range<usize>) -> Entrant {
    let mut set = linear_set();
    set.push(taps(network, stages.clone()));
    Entrant {
        arm: Arm {
            name: format!("linear on {name}"),
            kind: Kind::Joined,
            tier: Tier::Free,
            fold_cost: 0.0,
            rides_on: None,
            ends_as: None,
            network: 0,
        },
        set,
        how: How::Linear(stages.collect()),
    }
}

/// The change of the configuration that ends the network after these stages, joined.
fn taps(network: &Network, stages: Range<usize>) -> String {
    let names: Vec<String> = network.stages[stages].iter().map(|stage| format!("{:?}", stage.name)).collect();
    format!("finetune.taps=[{}]", names.join(", "))
}

fn linear_set() -> Vec<String> {
    ["finetune.depth=head", "finetune.head_solver=ridge"].map(str::to_owned).to_vec()
}

fn trained(network: &Network, depth: Depth, rate: Option<&str>) -> Entrant {
    let live = live_stages(network, &depth);
    let share = live.first().map_or(0.0, |stage| stage.live);
    let mut set = vec![format!("finetune.depth={depth}")];
    if let Some(rate) = rate {
        set.push(format!("finetune.rate_scale={rate}"));
        if live.iter().any(|stage| stage.norms) {
            // At the full rate frozen statistics diverged on images unlike the source's.
            let policy = if rate == "1" { "train" } else { "frozen" };
            set.push(format!("finetune.batch_norm={policy}"));
        }
        if network.weight_decay > DECAY_OF_A_HEAD {
            set.push(format!("regularize.weight_decay={USUAL_DECAY}"));
        }
    }
    // A pass forward costs a third of a training step.
    let cost = if network.caches { share } else { (1.0 + 2.0 * share) / 3.0 };
    let tier = match (cost <= CACHED, &depth, rate) {
        (true, _, _) => Tier::Cached,
        (false, Depth::All, Some("0.1")) => Tier::Deep,
        (false, _, _) => Tier::Further,
    };
    let name = rate.map_or_else(|| depth.to_string(), |rate| format!("{depth} x {rate}"));
    let arm = Arm {
        name,
        kind: Kind::Depth(depth),
        tier,
        fold_cost: network.fold_share * cost.max(LEAST),
        rides_on: None,
        ends_as: None,
        network: 0,
    };
    Entrant { arm, set, how: How::Train }
}

/// The stages before the head that a depth trains.
fn live_stages<'a>(network: &'a Network, depth: &Depth) -> &'a [StageFacts] {
    let stages = &network.stages;
    match depth {
        Depth::Last(count) => &stages[stages.len().saturating_sub(*count)..],
        Depth::All => stages,
        _ => &[],
    }
}

/// Adds an arm, and the averages of its weights with the source's where the statistics of batch normalisation are those of
/// the source.
fn push_with_averages(entrants: &mut Vec<Entrant>, network: &Network, entrant: &Entrant) {
    let carrier = entrants.len();
    entrants.push(entrant.clone());
    if !network.able.averages || entrant.set.iter().any(|change| change == "finetune.batch_norm=train") {
        return;
    }
    for share in AVERAGES {
        let mut average = entrant.clone();
        average.arm.name += &format!(", averaged {share}");
        average.arm.fold_cost = 0.0;
        average.arm.rides_on = Some(carrier);
        average.set.push(format!("finetune.wise_ft={share}"));
        average.how = How::Average(share.parse().unwrap_or(1.0));
        entrants.push(average);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(lives: &[f64], norms: bool) -> Network {
        let stage = |(index, &live): (usize, &f64)| StageFacts { name: format!("s{index}"), live, norms };
        let able = Able { linear: true, averages: true };
        let stages = lives.iter().enumerate().map(stage).collect();
        Network { stages, caches: true, fold_share: 0.8, able, weight_decay: 1e-4 }
    }

    fn named<'a>(entrants: &'a [Entrant], name: &str) -> &'a Entrant {
        entrants.iter().find(|entrant| entrant.arm.name == name).unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn a_deep_network_has_every_arm_of_the_race() {
        let lives = [1.0, 0.95, 0.9, 0.8, 0.7, 0.62, 0.3, 0.13, 0.05];
        let entrants = entrants(&network(&lives, true));
        let first: Vec<&str> = entrants.iter().take(4).map(|entrant| &*entrant.arm.name).collect();
        assert_eq!(first, ["linear on joined last 3", "linear on the last stage", "head", "linear on s7"]);
        assert_eq!(entrants.iter().filter(|it| it.arm.tier == Tier::Free).count(), 9 + 2 + 6);
        assert_eq!(entrants.iter().filter(|it| it.how == How::Train).count(), 1 + 3 + 3 + 2 + 2 + 6);
        // Frozen statistics at a gentle rate, trained ones at the full rate, which cannot be averaged.
        let riders = entrants.iter().filter(|it| it.arm.rides_on.is_some()).count();
        assert_eq!(riders, 2 * (2 + 2 + 1 + 1));
        let wide = named(&entrants, "linear on joined wide");
        assert_eq!(wide.how, How::Linear((3..9).collect()));
        let early = named(&entrants, "linear on joined 3 to s5");
        assert_eq!(early.how, How::Linear(vec![3, 4, 5]));
        assert_eq!(early.set[2], "finetune.taps=[\"s3\", \"s4\", \"s5\"]");
        assert_eq!(named(&entrants, "linear on s4").set[2], "finetune.cut=\"s4\"");
        let two = named(&entrants, "last:2 x 0.3");
        assert_eq!(
            two.set,
            ["finetune.depth=last:2", "finetune.rate_scale=0.3", "finetune.batch_norm=frozen"]
        );
        assert_eq!((two.arm.tier, two.arm.fold_cost), (Tier::Cached, 0.8 * 0.13));
        assert_eq!(named(&entrants, "last:4 x 1").arm.tier, Tier::Further);
        let ended = named(&entrants, "all x 0.1, joined 3 to s5");
        assert_eq!(ended.set.last(), named(&entrants, "linear on joined 3 to s5").set.last());
        assert_eq!(ended.set[..2], ["finetune.depth=all", "finetune.rate_scale=0.1"]);
        assert_eq!(entrants[ended.arm.ends_as.unwrap()].arm.name, "linear on joined 3 to s5");
        assert_eq!((ended.arm.tier, ended.arm.fold_cost), (Tier::Deep, 0.8 * (1.0 - 0.3)));
        assert_eq!(named(&entrants, "all x 1").arm.fold_cost, 0.8);
        let average = named(&entrants, "last:2 x 0.3, averaged 0.5");
        assert_eq!(entrants[average.arm.rides_on.unwrap()].arm.name, "last:2 x 0.3");
        assert!(entrants.iter().all(|it| it.arm.rides_on.is_none() || it.arm.fold_cost == 0.0));
    }

    #[test]
    fn a_decay_that_is_meant_for_a_head_is_not_that_of_stages() {
        let strong = Network { weight_decay: 4.0, ..network(&[1.0, 0.3, 0.05], true) };
        let plain = entrants(&network(&[1.0, 0.3, 0.05], true));
        for (strong, plain) in entrants(&strong).iter().zip(&plain) {
            let own = strong.set.iter().any(|change| change == "regularize.weight_decay=0.0001");
            let trains = matches!(&strong.arm.kind, Kind::Depth(depth) if *depth != Depth::Head);
            assert_eq!(own, trains, "{}", strong.arm.name);
            assert!(plain.set.iter().all(|change| !change.contains("weight_decay")), "{}", plain.arm.name);
        }
    }

    #[test]
    fn a_shallow_network_repeats_no_depth_and_one_without_norms_sets_none() {
        let entrants = entrants(&network(&[1.0, 0.7, 0.15, 0.03], false));
        assert!(entrants.iter().all(|entrant| !entrant.arm.name.starts_with("last:4")));
        assert!(entrants.iter().all(|it| it.set.iter().all(|change| !change.contains("batch_norm"))));
        assert_eq!(named(&entrants, "all x 1, averaged 0.75").how, How::Average(0.75));
        let mut plain = network(&[1.0, 0.2], false);
        plain.able = Able { linear: false, averages: false };
        plain.caches = false;
        let names: Vec<String> = super::entrants(&plain).into_iter().map(|it| it.arm.name).collect();
        assert_eq!(names, ["head", "last:1 x 0.1", "last:1 x 0.3", "last:1 x 1", "all x 0.1", "all x 1"]);
        // Without cached features every epoch passes the frozen stages: a third of the cost at least.
        let costs: Vec<f64> = super::entrants(&plain).iter().map(|it| it.arm.fold_cost).collect();
        assert!((costs[0] - 0.8 / 3.0).abs() < 1e-12 && (costs[1] - 0.8 * 1.4 / 3.0).abs() < 1e-12);
    }
}
