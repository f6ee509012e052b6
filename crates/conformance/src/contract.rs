//! What every network promises as a list of stages.

use backbone::{Backbone, Mode, StageId, interpreter};
use tch::{Kind, Tensor};

use crate::golden::relative;
use crate::parity::is_described;
use crate::subject::{Subject, channels, input, one_at_a_time, outline, with_values};

/// Every variable belongs to one stage, and the stages' names are unique; the table names network and head truly.
pub fn stages_partition_the_variables(subject: &Subject) {
    for network in subject.family.networks {
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

/// The features before any cut, run through the rest, give the logits of the whole to the bit.
pub fn stages_up_to_a_cut_and_from_it_on_make_the_whole(subject: &Subject) {
    subject.for_the_cheapest(|backbone, x| {
        let whole = backbone.classify(x, StageId::INPUT, Mode::Evaluate).logits;
        for cut in backbone.ids() {
            let features = backbone.forward(x, StageId::INPUT..cut, Mode::Evaluate);
            let rest = backbone.classify(&features, cut, Mode::Evaluate).logits;
            assert!(rest.equal(&whole), "{} cut before {}", backbone.arch(), backbone.name(cut));
        }
    });
}

/// Stages prepared for constant weights compute the same, and are forgotten when they are unfrozen.
pub fn prepared_stages_compute_the_same(subject: &Subject) {
    subject.for_the_cheapest(|backbone, x| {
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

/// A stage of stride `s` has exactly `MORE / s` more positions along a side when the input has `MORE` more, at a size that its
/// stride was not found at. That a trace is true is the next check's to show.
pub fn channels_and_strides_hold_at_any_size(subject: &Subject) {
    /// A multiple of 32 and of the 14 of some patches.
    const MORE: i64 = 448;
    for network in subject.family.networks {
        let name = network.name;
        // LeNet is built for one size, and 28 is padded to 32.
        let size = i64::from((network.input)().crop.max(32));
        let traced = |size| {
            let backbone = outline(network, size);
            let traces = backbone.trace(&[1, channels(network), size, size]);
            let shapes: Vec<Vec<i64>> = traces.into_iter().map(|trace| trace.shape).collect();
            (backbone, shapes)
        };
        let ((backbone, _), (_, small), (_, large)) =
            (traced(size), traced(size + 1), traced(size + 1 + MORE));
        for ((stage, small), large) in backbone.stages().iter().zip(&small).zip(&large) {
            let what = format!("{name} {}", stage.name);
            let pool = stage.pool;
            assert_eq!([small, large].map(|shape| pool.channels(shape)), [stage.channels; 2], "{what}");
            let sides = [small, large].map(|shape| pool.sides(shape));
            match (stage.stride, sides) {
                (Some(stride), [Some(small), Some(large)]) => {
                    for axis in [0, 1] {
                        assert_eq!((large[axis] - small[axis]) * stride, MORE, "{what}");
                    }
                }
                _ => assert!(stage.name == "pool" || small[2..].iter().product::<i64>() == 1, "{what}"),
            }
        }
        let [.., last, logits] = small.as_slice() else { panic!("{name} has no stage") };
        assert_eq!(backbone.head().features, last[1..].iter().product::<i64>(), "{name}");
        assert_eq!(logits[1], backbone.head().classes, "{name}");
    }
}

/// The shapes that a trace gives are those of a forward pass.
pub fn a_trace_has_the_shapes_of_a_forward_pass(subject: &Subject) {
    subject.for_the_cheapest(|backbone, x| {
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

/// The description of a network, computed operation by operation, gives the network's logits; those that TorchVision's
/// numbers are there for are shown by [`parity`](crate::parity).
pub fn the_description_computes_what_the_network_computes(subject: &Subject) {
    let _one_at_a_time = one_at_a_time();
    for network in subject.family.networks.iter().filter(|network| !is_described(network)) {
        let size = i64::from((network.input)().crop.min(64));
        let backbone = with_values(network, size);
        let x = input(network, size);
        let logits = tch::no_grad(|| backbone.classify(&x, StageId::INPUT, Mode::Evaluate).logits);
        let graph = backbone.describe([channels(network), size, size]);
        let described = tch::no_grad(|| interpreter::run(&graph, &interpreter::weights(&backbone), &x));
        let error = relative(&described, &logits);
        assert!(error < 1e-5, "{}: {error:.1e}", network.name);
    }
}
