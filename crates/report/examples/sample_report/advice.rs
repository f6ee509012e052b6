//! An invented advice that looks like a real one. No figure here was measured.

use records::{
    AdviceRecord, DepthCost, FrozenArm, PartSeconds, RunRecord, Similarity, SourceEvidence, StageEvidence,
};

use crate::samples;

/// Dogs and cats with a ResNet-18: the last two stages are to be trained.
pub(crate) fn advice() -> AdviceRecord {
    let stages = [
        ("pixels", 507, 0.558, -0.95, 0.52, None),
        ("stem", 448, 0.578, -0.73, 0.40, None),
        ("layer1", 448, 0.612, -0.71, 0.45, None),
        ("layer2", 512, 0.740, -0.60, 0.66, None),
        ("layer3", 256, 0.885, -0.31, 0.82, Some(0.1)),
        ("layer4", 512, 0.955, -0.02, 0.95, Some(0.1)),
    ];
    let stage =
        |(name, features, accuracy, logme, h_score, rate_scale): (&str, u64, f64, f64, f64, Option<f64>)| {
            StageEvidence {
                name: name.into(),
                features,
                accuracy,
                standard_error: (accuracy * (1.0 - accuracy) / 400.0).sqrt(),
                loss: 1.6 * (1.0 - accuracy),
                penalty: 1e-2,
                logme: Some(logme),
                h_score: Some(h_score),
                rate_scale,
            }
        };
    let arm = |(first, features, accuracy, gain, default): (usize, u64, f64, f64, bool)| FrozenArm {
        stages: stages[first..].iter().map(|stage| stage.0.to_owned()).collect(),
        features,
        loss: 1.6 * (1.0 - accuracy),
        accuracy,
        standard_error: (accuracy * (1.0 - accuracy) / 400.0).sqrt(),
        gain,
        gain_error: 0.004,
        default,
        best: default,
    };
    let cost = |(depth, final_runs): (&str, f64)| DepthCost { depth: depth.into(), final_runs };
    let part = |(part, seconds): (&str, f64)| PartSeconds { part: part.into(), seconds };
    AdviceRecord {
        name: "dogs_cats (sample data)".into(),
        arch: "resnet18".into(),
        weights: "IMAGENET1K_V1".into(),
        data: "data/dogs_cats".into(),
        classes: 2,
        images_per_class: 200.0,
        images: 400,
        folds: 400,
        seed: 0,
        stages: stages.map(stage).into(),
        arms: [(5, 512, 0.955, -0.003, false), (3, 1280, 0.96, 0.0, true), (1, 2176, 0.9525, -0.012, false)]
            .map(arm)
            .into(),
        costs: [("frozen", 0.02), ("head", 0.0), ("last:1", 0.22), ("last:2", 0.45), ("all", 1.0)].map(cost).into(),
        source: Some(SourceEvidence { classes: 1000, confidence: 0.41, entropy: 0.43 }),
        value: 0.898,
        drop: 0.325,
        similarity: Some(Similarity::Alike),
        little_value: false,
        depth: "last:2".into(),
        cut: None,
        taps: Vec::new(),
        head_solver: None,
        rate_scale: 0.1,
        learning_rate: 1e-3,
        live: ["layer3", "layer4", "head"].map(String::from).into(),
        confidence: 0.936,
        paragraph: "Your 200 images per class resemble those of ImageNet: a linear classifier on what the head reads classifies 95.5% of them correctly, one on the pixels 55.8%.".into(),
        standing: "Not measured yet: this is sample data.".into(),
        parts: [("reading", 0.35), ("one pass through the network", 2.81), ("linear probes", 0.40)].map(part).into(),
        seconds: 3.56,
    }
}

/// A run that followed it.
pub(crate) fn advised_run() -> RunRecord {
    RunRecord { advice: Some(Box::new(advice())), ..samples::run() }
}
