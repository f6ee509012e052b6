//! What the pages show of a run and of a comparison, and when.

use records::{ComparisonRecord, MeanSd, RunRecord, TemperatureRecord};
use report::html::{comparison_page, run_page};
use scraper::{ElementRef, Html};

use crate::pages::all;
use crate::samples;

#[test]
fn reduced_rates_are_shown_next_to_the_planned_ones() {
    let mut run = samples::run();
    let text = |run: &RunRecord, css: &str| {
        let page = Html::parse_document(&run_page(run));
        all(&page, css).iter().map(|e| e.text().collect::<String>()).collect::<Vec<_>>()
    };
    // As a plateau has it: planned alike, and used at a fifth from the fourth epoch on.
    let plan = &mut run.plan[1];
    plan.rates.iter_mut().for_each(|point| point.rate = 0.001);
    let (phase, epochs) = (plan.phase.clone(), plan.epochs);
    for epoch in run.epochs.iter_mut().filter(|epoch| epoch.phase == phase) {
        epoch.learning_rate = 0.001;
    }
    assert_eq!(epochs, 5);
    assert_eq!(text(&run, "#plan .mark text"), ["layer3 thaws"]);
    assert!(!text(&run, "#plan").concat().contains("head, as used"));
    for epoch in run.epochs.iter_mut().filter(|epoch| epoch.phase == phase && epoch.epoch >= 4) {
        epoch.learning_rate = 0.0002;
    }
    assert_eq!(text(&run, "#plan .mark text"), ["layer3 thaws", "reduced in epoch 4"]);
    assert!(text(&run, "#plan").concat().contains("head, as used"));
}

#[test]
fn balanced_accuracy_is_drawn_where_it_differs_from_accuracy() {
    let mut run = samples::run();
    let drawn = |run: &RunRecord| {
        let page = Html::parse_document(&run_page(run));
        let text = all(&page, "#curves").iter().flat_map(ElementRef::text).collect::<String>();
        text.contains("validation, balanced")
    };
    assert!(!drawn(&run));
    run.epochs.iter_mut().for_each(|epoch| epoch.validation_balanced_accuracy = epoch.validation_accuracy);
    assert!(!drawn(&run));
    run.epochs[2].validation_balanced_accuracy = Some(0.512);
    assert!(drawn(&run));
    let page = Html::parse_document(&run_page(&run));
    let cells =
        all(&page, "#curves td").iter().map(|cell| cell.text().collect::<String>()).collect::<Vec<_>>();
    assert!(cells.contains(&"51.2%".to_owned()), "{cells:?}");
}

#[test]
fn a_comparison_shows_balanced_accuracy_where_classes_are_uneven() {
    let mut comparison = samples::comparison();
    let shown = |comparison: &ComparisonRecord| {
        comparison_page(comparison).contains("all classes, balanced accuracy")
    };
    assert!(!shown(&comparison), "older records have none");
    for row in &mut comparison.rows {
        row.balanced_accuracy = Some(MeanSd { mean: row.accuracy_mean, ..MeanSd::default() });
    }
    assert!(!shown(&comparison), "it is the same");
    comparison.rows[3].balanced_accuracy = Some(MeanSd { mean: 0.123, sd: 0.01, interval: None });
    comparison.cells[9].balanced_accuracy = Some(0.116);
    assert!(shown(&comparison));
    assert!(comparison_page(&comparison).contains("11.6%"));
    assert!(report::text::comparison_table(&comparison).contains("12.3 ± 1.0"));
}

#[test]
fn a_run_shows_what_it_did() {
    let source = run_page(&samples::run());
    let page = Html::parse_document(&source);
    let text = |css: &str| all(&page, css).iter().map(|e| e.text().collect::<String>()).collect::<Vec<_>>();
    assert_eq!(text(".steps h3"), ["load", "freeze", "head", "train-head", "fine-tune"]);
    assert_eq!(text(".figure-of-merit strong"), ["97.5%"]);
    assert_eq!(text("#stages td:last-child").iter().filter(|t| t.contains("unchanged")).count(), 3);
    // In the plan of rates by step, in both curves and in the gradients, each at its own place.
    let marks = ["fine-tune: layer4 thaws", "layer3 thaws"];
    assert_eq!(text("#plan .mark text"), marks[1..]);
    let curve = [&marks[..], &["kept"]].concat();
    assert_eq!(text("#curves .mark text"), [&curve[..], &curve[..]].concat());
    assert_eq!(text("#gradients .mark text"), marks);
    assert!(text("#curves desc")[0].ends_with("layer4 thaws at 3.5; layer3 thaws at 5.5; kept at 7."));
    assert_eq!(text("#stages tbody tr:nth-child(4) td:nth-child(4)"), ["fine-tune, epoch 3"]);
    assert_eq!(text(".confusion tbody td"), ["98", "2", "3", "97"]);
    assert_eq!(all(&page, ".confusion td.hit").len(), 2);
    // Twelve images, ten of them with a heat map; the mistakes come first.
    assert_eq!(all(&page, ".samples img").len(), 22);
    assert_eq!(text("#samples h3"), ["Most confident mistakes", "Correct predictions"]);
    assert_eq!(all(&page, "#samples h3 + .samples").len(), 2);
    assert_eq!(all(&page, "#samples .is-wrong").len(), 2);
    assert!(all(&page, ".samples img[alt^='Evidence for']").len() == 10);
    assert!(source.contains("Thumbs.png") && source.contains("The file is empty."));
    assert!(!source.contains("Interrupted"));
}

