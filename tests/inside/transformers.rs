//! How a transformer is fine-tuned: learning rates from block to block, what weight decay leaves alone, and low-rank updates.

use std::collections::BTreeMap;

use backbone::layers::LinearInit;
use backbone::{Backbone, LowRank, Mode, Options, StageId, Values, digest};
use ranged::{NotNegative, Positive};
use records::Depth;
use run_config::{FinetuneConfig, LoraConfig, Rank, RegularizeConfig, Sgd};
use tch::{Kind, Tensor};
use training::freeze::FreezePlan;
use training::optimizer::{Optimizer, Rule, live};
use training::schedule::StepRates;

fn outline(name: &str) -> Backbone {
    zoo::network(name).unwrap().build(Values::Outline, &Options::default())
}

/// Stages of ViT: patches, blocks1 to blocks4 of three blocks each, norm, head.
#[test]
fn within_a_stage_rates_decay_from_block_to_block() {
    let backbone = outline("vit_t_16");
    let config = FinetuneConfig {
        rate_scale: Some(Positive::of(1.0)),
        rate_decay: Positive::of(0.5),
        rate_floor: NotNegative::of(0.0005),
        rates: BTreeMap::from([("blocks2".to_owned(), Positive::of(0.25))]),
        ..FinetuneConfig::default()
    };
    let plan = FreezePlan::of(&backbone, &Depth::All, &config).unwrap();
    assert_eq!(plan.rate_scale[3..], [0.0625, 0.5, 1.0, 1.0]);
    let rate = |variable: &str| {
        let owner = backbone
            .ids()
            .find(|&id| backbone.stage_variables(id).iter().any(|owned| owned.name == variable));
        plan.rate_of(&backbone, owner.unwrap(), variable)
    };
    let block = |number: u32| rate(&format!("encoder.layers.encoder_layer_{number}.ln_1.weight"));
    assert_eq!([11, 10, 9, 8, 7, 6].map(block), [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]);
    assert_eq!([5, 4, 3].map(block), [0.25; 3], "a rate that is given is that of the whole stage");
    assert_eq!([2, 1, 0].map(block), [0.5f64.powi(10), 0.0005, 0.0005]);
    assert_eq!((rate("class_token"), rate("encoder.ln.weight"), rate("heads.head.bias")), (0.0005, 1.0, 1.0));
}

#[test]
fn weight_decay_leaves_norms_biases_tokens_and_tables_of_positions_alone() {
    for (name, left_alone) in [
        ("dinov2_vits14_reg", &["cls_token", "pos_embed", "register_tokens"][..]),
        ("swin_t", &["relative_position_bias_table"]),
        ("swin_v2_t", &["logit_scale"]),
    ] {
        let backbone = outline(name);
        let plan = FreezePlan::new(&backbone, &Depth::All, 1.0).unwrap();
        let regularize =
            RegularizeConfig { weight_decay: Some(NotNegative::of(0.5)), ..RegularizeConfig::default() };
        let parameters = live(&backbone, &plan, 1, &regularize);
        let mut found = 0;
        for parameter in &parameters {
            let token = left_alone.iter().any(|last| parameter.name.ends_with(last));
            found += usize::from(token);
            let expected = if token || parameter.value.dim() == 1 { 0.0 } else { 0.5 };
            assert_eq!(parameter.decay, expected, "{name}: {}", parameter.name);
        }
        assert!(found >= left_alone.len() && parameters.len() > found, "{name}");
        let all = RegularizeConfig { decay: regularize::Decay::All, ..regularize };
        assert!(live(&backbone, &plan, 1, &all).iter().all(|parameter| parameter.decay == 0.5), "{name}");
    }
}

/// Values of a network by name, as bytes.
fn values(backbone: &Backbone) -> BTreeMap<String, Vec<u8>> {
    let all = backbone.variables().all().into_iter();
    all.map(|variable| (variable.name, digest::bytes(&variable.tensor).unwrap())).collect()
}

