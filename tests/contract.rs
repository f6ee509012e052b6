//! What every network of the zoo promises as a list of stages, whatever its family.

#[path = "support/cheapest.rs"]
mod cheapest;

use backbone::layers::LinearInit;
use backbone::{Backbone, Mode, Network, Options, Role, StageId, Values, Variables};
use finetune_core::grad_cam::heat_maps;
use tch::{Kind, Tensor};

use cheapest::{CHEAPEST, build, for_the_cheapest, input, one_at_a_time};

#[test]
fn stages_partition_the_variables_and_their_names_are_unique() {
    let _one_at_a_time = one_at_a_time();
    for network in zoo::networks() {
        let backbone = outline(network, (network.input)().crop.into());
        let mut names: Vec<&str> = backbone.ids().map(|id| backbone.name(id)).collect();
        let mut owned: Vec<String> = backbone
            .ids()
            .flat_map(|id| backbone.stage_variables(id))
            .map(|variable| variable.name)
            .collect();
        let mut all: Vec<String> =
            backbone.variables().all().into_iter().map(|variable| variable.name).collect();
        owned.sort();
        all.sort();
        assert_eq!(owned, all, "{}", network.name);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{}", network.name);
        assert_eq!(network.head, backbone.head().root, "{}", network.name);
        assert_eq!(network.name, backbone.arch());
    }
}

#[test]
fn stages_up_to_a_cut_and_from_it_on_make_the_whole() {
    for_the_cheapest(|backbone, x| {
        let whole = backbone.classify(x, StageId::INPUT, Mode::Evaluate).logits;
        for cut in backbone.ids() {
            let features = backbone.forward(x, StageId::INPUT..cut, Mode::Evaluate);
            let rest = backbone.classify(&features, cut, Mode::Evaluate).logits;
            assert!(rest.equal(&whole), "{} cut before {}", backbone.arch(), backbone.name(cut));
        }
    });
}

#[test]
fn prepared_stages_compute_the_same_and_are_forgotten_when_they_thaw() {
    for_the_cheapest(|backbone, x| {
        let name = backbone.arch();
        // Statistics of a network that has seen something, so that folding them is put to the test.
        for mut variable in backbone.variables().all() {
            tch::no_grad(|| match variable.name.rsplit_once('.') {
                Some((_, "running_mean")) => drop(variable.tensor.uniform_(-0.3, 0.3)),
                Some((_, "running_var")) => drop(variable.tensor.uniform_(0.5, 1.5)),
                _ => {}
            });
        }
        let logits = |backbone: &Backbone| {
            tch::no_grad(|| backbone.classify(x, StageId::INPUT, Mode::Evaluate).logits)
        };
        let apart = |a: &Tensor, b: &Tensor| ((a - b).abs().max() / b.abs().max()).double_value(&[]);
        let plain = logits(backbone);
        let head = backbone.head_id();
        backbone.prepare_inference(StageId::INPUT..head, Kind::Float);
        let prepared = logits(backbone);
        assert!(apart(&prepared, &plain) < 1e-4, "{name}: {}", apart(&prepared, &plain));
        backbone.prepare_inference(StageId::INPUT..head, Kind::BFloat16);
        let short = logits(backbone);
        assert!(!short.equal(&prepared) && short.kind() == Kind::Float, "{name}");
        assert!(apart(&short, &plain) < 0.1, "{name}: {}", apart(&short, &plain));
        backbone.freeze_before(StageId::INPUT);
        assert!(logits(backbone).equal(&plain), "{name} is still prepared");
    });
}

