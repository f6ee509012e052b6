//! The race between ways to train: the choice, how it came about, every arm.

use maud::{Markup, html};
use records::{ArmRecord, SearchRecord};

use super::shell::{Level, Page, Section, scroll};
use crate::numbers;
use crate::plot::{Axis, LineChart, Series};
use crate::text::search::{SEARCH_LIMITS, accuracy, behind, behind_what, ended, gain};

/// Most arms whose course is drawn; the others are in the table.
const DRAWN: usize = 6;

/// The page of a search.
pub(super) fn page(record: &SearchRecord) -> Page {
    let sections = [Section::new(Level::SECTION, "race", "The race", &race(record))];
    Page {
        title: format!("{}: how to fine-tune {}, by a search", record.name, record.arch),
        header: html! {
            p.eyebrow { "Transfer learning, a search" }
            h1 { (record.name) }
            div.verdict {
                p.figure-of-merit {
                    strong { (record.chosen) }
                    span { "is what to train" @if let Some(accuracy) = accuracy(record) { br; span.muted.small { (accuracy) } } }
                }
                (facts(record))
            }
            p.question { (record.statement) "." }
        },
        contents: sections.iter().map(super::Link::from).collect(),
        main: html! { @for section in &sections { (section.body) } },
    }
}

/// The search that a run followed, as part of its page.
pub(super) fn followed(record: &SearchRecord) -> Markup {
    html! {
        p.question { (record.statement) "." }
        (race(record))
    }
}

fn facts(record: &SearchRecord) -> Markup {
    html! {
        dl.facts {
            div { dt { "Network" } dd { (record.arch) ", " (record.weights) } }
            div { dt { "Training images" } dd { (numbers::count(record.images)) " of " (numbers::count(record.classes)) " classes" } }
            div { dt { "Folds" } dd { (record.folds) } }
            div { dt { "Tried" } dd { (numbers::counted(record.tried, "arm")) " of " (record.arms.len()) } }
            div { dt { "Cost" } dd { (numbers::significant((100.0 * record.spent).round() / 100.0)) " final runs" } }
            div { dt { "Time" } dd { (numbers::duration(record.seconds)) } }
        }
    }
}

fn race(record: &SearchRecord) -> Markup {
    html! {
        div.pair {
            div.panel { (course(record).figure()) }
            div.panel { (gains(record).figure()) }
        }
        (scroll("Every arm", &table(record)))
        ul.sentences {
            li { (ended(record)) }
            @if let Some(deep) = &record.deep { li { "Arms that train most of the network were " (deep) "." } }
            @if record.unlike { li { "An earlier stage tells the classes apart better than the last one: these images are unlike those of the source." } }
            li { (SEARCH_LIMITS) }
        }
    }
}

/// Accuracy of the best arms as folds come in.
fn course(record: &SearchRecord) -> LineChart {
    let mut best: Vec<&ArmRecord> = record.arms.iter().filter(|arm| arm.images > 0).collect();
    best.sort_by(|a, b| {
        let first = |arm: &ArmRecord| arm.name != record.chosen;
        let of = |arm: &ArmRecord| arm.gain.unwrap_or(f64::NEG_INFINITY);
        first(a).cmp(&first(b)).then(of(b).total_cmp(&of(a)))
    });
    let mut chart = LineChart::new(
        "search-race",
        "Accuracy on held-out images as folds come in: the arm to take, and the best of the others",
        Axis::linear("folds").whole_numbers(),
        Axis::linear("accuracy so far").percent(),
    );
    for arm in best.into_iter().take(DRAWN) {
        let cells = record.course.iter().filter(|cell| cell.arm == arm.name);
        let points: Vec<(f64, f64)> =
            (1u32..).zip(cells).map(|(folds, cell)| (f64::from(folds), cell.accuracy)).collect();
        // An arm that rides on another has no cells of its own.
        let points = match (points.is_empty(), arm.accuracy) {
            (true, Some(accuracy)) => vec![(arm.folds.len() as f64, accuracy)],
            _ => points,
        };
        chart = chart.series(Series::new(&arm.name).points(points));
    }
    chart
}

/// Gain of every measured arm over the first, by its number in the table.
fn gains(record: &SearchRecord) -> LineChart {
    let mut series = Series::new("arm");
    for (number, arm) in (1u32..).zip(&record.arms) {
        if let (Some(gain), Some(error)) = (arm.gain, arm.gain_error) {
            series = series.point_with_spread(f64::from(number), gain, error);
        }
    }
    let last = record.arms.len().max(1) as f64;
    let mut chart = LineChart::new(
        "search-gains",
        "Gain of each arm over the first, ± one standard error",
        Axis::linear("arm, by its number in the table").whole_numbers(),
        Axis::linear("points of accuracy").including(0.0),
    )
    .series(series)
    .series(Series::reference("the first arm").points([(1.0, 0.0), (last, 0.0)]));
    if let Some(chosen) = record.arms.iter().position(|arm| arm.name == record.chosen) {
        chart = chart.mark(chosen as f64 + 1.0, "chosen");
    }
    chart
}

fn table(record: &SearchRecord) -> Markup {
    html! {
        table.wide {
            caption {
                "From free to dear: of arms that cannot be told apart those that cost least are left, and of these the one ahead is taken. Every figure is of images that the arm was not trained on. “Close” is the computed probability to lie within "
                (numbers::significant(record.within)) @if record.within == 1.0 { " point" } @else { " points" } " of the best. “Behind” is what decides: how far the arm in front lies ahead by "
                (behind_what(record)) ", shrunk to what is expected, ± one standard error; what lies within that is not told apart."
            }
            thead {
                tr {
                    th.num scope="col" { "No." } th scope="col" { "Arm" } th.num scope="col" { "Cost a fold" }
                    th.num scope="col" { "Folds" } th.num scope="col" { "Accuracy" } th.num scope="col" { "Loss" }
                    th.num scope="col" { "Gain" } th.num scope="col" { "Close" } th.num scope="col" { "Behind" } th scope="col" { "State" }
                }
            }
            tbody {
                @for (number, arm) in (1..).zip(&record.arms) {
                    tr {
                        td.num { (number) }
                        th scope="row" { @if arm.name == record.chosen { strong { (arm.name) } } @else { (arm.name) } }
                        td.num { (numbers::significant(arm.fold_cost)) }
                        td.num { (arm.folds.len()) }
                        td.num { (arm.accuracy.map_or_else(dash, numbers::percent)) }
                        td.num { (arm.loss.map_or_else(dash, numbers::loss)) }
                        td.num { (gain(arm).unwrap_or_else(dash)) }
                        td.num { (arm.close.map_or_else(dash, numbers::percent)) }
                        td.num { (behind(record, arm).unwrap_or_else(dash)) }
                        td.nowrap { (arm.state) }
                    }
                }
            }
        }
    }
}

fn dash() -> String {
    "–".to_owned()
}
