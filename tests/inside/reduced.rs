//! What several processes sum in a step is what has a gradient: in every network but the largest, at every kind of depth, whether batch-norm learns
//! and whether the original head is trained along.

use std::collections::BTreeSet;
use std::rc::Rc;

use backbone::{Backbone, Mode, Options, StageId, Values};
use features::loader::Batch;
use records::{Depth, StepName};
use regularize::{CoTuning, CrossEntropy};
use run_config::{BatchNormPolicy, RegularizeConfig, TrainConfig};
use tch::{Device, Kind, Tensor};
use torch_extra::distributed::{Group, Member, Reducer, Store};
use training::average::Averaging;
use training::freeze::FreezePlan;
use training::objective::{Objective, mode_of};
use training::penalties::{OriginalHead, Penalties};
use training::{Phase, TrainingState};

/// Classes of the network that is fine-tuned, and images in its batch.
const CLASSES: i64 = 2;
const IMAGES: i64 = 2;
/// Parameters beyond which a network is left out: its gradients would take gigabytes.
const LARGE: u64 = 70_000_000;

/// A network of zeros, which have no memory until they are written to: what has a gradient depends on no value.
fn zeros(mut backbone: Backbone) -> Backbone {
    for variable in backbone.variables().all() {
        let zeros = Tensor::zeros(variable.tensor.size(), (variable.tensor.kind(), Device::Cpu));
        variable.tensor.shallow_clone().set_data(&zeros);
    }
    backbone.freeze_before(StageId::INPUT);
    backbone
}

/// The co-tuned head of this network.
fn original(backbone: &Backbone) -> Penalties {
    let original = OriginalHead::copy_of(backbone);
    let original = original.relate(&Tensor::ones([CLASSES, CLASSES], (Kind::Float, Device::Cpu)));
    Penalties { co_tuning: Some((CoTuning::default(), Rc::new(original))), ..Penalties::default() }
}

#[test]
fn what_is_summed_has_a_gradient_in_every_network() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::file(&folder.path().join("store"), 1).unwrap();
    let member = Member { rank: 0, world: 1 };
    let group = Group::gloo(&store, "one", member, Some("lo"), std::time::Duration::from_secs(60)).unwrap();
    let (train, regularize) = (TrainConfig::default(), RegularizeConfig::default());
    let (mut seen, mut large) = (0, 0);
    for network in zoo::networks() {
        // One that is built for a size reads no other, and one that reads patches reads whole ones.
        let smallest = i64::from(network.smallest_input).max(1);
        let size = smallest * ((31 + smallest) / smallest);
        let options = Options { classes: CLASSES, size, ..Options::default() };
        let outline = network.build(Values::Outline, &options);
        // Made of the same blocks as smaller ones of its family.
        if outline.ids().map(|id| outline.parameter_count(id)).sum::<u64>() > LARGE {
            large += 1;
            continue;
        }
        let mut backbone = zeros(outline);
        let x = Tensor::zeros([IMAGES, 3, size, size], (Kind::Float, Device::Cpu));
        let labels = Tensor::from_slice(&[0i64, 1]);
        let kinds = [
            (Depth::All, BatchNormPolicy::Train, false),
            (Depth::Last(2), BatchNormPolicy::Frozen, true),
            (Depth::Last(2), BatchNormPolicy::Train, false),
            (Depth::Head, BatchNormPolicy::Frozen, true),
        ];
        for (depth, batch_norm, co_tuned) in kinds {
            let what = format!("{}, {depth:?}, {batch_norm:?}, co-tuned: {co_tuned}", network.name);
            let plan = FreezePlan::new(&backbone, &depth, 1.0).unwrap();
            let first = plan.first_live;
            backbone.freeze_before(first);
            let penalties = if co_tuned { original(&backbone) } else { Penalties::default() };
            let cross_entropy = CrossEntropy::default();
            let phase = Phase {
                kind: Kind::Float,
                step: StepName::FineTune,
                plan: &plan,
                epochs: 1,
                images: 2,
                objective: Objective { mode: mode_of(batch_norm), cross_entropy, penalties },
                train: &train,
                regularize: &regularize,
                batch_norm,
                averaging: Averaging::None,
                begins_trained: false,
                wise_ft: None,
                seed: 0,
                sync_interval: 1,
            };
            let mut state = TrainingState::new(&phase);
            state.optimizer.follow(phase.trainables(&backbone, 1));
            state.optimizer.forget_gradients();
            let reduced = phase.reduced(&backbone, &state.optimizer, first);
            let mut reducer = Reducer::new(&group, &reduced).unwrap();
            let x = tch::no_grad(|| backbone.forward(&x, StageId::INPUT..first, Mode::Evaluate));
            reducer.expect().unwrap();
            let batch = Batch::plain(x, labels.shallow_clone());
            phase.objective.of(&backbone, &batch, first).loss.f_backward().unwrap();
            reducer.finished().unwrap_or_else(|error| panic!("{what}: {error}"));
            // And nothing else has one.
            let parameters = state.optimizer.parameters();
            let with_gradient = parameters.iter().filter(|parameter| parameter.value.grad().defined());
            let with_gradient: BTreeSet<&str> =
                with_gradient.map(|parameter| parameter.name.as_str()).collect();
            assert_eq!(with_gradient.len(), reduced.len(), "{what}");
            assert!(!reduced.is_empty(), "{what}");
            state.optimizer.forget_gradients();
            drop(reducer);
            seen += 1;
        }
    }
    assert!(seen >= 4 * 20 && seen > 4 * large, "{seen} steps, {large} networks left out");
}