#[test]
fn a_frozen_stage_that_moved_is_not_passed_over() {
    let mut run = samples::run();
    run.stages[1].digest_after = "0".repeat(64);
    assert!(run_page(&run).contains("✗ changed although frozen"));
}

#[test]
fn an_interrupted_run_says_so_and_what_it_never_reached() {
    let source = run_page(&samples::interrupted());
    let page = Html::parse_document(&source);
    assert_eq!(all(&page, "[role=note]").len(), 1);
    let missed =
        all(&page, ".steps .missed").iter().map(|e| e.text().collect::<String>()).collect::<String>();
    assert!(missed.contains("fine-tune") && missed.contains("Not reached"), "{missed}");
    assert!(source.contains("Not measured"));
}

#[test]
fn a_thousand_classes_are_listed_not_drawn() {
    let source = run_page(&samples::thousand_classes());
    let page = Html::parse_document(&source);
    assert!(all(&page, ".confusion").is_empty());
    assert!(source.contains("The 20 most frequent of"));
    assert!(source.len() < 1_000_000, "{}", source.len());
}

#[test]
fn a_comparison_shows_the_judged_classes_first() {
    let source = comparison_page(&samples::comparison());
    let page = Html::parse_document(&source);
    let titles: Vec<String> = all(&page, "#figure .plot-title").iter().map(|e| e.text().collect()).collect();
    assert_eq!(
        titles,
        [
            "Held-out faces, classes of “unshared”",
            "Held-out families, classes of “unshared”",
            "Held-out faces, all classes",
            "Held-out families, all classes",
        ]
    );
    // Three methods of five points each, and an error bar on every one.
    assert_eq!(all(&page, "#figure .spread").len(), 4 * 15);
    assert_eq!(all(&page, "#tables .split tbody tr").len(), 4 * 5);
    assert_eq!(all(&page, "ul.sentences li").len(), 3);
}

#[test]
fn differences_are_listed_with_their_intervals() {
    let mut comparison = samples::comparison();
    let cells = |comparison: &ComparisonRecord| {
        let page = Html::parse_document(&comparison_page(comparison));
        let cells = all(&page, "#tables [aria-label^='Differences'] tbody td");
        cells.iter().map(|e| e.text().collect::<String>()).collect::<Vec<_>>()
    };
    let found = cells(&comparison);
    assert_eq!(found[..6], ["held-out faces", "30", "new head only", "+3.1", "+0.4 to +5.8", "3"]);
    assert_eq!(found[12..], ["held-out faces", "1", "new head only", "+1.2", "–", "3"]);
    // A record from before there were any.
    comparison.effects.clear();
    assert!(cells(&comparison).is_empty());
}

#[test]
fn a_comparison_shows_its_intervals_wherever_it_has_them() {
    let mut comparison = samples::comparison();
    let row = comparison.rows.iter().find(|row| row.variant == "held-out faces").unwrap();
    let interval = row.accuracy_interval.unwrap();
    let written = format!("{:.1} to {:.1}", 100.0 * interval.low, 100.0 * interval.high);
    let source = comparison_page(&comparison);
    assert!(source.contains(&written) && source.contains("each bar its 95% interval"), "{written}");
    // A record from before there were any.
    for row in &mut comparison.rows {
        row.accuracy_interval = None;
        row.groups.values_mut().for_each(|group| group.interval = None);
    }
    let source = comparison_page(&comparison);
    assert!(!source.contains(&written) && source.contains("each bar one standard deviation"));
}

