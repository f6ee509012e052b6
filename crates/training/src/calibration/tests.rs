use serde::Deserialize;

use super::*;

/// Made by `make_reference.py`.
const REFERENCE: &str = include_str!("reference.json");

#[derive(Deserialize)]
struct Case {
    images: usize,
    classes: usize,
    scale: f64,
    labels: Vec<i64>,
    temperature: f64,
    raw: Figures,
    scaled: Figures,
}

#[derive(Deserialize)]
struct Figures {
    loss: f64,
    error: f64,
}

/// The scores of the script.
fn scores(case: &Case) -> Vec<f32> {
    let at = |place: usize| {
        let at = place as f64;
        ((at * 1.7).sin() * 3.0 + (at * at * 0.37).sin() * 2.0) * case.scale
    };
    (0..case.images * case.classes).map(|place| at(place) as f32).collect()
}

#[test]
fn temperature_and_error_are_those_of_python() {
    let cases: Vec<Case> = serde_json::from_str(REFERENCE).unwrap();
    assert!(cases.len() >= 5);
    for case in cases {
        let logits = scores(&case);
        let scores = Scores { logits: &logits, classes: case.classes, labels: &case.labels };
        let found = scores.temperature().unwrap();
        // Both are rounded to four decimals, and SciPy stops within 1e-10 of a flat minimum.
        assert!(
            (found - case.temperature).abs() <= 2e-4 * case.temperature,
            "{found}, not {}",
            case.temperature
        );
        for (temperature, expected) in [(1.0, case.raw), (case.temperature, case.scaled)] {
            let found = scores.reliability(temperature);
            assert!(
                (found.loss - expected.loss).abs() < 1e-9,
                "{} at {temperature}, not {}",
                found.loss,
                expected.loss
            );
            assert!(
                (found.error - expected.error).abs() < 1e-9,
                "{} at {temperature}, not {}",
                found.error,
                expected.error
            );
            assert_eq!(found.bins.iter().map(|bin| bin.images).sum::<u64>(), case.images as u64);
        }
    }
}

#[test]
fn no_other_temperature_is_better() {
    let case: Vec<Case> = serde_json::from_str(REFERENCE).unwrap();
    let logits = scores(&case[2]);
    let scores = Scores { logits: &logits, classes: case[2].classes, labels: &case[2].labels };
    let best = scores.temperature().unwrap();
    let loss = |temperature: f64| scores.reliability(temperature).loss;
    assert!(loss(best) < loss(best * 1.01) && loss(best) < loss(best * 0.99) && loss(best) <= loss(1.0));
}

#[test]
fn what_tells_no_temperature_is_named() {
    let of = |rows: &[[f32; 2]], labels: &[i64]| {
        Scores { logits: rows.as_flattened(), classes: 2, labels }.temperature()
    };
    assert_eq!(of(&[], &[]), Err(Unfitted::NoImages));
    assert_eq!(of(&[[1.0, 0.0]; 29], &[1; 29]), Err(Unfitted::FewImages));
    assert_eq!(of(&[[1.0, 0.0]; 30], &[0; 30]), Err(Unfitted::NoMistake));
    assert_eq!(of(&[[f32::NAN, 0.0]; 30], &[0; 30]), Err(Unfitted::NotFinite));
    // Always wrong: the higher the better, up to the end of the range.
    assert_eq!(of(&[[5.0, 0.0]; 30], &[1; 30]), Ok(20.0));
    // A hair's breadth wrong once among many timid answers that are right: as low as it goes.
    let mut rows = [[0.1, 0.0]; 60];
    rows[0] = [0.0, 1e-6];
    assert_eq!(of(&rows, &[0; 60]), Ok(0.05));
    // Half of the answers right, whatever the score: no probability but a half is true.
    let labels: Vec<i64> = (0..40).map(|place| place % 2).collect();
    assert_eq!(of(&[[3.0, 0.0]; 40], &labels), Ok(20.0));
}

#[test]
fn a_bin_holds_its_upper_end() {
    let mut bins = Reliability::default();
    for (confidence, right) in [(1.0, true), (14.0 / 15.0, false), (0.0, true), (f64::NAN, false)] {
        bins.add(confidence, right);
    }
    let counts: Vec<u64> = bins.bins().iter().map(|bin| bin.images).collect();
    assert_eq!((counts[14], counts[13], counts[0]), (1, 1, 2));
    assert!(Reliability::default().error().is_nan());
}

#[test]
fn confidences_fall_as_the_temperature_rises_and_the_answer_stays() {
    let logits = [2.0, 1.0, -1.0, 0.5, 3.0, 0.0];
    let scores = Scores { logits: &logits, classes: 3, labels: &[0, 1] };
    let (cold, hot) = (scores.confidences(0.5), scores.confidences(3.0));
    assert!(cold.iter().zip(&hot).all(|(cold, hot)| cold > hot), "{cold:?} {hot:?}");
    let expected = 2f64.exp() / (2f64.exp() + 1f64.exp() + (-1f64).exp());
    assert!((scores.confidences(1.0)[0] - expected).abs() < 1e-12);
}
