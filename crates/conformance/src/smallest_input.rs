//! The smallest input that a network declares: it can be read, and where geometry sets it, less cannot.

use backbone::{Mode, Network, StageId};

use crate::subject::{Cheapest, Subject, channels, input, one_at_a_time, outline, with_values};

/// At its smallest input a network has a position left in every stage. Where geometry leaves none at some size, it leaves
/// none just below the smallest; other networks (ResNet) declare a size below which images make no sense. The cheapest
/// also compute at it, in both modes.
pub fn check(subject: &Subject) {
    let _one_at_a_time = one_at_a_time();
    for network in subject.family.networks {
        let smallest = i64::from(network.smallest_input);
        assert!(positions(network, smallest) >= 1, "{}", network.name);
        if positions(network, 1) < 1 {
            assert!(positions(network, smallest - 1) < 1, "{}", network.name);
        }
    }
    for Cheapest { network: name, .. } in subject.cheapest {
        let network = subject.network(name);
        let smallest = network.smallest_input.into();
        let backbone = with_values(network, smallest);
        let x = input(network, smallest);
        for mode in [Mode::Evaluate, Mode::Train] {
            let logits = tch::no_grad(|| backbone.classify(&x, StageId::INPUT, mode).logits);
            assert_eq!(logits.size(), [4, 1000], "{name}");
            assert_eq!(logits.isfinite().all().int64_value(&[]), 1, "{name}");
        }
    }
}

/// The smallest extent of any output for square images of this size; below 1 there is nothing left.
fn positions(network: &Network, size: i64) -> i64 {
    let traces = outline(network, size).trace(&[1, channels(network), size, size]);
    traces.iter().flat_map(|trace| trace.shape.iter().copied()).min().unwrap_or(0)
}
