//! One run: its result and the order of its sections.

use maud::{Markup, html};
use records::{EvaluationRecord, RunRecord};

use super::shell::{Level, Section};
use super::{advice, calibration, confusion, curves, data, gradients, metrics, plan, recipe, samples};
use crate::numbers;
use crate::phrases::{chosen, depth_in_words, headline, interrupted, kept};

/// All sections of a run, in order, without those that the record has no content for.
pub(super) fn sections(run: &RunRecord, level: Level) -> Vec<Section> {
    let mut sections = vec![
        Section::new(level, "steps", "The five steps", &recipe::five_steps(run, level.below())),
        Section::new(level, "stages", "Stages of the network", &recipe::stages(run)),
    ];
    if let Some(record) = &run.advice {
        let advised = advice::followed(record);
        sections.push(Section::new(level, "advice", "How far back", &advised));
    }
    if !run.plan.is_empty() {
        sections.push(Section::new(level, "plan", "Learning rates", &plan::plan(run)));
    }
    sections.push(Section::new(level, "curves", "Learning curves", &curves::curves(run)));
    if let Some(flow) = gradients::gradients(run) {
        sections.push(Section::new(level, "gradients", "Gradient flow", &flow));
    }
    if let Some(evaluation) = headline(run) {
        let results = confusion::results(run, evaluation, level.below());
        sections.push(Section::new(level, "results", "Results by class", &results));
    }
    if let Some(evaluation) = headline(run) {
        if let Some(metrics) = metrics::metrics(evaluation) {
            sections.push(Section::new(level, "metrics", "F1, AUROC, average precision", &metrics));
        }
        if let Some(coverage) = metrics::coverage(run, evaluation) {
            sections.push(Section::new(level, "coverage", "When to say “unknown”", &coverage));
        }
    }
    if let Some(calibration) = calibration::calibration(run) {
        sections.push(Section::new(level, "calibration", "Calibration", &calibration));
    }
    if !run.samples.is_empty() {
        sections.push(Section::new(
            level,
            "samples",
            "Sample predictions",
            &samples::samples(run, level.below()),
        ));
    }
    sections.push(Section::new(level, "data", "Data", &data::data(&run.data, level.below())));
    sections.push(Section::new(level, "weights", "Source weights", &data::load_report(&run.load)));
    sections.push(Section::new(
        level,
        "config",
        "Configuration",
        &data::configuration("Configuration", &run.config),
    ));
    sections.push(Section::new(level, "digests", "Digests", &data::digests(&run.digests)));
    sections
}

/// The result in one figure and a few facts.
pub(super) fn verdict(run: &RunRecord) -> Markup {
    html! {
        @if interrupted(run) {
            p.notice role="note" {
                strong { "Interrupted. " }
                "This run was stopped before its end. What was trained until then is saved and shown here; "
                "the figures are those of an unfinished model."
            }
        }
        div.verdict {
            @match headline(run) {
                Some(evaluation) => (figure_of_merit(evaluation)),
                None => p.figure-of-merit { strong { "–" } span { "Not measured: no validation or test images." } },
            }
            (facts(run))
        }
        (evaluations(run))
    }
}

fn figure_of_merit(evaluation: &EvaluationRecord) -> Markup {
    html! {
        p.figure-of-merit {
            strong { (numbers::percent(evaluation.accuracy)) }
            span {
                (evaluation.split) " accuracy on " (numbers::counted(evaluation.images, "image")) (chosen(evaluation))
                @if let Some(interval) = interval(evaluation) {
                    br; span.muted.small { (interval) }
                }
            }
        }
    }
}

/// Confidence interval of the accuracy, given the number of images.
fn interval(evaluation: &EvaluationRecord) -> Option<String> {
    let measured = evaluation.images > 0 && (0.0..=1.0).contains(&evaluation.accuracy);
    measured.then(|| {
        let total = evaluation.images as f64;
        let interval = statistics::wilson(evaluation.accuracy * total, total);
        format!("95% interval: {} to {}", numbers::percent(interval.low), numbers::percent(interval.high))
    })
}

fn facts(run: &RunRecord) -> Markup {
    let threads = numbers::counted(u64::from(run.threads), "thread");
    html! {
        dl.facts {
            div {
                dt { "Network" }
                dd {
                    (run.arch) ", " (depth_in_words(&run.depth))
                    @if let Some(ending) = &run.ending { "; it " (ending) }
                }
            }
            div { dt { "Source weights" } dd { (run.load.weights) } }
            div { dt { "Training images" } dd { (numbers::count(run.data.train)) " of " (classes(run)) } }
            @if let Some(record) = &run.kept { div { dt { "Weights kept" } dd { (kept(record)) } } }
            div { dt { "Time" } dd { (numbers::duration(run.seconds)) } }
            div { dt { "Device" } dd { (run.device) ", " (threads) } }
            div { dt { "Seed" } dd { (run.seed) } }
        }
    }
}

fn classes(run: &RunRecord) -> String {
    match run.data.classes.len() {
        1 => "1 class".into(),
        n => format!("{} classes", numbers::count(n as u64)),
    }
}

/// All evaluations, where there is more than the accuracy of one split.
fn evaluations(run: &RunRecord) -> Markup {
    // Balanced accuracy differs where classes are imbalanced.
    let differs = |e: &EvaluationRecord| !e.groups.is_empty() || e.accuracy != e.balanced_accuracy;
    let more = run.evaluations.len() > 1 || run.evaluations.iter().any(differs);
    let mut groups: Vec<&String> = run.evaluations.iter().flat_map(|e| e.groups.keys()).collect();
    groups.sort();
    groups.dedup();
    let table = html! {
        table {
            caption { "Measured once, after training" }
            thead {
                tr {
                    th scope="col" { "Split" } th.num scope="col" { "Images" } th.num scope="col" { "Loss" }
                    th.num scope="col" { "Accuracy" } th.num scope="col" { "Balanced accuracy" }
                    @for group in &groups { th.num scope="col" { "Accuracy, “" (group) "”" } }
                }
            }
            tbody {
                @for evaluation in &run.evaluations {
                    tr {
                        th scope="row" { (evaluation.split) (chosen(evaluation)) }
                        td.num { (numbers::count(evaluation.images)) }
                        td.num { (numbers::loss(evaluation.loss)) }
                        td.num { (numbers::percent(evaluation.accuracy)) }
                        td.num { (numbers::percent(evaluation.balanced_accuracy)) }
                        @for group in &groups {
                            td.num { (evaluation.groups.get(*group).map_or("–".into(), |a| numbers::percent(*a))) }
                        }
                    }
                }
            }
        }
    };
    html! { @if more { (super::shell::scroll("Measurements", &table)) } }
}
