//! Learning rates as they were planned and as they were used, and a range test.

use maud::{Markup, html};
use records::{EpochRecord, PhasePlanRecord, RangeRecord, RunRecord, StagePlanRecord};

use super::shell::{Level, Page, Section, scroll};
use crate::numbers;
use crate::phrases::{depth_in_words, span, thaw};
use crate::plot::{Axis, LineChart, Series};
use crate::text::range_verdict;

/// Learning rate of every group of stages over the steps of each phase, and when they thaw.
pub(super) fn plan(run: &RunRecord) -> Markup {
    html! {
        p {
            "The learning rate of each group of stages over the optimizer steps of each phase, as planned before it began. "
            "A line begins where its stages thaw. "
            "Where the learning rate was reduced during training, the actual one of the head is shown too."
        }
        @for decision in &run.decisions {
            p { code { (decision.key) " = " (decision.value) } ", decided before training: " (decision.because) "." }
        }
        div.pair {
            @for (phase, chart) in run.plan.iter().zip(rate_charts(run)) {
                div.panel {
                    (chart.figure())
                    p.plot-note {
                        (numbers::counted(phase.epochs.into(), "epoch")) " of "
                        (numbers::counted(phase.steps_per_epoch, "step"))
                        @if !phase.epochs_by.is_empty() { " (by " (phase.epochs_by) ")" }
                        "; " (phase.policy) "."
                    }
                }
            }
        }
    }
}

/// Adjacent stages with the same learning rate that thaw together.
fn groups(phase: &PhasePlanRecord) -> Vec<Vec<&StagePlanRecord>> {
    let live: Vec<&StagePlanRecord> =
        phase.stages.iter().filter(|stage| stage.thaws.is_some() && stage.parameters > 0).collect();
    let alike =
        |a: &&StagePlanRecord, b: &&StagePlanRecord| a.thaws == b.thaws && a.rate_scale == b.rate_scale;
    live.chunk_by(alike).map(<[_]>::to_vec).collect()
}

fn names<'a>(group: &[&'a StagePlanRecord]) -> Vec<&'a str> {
    group.iter().map(|stage| stage.name.as_str()).collect()
}

/// Learning rates of every phase, a chart for each.
fn rate_charts(run: &RunRecord) -> Vec<LineChart> {
    run.plan.iter().enumerate().map(|(number, phase)| chart(number, phase, &run.epochs)).collect()
}

fn chart(number: usize, phase: &PhasePlanRecord, epochs: &[EpochRecord]) -> LineChart {
    let x = Axis::linear("step").whole_numbers();
    let mut chart = LineChart::new(
        format!("plan-{number}"),
        format!("Rates in {}", phase.phase),
        x,
        Axis::logarithmic("learning rate"),
    );
    let begins = |stage: &StagePlanRecord| {
        u64::from(stage.thaws.unwrap_or(1).saturating_sub(1)).saturating_mul(phase.steps_per_epoch)
    };
    for group in groups(phase).iter().rev() {
        let first = begins(group[0]);
        let points = phase.rates.iter().filter(|point| point.step >= first);
        let points = points.map(|point| (point.step as f64, point.rate * group[0].rate_scale));
        let names = names(group);
        chart = chart.series(Series::new(span(&names)).points(points));
        if first > 0 {
            chart = chart.mark(first as f64, format!("{} {}", span(&names), thaw(&names)));
        }
    }
    let used = used(phase, epochs);
    let mut before = 1.0;
    for (epoch, now) in used.iter().map(|used| (used.epoch, used.rate / used.planned)) {
        if now < before * (1.0 - DEPARTED) {
            let begins = phase.steps_per_epoch.saturating_mul(u64::from(epoch).saturating_sub(1));
            chart = chart.mark(begins as f64, format!("reduced in epoch {epoch}"));
        }
        before = now;
    }
    if used.iter().any(|used| (used.rate / used.planned - 1.0).abs() > DEPARTED) {
        let points = used.iter().map(|used| (used.step as f64, used.rate));
        chart = chart.series(Series::new("head, as used").points(points));
    }
    chart
}

