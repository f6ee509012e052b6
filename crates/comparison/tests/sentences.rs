//! Conclusions follow from the figures: which settings are named, with which numbers.

use comparison::{Conclusion, Effects, Figure, Finished, Judge, conclusions, differences};
use predictions::{Image, Predictions};
use records::{Amount, CellRecord, ComparisonRow, DivergedRecord, Interval, MeanSd, RatioRecord};

/// A run with `correct` of 100 images; the images that are hard are the same for all runs.
fn cell(method: &str, amount: u32, seed: u64, correct: usize) -> CellRecord {
    CellRecord {
        images_per_class: Some(amount),
        method: method.to_owned(),
        seed,
        accuracy: correct as f64 / 100.0,
        answers: format!("{}{}", "1".repeat(correct), "0".repeat(100 - correct)),
        ..CellRecord::default()
    }
}

/// Three seeds of each setting: name, amount, correct answers of 100.
fn cells(settings: &[(&str, u32, usize)]) -> Vec<CellRecord> {
    let seeds = |&(method, amount, correct): &(&str, u32, usize)| {
        (0..3).map(move |seed| cell(method, amount, seed, correct)).collect::<Vec<_>>()
    };
    settings.iter().flat_map(seeds).collect()
}

fn finished<'a>(cells: &'a [CellRecord], baseline: Option<&'a str>) -> Finished<'a> {
    Finished { cells, diverged: &[], judged_on: None, judged_by: Judge::Accuracy, baseline }
}

/// The only sentence that has all of these parts.
#[track_caller]
fn only<'a>(sentences: &'a [String], parts: &[&str]) -> &'a str {
    let found: Vec<&String> =
        sentences.iter().filter(|sentence| parts.iter().all(|part| sentence.contains(part))).collect();
    assert_eq!(found.len(), 1, "{parts:?}: {sentences:#?}");
    found[0]
}

#[test]
fn the_best_setting_is_named_with_those_that_may_be_as_good() {
    let five = [("head", 5, 80), ("last 1", 5, 79), ("all", 5, 60)];
    let hundred = [("head", 100, 80), ("last 1", 100, 70), ("all", 100, 95)];
    let cells = cells(&[five, hundred].concat());
    let said = conclusions(&finished(&cells, Some("head")), &[]);
    let few = only(&said, &["With 5 images per class, head", "80.0% (95% interval 7"]);
    assert!(few.contains("last 1 may be as good") && !few.contains("all may"), "{few}");
    let many = only(&said, &["With 100 images per class, all", "95.0%"]);
    assert!(many.contains("better than every other"), "{many}");
    only(&said, &["depends on the amount", "head with 5 images per class, all with 100 images per class"]);

    let same: Vec<CellRecord> = cells.iter().filter(|cell| cell.method != "all").cloned().collect();
    only(
        &conclusions(&finished(&same, Some("head")), &[]),
        &["head has the highest", "every amount of data"],
    );
    let one: Vec<CellRecord> =
        cells.iter().filter(|cell| cell.images_per_class == Some(5)).cloned().collect();
    let said = conclusions(&finished(&one, Some("head")), &[]);
    assert!(!said.iter().any(|sentence| sentence.contains("highest mean")), "one amount: {said:#?}");
}

#[test]
fn each_setting_is_compared_with_the_baseline_by_its_interval() {
    let cells = cells(&[("none", 5, 60), ("good", 5, 80), ("bad", 5, 40), ("idle", 5, 60), ("close", 5, 61)]);
    let said = conclusions(&finished(&cells, Some("none")), &[]);
    let order: Vec<&str> = said.iter().filter_map(|sentence| sentence.split(" with ").next()).collect();
    assert_eq!(order[..4], ["good", "close", "idle", "bad"]);
    only(
        &said,
        &["good with 5 images per class helped: +20.0 points against none (95% interval +", "3 seeds"],
    );
    only(&said, &["bad", "hurt: -20.0 points against none (95% interval -"]);
    only(&said, &["close", "made no difference beyond chance: +1.0 points"]);
    only(&said, &["idle", "made no difference beyond chance: +0.0 points", "+0.0 to +0.0"]);
    only(&said, &["of 4 comparisons"]);
}

#[test]
fn pairs_show_what_the_means_hide() {
    // The seeds differ by much more than the settings; the intervals of the means overlap, that of the difference is above
    // zero.
    let cells: Vec<CellRecord> = [50, 70, 90]
        .into_iter()
        .zip(0..)
        .flat_map(|(correct, seed)| [cell("none", 5, seed, correct), cell("good", 5, seed, correct + 8)])
        .collect();
    let effects = Effects::of(&cells, None, Judge::Accuracy);
    let groups = effects.by_variant();
    let (group, effect) = (groups[0][0], effects.against("none")[0]);
    assert!(group.interval("none").unwrap().high > group.interval("good").unwrap().low);
    assert_eq!((effect.setting, effect.amount, effect.seeds), ("good", Amount(Some(5)), 3));
    assert!((effect.mean - 0.08).abs() < 1e-12);
    assert_eq!(effect.conclusion(), Conclusion::Better);
    let Interval { low, high } = effect.interval.unwrap();
    assert!(0.0 < low && low < 0.08 && 0.08 < high && high < 0.16, "{low} to {high}");
}