/// Grad-CAM finds a map in every family, whatever is frozen or prepared, and leaves the network as it was.
#[test]
fn every_family_can_be_asked_where_its_evidence_lies() {
    for_the_cheapest(|backbone, x| {
        let name = backbone.arch();
        let state = |backbone: &Backbone| {
            let variables = backbone.variables().all().into_iter();
            variables.map(|v| (v.tensor.copy(), v.tensor.requires_grad())).collect::<Vec<_>>()
        };
        let mut maps = Vec::new();
        for first_live in [backbone.head_id(), StageId::INPUT] {
            backbone.freeze_before(first_live);
            backbone.prepare_inference(StageId::INPUT..first_live, Kind::Float);
            let before = state(backbone);
            let found = heat_maps(backbone, x, &[0, 1, 2, 3]).unwrap().unwrap();
            for ((before, graph), (after, still)) in before.iter().zip(state(backbone)) {
                assert!(before.equal(&after) && *graph == still, "{name}");
            }
            assert_eq!(backbone.first_live(), first_live, "{name}");
            assert!(backbone.variables().all().iter().all(|v| !v.tensor.grad().defined()), "{name}");
            let size = found.maps.size();
            assert!(size[0] == 4 && size[1] * size[2] > 1, "{name}: {size:?}");
            assert!(
                found.maps.ge(0.0).all().int64_value(&[]) == 1 && found.maps.max().double_value(&[]) <= 1.0
            );
            maps.push(found.maps);
        }
        assert!(maps[0].sum(Kind::Double).double_value(&[]) > 0.0, "{name} has no evidence at all");
        assert!(
            (&maps[0] - &maps[1]).abs().max().double_value(&[]) < 1e-3,
            "{name}: what is frozen changes the map"
        );
    });
}

/// A stage of stride `s` has exactly `32 / s` more positions along a side when the input has 32 more. That a trace is true
/// is the next test's to show.
#[test]
fn declared_channels_and_strides_are_true() {
    for network in zoo::networks() {
        let name = network.name;
        // LeNet is built for one size, and 28 is padded to 32.
        let size = i64::from((network.input)().crop.max(32));
        let traced = |size| {
            let backbone = outline(network, size);
            let traces = backbone.trace(&[1, (network.input)().channels.into(), size, size]);
            let shapes: Vec<Vec<i64>> = traces.into_iter().map(|trace| trace.shape).collect();
            (backbone, shapes)
        };
        let ((backbone, small), (_, large)) = (traced(size), traced(size + 32));
        for ((stage, small), large) in backbone.stages().iter().zip(&small).zip(&large) {
            let what = format!("{name} {}", stage.name);
            assert_eq!((small[1], large[1]), (stage.channels, stage.channels), "{what}");
            let positions: i64 = small[2..].iter().product();
            match stage.stride {
                Some(stride) => {
                    for axis in [2, 3] {
                        assert_eq!((large[axis] - small[axis]) * stride, 32, "{what}");
                    }
                }
                None => assert!(stage.name == "pool" || positions == 1, "{what}"),
            }
        }
        let [.., last, logits] = small.as_slice() else { panic!("{name} has no stage") };
        assert_eq!(backbone.head().features, last[1..].iter().product::<i64>(), "{name}");
        assert_eq!(logits[1], backbone.head().classes, "{name}");
    }
}

#[test]
fn a_trace_has_the_shapes_of_a_forward_pass() {
    for_the_cheapest(|backbone, x| {
        let traces = backbone.trace(&x.size());
        let stages: Vec<StageId> = backbone.ids().take(backbone.stages().len()).collect();
        let range = StageId::INPUT..backbone.head_id();
        let (_, outputs) = tch::no_grad(|| backbone.forward_collect(x, range, &stages, Mode::Evaluate));
        let logits = tch::no_grad(|| backbone.classify(x, StageId::INPUT, Mode::Evaluate).logits);
        let shapes: Vec<Vec<i64>> = outputs.iter().chain([&logits]).map(Tensor::size).collect();
        let traced: Vec<Vec<i64>> = traces.into_iter().map(|trace| trace.shape).collect();
        assert_eq!(traced, shapes, "{}", backbone.arch());
    });
}

#[test]
fn frozen_at_any_stage_only_what_is_live_moves() {
    for_the_cheapest(|backbone, x| {
        backbone.replace_head(3, LinearInit::TorchDefault);
        for first_live in backbone.ids() {
            only_what_is_live_moves(backbone, x, first_live);
        }
    });
}

/// Inception's auxiliary head needs the full size, at which one step takes as long as many at the size above.
#[test]
fn frozen_around_its_auxiliary_head_only_what_is_live_of_inception_moves() {
    let _one_at_a_time = one_at_a_time();
    let network = zoo::network("inception_v3").unwrap();
    let mut backbone = build(network, 299);
    let [(tap, _)] = backbone.aux().collect::<Vec<_>>()[..] else { panic!("no auxiliary head, or many") };
    backbone.replace_head(3, LinearInit::TorchDefault);
    let x = input(network, 299).narrow(0, 0, 2); // one would have no batch statistics in the auxiliary head
    let after = backbone.ids().find(|&id| id > tap).unwrap();
    for first_live in [StageId::INPUT, tap, after, backbone.head_id()] {
        only_what_is_live_moves(&mut backbone, &x, first_live);
    }
}