/// Logits in evaluation, as bits.
fn logits(backbone: &Backbone, x: &Tensor) -> Vec<u32> {
    let logits = tch::no_grad(|| backbone.classify(x, StageId::INPUT, Mode::Evaluate).logits);
    Vec::<f32>::try_from(logits.flatten(0, -1)).unwrap().into_iter().map(f32::to_bits).collect()
}

fn furthest(one: &[u32], other: &[u32]) -> f32 {
    let apart =
        one.iter().zip(other).map(|(&one, &other)| (f32::from_bits(one) - f32::from_bits(other)).abs());
    apart.fold(0.0, f32::max)
}

#[test]
fn low_rank_updates_begin_as_nothing_are_trained_in_place_of_weights_and_become_part_of_them() {
    let finetune = FinetuneConfig {
        lora: Some(LoraConfig { rank: Rank::of(4), alpha: Some(Positive::of(8.0)) }),
        rate_decay: Positive::of(0.5),
        ..FinetuneConfig::default()
    };
    for (name, stage, side) in
        [("vit_t_16", "blocks4", 32), ("dinov2_vits14_reg", "blocks4", 28), ("swin_v2_t", "stage4", 32)]
    {
        let options = Options { classes: 3, size: side, ..Options::default() };
        let mut backbone = zoo::network(name).unwrap().build(Values::Drawn { seed: 3 }, &options);
        // That of ViT is zero.
        backbone.replace_head(3, LinearInit::TorchDefault);
        let x = torch_extra::random::normal(&[4, 3, side, side], 1.0, 7);
        let plan = FreezePlan::of(&backbone, &Depth::From(stage.to_owned()), &finetune).unwrap();
        let (source, before) = (values(&backbone), logits(&backbone, &x));
        let stages = digest::stages(&backbone, backbone.ids()).unwrap();
        let parameters = backbone.parameters(plan.first_live).len();

        plan.apply(&mut backbone);
        backbone.freeze_before(plan.first_live);
        assert_eq!(furthest(&logits(&backbone, &x), &before), 0.0, "{name}");
        assert_eq!(digest::stages(&backbone, backbone.ids()).unwrap(), stages, "{name}");
        let first = values(&backbone);
        let of = |which: &str| first.keys().filter(|name| name.ends_with(which)).count();
        assert!(of(".lora_a") > 3 && of(".lora_a") == of(".lora_b"), "{name}");

        // They and the head alone are trained: all at the head's rate, but for the decay from block to block.
        let regularize = RegularizeConfig::default();
        let trained = live(&backbone, &plan, 1, &regularize);
        let count: u64 = trained.iter().map(|parameter| parameter.value.numel() as u64).sum();
        let planned = backbone.ids().filter(|&id| id >= plan.first_live);
        assert_eq!(count, planned.map(|id| plan.trainable_values(&backbone, id)).sum::<u64>(), "{name}");
        let head = backbone.head().root;
        for parameter in &trained {
            assert!(parameter.value.requires_grad(), "{name}: {}", parameter.name);
            let update = parameter.name.ends_with(".lora_a") || parameter.name.ends_with(".lora_b");
            assert!(update || parameter.name.starts_with(head), "{name}: {}", parameter.name);
            assert!(!update || parameter.decay > 0.0, "{name}: {}", parameter.name);
        }
        let rates = |scale: f64| trained.iter().filter(|parameter| parameter.rate_scale == scale).count();
        let blocks = if stage == "stage4" { 2 } else { 3 };
        // Two projections, an A and a B of each; `norm` comes after the blocks.
        for block in 1..=blocks {
            assert_eq!(rates(0.5f64.powi(block)), 4, "{name}: block {block} from the end");
        }

        let mut optimizer = Optimizer::new(Rule(run_config::Optimizer::Sgd(Sgd::default())));
        optimizer.follow(trained);
        let labels = Tensor::from_slice(&[0i64, 1, 2, 1]);
        for _ in 0..4 {
            optimizer.forget_gradients();
            let output = backbone.classify(&x, StageId::INPUT, Mode::Train);
            output.logits.cross_entropy_for_logits(&labels).backward();
            optimizer.step(StepRates { learning_rate: 0.5, momentum: None });
        }
        let now = values(&backbone);
        for (variable, value) in &first {
            let moves = !source.contains_key(variable) || variable.starts_with(head);
            assert_eq!(now[variable] != *value, moves, "{name}: {variable}");
        }

        // In evaluation the sum is one matrix, the one that is saved and that the weight becomes.
        let (adapted, ready) = (logits(&backbone, &x), |backbone: &mut Backbone| {
            backbone.prepare_inference(StageId::INPUT..backbone.head_id(), Kind::Float);
            let logits = logits(backbone, &x);
            backbone.forget_preparation(StageId::INPUT);
            logits
        });
        let prepared = ready(&mut backbone);
        let saved = backbone.merged_variables();
        backbone.merge();
        let merged = values(&backbone);
        assert_eq!(ready(&mut backbone), prepared, "{name}");
        // Four steps of this size make large logits.
        let largest = furthest(&adapted, &vec![0; adapted.len()]);
        let apart = furthest(&prepared, &adapted);
        assert!(apart < 1e-4 * largest.max(1.0), "{name}: {apart} of {largest}");
        assert!(furthest(&prepared, &before) > 1e-2, "{name}");
        assert!(merged.keys().eq(source.keys()) && backbone.parameters(plan.first_live).len() == parameters);
        for variable in saved {
            let bytes = digest::bytes(&variable.tensor).unwrap();
            assert_eq!(merged[&variable.name], bytes, "{name}: {}", variable.name);
            let attention = ["in_proj_weight", "out_proj.weight", "qkv.weight", "proj.weight"];
            let changed = merged[&variable.name] != source[&variable.name];
            let may =
                attention.iter().any(|last| variable.name.ends_with(last)) || variable.name.starts_with(head);
            assert!(may || !changed, "{name}: {}", variable.name);
        }
        assert!(backbone.variables().all().iter().all(|variable| {
            let live = backbone.ids().any(|id| {
                id >= plan.first_live
                    && backbone.parameters(id).iter().any(|other| other.name == variable.name)
            });
            variable.tensor.requires_grad() == live
        }));
        // Initial values follow from the seed.
        plan.apply(&mut backbone);
        let again = values(&backbone);
        assert!(
            first.iter().filter(|(name, _)| name.ends_with(".lora_a")).all(|(name, a)| again[name] == *a)
        );
    }
}

/// Rank 8 for queries, keys, values and what attention gives out: 8 * 2 * width values for each, four in a block.
#[test]
fn updates_are_few_beside_the_weights() {
    let how = LowRank { rank: 8, alpha: 8.0 };
    for (name, updates, largest) in [
        ("vit_b_16", 12 * 64 * 768, 768),
        ("vit_l_16", 24 * 64 * 1024, 1024),
        ("dinov2_vits14", 12 * 64 * 384, 384),
    ] {
        let backbone = outline(name);
        assert_eq!(backbone.ids().map(|id| backbone.update_count(id, how)).sum::<u64>(), updates, "{name}");
        assert_eq!(backbone.ids().filter_map(|id| backbone.largest_rank(id)).min(), Some(largest), "{name}");
    }
    let swin = outline("swin_t");
    let widths = [96, 192, 384, 768].into_iter().zip([2, 2, 6, 2]);
    let expected: u64 = widths.map(|(width, blocks)| blocks * 64 * width).sum();
    assert_eq!(swin.ids().map(|id| swin.update_count(id, how)).sum::<u64>(), expected);
    let resnet = outline("resnet18");
    assert!(resnet.ids().all(|id| resnet.largest_rank(id).is_none() && resnet.update_count(id, how) == 0));
}
