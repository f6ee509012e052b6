//! Each technique against what `reference.py` computed from its formula, gradients included, in float64.

use std::num::NonZeroU32;

use ranged::{NotNegative, Positive};
use regularize::stochastic_depth::stochastic_depth;
use regularize::{
    CoTuning, CrossEntropy, Delta, EarlyStopping, L2Sp, Patch, SpectralShrinkage, Targets, Verdict,
    attention, cutmix, importance, l1, max_norm, mixup,
};
use serde_json::Value;
use tch::{Kind, Tensor};

fn reference(technique: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("reference.json")).expect("json");
    all[technique].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("list").iter().map(|number| number.as_f64().expect("number")).collect()
}

fn whole(value: &Value) -> Vec<i64> {
    value.as_array().expect("list").iter().map(|number| number.as_i64().expect("whole number")).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("number")
}

fn labels(value: &Value) -> Tensor {
    Tensor::from_slice(&whole(value))
}

fn tensor(value: &Value) -> Tensor {
    Tensor::from_slice(&numbers(&value["data"])).view(whole(&value["shape"]).as_slice())
}

fn tensors(value: &Value) -> Vec<Tensor> {
    value.as_array().expect("list").iter().map(tensor).collect()
}

/// Trained tensors, one by one or in a list.
fn trained(value: &Value) -> Tensor {
    tensor(value).set_requires_grad(true)
}

fn all_trained(value: &Value) -> Vec<Tensor> {
    value.as_array().expect("list").iter().map(trained).collect()
}

#[track_caller]
fn same(found: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!(found.size(), expected.size(), "{what}");
    let off = (found - expected).abs().max().double_value(&[]);
    assert!(off < 1e-11, "{what} is off by {off}");
}

/// The value, and the gradients of these inputs in Python's order.
#[track_caller]
fn agrees(penalty: &Tensor, inputs: &[&Tensor], expected: &Value) {
    let value = number(&expected["value"]);
    assert!((penalty.double_value(&[]) - value).abs() < 1e-11 * value.abs().max(1.0), "{penalty:?} {value}");
    penalty.backward();
    let gradients = tensors(&expected["gradients"]);
    assert_eq!(inputs.len(), gradients.len());
    for (input, expected) in inputs.iter().zip(&gradients) {
        same(&input.grad(), expected, "a gradient");
    }
}

#[test]
fn l1_sums_absolute_values() {
    let expected = reference("l1");
    let weights = all_trained(&expected["weights"]);
    agrees(&l1(&weights), &weights.iter().collect::<Vec<_>>(), &expected);
    assert_eq!(l1([]).double_value(&[]), 0.0);
}

#[test]
fn max_norm_shortens_units_that_are_too_long() {
    for case in reference("max_norm").as_array().expect("cases") {
        let mut weight = trained(&case["before"]);
        max_norm(&mut weight, number(&case["limit"]));
        same(&weight, &tensor(&case["after"]), "weights");
        assert!(weight.requires_grad());
    }
    let mut bias = Tensor::from_slice(&[9.0f64, -9.0]);
    max_norm(&mut bias, 0.1);
    assert_eq!(Vec::<f64>::try_from(bias).expect("numbers"), [9.0, -9.0]);
}

#[test]
fn smoothing_and_class_weights_hold_for_every_kind_of_target() {
    let expected = reference("cross_entropy");
    let first = labels(&expected["labels"]);
    let second = first.index_select(0, &labels(&expected["partners"]));
    for case in expected["cases"].as_array().expect("cases") {
        let logits = trained(&expected["logits"]);
        let weights = &case["class_weights"];
        let loss = CrossEntropy {
            smoothing: number(&case["smoothing"]),
            class_weights: weights.is_object().then(|| tensor(weights)),
        };
        let targets = match case["kind"].as_str() {
            Some("labels") => Targets::Labels(first.shallow_clone()),
            Some("soft") => Targets::Soft(tensor(&expected["soft"])),
            _ => Targets::Mixed {
                first: first.shallow_clone(),
                second: second.shallow_clone(),
                share: number(&case["share"]),
            },
        };
        agrees(&loss.of(&logits, &targets), &[&logits], case);
    }
}

#[test]
fn mixup_and_cutmix_take_from_partners() {
    let expected = reference("mixing");
    let pixels = tensor(&expected["pixels"]);
    let partners = labels(&expected["partners"]);
    same(&mixup(&pixels, &partners, number(&expected["share"])), &tensor(&expected["mixup"]), "mixup");
    let [top, bottom, left, right] = whole(&expected["patch"])[..] else { panic!("four edges") };
    let patch = Patch { top, bottom, left, right };
    same(&cutmix(&pixels, &partners, &patch), &tensor(&expected["cutmix"]), "cutmix");
}

#[test]
fn patches_are_torchvisions() {
    for case in reference("patches").as_array().expect("cases") {
        let (Ok(centre), Ok(size)) = (whole(&case["centre"]).try_into(), whole(&case["size"]).try_into())
        else {
            panic!("{case}")
        };
        let patch = Patch::new(number(&case["share"]), centre, size);
        assert_eq!(vec![patch.top, patch.bottom, patch.left, patch.right], whole(&case["patch"]), "{case}");
        assert!((patch.share_left(size[0], size[1]) - number(&case["left"])).abs() < 1e-12, "{case}");
    }
}

#[test]
fn l2_sp_pulls_towards_the_source() {
    let expected = reference("l2_sp");
    let (now, source) = (all_trained(&expected["now"]), tensors(&expected["source"]));
    let new = trained(&expected["new"]);
    let pull = L2Sp {
        alpha: NotNegative::of(number(&expected["alpha"])),
        beta: NotNegative::of(number(&expected["beta"])),
    };
    agrees(&pull.penalty(now.iter().zip(&source), [&new]), &[&now[0], &now[1], &new], &expected);
}

