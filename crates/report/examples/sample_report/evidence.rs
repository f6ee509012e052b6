//! Invented gradients, calibration and heat maps.

use std::collections::BTreeMap;

use records::{
    CalibrationRecord, ClassMetricsRecord, CoverageRecord, EpochRecord, EstimateRecord, GradientRecord,
    HeatMapRecord, Interval, MetricsRecord, ReliabilityBin, ReliabilityRecord, TemperatureRecord,
};

use super::{Chance, thumbnail};

/// Two moments an epoch; `live` are the stages of each phase from input to head, early ones with small gradients.
pub(super) fn with_gradients(
    mut epochs: Vec<EpochRecord>,
    live: &BTreeMap<&str, Vec<String>>,
) -> Vec<EpochRecord> {
    let mut chance = Chance(21);
    for (i, epoch) in (0u32..).zip(&mut epochs) {
        let Some(stages) = live.get(epoch.phase.as_str()) else { continue };
        // In the sample's plan layer3 thaws in the third epoch.
        let late = |name: &&String| *name == "layer3" && epoch.epoch < 3;
        let stages: Vec<&String> = stages.iter().filter(|name| !late(name)).collect();
        let moment = |half: u32| {
            let norm = |depth: usize| {
                let fall = (-0.15 * f64::from(2 * i + half)).exp();
                0.3 * fall * 2f64.powi(-(depth as i32)) * (0.7 + 0.6 * chance.next())
            };
            let depths = (0..stages.len()).rev().map(norm).collect::<Vec<f64>>();
            GradientRecord {
                step: u64::from(13 * i + 6 * half + 1),
                norms: stages.iter().map(|&name| name.clone()).zip(depths).collect(),
            }
        };
        epoch.gradients = [0, 1].map(moment).to_vec();
    }
    epochs
}

/// A model that is surer than it is right, and what a temperature makes of that.
pub(super) fn calibration(images: u64) -> CalibrationRecord {
    let record = |loss: f64, surer: f64| {
        let bins: Vec<ReliabilityBin> = (0..15u32)
            .map(|bin| {
                let confidence = (f64::from(bin) + 0.6) / 15.0;
                // As with two classes, no answer has less than half.
                let images = if bin < 7 { 0 } else { images * u64::from(bin - 6) / 36 };
                let accuracy = (confidence - surer * (1.0 - confidence) * f64::from(bin % 3)).max(0.0);
                let known = |value: f64| (images > 0).then_some(value);
                ReliabilityBin { images, confidence: known(confidence), accuracy: known(accuracy) }
            })
            .collect();
        let off = |bin: &ReliabilityBin| Some(bin.images as f64 * (bin.confidence? - bin.accuracy?).abs());
        let answered: u64 = bins.iter().map(|bin| bin.images).sum();
        let error = bins.iter().filter_map(off).sum::<f64>() / answered as f64;
        ReliabilityRecord { loss, error, bins }
    };
    CalibrationRecord { raw: record(0.0873, 0.5), scaled: Some(record(0.0712, 0.1)) }
}

pub(super) fn temperature() -> TemperatureRecord {
    TemperatureRecord { value: Some(1.3742), images: 200, unfitted: String::new() }
}

/// Figures beyond accuracy, for classes of one size.
pub(super) fn metrics(names: &[String], images: u64) -> MetricsRecord {
    let estimate = |value: f64| EstimateRecord {
        value,
        interval: Interval { low: value - 0.021, high: (value + 0.017).min(1.0) },
    };
    let each = |(number, class): (usize, &String)| {
        let fall = 0.01 * (number % 5) as f64;
        ClassMetricsRecord {
            class: class.clone(),
            images: images / names.len() as u64,
            f1: estimate(0.97 - fall),
            auroc: Some(estimate(0.991 - fall)),
            average_precision: Some(estimate(0.985 - fall)),
        }
    };
    MetricsRecord {
        macro_f1: estimate(0.962),
        top_5: (names.len() >= 10).then(|| estimate(0.978)),
        macro_auroc: Some(estimate(0.987)),
        macro_average_precision: Some(estimate(0.981)),
        classes: names.iter().enumerate().map(each).collect(),
        absent: Vec::new(),
        draws: 1000,
    }
}

/// The surer, the fewer and the better.
pub(super) fn coverage(accuracy: f64) -> Vec<CoverageRecord> {
    let thresholds = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999];
    let point = |at_least: f64| {
        let coverage = 1.0 - 0.6 * at_least.powi(8);
        let accuracy = (coverage > 0.41).then_some(accuracy + (1.0 - accuracy) * at_least.powi(4));
        CoverageRecord { at_least, coverage, accuracy }
    };
    thresholds.into_iter().map(point).collect()
}

/// A spot somewhere in an image.
pub(super) fn heat_map(seed: u32, size: u32) -> HeatMapRecord {
    let mut chance = Chance(100 + u64::from(seed));
    let (x0, y0) = (7.0 * chance.next(), 7.0 * chance.next());
    let value = |x: u32, y: u32| {
        let (dx, dy) = (f64::from(x) + 0.5 - x0, f64::from(y) + 0.5 - y0);
        ((-(dx * dx + dy * dy) / 5.0).exp() * 1e3).round() / 1e3
    };
    let row = |y: u32| (0..7).map(|x| value(x, y)).collect();
    HeatMapRecord {
        stage: "layer4".into(),
        values: (0..7).map(row).collect(),
        picture: thumbnail(seed + 3, size),
    }
}