#[test]
fn settings_can_be_compared_by_another_figure_than_accuracy() {
    // The same accuracy: one setting knows the large class alone, the other half of each.
    let cells: Vec<CellRecord> =
        (0..3).flat_map(|seed| [cell("large", 5, seed, 80), cell("each", 5, seed, 80)]).collect();
    let image = |place: usize, correct: bool, sure: f64| {
        let label = usize::from(place >= 80);
        let predicted = if correct { label } else { 1 - label };
        let mut probabilities = vec![1.0 - sure; 2];
        probabilities[predicted] = sure;
        Image { path: place.to_string(), label, predicted, probabilities }
    };
    let run = |of: &dyn Fn(usize) -> bool, sure| Predictions {
        classes: ["a", "b"].map(str::to_owned).to_vec(),
        images: (0..100).map(|place| image(place, of(place), sure)).collect(),
    };
    let (large, each) = (run(&|place| place < 80, 0.99), run(&|place| place % 5 > 0, 0.8));
    let predictions: Vec<Predictions> = (0..3).flat_map(|_| [large.clone(), each.clone()]).collect();
    let by = |figure| Finished {
        judged_by: Judge::Figure { figure, predictions: &predictions },
        ..finished(&cells, Some("large"))
    };
    let balanced = &differences(&by(Figure::BalancedAccuracy))[0];
    assert_eq!((balanced.metric.as_str(), balanced.seeds), ("balanced accuracy", 3));
    assert!((balanced.difference - 0.3).abs() < 1e-12 && balanced.interval.unwrap().low > 0.15);
    let said = conclusions(&by(Figure::BalancedAccuracy), &[]);
    only(
        &said,
        &[
            "each with 5 images per class helped",
            "+30.0 points of balanced accuracy against large",
            "95% interval",
        ],
    );
    only(&said, &["Settings are compared by balanced accuracy."]);
    // Of the loss less is better.
    let loss = &differences(&by(Figure::Loss))[0];
    let expected = |sure: f64| -(0.8 * sure.ln() + 0.2 * (1.0 - sure).ln());
    assert!((loss.difference - (expected(0.8) - expected(0.99))).abs() < 1e-9, "{loss:?}");
    only(
        &conclusions(&by(Figure::Loss), &[]),
        &["each with 5 images per class helped", "nats of loss against large"],
    );
    assert_eq!(
        differences(&finished(&cells, Some("large")))[0].difference,
        0.0,
        "by accuracy they are equal"
    );
    assert_eq!(Effects::of(&cells, None, by(Figure::Loss).judged_by).by_variant()[0][0].best(), Some("each"));
}

#[test]
fn only_seeds_that_both_have_are_compared() {
    let cells =
        [cell("none", 5, 0, 50), cell("good", 5, 0, 60), cell("good", 5, 1, 90), cell("lost", 5, 7, 60)];
    let found = differences(&finished(&cells, Some("none")));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].method.as_str(), found[0].baseline.as_str(), found[0].seeds), ("good", "none", 1));
    assert!((found[0].difference - 0.1).abs() < 1e-12);
    only(&conclusions(&finished(&cells, Some("none")), &[]), &["good", "+10.0 points", "one seed"]);
}

#[test]
fn transfer_is_judged_by_the_figures_even_where_it_loses() {
    let cells = cells(&[
        ("scratch", 1, 10),
        ("head", 1, 40),
        ("fine-tune", 1, 38),
        ("scratch", 30, 90),
        ("head", 30, 60),
        ("fine-tune", 30, 75),
    ]);
    let said = conclusions(&finished(&cells, None), &[]);
    let transfer = only(&said, &["On all classes, ", "training from scratch"]);
    for part in [
        "beyond chance at 1 of 2 amounts",
        "the mean is higher at 1; it did worse beyond chance at 1",
        "largest at 1 image per class (+28.0 points, 95% interval +",
        "smallest at 30 images per class (-15.0 points, 95% interval -",
    ] {
        assert!(transfer.contains(part), "{part}: {transfer}");
    }
    let depth = only(&said, &["the head alone"]);
    for part in ["the mean is more than a point higher at 1", "-2.0 points", "+15.0 points"] {
        assert!(depth.contains(part), "{part}: {depth}");
    }
    let recorded = differences(&finished(&cells, None));
    let pairs: Vec<_> = recorded.iter().map(|it| (it.method.as_str(), it.baseline.as_str())).collect();
    let [head, fine] = [("head", "scratch"), ("fine-tune", "scratch")];
    assert_eq!(pairs, [head, fine, head, fine, ("fine-tune", "head"), ("fine-tune", "head")]);

    let old: Vec<CellRecord> =
        cells.iter().map(|cell| CellRecord { answers: String::new(), ..cell.clone() }).collect();
    let said = conclusions(&finished(&old, None), &[]);
    only(&said, &["a mean higher than training from scratch at 1 of 2 amounts of data; without intervals"]);
}

