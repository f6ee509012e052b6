//! An invented audit that looks like a real one. No figure here was measured.

use std::collections::BTreeMap;

use records::{
    AuditRecord, AuditedSplitRecord, ClassPairRecord, CopyBoundsRecord, CopyKind, CopyRecord, ExtremeRecord,
    FileProblem, FileProblemRecord, Interval, KindRecord, LabelRecord, LeakRecord, LeakageRecord,
    OutlierRecord, ProbeRecord, SizeBinRecord, SizesRecord,
};

use crate::samples;

/// Cats and dogs with a fault of each kind.
pub(crate) fn audit() -> AuditRecord {
    let text = str::to_owned;
    let label = |path: &str, label: &str, likely: &str, probability: f64, flagged: bool| LabelRecord {
        path: text(path),
        label: text(label),
        likely: text(likely),
        probability,
        likely_probability: 1.0 - probability,
        flagged,
        neighbours: [likely; 5].map(text).to_vec(),
    };
    let copy = |a: &str, b: &str, kind: CopyKind, how: &str| CopyRecord {
        a: text(a),
        b: text(b),
        kind,
        splits: ["train", "validation"].map(text),
        labels: [Some(text("cats")), Some(text("dogs"))],
        how: text(how),
        correlation: Some(0.97),
        ratio: Some(0.31),
        certain: kind != CopyKind::Near,
    };
    let thumbnail = samples::run().samples[0].thumbnail.clone();
    let shown = ["train/cats/1.jpg", "val/cats/2.jpg", "train/cats/3.jpg", "train/cats/9.jpg"];
    AuditRecord {
        name: text("pets"),
        arch: text("efficientnet_lite0"),
        weights: text("IMAGENET1K_V1"),
        data: text("data/pets"),
        classes: ["cats", "dogs"].map(text).to_vec(),
        seed: 1,
        splits: vec![
            AuditedSplitRecord { split: text("train"), classes: vec![400, 100], unreadable: 1 },
            AuditedSplitRecord { split: text("validation"), classes: vec![100, 100], unreadable: 0 },
        ],
        splits_itself: false,
        files: vec![FileProblemRecord {
            path: text("train/cats/broken.jpg"),
            split: text("train"),
            sha256: Some("9f".repeat(32)),
            problem: FileProblem::Unreadable,
            reason: text("the file is truncated"),
        }],
        kinds: vec![KindRecord {
            kind: text("turned"),
            images: 12,
            examples: vec![text("train/cats/7.jpg")],
        }],
        sizes: SizesRecord {
            reads: 224,
            smaller: 3,
            bins: vec![
                SizeBinRecord { from: 128, below: 256, images: 30 },
                SizeBinRecord { from: 256, below: 512, images: 670 },
            ],
            extreme: vec![ExtremeRecord { path: text("train/dogs/long.jpg"), width: 1000, height: 200 }],
        },
        copies: vec![
            copy("train/cats/1.jpg", "val/cats/2.jpg", CopyKind::File, "the same file"),
            copy("train/cats/3.jpg", "val/cats/2.jpg", CopyKind::Near, "a is a part of b, mirrored"),
        ],
        copy_bounds: Some(CopyBoundsRecord {
            correlation: 0.9,
            supported: 0.78,
            ratio: 0.7,
            usual: 0.55,
            compared: 3120,
        }),
        leaks: vec![LeakRecord {
            splits: ["train", "validation"].map(text),
            exact: 1,
            near: 1,
            other_labels: 2,
            images: 1,
        }],
        leakage: vec![LeakageRecord {
            split: text("validation"),
            images: 200,
            leaked: 1,
            with: 0.98,
            without: 0.975,
            interval: Some(Interval { low: 0.0, high: 0.015 }),
        }],
        labels: vec![
            label("train/cats/9.jpg", "cats", "dogs", 0.03, true),
            label("train/dogs/4.jpg", "dogs", "cats", 0.45, false),
        ],
        held_out_labels: vec![label("val/dogs/8.jpg", "dogs", "cats", 0.04, true)],
        labels_refused: String::new(),
        probe: Some(ProbeRecord {
            images: 500,
            accuracy: 0.97,
            pixels: 0.61,
            penalty: 2e-3,
            folds: 5,
            deals: 3,
        }),
        mistakes: vec![ClassPairRecord { label: text("cats"), likely: text("dogs"), images: 4 }],
        outliers: vec![OutlierRecord {
            path: text("train/dogs/logo.png"),
            label: text("dogs"),
            distance: 1.7,
        }],
        small_classes: vec![text("ferrets")],
        thumbnails: shown.map(|path| (text(path), thumbnail.clone())).into_iter().collect::<BTreeMap<_, _>>(),
    }
}
