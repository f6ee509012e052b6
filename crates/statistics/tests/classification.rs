//! Every figure of a classifier against scikit-learn: `classification/make_reference.py` made the file.

use serde::Deserialize;
use statistics::classification::{ClassFigures, Estimate, Figures, Scored, figures};
use statistics::{Confusion, is_in_top};

#[derive(Deserialize)]
struct Case {
    classes: usize,
    labels: Vec<usize>,
    logits: Vec<f32>,
    present: Vec<usize>,
    figures: Expected,
    /// Of macro F1, AUROC and average precision; empty where there are many classes.
    intervals: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
struct Expected {
    f1: Vec<f64>,
    macro_f1: f64,
    auroc: Vec<f64>,
    macro_auroc: f64,
    average_precision: Vec<f64>,
    macro_average_precision: f64,
    top_5: Option<f64>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("classification/reference.json")).unwrap()
}

fn found(case: &Case) -> Figures {
    let Case { classes, labels, logits, .. } = case;
    figures(&Scored { logits, classes: *classes, labels, temperature: 1.5 }).unwrap()
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() < tolerance, "{found} is not {expected}");
}

#[test]
fn figures_are_those_of_scikit_learn_with_ties_and_without_absent_classes() {
    assert!(cases().iter().any(|case| case.present.len() < case.classes), "no absent class");
    for case in cases() {
        let (found, expected) = (found(&case), &case.figures);
        assert_eq!(found.classes.iter().map(|of| of.class).collect::<Vec<_>>(), case.present);
        near(found.macro_f1.value, expected.macro_f1, 1e-12);
        near(found.macro_auroc.unwrap().value, expected.macro_auroc, 1e-12);
        near(found.macro_average_precision.unwrap().value, expected.macro_average_precision, 1e-12);
        assert_eq!(found.top_5.map(|top| top.value), expected.top_5);
        for (place, of) in found.classes.iter().enumerate() {
            near(of.f1.value, expected.f1[place], 1e-12);
            near(of.auroc.unwrap().value, expected.auroc[place], 1e-12);
            near(of.average_precision.unwrap().value, expected.average_precision[place], 1e-12);
            assert_eq!(of.images, case.labels.iter().filter(|label| **label == of.class).count() as u64);
        }
    }
}

#[test]
fn intervals_are_those_of_another_bootstrap_and_repeat() {
    for case in cases() {
        let found = found(&case);
        assert_eq!(found.draws, 1000);
        let three = [Some(found.macro_f1), found.macro_auroc, found.macro_average_precision];
        for (estimate, [low, high]) in three.into_iter().zip(case.intervals.clone()) {
            let Estimate { value, interval } = estimate.unwrap();
            near(interval.low, low, 0.03);
            near(interval.high, high, 0.03);
            assert!(interval.low < value && value < interval.high);
        }
        assert_eq!(self::found(&case), found);
    }
}

#[test]
fn one_class_alone_has_no_ranking_and_nothing_has_no_figures() {
    let scored = Scored { logits: &[1.0, 0.0, 0.0, 1.0], classes: 2, labels: &[0, 0], temperature: 1.0 };
    let found = figures(&scored).unwrap();
    assert_eq!((found.macro_auroc, found.macro_average_precision, found.top_5), (None, None, None));
    let ClassFigures { class, images, f1, .. } = found.classes[0];
    assert_eq!((class, images), (0, 2));
    near(f1.value, 2.0 / 3.0, 1e-12);
    assert_eq!(figures(&Scored { labels: &[], ..scored }), None);
    // A label that has no score.
    assert_eq!(figures(&Scored { labels: &[0, 2], ..scored }), None);
}

#[test]
fn f1_counts_absent_classes_in_predictions_alone() {
    let confusion = Confusion::from_counts(&[vec![2, 0, 1], vec![1, 1, 0], vec![0, 0, 0]], 0);
    assert_eq!(confusion.present(), [0, 1]);
    assert_eq!((confusion.f1(0), confusion.f1(2)), (Some(4.0 / 6.0), Some(0.0)));
    near(confusion.macro_f1().unwrap(), (4.0 / 6.0 + 2.0 / 3.0) / 2.0, 1e-12);
    assert_eq!(Confusion::new(2).macro_f1(), None);
}

#[test]
fn of_equal_scores_the_last_classes_are_on_top() {
    let scores = [0.5, 0.5, 0.1, 0.5];
    assert_eq!([0, 1, 2, 3].map(|class| is_in_top(&scores, class, 2)), [false, true, false, true]);
    assert!(!is_in_top(&scores, 4, 4));
}