/// A rate that differs from the planned one by more than this share departs from it; less may be between two points.
const DEPARTED: f64 = 0.05;

/// The rate of the head at the last step of an epoch.
struct Used {
    epoch: u32,
    step: u64,
    rate: f64,
    planned: f64,
}

/// The rates at the ends of a phase's epochs, as they were used and as they were planned.
fn used(phase: &PhasePlanRecord, epochs: &[EpochRecord]) -> Vec<Used> {
    let of_phase = epochs.iter().filter(|epoch| epoch.phase == phase.phase);
    let used = of_phase.filter_map(|record| {
        let step = phase.steps_per_epoch.saturating_mul(record.epoch.into()).checked_sub(1)?;
        let (epoch, rate) = (record.epoch, record.learning_rate);
        let planned = planned_near(phase, step, rate)?;
        (rate > 0.0 && planned > 0.0).then_some(Used { epoch, step, rate, planned })
    });
    used.collect()
}

/// What was planned for a step: of what lies between the two points around it, the nearest to `rate`.
fn planned_near(phase: &PhasePlanRecord, step: u64, rate: f64) -> Option<f64> {
    let next = phase.rates.iter().position(|point| point.step >= step)?;
    let (before, after) = (phase.rates[next.saturating_sub(1)].rate, phase.rates[next].rate);
    let exact = phase.rates[next].step == step;
    Some(if exact { after } else { rate.max(before.min(after)).min(before.max(after)) })
}

/// The page of a range test.
pub(super) fn range_page(range: &RangeRecord) -> Page {
    let sections = [
        Section::new(Level::SECTION, "curve", "Loss against rate", &curve(range)),
        Section::new(Level::SECTION, "table", "All steps", &table(range)),
    ];
    Page {
        title: format!("{}: learning-rate range test", range.name),
        header: html! {
            p.eyebrow { "Transfer learning, learning-rate range test" }
            h1 { (range.name) }
            p.question { (range_verdict(range)) }
            dl.facts {
                div { dt { "Network" } dd { (range.arch) ", " (depth_in_words(&range.depth)) } }
                div { dt { "Policies" } dd { (range.policy) } }
                div { dt { "Images per step" } dd { (numbers::count(range.batch_size)) } }
                div { dt { "Time" } dd { (numbers::duration(range.seconds)) } }
            }
        },
        contents: sections.iter().map(super::Link::from).collect(),
        main: html! { @for section in &sections { (section.body) } },
    }
}

fn curve(range: &RangeRecord) -> Markup {
    let mut chart = LineChart::new(
        "range",
        "Loss",
        Axis::logarithmic("learning rate of the head"),
        Axis::linear("cross-entropy (nats)"),
    )
    .series(Series::new("smoothed").points(range.points.iter().map(|point| (point.rate, point.smoothed))))
    .series(Series::reference("each step").points(range.points.iter().map(|point| (point.rate, point.loss))));
    let marks = [("falls fastest", range.steepest), ("a tenth of the lowest", range.tenth_of_lowest)];
    for (label, rate) in marks {
        if let Some(rate) = rate {
            chart = chart.mark(rate, label);
        }
    }
    html! {
        p {
            "One optimizer step at each of a series of rising learning rates, starting from a new head"
            @if range.ran_away { "; it ended where the loss diverged." } @else { "." }
            " The trained weights are discarded."
        }
        div.panel { (chart.figure()) }
    }
}

fn table(range: &RangeRecord) -> Markup {
    let table = html! {
        table {
            caption { "Loss before the step at each rate" }
            thead { tr { th.num scope="col" { "Rate" } th.num scope="col" { "Loss" } th.num scope="col" { "Smoothed" } } }
            tbody {
                @for point in &range.points {
                    tr {
                        th.num scope="row" { (numbers::significant(point.rate)) }
                        td.num { (numbers::loss(point.loss)) }
                        td.num { (numbers::loss(point.smoothed)) }
                    }
                }
            }
        }
    };
    scroll("Steps", &table)
}