#[test]
fn delta_keeps_feature_maps_near_the_source() {
    let expected = reference("delta");
    let (now, source) = (all_trained(&expected["now"]), tensors(&expected["source"]));
    let attention = tensors(&expected["attention"]);
    let new = trained(&expected["new"]);
    let delta = Delta {
        alpha: NotNegative::of(number(&expected["alpha"])),
        beta: NotNegative::of(number(&expected["beta"])),
    };
    let maps =
        now.iter().zip(&source).zip(&attention).map(|((now, source), attention)| (now, source, attention));
    agrees(&delta.penalty(maps, [&new]), &[&now[0], &now[1], &now[2], &new], &expected);
}

#[test]
fn attention_goes_to_channels_whose_loss_hurts() {
    let expected = reference("attention");
    let (head, labels) = (tensor(&expected["head"]), labels(&expected["labels"]));
    let rises = importance(&tensor(&expected["features"]), |maps| {
        let pooled = maps.flatten(2, -1).mean_dim(2, false, None::<Kind>);
        regularize::cross_entropy(&pooled.matmul(&head.transpose(0, 1)), &labels, 0.0)
    });
    same(&rises, &tensor(&expected["importance"]), "importance");
    same(&attention(&rises), &tensor(&expected["attention"]), "attention");
    let even = attention(&(rises * 0.0 + 0.25));
    same(&even, &(even.ones_like() / 5.0), "even attention");
}

#[test]
fn spectral_shrinkage_presses_the_smallest_singular_values() {
    for case in reference("spectral_shrinkage").as_array().expect("cases") {
        let features = trained(&case["features"]);
        let k = u32::try_from(whole(&Value::Array(vec![case["k"].clone()]))[0]).expect("count");
        let k = NonZeroU32::new(k).expect("a direction");
        let shrinkage = SpectralShrinkage { eta: NotNegative::of(number(&case["eta"])), k };
        agrees(&shrinkage.penalty(&features), &[&features], case);
    }
    let broken = Tensor::from_slice2(&[[1.0, f64::NAN], [0.0, 2.0]]);
    assert!(SpectralShrinkage::default().penalty(&broken).double_value(&[]).is_nan());
}

#[test]
fn co_tuning_relates_classes_and_keeps_the_original_head() {
    let expected = reference("co_tuning");
    let technique = CoTuning {
        lambda: NotNegative::of(number(&expected["lambda"])),
        scale: Some(Positive::of(number(&expected["scale"]))),
    };
    let targets = expected["targets"].as_i64().expect("count");
    let table = technique.relationship(&tensor(&expected["logits"]), &labels(&expected["labels"]), targets);
    same(&table, &tensor(&expected["relationship"]), "the relationship");

    let (first, second) = (labels(&expected["batch"]), labels(&expected["other"]));
    let now = trained(&expected["now"]);
    let plain = Targets::Labels(first.shallow_clone());
    agrees(&technique.penalty(&now, &table, &plain), &[&now], &expected["plain"]);
    let share = number(&expected["share"]);
    let [one, other] = [&first, &second].map(|labels| labels.one_hot(targets).to_kind(Kind::Double));
    let chances = one * share + other * (1.0 - share);
    for mixed in [Targets::Mixed { first, second, share }, Targets::Soft(chances)] {
        let now = trained(&expected["now"]);
        agrees(&technique.penalty(&now, &table, &mixed), &[&now], &expected["mixed"]);
    }
}

/// What survives a draw, its scale and its gradient; `drop` takes values and the chance to be dropped.
#[track_caller]
fn drops_as_python(technique: &str, drop: impl Fn(&Tensor, f64) -> Tensor) {
    for case in reference(technique).as_array().expect("cases") {
        let (x, rate) = (trained(&case["x"]), number(&case["rate"]));
        tch::manual_seed(case["seed"].as_i64().expect("seed"));
        let dropped = drop(&x, rate);
        let kept = dropped.not_equal(0.0).to_kind(Kind::Double);
        same(&kept, &tensor(&case["kept"]), &format!("what a {technique} of {rate} keeps"));
        agrees(&(tensor(&case["weight"]) * dropped).sum(Kind::Double), &[&x], case);
    }
}

#[test]
fn dropout_drops_values_and_scales_the_rest() {
    drops_as_python("dropout", |x, rate| x.dropout(rate, true));
}

#[test]
fn stochastic_depth_drops_the_branches_of_whole_images_and_scales_the_rest() {
    drops_as_python("stochastic_depth", stochastic_depth);
}

#[test]
fn early_stopping_waits_for_its_patience_after_the_best_epoch() {
    for case in reference("early_stopping").as_array().expect("cases") {
        let losses = case["losses"].as_array().expect("losses").iter();
        let losses = losses.map(|loss| loss.as_f64().unwrap_or(f64::NAN));
        let patience = u32::try_from(case["patience"].as_u64().expect("epochs")).expect("epochs");
        let mut watch = EarlyStopping::new(Some(patience));
        let said = case["verdicts"].as_array().expect("verdicts").iter();
        for (epoch, (loss, said)) in losses.zip(said).enumerate() {
            let verdict = match watch.observe(loss) {
                Verdict::Best => "best",
                Verdict::Worse => "worse",
                Verdict::Stop => "stop",
            };
            assert_eq!(verdict, said, "epoch {epoch} of {case}");
        }
    }
}
