//! How a transformer is fine-tuned: learning rates from block to block, and what weight decay leaves alone.

use std::collections::BTreeMap;

use backbone::{Backbone, Options, Values};
use ranged::{NotNegative, Positive};
use records::Depth;
use run_config::{FinetuneConfig, RegularizeConfig};
use training::freeze::FreezePlan;
use training::optimizer::live;

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
