//! What every network of the zoo promises as a list of stages, whatever its family.

use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use backbone::layers::LinearInit;
use backbone::{Backbone, Mode, Network, Options, Role, StageId, Values, Variables};
use finetune_core::batches::{Feed, Preparation, Stop, Variation};
use finetune_core::config::SamplerKind;
use finetune_core::event::Event;
use finetune_core::feature_cache::{FeatureCache, Key};
use finetune_core::grad_cam::heat_maps;
use finetune_core::interrupt::Interrupt;
use finetune_core::pictures::Part;
use finetune_core::zoo;
use images::{Augment, Keep, Sample, Store, Transform};
use pretrained::InputSpec;
use regularize::Mixing;
use tch::{Device, Kind, Tensor};

/// The cheapest network of each family, and an input it can read in training.
const CHEAPEST: [(&str, i64); 7] = [
    ("lenet5_relu", 32),
    ("alexnet", 64),
    ("vgg11_bn", 64),
    ("googlenet", 64),
    ("inception_v3", 107),
    ("resnet18", 64),
    ("efficientnet_lite0", 64),
];

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

/// In float32 the same bits, wherever the network is cut: in each epoch anew, or computed once and kept in memory, on disk,
/// or found there again; with pictures that stay the same and with views of them.
#[test]
fn kept_features_are_those_computed_anew() {
    const PICTURES: u64 = 37;
    let folder = tempfile::tempdir().unwrap();
    let part = drawn(folder.path(), PICTURES);
    let views = Variation::Views(NonZeroU32::new(2).unwrap());
    for_the_cheapest(|backbone, x| {
        let network = zoo::network(backbone.arch()).unwrap();
        let side = u32::try_from(x.size()[3]).unwrap();
        let input = InputSpec { resize: side, crop: side, ..(network.input)() };
        let augment = Augment { seed: 3, horizontal_flip: 0.5, ..Augment::default() };
        let varied = Transform::training(&input, &augment).unwrap();
        let plain = Transform::evaluation(&input).unwrap();
        for cut in [backbone.head_id(), backbone.stage(backbone.stages()[1].name).unwrap()] {
            backbone.freeze_before(cut);
            backbone.prepare_inference(StageId::INPUT..cut, Kind::Float);
            for (transform, variation, shown) in
                [(&varied, views, 2 * PICTURES), (&plain, Variation::Fixed, PICTURES)]
            {
                let what = format!("{} before {}, {variation:?}", backbone.arch(), backbone.name(cut));
                let key = Key::of(&[&what]);
                let bits = |keep_bytes, on_disk: Option<&FeatureCache>, found| {
                    let how = Preparation {
                        transform: transform.clone(),
                        variation,
                        mixing: Mixing::default(),
                        batch_size: 16,
                        workers: 2,
                        keep_bytes,
                        cache: on_disk.map(|cache| (cache.clone(), key.clone())),
                        stops: Vec::new(),
                        passed: None,
                        interrupt: &Interrupt::default(),
                    };
                    let feed = Feed::new(backbone, cut, &part, how, &mut |_| {}).unwrap();
                    assert_eq!(feed.kept_bytes().is_some(), keep_bytes > 0 || on_disk.is_some(), "{what}");
                    assert_eq!(feed.found(), (found, 0), "{what}");
                    let batches = (1..4).flat_map(|epoch| {
                        let drawn = feed.draw(backbone, 16, SamplerKind::Shuffle, 0, epoch);
                        drawn.batches(backbone).map(|batch| batch.unwrap().x).collect::<Vec<_>>()
                    });
                    Tensor::cat(&batches.collect::<Vec<_>>(), 0)
                };
                let kept = tempfile::tempdir().unwrap();
                let disk = FeatureCache::new(kept.path().to_owned(), 1 << 30);
                let anew = bits(0, None, 0);
                assert!(bits(1 << 30, None, 0).equal(&anew), "{what}, kept in memory");
                assert!(bits(0, Some(&disk), 0).equal(&anew), "{what}, written to disk");
                assert!(bits(0, Some(&disk), shown).equal(&anew), "{what}, mapped from disk");
                assert!(bits(1 << 30, Some(&disk), shown).equal(&anew), "{what}, found on disk");
            }
        }
    });
}

