//! Figures beyond accuracy, and what a threshold on the probability is worth.

use maud::{Markup, html};
use records::{
    ClassMetricsRecord, CoverageRecord, EstimateRecord, EvaluationRecord, Interval, MetricsRecord, RunRecord,
};

use super::shell::scroll;
use crate::numbers;
use crate::phrases::{decimal, decimal_interval};
use crate::plot::{Axis, LineChart, Series};

/// Thresholds that the table and the sentence name.
const EXAMPLES: [f64; 5] = [0.5, 0.8, 0.9, 0.95, 0.99];

/// With more classes than this, only those with the lowest F1 are shown.
const SHOWN_CLASSES: usize = 50;

/// The means over the classes as one table, each class below it; `None` where the record holds no such figures.
pub(super) fn metrics(evaluation: &EvaluationRecord) -> Option<Markup> {
    let found = evaluation.metrics.as_ref()?;
    Some(html! {
        p {
            "On the " (evaluation.split) " split. F1 is the harmonic mean of precision and recall; AUROC is how likely an image of "
            "a class has a higher probability of that class than an image of another; average precision is the area under "
            "precision against recall. Each is the mean over the " (numbers::count(found.classes.len() as u64))
            " classes with images, each class against all others"
            @if !found.absent.is_empty() { "; left out, without images: " (found.absent.join(", ")) }
            "."
        }
        (scroll("Metrics", &means(evaluation, found)))
        details {
            summary { "F1, AUROC and average precision of each class" }
            (scroll("Metrics of each class", &each(found)))
        }
    })
}

fn means(evaluation: &EvaluationRecord, found: &MetricsRecord) -> Markup {
    let rows = [
        ("Macro F1", Some(found.macro_f1), false),
        ("Macro AUROC", found.macro_auroc, false),
        ("Macro average precision", found.macro_average_precision, false),
        ("Top-5 accuracy", found.top_5, true),
    ];
    html! {
        table {
            caption {
                "Intervals of 95%: of the accuracy by Wilson, of the others from " (numbers::count(found.draws.into()))
                " draws of as many images of each class as there are"
            }
            thead { tr { th scope="col" { "Figure" } th.num scope="col" { "Value" } th.num scope="col" { "95% interval" } } }
            tbody {
                tr {
                    th scope="row" { "Accuracy" } td.num { (numbers::percent(evaluation.accuracy)) }
                    td.num.nowrap { (wilson(evaluation)) }
                }
                tr { th scope="row" { "Balanced accuracy" } td.num { (numbers::percent(evaluation.balanced_accuracy)) } td.num { "–" } }
                @for (name, figure, is_share) in rows {
                    @if let Some(EstimateRecord { value, interval }) = figure {
                        tr {
                            th scope="row" { (name) }
                            td.num { @if is_share { (numbers::percent(value)) } @else { (decimal(value)) } }
                            td.num.nowrap { @if is_share { (in_percent(interval)) } @else { (decimal_interval(interval)) } }
                        }
                    }
                }
            }
        }
    }
}

fn wilson(evaluation: &EvaluationRecord) -> String {
    if evaluation.images == 0 || !(0.0..=1.0).contains(&evaluation.accuracy) {
        return "–".into();
    }
    let total = evaluation.images as f64;
    let statistics::Interval { low, high } = statistics::wilson(evaluation.accuracy * total, total);
    in_percent(Interval { low, high })
}

fn in_percent(interval: Interval) -> String {
    format!("{} to {}", numbers::percent(interval.low), numbers::percent(interval.high))
}

