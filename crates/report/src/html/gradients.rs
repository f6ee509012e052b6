//! Gradient flow: how large the gradient of each live stage is over training.

use maud::{Markup, html};
use records::{GradientRecord, RunRecord};
use statistics::median;

use super::shell::scroll;
use crate::numbers;
use crate::phrases::{moments, steps_before};
use crate::plot::{Axis, LineChart, Series};

/// `None` where the record holds no gradients.
pub(super) fn gradients(run: &RunRecord) -> Option<Markup> {
    let seen: Vec<&GradientRecord> = run.epochs.iter().flat_map(|epoch| &epoch.gradients).collect();
    let stages = stages(run, &seen);
    if stages.is_empty() {
        return None;
    }
    let table = table(&stages, &seen);
    Some(html! {
        p {
            "The L2 norm of the gradient over all parameters of each live stage, before clipping, at up to 64 moments in each of the "
            "phases train-head and fine-tune. " (first_against_last(&stages, &seen))
        }
        @if let Some(chart) = flow_chart(run) { div.panel.solo { (chart.figure()) } }
        details {
            summary { "Gradients of each stage as a table" }
            (scroll("Gradients", &table))
        }
    })
}

/// The chart; `None` where the record holds no gradients.
pub(super) fn flow_chart(run: &RunRecord) -> Option<LineChart> {
    let seen: Vec<&GradientRecord> = run.epochs.iter().flat_map(|epoch| &epoch.gradients).collect();
    let stages = stages(run, &seen);
    let x = Axis::linear("step").whole_numbers();
    let mut chart =
        LineChart::new("gradients", "Gradient flow", x, Axis::logarithmic("gradient norm")).ordered();
    for stage in &stages {
        let points = seen.iter().filter_map(|moment| Some((moment.step as f64, *moment.norms.get(*stage)?)));
        chart = chart.series(Series::new(*stage).points(points));
    }
    for moment in moments(run) {
        chart = chart.mark(steps_before(run, moment.epochs) as f64 + 0.5, moment.label);
    }
    (!stages.is_empty()).then_some(chart)
}

/// The stages with gradients, from input to head; those that the record does not list come last.
fn stages<'a>(run: &'a RunRecord, seen: &[&'a GradientRecord]) -> Vec<&'a str> {
    let has = |name: &str| seen.iter().any(|moment| moment.norms.contains_key(name));
    let listed = run.stages.iter().map(|stage| stage.name.as_str()).filter(|name| has(name));
    let mut stages: Vec<&str> = listed.collect();
    for name in seen.iter().flat_map(|moment| moment.norms.keys()) {
        if !stages.contains(&name.as_str()) {
            stages.push(name);
        }
    }
    stages
}

/// The finite norms of one stage, in order.
fn norms(stage: &str, seen: &[&GradientRecord]) -> Vec<f64> {
    seen.iter()
        .filter_map(|moment| moment.norms.get(stage).copied())
        .filter(|norm| norm.is_finite())
        .collect()
}

/// Ratio of the gradient norms of the first and the last live stage, over the moments at which both are live.
fn first_against_last(stages: &[&str], seen: &[&GradientRecord]) -> String {
    let (Some(first), Some(last)) = (stages.first(), stages.last()) else { return String::new() };
    let ratio = |moment: &&GradientRecord| Some(moment.norms.get(*first)? / moment.norms.get(*last)?);
    let ratios: Vec<f64> = seen.iter().filter_map(ratio).filter(|ratio| ratio.is_finite()).collect();
    match median(&ratios) {
        Some(ratio) if first != last => format!(
            "Where both are trained, the median gradient norm of {first}, the earliest stage, is {} times that of {last}.",
            numbers::significant((ratio * 1e3).round() / 1e3)
        ),
        _ => String::new(),
    }
}

fn table(stages: &[&str], seen: &[&GradientRecord]) -> Markup {
    html! {
        table {
            caption { "Gradient norms of the live stages from input to head, over the moments at which each was trained" }
            thead {
                tr {
                    th scope="col" { "Stage" } th.num scope="col" { "Moments" } th.num scope="col" { "First" }
                    th.num scope="col" { "Median" } th.num scope="col" { "Last" } th.num scope="col" { "Largest" }
                }
            }
            tbody {
                @for stage in stages {
                    @let norms = norms(stage, seen);
                    @let written = |norm: Option<f64>| norm.map_or("–".into(), numbers::significant);
                    tr {
                        th scope="row" { (stage) }
                        td.num { (norms.len()) }
                        td.num { (written(norms.first().copied())) }
                        td.num { (written(median(&norms))) }
                        td.num { (written(norms.last().copied())) }
                        td.num { (written(norms.iter().copied().max_by(f64::total_cmp))) }
                    }
                }
            }
        }
    }
}
