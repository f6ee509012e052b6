//! A search on its page, in a run's page and in the terminal.

use records::SearchRecord;
use report::html::{run_page, search_page};
use report::text;
use scraper::{Html, Selector};

use crate::{sample_search, samples};

fn texts(source: &str, css: &str) -> Vec<String> {
    let page = Html::parse_document(source);
    page.select(&Selector::parse(css).unwrap()).map(|element| element.text().collect()).collect()
}

#[test]
fn every_arm_has_its_line_and_the_race_is_drawn() {
    let record = sample_search::search();
    let source = search_page(&record);
    assert_eq!(texts(&source, ".figure-of-merit strong"), ["last:2 x 0.1"]);
    let names: Vec<&str> = record.arms.iter().map(|arm| &*arm.name).collect();
    assert_eq!(texts(&source, "#race tbody th"), names);
    assert_eq!(texts(&source, "#race tbody strong"), ["last:2 x 0.1"]);
    let states = texts(&source, "#race td.nowrap");
    assert_eq!(states, ["measured", "measured", "chosen", "dropped", "measured", "not tried"]);
    for chart in ["search-race", "search-gains"] {
        assert!(source.contains(&format!("<title id=\"{chart}-title\">")), "{chart}");
    }
    assert_eq!(texts(&source, ".mark text"), ["chosen"]);
    // An error bar for each measured arm.
    assert_eq!(texts(&source, ".series .spread").len(), 5);
    assert!(source.contains("92.7%") && source.contains("88.5 to 96.0%"), "{source}");
}

#[test]
fn a_run_shows_the_search_it_followed_and_others_show_none() {
    let section = |source: &str| texts(source, "#search h2");
    assert_eq!(section(&run_page(&sample_search::searched_run())), ["How to train, by a search"]);
    assert!(section(&run_page(&samples::run())).is_empty());
    assert!(text::run_summary(&sample_search::searched_run()).contains("of 5 tried with 80%"));
    let json = serde_json::to_string(&sample_search::searched_run()).unwrap();
    let back: records::RunRecord = serde_json::from_str(&json).unwrap();
    assert_eq!(back, sample_search::searched_run());
    assert!(!serde_json::to_string(&samples::run()).unwrap().contains("search"));
}

#[test]
fn the_terminal_gets_choice_table_statement_and_cost() {
    let text = text::search(&sample_search::search());
    for said in
        ["* last:2 x 0.1", "5/5", "2/5", "+2.4 ± 1.2", "80%", "1.35 of 3 final runs", "exceed the budget"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(text.contains("Its accuracy is about"), "{text}");
    let mut part = sample_search::search();
    let chosen = part.arms.iter_mut().find(|arm| arm.name == part.chosen).unwrap();
    chosen.folds.truncate(2);
    for said in [text::search(&part), search_page(&part)] {
        assert!(said.contains("measured on 2 of 5 folds") && !said.contains("Its accuracy"), "{said}");
    }
    let by_clock = SearchRecord { budget: None, minutes: Some(2.5), ..sample_search::search() };
    assert!(text::search(&by_clock).contains("at most 2.5 min"));
    // Names of arms come from files; odd ones do no harm.
    let hostile = SearchRecord { chosen: "<b>\u{1b}[31m".into(), accuracy: None, ..sample_search::search() };
    assert!(!text::search(&hostile).contains('\u{1b}') && !search_page(&hostile).contains("<b>"));
}