#[test]
fn a_comparison_shows_training_where_it_is_recorded() {
    let mut comparison = samples::comparison();
    let page = Html::parse_document(&comparison_page(&comparison));
    let text = |css: &str| all(&page, css).iter().map(|e| e.text().collect::<String>()).collect::<Vec<_>>();
    assert_eq!(all(&page, "#training tbody tr").len(), comparison.rows.len());
    // Accuracy and gradient flow of each of the two.
    let titles = ["from scratch", "head, then fine-tune"]
        .map(|method| format!("held-out faces, {method}, 30 images per class"));
    assert_eq!(text("#training .plot-title"), [titles.clone(), titles].concat());
    assert_eq!(text("#training tbody tr:first-child td:last-child"), ["0.21 (0.17 to 0.30)"]);
    comparison.traces.clear();
    assert!(all(&Html::parse_document(&comparison_page(&comparison)), "#training").is_empty());
}

#[test]
fn gradients_are_drawn_a_line_for_each_stage_from_input_to_head() {
    let mut run = samples::run();
    let page = Html::parse_document(&run_page(&run));
    let text = |css: &str| all(&page, css).iter().map(|e| e.text().collect::<String>()).collect::<Vec<_>>();
    assert_eq!(text("#gradients .legend li"), ["layer3", "layer4", "head"]);
    assert_eq!(text("#gradients tbody th"), ["layer3", "layer4", "head"]);
    // Six epochs of two moments for layer3, ten for layer4, sixteen for the head.
    assert_eq!(text("#gradients tbody tr td:nth-child(2)"), ["6", "10", "16"]);
    assert!(text("#gradients p")[0].contains("gradient norm of layer3, the earliest stage, is 0."));
    // A record from before gradients were noted.
    run.epochs.iter_mut().for_each(|epoch| epoch.gradients.clear());
    assert!(all(&Html::parse_document(&run_page(&run)), "#gradients").is_empty());
}

#[test]
fn calibration_is_shown_unscaled_and_at_the_temperature() {
    let mut run = samples::run();
    let source = run_page(&run);
    let page = Html::parse_document(&source);
    let text = |css: &str| all(&page, css).iter().map(|e| e.text().collect::<String>()).collect::<Vec<_>>();
    assert_eq!(text("#calibration .legend li"), ["unscaled", "at temperature 1.374", "calibrated"]);
    assert_eq!(text("#calibration .split tbody td:nth-child(2)"), ["unscaled", "at temperature 1.374"]);
    assert_eq!(all(&page, "#calibration details tbody tr").len(), 15);
    assert!(source.contains("fitted on 200 validation images") && source.contains("overconfident"));
    run.temperature = Some(TemperatureRecord { value: None, images: 4, unfitted: "too few".into() });
    let calibration = run.evaluations[0].calibration.as_mut().unwrap();
    calibration.scaled = None;
    let source = run_page(&run);
    assert!(source.contains("No temperature was fitted: too few."));
    run.evaluations[0].calibration = None;
    assert!(all(&Html::parse_document(&run_page(&run)), "#calibration").is_empty());
}

#[test]
fn precision_is_counted_over_columns_and_recall_over_rows() {
    let mut run = samples::run();
    run.evaluations = vec![samples::evaluation("test", vec![vec![8, 2], vec![0, 0]])];
    let page = Html::parse_document(&run_page(&run));
    let cells = |row: usize| {
        let css = format!("#results .split tbody tr:nth-child({row}) td.num");
        all(&page, &css).iter().map(|e| e.text().collect::<String>()).collect::<Vec<_>>()
    };
    assert_eq!(cells(1), ["10", "8", "100.0%", "80.0%"]);
    assert_eq!(cells(2), ["0", "0", "0.0%", "–"]);
}

#[test]
fn a_heat_map_says_where_it_is_brightest() {
    let mut run = samples::run();
    let alt = |run: &RunRecord| {
        let page = Html::parse_document(&run_page(run));
        let found = all(&page, ".samples img[alt^='Evidence']")[0].value().attr("alt").unwrap().to_owned();
        found.split_once(": ").unwrap().1.to_owned()
    };
    let sample = run.samples.iter().position(|sample| sample.label != sample.predicted).unwrap();
    let mut at = |values: &[&[f64]]| {
        let map = run.samples[sample].heat_map.as_mut().unwrap();
        map.values = values.iter().map(|row| row.to_vec()).collect();
        alt(&run)
    };
    assert_eq!(
        at(&[&[0.0, 0.0, 1.0], &[0.0, 1.0, 0.0], &[0.0, 0.0, 0.0]]),
        "most of it in the middle, 50.0%"
    );
    assert_eq!(
        at(&[&[0.0, 0.0, 1.0], &[0.0, 0.0, 0.0], &[0.0, 0.0, 0.0]]),
        "most of it at the top right, 100.0%"
    );
    assert_eq!(at(&[&[0.0, 0.0], &[0.75, 0.25]]), "most of it at the bottom left, 75.0%");
    assert_eq!(at(&[&[0.0]]), "nothing in the image");
}
