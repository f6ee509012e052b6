//! What is frozen stays as it is, and what is live changes; dropout and stochastic depth follow the options.

use backbone::layers::LinearInit;
use backbone::{Backbone, Mode, Network, Options, Role, Stage, StageId};
use tch::Tensor;

use crate::parity::is_constant;
use crate::subject::{Cheapest, Subject, built, input, one_at_a_time, options, with_values};

/// Frozen before any stage, a training step changes exactly the stages from there on.
pub fn only_what_is_live_changes(subject: &Subject) {
    let _one_at_a_time = one_at_a_time();
    for Cheapest { network, size } in subject.cheapest {
        let network = subject.network(network);
        let mut backbone = with_values(network, *size);
        let x = input(network, *size);
        backbone.replace_head(3, LinearInit::TorchDefault);
        let mut before = copies(&backbone);
        for first_live in backbone.ids() {
            takes_a_step(&mut backbone, &x, first_live, &mut before);
        }
    }
}

/// The same around the one auxiliary head of a network, at a size at which it is built: before, at and after its stage.
pub fn only_what_is_live_changes_around_the_auxiliary_head(network: &Network, size: i64) {
    let _one_at_a_time = one_at_a_time();
    let mut backbone = with_values(network, size);
    let [(tap, _)] = backbone.aux().collect::<Vec<_>>()[..] else { panic!("no auxiliary head, or many") };
    backbone.replace_head(3, LinearInit::TorchDefault);
    let x = input(network, size).narrow(0, 0, 2); // one would have no batch statistics in the auxiliary head
    let after = backbone.ids().find(|&id| id > tap).unwrap();
    let mut before = copies(&backbone);
    for first_live in [StageId::INPUT, tap, after, backbone.head_id()] {
        takes_a_step(&mut backbone, &x, first_live, &mut before);
    }
}

/// Copies of all variables.
pub(crate) fn copies(backbone: &Backbone) -> Vec<Tensor> {
    backbone.variables().all().iter().map(|variable| variable.tensor.copy()).collect()
}

/// Freezes everything before a stage, takes a step on a batch of at most four images, and asserts what changed since the
/// copies in `before`, which follow.
pub(crate) fn takes_a_step(backbone: &mut Backbone, x: &Tensor, first_live: StageId, before: &mut [Tensor]) {
    let labels = Tensor::from_slice(&[0i64, 1, 2, 0]).narrow(0, 0, x.size()[0]);
    backbone.freeze_before(first_live);
    let output = backbone.classify(x, StageId::INPUT, Mode::Train);
    let loss =
        output.aux.iter().fold(output.logits.cross_entropy_for_logits(&labels), |loss, (aux, weight)| {
            loss + aux.cross_entropy_for_logits(&labels) * *weight
        });
    loss.backward();
    step(backbone);
    for (variable, before) in backbone.variables().all().into_iter().zip(before) {
        let stage = backbone.ids().find(|&id| lies_in(backbone, id, &variable.name)).unwrap();
        let changed = !variable.tensor.equal(before);
        if changed {
            tch::no_grad(|| before.copy_(&variable.tensor));
        }
        // An auxiliary head is live with its stage only. A bias before batch-norm need not change: it has no effect.
        let silent = backbone
            .aux()
            .any(|(after, aux)| after < first_live && variable.name.starts_with(&format!("{}.", aux.root)));
        let what = format!("{} from {}: {}", backbone.arch(), backbone.name(first_live), variable.name);
        if stage < first_live || silent {
            assert!(!changed, "{what} changed");
        } else if variable.name.contains(".taps.") || is_constant(&variable.name) {
            assert!(!changed, "{what} changed in training");
        } else if variable.role == Role::Buffer || variable.name.ends_with("weight") {
            assert!(changed, "{what} did not change");
        }
    }
}

/// Descent along the signs of the gradients, so that the smallest one shows, and gradients set back.
fn step(backbone: &Backbone) {
    for mut variable in backbone.variables().all().into_iter().filter(|v| v.tensor.requires_grad()) {
        let mut gradient = variable.tensor.grad();
        if gradient.defined() {
            // In place: the largest layer has 103 million.
            tch::no_grad(|| {
                let _ = variable.tensor.g_sub_(&gradient.sign_().g_mul_scalar_(1e-4));
            });
            variable.tensor.zero_grad();
        }
    }
}

/// With a rate of 0 two passes in training agree, and with a high one they do not, auxiliary heads with dropout included.
pub fn dropout_takes_another_rate(subject: &Subject) {
    let _one_at_a_time = one_at_a_time();
    for Cheapest { network: name, size } in subject.cheapest {
        let network = subject.network(name);
        let x = input(network, *size);
        let at = |rate: f64| {
            let dropout = Some(rate);
            built(network, &Options { dropout, stochastic_depth: Some(0.0), ..options(network, *size) })
        };
        let still = at(0.0);
        assert_eq!(differences(&pass(&still, &x), &pass(&still, &x)), vec![false; 1 + still.aux().count()]);
        let dropping = at(0.9);
        let expected: Vec<bool> =
            [true].into_iter().chain(dropping.aux().map(|(_, aux)| aux.head.dropout > 0.0)).collect();
        assert_eq!(differences(&pass(&dropping, &x), &pass(&dropping, &x)), expected, "{name}");
    }
}

/// The table's rate is the one that a network has by itself; where there are residual branches, another rate is taken,
/// and elsewhere it has no effect.
pub fn stochastic_depth_takes_another_rate(subject: &Subject) {
    let _one_at_a_time = one_at_a_time();
    for Cheapest { network: name, size } in subject.cheapest {
        let network = subject.network(name);
        let x = input(network, *size);
        let at = |rate: Option<f64>| {
            tch::manual_seed(0);
            let options = Options { stochastic_depth: rate, dropout: Some(0.0), ..options(network, *size) };
            built(network, &options)
        };
        let seeded = |backbone: &Backbone| {
            tch::manual_seed(1);
            pass(backbone, &x)
        };
        let [own, same, high] = [None, Some(network.stochastic_depth), Some(0.9)].map(at);
        let outputs = seeded(&own);
        assert!(!differences(&seeded(&same), &outputs)[0], "{name}: {}", network.stochastic_depth);
        let has_branches = own.stages().iter().any(Stage::has_branch);
        assert_eq!(differences(&seeded(&high), &outputs)[0], has_branches, "{name}");
        assert!(has_branches || network.stochastic_depth == 0.0, "{name} has nothing to skip");
    }
}

/// Logits of the head and of each auxiliary head, in training.
fn pass(backbone: &Backbone, x: &Tensor) -> Vec<Tensor> {
    let output = tch::no_grad(|| backbone.classify(x, StageId::INPUT, Mode::Train));
    [output.logits].into_iter().chain(output.aux.into_iter().map(|(logits, _)| logits)).collect()
}

/// Of each pair of logits, whether they differ by more than rounding.
fn differences(one: &[Tensor], other: &[Tensor]) -> Vec<bool> {
    one.iter().zip(other).map(|(one, other)| !one.allclose(other, 1e-4, 1e-4, false)).collect()
}

fn lies_in(backbone: &Backbone, id: StageId, name: &str) -> bool {
    backbone.roots(id).iter().any(|root| name == root || name.starts_with(&format!("{root}.")))
}