#[test]
fn a_group_of_classes_is_judged_by_its_own_answers() {
    let cells: Vec<CellRecord> = cells(&[("scratch", 5, 50), ("fine-tune", 5, 50)])
        .into_iter()
        .map(|mut cell| {
            let correct = if cell.method == "scratch" { "0011" } else { "0111" };
            cell.groups.insert("new".into(), correct.matches('1').count() as f64 / 4.0);
            cell.group_answers.insert("new".into(), correct.into());
            cell
        })
        .collect();
    let said = conclusions(&Finished { judged_on: Some("new"), ..finished(&cells, None) }, &[]);
    // One image of four is gained: none of four resampled in a third of the resamples, and up to three but rarely.
    only(
        &said,
        &[
            "On the new classes",
            "(+25.0 points, 95% interval +0.0 to +75.0)",
            "beyond chance at 0 of 1 amount",
        ],
    );
}

#[test]
fn diverged_runs_come_first_and_their_setting_is_not_the_best() {
    let cells = cells(&[("none", 5, 60), ("steep", 5, 90), ("none", 9, 60), ("steep", 9, 70)]);
    let lost = [DivergedRecord {
        images_per_class: Some(5),
        method: "steep".into(),
        seed: 3,
        ..DivergedRecord::default()
    }];
    let said = conclusions(&Finished { diverged: &lost, ..finished(&cells, Some("none")) }, &[]);
    assert!(said[0].starts_with("1 run diverged: steep with 5 images per class and seed 3;"), "{}", said[0]);
    only(&said, &["With 9 images per class, steep has the highest"]);
    assert!(!said.iter().any(|it| it.contains("With 5 images per class, steep")), "{said:#?}");
}

fn row(method: &str, ratio: [f64; 3], train: f64, accuracy: f64) -> ComparisonRow {
    let [low, median, high] = ratio;
    ComparisonRow {
        images_per_class: Some(10),
        method: method.to_owned(),
        accuracy_mean: accuracy,
        train_accuracy: Some(MeanSd { mean: train, ..MeanSd::default() }),
        gradient_ratio: Some(RatioRecord { median, low, high }),
        ..ComparisonRow::default()
    }
}

#[test]
fn the_extremes_of_training_are_named_with_their_figures() {
    let rows = [
        row("plain", [0.001, 0.002, 0.004], 0.5, 0.45),
        row("shortcuts", [0.5, 0.75, 0.8], 1.0, 0.55),
        row("norm", [0.1, 0.2, 0.3], 0.9, 0.6),
    ];
    let said = conclusions(&finished(&[], None), &rows);
    let gradients =
        only(&said, &["gradient norm", "2.0e-3 times", "1.0e-3 to 4.0e-3", "0.75", "0.50 to 0.80"]);
    assert!(gradients.find("“plain” and 10 images").unwrap() < gradients.find("“shortcuts”").unwrap());
    assert!(!gradients.contains("overlap"));
    only(&said, &["widest at +45.0 points with “shortcuts”", "(100.0% against 55.0%)", "narrowest at +5.0"]);
    let close = [rows[0].clone(), row("other", [0.003, 0.004, 0.005], 0.5, 0.5)];
    only(&conclusions(&finished(&[], None), &close), &["gradient norm", "overlap"]);
}

#[test]
fn one_setting_has_no_extremes_and_unknown_figures_give_no_sentence() {
    let one = ComparisonRow { images_per_class: Some(1), ..row("plain", [0.2; 3], 0.9, 0.5) };
    let said = conclusions(&finished(&[], None), &[one]);
    assert!(only(&said, &["gradient norm", "0.20 times"]).ends_with("“plain” and 1 image per class."));
    assert!(!only(&said, &["+40.0 points"]).contains("widest"));
    let unknown = ComparisonRow {
        train_accuracy: Some(MeanSd { mean: f64::NAN, ..MeanSd::default() }),
        gradient_ratio: None,
        ..row("plain", [0.2; 3], 0.9, 0.5)
    };
    assert!(conclusions(&finished(&[], None), &[unknown]).is_empty());
}
