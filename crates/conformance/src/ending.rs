//! Networks that end early, and heads that read several stages.

use backbone::layers::LinearInit;
use backbone::{Backbone, Ending, Mode, Network, StageId};
use tch::{Kind, Tensor};

use crate::freezing::{copies, takes_a_step};
use crate::subject::{Cheapest, Subject, ended, input, one_at_a_time, with_values};

/// Ended after any stage, a network is the stages up to there and a head on their pooled output; run in two parts, frozen or
/// prepared, it is the same network.
pub fn ends_after_every_stage(subject: &Subject) {
    each_of_the_cheapest(subject, |network, size| {
        let (whole, x) = (with_values(network, size), input(network, size));
        for last in whole.ids().filter(|&id| id < whole.head_id()) {
            let name = whole.name(last);
            let ending = Ending { cut: Some(name.to_owned()), taps: Vec::new() };
            let cut = ended(&whole, network, size, &ending);
            has_the_stages_up_to(&cut, &whole, last);
            let head_reads = tch::no_grad(|| cut.forward(&x, StageId::INPUT..cut.head_id(), Mode::Evaluate));
            assert!(head_reads.equal(&pooled(&whole, &x, &[last])), "{} {name}", network.name);
            // Nothing but its last output is read: before that it is the whole network, of which cuts are another check.
            is_one_network(&cut, &x, last);
            assert_eq!(cut.ending().cut.as_deref(), Some(name));
        }
    });
}

/// A head on the first stage, one in the middle and one near the end reads their pooled outputs joined; whatever is frozen,
/// what is live changes and nothing else.
pub fn reads_several_stages(subject: &Subject) {
    each_of_the_cheapest(subject, |network, size| {
        let (whole, x) = (with_values(network, size), input(network, size));
        let stages: Vec<StageId> = whole.ids().filter(|&id| id < whole.head_id()).collect();
        let mut read = vec![stages[0], stages[stages.len() / 2], stages[stages.len() - 2]];
        read.dedup();
        let taps: Vec<String> = read.iter().map(|&id| whole.name(id).to_owned()).collect();
        let mut tapped = ended(&whole, network, size, &Ending { cut: None, taps: taps.clone() });
        has_the_stages_up_to(&tapped, &whole, read[read.len() - 1]);
        let joined = tch::no_grad(|| tapped.forward(&x, StageId::INPUT..tapped.head_id(), Mode::Evaluate));
        assert!(joined.equal(&pooled(&whole, &x, &read)), "{}", network.name);
        let (mean, deviation) =
            (joined.mean_dim(&[0i64][..], false, Kind::Float), joined.std_dim(&[0i64][..], false, false));
        tapped.head().standardise_by(&mean, &deviation);
        let standard = tapped.head().input(&joined);
        assert!(standard.mean_dim(&[0i64][..], false, Kind::Float).abs().max().double_value(&[]) < 1e-3);
        is_one_network(&tapped, &x, StageId::INPUT);
        assert_eq!(tapped.ending(), Ending { cut: taps.last().cloned(), taps });
        tapped.replace_head(3, LinearInit::TorchDefault);
        assert!(tapped.head().input(&joined).equal(&standard), "a new head standardises as the one before");
        // Random weights have statistics that are not theirs: by them what varies in training is out of scale.
        tapped.head().standardise_by(&mean.zeros_like(), &deviation.ones_like());
        let mut before = copies(&tapped);
        // Before and after what is read; every other place is another check's.
        let after_each = read.iter().filter_map(|&id| whole.ids().find(|&next| next > id));
        let mut places: Vec<StageId> =
            std::iter::once(StageId::INPUT).chain(read.iter().copied()).chain(after_each).collect();
        places.retain(|&id| id <= tapped.head_id());
        places.sort_unstable();
        places.dedup();
        for first_live in places {
            takes_a_step(&mut tapped, &x, first_live, &mut before);
        }
        tapped.freeze_before(tapped.head_id());
        tapped.prepare_inference(StageId::INPUT..tapped.head_id(), Kind::BFloat16);
        let short = tapped.classify(&x, StageId::INPUT, Mode::Evaluate).logits;
        assert_eq!(short.kind(), Kind::Float);
        is_one_network(&tapped, &x, StageId::INPUT);
    });
}

fn each_of_the_cheapest(subject: &Subject, check: impl Fn(&Network, i64)) {
    let _one_at_a_time = one_at_a_time();
    for Cheapest { network, size } in subject.cheapest {
        check(subject.network(network), *size);
    }
}

/// The pooled outputs of some stages, joined, `[N, features]`.
fn pooled(whole: &Backbone, x: &Tensor, stages: &[StageId]) -> Tensor {
    let all = StageId::INPUT..whole.head_id();
    let (_, outputs) = tch::no_grad(|| whole.forward_collect(x, all, stages, Mode::Evaluate));
    let pooled =
        stages.iter().zip(&outputs).map(|(id, output)| whole.stages()[id.index()].pool.vectors(output));
    Tensor::cat(&pooled.collect::<Vec<_>>(), 1)
}

fn has_the_stages_up_to(ended: &Backbone, whole: &Backbone, last: StageId) {
    let what = format!("{} ended after {}", whole.arch(), whole.name(last));
    assert_eq!(ended.head_id().index(), last.index() + 1, "{what}");
    let names = |backbone: &Backbone, of: &dyn Fn(StageId) -> bool| -> Vec<String> {
        let stages = backbone.ids().filter(|&id| id < backbone.head_id() && of(id));
        stages.flat_map(|id| backbone.stage_variables(id)).map(|variable| variable.name).collect()
    };
    assert_eq!(names(ended, &|_| true), names(whole, &|id| id <= last), "{what}");
    let left = names(ended, &|_| true).len() + ended.stage_variables(ended.head_id()).len();
    assert_eq!(ended.variables().all().len(), left, "{what}: nothing belongs to what is gone");
    let aux = |backbone: &Backbone| backbone.aux().filter(|(after, _)| *after <= last).count();
    assert_eq!((ended.aux().count(), aux(ended)), (aux(whole), aux(whole)), "{what}");
}

/// The features before any cut from a stage on, run through the rest, give the logits of the whole, and have the shape that
/// the trace says.
fn is_one_network(backbone: &Backbone, x: &Tensor, from: StageId) {
    let _no_gradient = tch::no_grad_guard();
    let whole = backbone.classify(x, StageId::INPUT, Mode::Evaluate).logits;
    let traces = backbone.trace(&x.size());
    for cut in backbone.ids().filter(|&cut| cut >= from) {
        let features = backbone.forward(x, StageId::INPUT..cut, Mode::Evaluate);
        let what = format!("{} cut before {}", backbone.arch(), backbone.name(cut));
        if cut > StageId::INPUT {
            assert_eq!(features.size(), traces[cut.index() - 1].shape, "{what}");
        }
        let rest = backbone.classify(&features, cut, Mode::Evaluate).logits;
        assert!(rest.equal(&whole), "{what}");
        if let Some(last) = backbone.ids().take_while(|&id| id < cut).last() {
            let from_last = backbone.forward_collect(x, StageId::INPUT..cut, &[last], Mode::Evaluate).1;
            let again = backbone.with_output(last, &features, &from_last[0]);
            // What is short is pooled in short, and what is returned is long.
            let same = match backbone.prepared_kind() {
                None => again.equal(&features),
                Some(_) => again.allclose(&features, 0.02, 0.02, false),
            };
            assert!(same, "{what}: its own output in place of itself");
        }
    }
    assert_eq!(traces.last().unwrap().shape, whole.size());
}