/// Freezes everything before a stage, takes a step on a batch of at most four images, and asserts what moved.
fn only_what_is_live_moves(backbone: &mut Backbone, x: &Tensor, first_live: StageId) {
    let labels = Tensor::from_slice(&[0i64, 1, 2, 0]).narrow(0, 0, x.size()[0]);
    backbone.freeze_before(first_live);
    let before: Vec<Tensor> = backbone.variables().all().iter().map(|v| v.tensor.copy()).collect();
    let said = backbone.classify(x, StageId::INPUT, Mode::Train);
    let loss = said.aux.iter().fold(said.logits.cross_entropy_for_logits(&labels), |loss, (aux, weight)| {
        loss + aux.cross_entropy_for_logits(&labels) * *weight
    });
    loss.backward();
    step(backbone);
    for (variable, before) in backbone.variables().all().into_iter().zip(before) {
        let stage = backbone.ids().find(|&id| lies_in(backbone, id, &variable.name)).unwrap();
        let moved = !variable.tensor.equal(&before);
        // An auxiliary head is live with its stage only. A bias before batch-norm need not move: it has no effect.
        let silent = backbone
            .aux()
            .any(|(after, aux)| after < first_live && variable.name.starts_with(&format!("{}.", aux.root)));
        let what = format!("{} from {}: {}", backbone.arch(), backbone.name(first_live), variable.name);
        if stage < first_live || silent {
            assert!(!moved, "{what} moved");
        } else if variable.role == Role::Buffer || variable.name.ends_with("weight") {
            assert!(moved, "{what} stayed");
        }
    }
}

/// Descent along the signs of the gradients, so that the smallest one shows, and gradients set back.
fn step(backbone: &Backbone) {
    for mut variable in backbone.variables().all().into_iter().filter(|v| v.tensor.requires_grad()) {
        let gradient = variable.tensor.grad();
        if gradient.defined() {
            tch::no_grad(|| {
                let _ = variable.tensor.g_sub_(&(gradient.sign() * 1e-4));
            });
            variable.tensor.zero_grad();
        }
    }
}

/// With a rate of zero two passes in training agree, and with a high one they do not, auxiliary heads with dropout included.
#[test]
fn the_dropout_of_every_family_that_has_some_takes_another_rate() {
    let _one_at_a_time = one_at_a_time();
    let with_dropout = ["alexnet", "vgg11_bn", "googlenet", "inception_v3", "efficientnet_lite0"];
    for (name, size) in CHEAPEST.into_iter().filter(|(name, _)| with_dropout.contains(name)) {
        let network = zoo::network(name).unwrap();
        let x = input(network, size);
        let agree = |rate: f64| -> Vec<bool> {
            let options =
                Options { size, dropout: Some(rate), stochastic_depth: Some(0.0), ..Options::default() };
            let backbone = (network.build)(&Variables::new().root(), &options);
            let pass = || {
                let output = tch::no_grad(|| backbone.classify(&x, StageId::INPUT, Mode::Train));
                let aux = output.aux.into_iter().map(|(logits, _)| logits);
                [output.logits].into_iter().chain(aux).collect::<Vec<Tensor>>()
            };
            let (one, other) = (pass(), pass());
            one.iter().zip(&other).map(|(one, other)| one.allclose(other, 1e-4, 1e-4, false)).collect()
        };
        assert!(agree(0.0).into_iter().all(|agrees| agrees), "{name}");
        let dropped = agree(0.9);
        assert!(!dropped[0], "{name}");
        // Both of GoogLeNet's auxiliary heads have dropout, that of Inception v3 has none.
        assert!(dropped[1..].iter().all(|&agrees| agrees == (name == "inception_v3")), "{name}: {dropped:?}");
        assert!(name != "googlenet" || dropped.len() == 3, "both heads are to be seen");
    }
}

fn lies_in(backbone: &Backbone, id: StageId, name: &str) -> bool {
    backbone.roots(id).iter().any(|root| name.starts_with(&format!("{root}.")))
}

/// Names, shapes and costs alone.
fn outline(network: &Network, size: i64) -> Backbone {
    let options = Options { channels: (network.input)().channels.into(), size, ..Options::default() };
    (network.build)(&Variables::holding(Values::Outline).root(), &options)
}
