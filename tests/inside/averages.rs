//! Averages of the weights: the moving one, and the mean over epochs with its batch-norm.

use backbone::{Backbone, Options, StageId, Values};
use features::loader::Batch;
use tch::{Kind, Tensor};
use training::average::{Average, Averaging, measure_norms};

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).flatten(0, -1)).unwrap()
}

fn lenet() -> Backbone {
    let options = Options { classes: 2, channels: 1, size: 28, ..Options::default() };
    zoo::network("lenet5_relu").unwrap().build(Values::default(), &options)
}

/// Sets every value of a stage.
fn fill(backbone: &Backbone, stage: StageId, value: f64) {
    for variable in backbone.stage_variables(stage) {
        let _ = tch::no_grad(|| variable.tensor.shallow_clone().fill_(value));
    }
}

fn first(backbone: &Backbone, stage: StageId) -> f64 {
    values(&backbone.stage_variables(stage)[0].tensor)[0]
}

#[test]
fn the_moving_average_forgets_its_start_and_trades_places_with_the_weights() {
    let backbone = lenet();
    let head = backbone.head_id();
    let mut average = Average::new(Averaging::Exponential(0.5));
    fill(&backbone, head, 100.0);
    average.follow(&backbone, head);
    let mut expected = 100.0;
    for (step, value) in [8.0, 4.0, 2.0, 1.0, 7.0, 3.0, 9.0, 6.0, 5.0].into_iter().enumerate() {
        fill(&backbone, head, value);
        average.after_step();
        let decay = f64::min(0.5, (1 + step) as f64 / (10 + step) as f64);
        expected = decay * expected + (1.0 - decay) * value;
    }
    average.exchange();
    assert!((first(&backbone, head) - expected).abs() < 1e-5, "{expected}");
    average.exchange();
    assert_eq!(first(&backbone, head), 5.0);
}

#[test]
fn the_mean_over_epochs_begins_where_it_should_and_counts_late_stages_as_they_were() {
    let backbone = lenet();
    let ids: Vec<StageId> = backbone.ids().rev().take(2).collect();
    let (head, last) = (ids[0], ids[1]);
    let mut average = Average::new(Averaging::FromEpoch(2));
    average.follow(&backbone, head);
    fill(&backbone, last, 10.0);
    for (epoch, value) in (1..).zip([50.0, 1.0, 2.0, 6.0]) {
        if epoch == 4 {
            average.follow(&backbone, last); // it thaws
            fill(&backbone, last, 40.0);
        }
        fill(&backbone, head, value);
        average.after_epoch(epoch);
    }
    assert_eq!(average.taken(), 3);
    average.exchange();
    // 10 while it was frozen, twice, and 40 once.
    assert!((first(&backbone, head) - 3.0).abs() < 1e-6);
    assert!((first(&backbone, last) - 20.0).abs() < 1e-5);
}

#[test]
fn measured_statistics_are_those_of_the_present_weights_in_live_stages_only() {
    let mut backbone = zoo::network("resnet18")
        .unwrap()
        .build(Values::default(), &Options { classes: 2, ..Options::default() });
    let layer4 = backbone.stage("layer4").unwrap();
    backbone.freeze_before(layer4);
    let cpu = (Kind::Float, tch::Device::Cpu);
    let batch = || {
        Batch::plain(Tensor::rand([4, 256, 4, 4], cpu), Tensor::zeros([4], (Kind::Int64, tch::Device::Cpu)))
    };
    let batches = [batch(), batch()];
    let statistics = |name: &str| {
        let all = backbone.variables().all();
        values(&all.iter().find(|variable| variable.name == name).unwrap().tensor)
    };
    let frozen = statistics("bn1.running_mean");
    let given =
        batches.iter().map(|batch| Ok(Batch::plain(batch.x.shallow_clone(), batch.labels.shallow_clone())));
    measure_norms(&backbone, layer4, given).unwrap();
    assert_eq!(statistics("bn1.running_mean"), frozen);

    // The first convolution of the stage by hand: its mean over both batches.
    let weight = backbone.variables().all().into_iter().find(|v| v.name == "layer4.0.conv1.weight").unwrap();
    let x = Tensor::cat(&[&batches[0].x, &batches[1].x], 0);
    let out = x.conv2d::<Tensor>(&weight.tensor, None, [2, 2], [1, 1], [1, 1], 1);
    let mean = values(&out.mean_dim(&[0i64, 2, 3][..], false, Kind::Double));
    let found = statistics("layer4.0.bn1.running_mean");
    assert!(found.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {mean:?}");
}