fn each(found: &MetricsRecord) -> Markup {
    let mut classes: Vec<&ClassMetricsRecord> = found.classes.iter().collect();
    let some = classes.len() > SHOWN_CLASSES;
    if some {
        classes.sort_by(|a, b| a.f1.value.total_cmp(&b.f1.value));
        classes.truncate(SHOWN_CLASSES);
    }
    let figure = |figure: Option<EstimateRecord>| {
        html! {
            td.num { (figure.map_or("–".into(), |it| decimal(it.value))) }
            td.num.nowrap.muted { (figure.map_or("–".into(), |it| decimal_interval(it.interval))) }
        }
    };
    html! {
        table.wide {
            caption {
                "Each class against all others, next to each figure its 95% interval; "
                @if some { "the " (SHOWN_CLASSES) " classes with the lowest F1, summary.json has all" } @else { "in label order" }
            }
            thead {
                tr {
                    th scope="col" { "Class" } th.num scope="col" { "Images" }
                    @for name in ["F1", "AUROC", "Average precision"] {
                        th.num scope="col" { (name) } th.num scope="col" { "95% interval" }
                    }
                }
            }
            tbody {
                @for of in classes {
                    tr {
                        th scope="row" { (of.class) } td.num { (numbers::count(of.images)) }
                        (figure(Some(of.f1))) (figure(of.auroc)) (figure(of.average_precision))
                    }
                }
            }
        }
    }
}

/// Coverage against accuracy at rising thresholds; `None` where the record holds no curve.
pub(super) fn coverage(run: &RunRecord, evaluation: &EvaluationRecord) -> Option<Markup> {
    let curve = &evaluation.coverage;
    let all = curve.iter().find(|point| point.at_least == 0.0)?;
    let examples: Vec<&CoverageRecord> =
        EXAMPLES.iter().filter_map(|at| curve.iter().find(|point| point.at_least == *at)).collect();
    let percent = |share: Option<f64>| share.map_or("–".into(), numbers::percent);
    let table = html! {
        table {
            caption { "What " code { "predict --at-least" } " does with the images of the " (evaluation.split) " split" }
            thead {
                tr {
                    th.num scope="col" { "At least" } th.num scope="col" { "Answered" } th.num scope="col" { "Correct of these" }
                    th.num scope="col" { "“unknown”" }
                }
            }
            tbody {
                @for point in [all].into_iter().chain(examples.iter().copied()) {
                    tr {
                        th.num scope="row" { (written(point.at_least)) } td.num { (numbers::percent(point.coverage)) }
                        td.num { (percent(point.accuracy)) } td.num { (numbers::percent(1.0 - point.coverage)) }
                    }
                }
            }
        }
    };
    Some(html! {
        p { (sentence(all, &examples)) }
        @if evaluation.split == "validation" && run.temperature.as_ref().is_some_and(|it| it.value.is_some()) {
            p.muted.small { "The temperature was fitted on these images: on others a threshold may leave a little more mistakes." }
        }
        div.split {
            div.panel { (chart(curve).figure()) }
            div { (scroll("Thresholds", &table)) }
        }
    })
}

/// What two thresholds are worth.
fn sentence(all: &CoverageRecord, examples: &[&CoverageRecord]) -> String {
    let answered = |at: f64| {
        let point = examples.iter().find(|point| point.at_least == at)?;
        let accuracy = point.accuracy?;
        Some(format!(
            "with --at-least {} it answers {} of them, {} of these correctly",
            written(at),
            numbers::percent(point.coverage),
            numbers::percent(accuracy)
        ))
    };
    let thresholds: Vec<String> = [0.8, 0.95].into_iter().filter_map(answered).collect();
    let always = all.accuracy.map_or("–".into(), numbers::percent);
    format!(
        "A model can say “unknown” where its most probable class is not probable enough (finetune predict --at-least). \
         Answering every one of these images it is correct on {always}{}{}.",
        if thresholds.is_empty() { "" } else { "; " },
        thresholds.join(", ")
    )
}

fn written(at_least: f64) -> String {
    format!("{at_least}")
}

fn chart(curve: &[CoverageRecord]) -> LineChart {
    // From the highest threshold down, so that coverage rises.
    let points = curve.iter().rev().filter_map(|point| Some((point.coverage, point.accuracy?)));
    let x = Axis::linear("share of images that are answered").percent().including(0.0).including(1.0);
    LineChart::new(
        "coverage-chart",
        "Coverage against accuracy",
        x,
        Axis::linear("correct of these").percent(),
    )
    .series(Series::new("threshold from 0.9999 down to 0").points(points))
}
