//! An advice on its page, in a run's page and in the terminal.

use records::{AdviceRecord, StageEvidence};
use report::html::{advice_page, run_page};
use report::text;
use scraper::{Html, Selector};

use crate::{sample_advice, samples};

fn texts(source: &str, css: &str) -> Vec<String> {
    let page = Html::parse_document(source);
    page.select(&Selector::parse(css).unwrap()).map(|element| element.text().collect()).collect()
}

#[test]
fn every_stage_has_its_line_and_its_points() {
    let source = advice_page(&sample_advice::advice());
    assert_eq!(texts(&source, ".figure-of-merit strong"), ["last:2"]);
    let stages = ["pixels", "stem", "layer1", "layer2", "layer3", "layer4"];
    assert_eq!(texts(&source, "#evidence tbody th")[..6], stages);
    let advised = ["–", "freeze", "freeze", "freeze", "train, rate × 0.1", "train, rate × 0.1"];
    assert_eq!(texts(&source, "#evidence td.nowrap"), advised);
    // Four charts of one point a stage; the probe's have error bars.
    assert_eq!(texts(&source, "#evidence .series .marker").len() - 4, 4 * 6, "and one in each legend");
    assert_eq!(texts(&source, ".series .spread").len(), 6);
    assert_eq!(texts(&source, ".mark text"), ["train from here"]);
    assert!(!source.contains("93.6%") && source.contains("41.0%") && source.contains("1,000 classes"));
}

#[test]
fn a_run_shows_the_advice_it_followed_and_others_show_none() {
    let section = |source: &str| texts(source, "#advice h2");
    assert_eq!(section(&run_page(&sample_advice::advised_run())), ["How far back"]);
    assert!(section(&run_page(&samples::run())).is_empty());
    assert!(
        text::run_summary(&sample_advice::advised_run()).contains("How far back: Your 200 images per class")
    );
    let json = serde_json::to_string(&sample_advice::advised_run()).unwrap();
    let back: records::RunRecord = serde_json::from_str(&json).unwrap();
    assert_eq!(back, sample_advice::advised_run());
    assert!(!serde_json::to_string(&samples::run()).unwrap().contains("advice"));
}

#[test]
fn the_terminal_gets_table_paragraph_limits_and_times() {
    let text = text::advice(&sample_advice::advice());
    for said in [
        "finetune.depth = \"last:2\"",
        "layer4",
        "95.5%",
        "LogME",
        "train × 0.1",
        "layer2 to layer4",
        "a linear classifier on layer2, layer3 and layer4 joined classifies 96.0%",
        "linear classifiers on frozen stages 0.02, \"head\" 0.00",
        "Limits: ",
        "one pass through the network 2.81 s",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn little_value_comes_first_and_how_the_rule_has_fared_is_shown() {
    let sample = sample_advice::advice();
    assert!(text::advice(&sample).contains("\nNot measured yet: this is sample data.\n"));
    assert!(texts(&advice_page(&sample), "#evidence li").contains(&sample.standing));
    assert!(
        !text::advice(&sample).contains("little value") && !advice_page(&sample).contains("little value")
    );
    let little = AdviceRecord { little_value: true, ..sample };
    let second = text::advice(&little).lines().nth(1).unwrap().to_owned();
    assert_eq!(second, "Transfer is of little value here.");
    assert_eq!(texts(&advice_page(&little), "header .notice"), ["Transfer is of little value here."]);
    let run = records::RunRecord { advice: Some(Box::new(little)), ..samples::run() };
    assert_eq!(texts(&run_page(&run), "#advice .notice"), ["Transfer is of little value here."]);
}

#[test]
fn odd_figures_and_hostile_names_do_no_harm() {
    let hostile = "<script>alert(1)</script>\u{1b}[31m";
    let odd = AdviceRecord {
        name: hostile.into(),
        paragraph: hostile.into(),
        source: None,
        classes: 0,
        confidence: f64::NAN,
        stages: vec![StageEvidence {
            name: hostile.into(),
            accuracy: f64::NAN,
            logme: Some(f64::NEG_INFINITY),
            ..sample_advice::advice().stages[0].clone()
        }],
        ..sample_advice::advice()
    };
    let source = advice_page(&odd);
    assert!(texts(&source, "script").is_empty());
    assert!(source.contains("no classifier of their own"));
    assert!(!text::advice(&odd).contains('\u{1b}'));
    let none = AdviceRecord { stages: Vec::new(), ..odd };
    assert!(texts(&advice_page(&none), "#evidence table.wide tbody tr").is_empty());
}
