use std::num::NonZeroU32;

use backbone::{Options, Values};
use ranged::NotNegative;

use super::*;

fn first_live(depth: &str) -> String {
    let backbone = zoo::network("resnet18")
        .unwrap()
        .build(Values::default(), &Options { classes: 2, ..Options::default() });
    let plan = FreezePlan::new(&backbone, &depth.parse().unwrap(), 0.1).unwrap();
    assert!(plan.rate_scale[..plan.first_live.index()].iter().all(|&scale| scale == 0.0));
    assert!(plan.rate_scale[plan.first_live.index()..].iter().all(|&scale| scale > 0.0));
    backbone.name(plan.first_live).to_owned()
}

#[test]
fn depths_become_stages() {
    for (depth, stage) in [
        ("head", "head"),
        ("last:1", "layer4"),
        ("last:2", "layer3"),
        ("last:99", "stem"),
        ("from:layer3", "layer3"),
        ("from:head", "head"),
        ("all", "stem"),
        ("scratch", "stem"),
    ] {
        assert_eq!(first_live(depth), stage, "{depth}");
    }
}

#[test]
fn nonsense_is_refused_and_an_unknown_stage_lists_the_known() {
    for nonsense in ["", "last", "last:0", "last:-1", "last:x", "from:", "deep", "head:1"] {
        assert!(nonsense.parse::<Depth>().is_err(), "{nonsense}");
    }
    let backbone = zoo::network("resnet18").unwrap().build(Values::default(), &Options::default());
    let error = FreezePlan::new(&backbone, &"from:layer9".parse().unwrap(), 0.1).unwrap_err().to_string();
    assert!(error.contains("stem, layer1, layer2, layer3, layer4, pool, head"), "{error}");
}

#[test]
fn from_scratch_all_stages_have_the_same_rate() {
    let backbone = zoo::network("resnet18").unwrap().build(Values::default(), &Options::default());
    assert!(FreezePlan::new(&backbone, &Depth::Scratch, 0.1).unwrap().rate_scale.iter().all(|&s| s == 1.0));
    let all = FreezePlan::new(&backbone, &Depth::All, 0.1).unwrap();
    assert_eq!((all.rate_scale[0], *all.rate_scale.last().unwrap()), (0.1, 1.0));
}

fn planned(depth: &str, finetune: FinetuneConfig) -> Result<FreezePlan, String> {
    let backbone = zoo::network("resnet18").unwrap().build(Values::default(), &Options::default());
    FreezePlan::of(&backbone, &depth.parse().unwrap(), &finetune)
        .map_err(|(key, error)| format!("{key}: {error}"))
}

/// Stages: stem, layer1 to layer4, pool, head.
#[test]
fn rates_decay_towards_the_input_down_to_the_floor_and_single_ones_win() {
    let config = || FinetuneConfig {
        rate_scale: Some(Positive::of(0.5)),
        rate_decay: Positive::of(0.5),
        rate_floor: NotNegative::of(0.1),
        rates: BTreeMap::from([("layer3".to_owned(), Positive::of(0.7))]),
        ..FinetuneConfig::default()
    };
    let plan = planned("from:layer1", config()).unwrap();
    assert_eq!(plan.rate_scale, [0.0, 0.1, 0.125, 0.7, 0.5, 0.5, 1.0]);
    let error = planned("from:layer4", config()).unwrap_err();
    assert!(error.starts_with("finetune.rates.layer3: layer3 stays frozen"), "{error}");
    let typo =
        FinetuneConfig { rates: BTreeMap::from([("layer33".to_owned(), Positive::of(0.7))]), ..config() };
    assert!(planned("all", typo).unwrap_err().contains("stem, layer1, layer2, layer3, layer4, pool, head"));
}

#[test]
fn stages_are_unfrozen_from_the_head_backwards() {
    let unfreezing = |every: Option<u32>, at: &[(&str, u32)]| {
        let every = every.and_then(NonZeroU32::new);
        let at = at.iter().map(|&(stage, epoch)| (stage.to_owned(), epoch)).collect();
        FinetuneConfig { thaw: Some(ThawConfig { every, at }), ..FinetuneConfig::default() }
    };
    let live = Some;
    let plan = planned("from:layer2", unfreezing(Some(2), &[])).unwrap();
    assert_eq!(plan.unfreeze_epochs, [None, None, live(5), live(3), live(1), live(1), live(1)]);
    let plan = planned("all", unfreezing(None, &[("layer4", 2), ("layer2", 6)])).unwrap();
    assert_eq!(plan.unfreeze_epochs, [live(6), live(6), live(6), live(2), live(2), live(1), live(1)]);
    assert_eq!(plan.last_unfreeze(), 6);
    let backbone = zoo::network("resnet18").unwrap().build(Values::default(), &Options::default());
    let segments = |epochs| {
        let segments = plan.segments(&backbone, epochs).into_iter();
        let named = |segment: Segment| (backbone.name(segment.cut), segment.first_epoch, segment.last_epoch);
        segments.map(named).collect::<Vec<_>>()
    };
    assert_eq!(segments(100), [("pool", 1, 1), ("layer3", 2, 5), ("stem", 6, 100)]);
    assert_eq!(segments(5), [("pool", 1, 1), ("layer3", 2, 5)]);
    assert_eq!((segments(1), segments(0)), (vec![("pool", 1, 1)], vec![]));
    for (at, says) in [
        (("layer9", 2), "no stage \"layer9\""),
        (("head", 2), "the head is live"),
        (("layer4", 0), "epochs count from 1"),
        (("stem", 3), "stays frozen"),
    ] {
        let error = planned("from:layer2", unfreezing(None, &[at])).unwrap_err();
        assert!(error.starts_with(&format!("finetune.thaw.at.{}: ", at.0)), "{error}");
        assert!(error.contains(says), "{error}");
    }
    let error = planned("all", unfreezing(None, &[("layer4", 4), ("layer3", 2)])).unwrap_err();
    assert!(error.contains("layer3 would be unfrozen in epoch 2, before layer4 in epoch 4"), "{error}");
}