/// What a feed keeps in passing, for stages at which training begins later, is to the bit what the feeds of those stages
/// would have computed, and none of them computes anything.
#[test]
fn features_kept_in_passing_are_those_computed_anew() {
    const PICTURES: u64 = 13;
    let folder = tempfile::tempdir().unwrap();
    let part = drawn(folder.path(), PICTURES);
    for_the_cheapest(|backbone, x| {
        let network = zoo::network(backbone.arch()).unwrap();
        let side = u32::try_from(x.size()[3]).unwrap();
        let transform = Transform::evaluation(&InputSpec { resize: side, crop: side, ..(network.input)() });
        let transform = transform.unwrap();
        let feed = |backbone: &Backbone, cut, stops: &[StageId], passed, keep_bytes| {
            let how = Preparation {
                transform: transform.clone(),
                variation: Variation::Fixed,
                mixing: Mixing::default(),
                batch_size: 5,
                workers: 1,
                keep_bytes,
                cache: None,
                stops: stops.iter().map(|&stage| Stop { stage, cache: None }).collect(),
                passed,
                interrupt: &Interrupt::default(),
            };
            let mut passes = 0;
            let mut listen = |event: &Event<'_>| passes += u32::from(matches!(event, Event::Prepared { .. }));
            (Feed::new(backbone, cut, &part, how, &mut listen).unwrap(), passes)
        };
        let bits = |backbone: &Backbone, feed: &Feed| {
            let batches = feed.in_order(backbone, 5).map(|batch| batch.unwrap().x);
            Tensor::cat(&batches.collect::<Vec<_>>(), 0)
        };
        let ids: Vec<StageId> = backbone.ids().collect();
        let cuts = [backbone.head_id(), ids[ids.len() / 2], ids[1]];
        let mut before: Option<Feed> = None;
        for (place, &cut) in cuts.iter().enumerate() {
            let what = format!("{} before {}", backbone.arch(), backbone.name(cut));
            backbone.freeze_before(cut);
            backbone.prepare_inference(StageId::INPUT..cut, Kind::Float);
            let passed = before.take().and_then(|feed| feed.pass_on(cut));
            assert_eq!(passed.is_some(), place > 0, "{what}");
            let (kept, passes) = feed(backbone, cut, &cuts[place + 1..], passed, 1 << 30);
            assert_eq!(passes > 0, place == 0, "{what}");
            let (anew, _) = feed(backbone, cut, &[], None, 0);
            assert!(kept.kept_bytes().is_some() && anew.kept_bytes().is_none(), "{what}");
            assert_eq!(kept.held_bytes() > kept.kept_bytes().unwrap(), place < 2, "{what}");
            assert!(bits(backbone, &kept).equal(&bits(backbone, &anew)), "{what}");
            before = Some(kept);
        }
    });
}

/// Coloured pictures of two classes, each another pattern.
fn drawn(folder: &Path, count: u64) -> Part {
    let samples = (0..count).map(|id| {
        let path = folder.join(format!("{id}.png"));
        let number = u32::try_from(id).unwrap();
        let (a, b) = (number * 7 + 3, number * 5 + 11);
        let picture = image::RgbImage::from_fn(40, 36, |x, y| {
            image::Rgb([x * a + y, y * b, x * y + a].map(|value| (value % 256) as u8))
        });
        picture.save(&path).unwrap();
        Sample { path, label: number as usize % 2, id }
    });
    let store =
        Store::decode(samples.collect(), Keep::Whole, 0, 1, &|_, _| ControlFlow::Continue(())).unwrap();
    Part { store, indices: (0..u32::try_from(count).unwrap()).collect() }
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

fn for_the_cheapest(mut check: impl FnMut(&mut Backbone, &Tensor)) {
    let _one_at_a_time = one_at_a_time();
    for (name, size) in CHEAPEST {
        let network = zoo::network(name).unwrap();
        check(&mut build(network, size), &input(network, size));
    }
}

/// Names, shapes and costs alone.
fn outline(network: &Network, size: i64) -> Backbone {
    let options = Options { channels: (network.input)().channels.into(), size, ..Options::default() };
    (network.build)(&Variables::holding(Values::Outline).root(), &options)
}

fn build(network: &Network, size: i64) -> Backbone {
    tch::set_num_threads(2);
    tch::manual_seed(0);
    let channels = (network.input)().channels.into();
    let options =
        Options { channels, size, dropout: Some(0.0), stochastic_depth: Some(0.0), ..Options::default() };
    (network.build)(&Variables::new().root(), &options)
}

fn input(network: &Network, size: i64) -> Tensor {
    let channels = i64::from((network.input)().channels);
    Tensor::randn([4, channels, size, size], (Kind::Float, Device::Cpu))
}

fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}
