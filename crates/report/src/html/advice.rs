//! How far back to fine-tune: the advice and its evidence.

use maud::{Markup, html};
use records::{AdviceRecord, StageEvidence};

use super::shell::{Level, Page, Section, scroll};
use crate::numbers;
use crate::phrases::depth_in_words;
use crate::plot::{Axis, LineChart, Series};
use crate::text::{
    ADVICE_LIMITS, LITTLE_VALUE, arm_name, arm_standing, best_arm, end, has_scores, loss, notable_arms,
    search_costs, similarity,
};

/// The page of advice without a run.
pub(super) fn page(record: &AdviceRecord) -> Page {
    let sections = [Section::new(Level::SECTION, "evidence", "The evidence", &evidence(record))];
    Page {
        title: format!("{}: how far back to fine-tune {}", record.name, record.arch),
        header: html! {
            p.eyebrow { "Transfer learning, how far back" }
            h1 { (record.name) }
            (little_value(record))
            div.verdict {
                p.figure-of-merit { strong { (record.depth) } span { (depth_in_words(&record.depth)) (end(record)) } }
                (facts(record))
            }
            p.question { (record.paragraph) }
        },
        contents: sections.iter().map(super::Link::from).collect(),
        main: html! { @for section in &sections { (section.body) } },
    }
}

/// Notice that transfer gains little, before everything else.
fn little_value(record: &AdviceRecord) -> Markup {
    html! { @if record.little_value { p.notice role="note" { strong { (LITTLE_VALUE) } } } }
}

fn facts(record: &AdviceRecord) -> Markup {
    html! {
        dl.facts {
            div { dt { "Network" } dd { (record.arch) ", " (record.weights) } }
            div { dt { "Training images" } dd { (numbers::significant(record.images_per_class)) " of each of " (numbers::count(record.classes)) " classes" } }
            div { dt { "Images examined" } dd { (numbers::count(record.images)) } }
            div { dt { "Learning rate" } dd { (rates(record)) } }
            div { dt { "Time" } dd { (numbers::duration(record.seconds)) } }
        }
    }
}

/// The head's rate and that of the stages before it.
fn rates(record: &AdviceRecord) -> String {
    let head = format!("head {}", numbers::significant(record.learning_rate));
    if record.stages.iter().all(|stage| stage.rate_scale.is_none()) {
        return head;
    }
    format!("{head}, stages before it × {}", numbers::significant(record.rate_scale))
}

/// The advice and its evidence, as part of the page of a run.
pub(super) fn followed(record: &AdviceRecord) -> Markup {
    html! {
        (little_value(record))
        p.question { (record.paragraph) }
        (evidence(record))
    }
}

/// Charts, table and times.
fn evidence(record: &AdviceRecord) -> Markup {
    html! {
        div.pair {
            @for chart in charts(record) { div.panel { (chart.figure()) } }
        }
        (scroll("Evidence for each stage", &table(record)))
        @if notable_arms(record).next().is_some() { (scroll("Linear classifiers on frozen stages", &arms(record))) }
        ul.sentences {
            li { (similarity(record)) }
            @if let Some(best) = best_arm(record) { li { (best) } }
            @if let Some(costs) = search_costs(record) { li { (costs) } }
            li { (ADVICE_LIMITS) }
            @if !record.standing.is_empty() { li { (record.standing) } }
        }
        details {
            summary { "Where the time went" }
            (scroll("Seconds", &times(record)))
        }
    }
}

/// The probe over the stages; LogME and the H-score where they were computed.
fn charts(record: &AdviceRecord) -> Vec<LineChart> {
    let mut charts = vec![probe_chart(record), loss_chart(record)];
    if has_scores(record) {
        charts.extend([
            score_chart("advice-logme", "LogME", "log evidence per image (nats)", record, |s| s.logme),
            score_chart("advice-h-score", "H-score", "H-score", record, |s| s.h_score),
        ]);
    }
    charts
}

fn loss_chart(record: &AdviceRecord) -> LineChart {
    score_chart("advice-loss", "Loss of a linear probe", "held-out cross-entropy (nats)", record, |s| {
        Some(s.loss)
    })
}

/// Stages along the x axis, by name.
fn stages(record: &AdviceRecord) -> Axis {
    // Names of many stages would overlap; the full ones are in the table and the tooltips.
    let short = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let crowded = record.stages.len() > 7;
    let label = |stage: &StageEvidence| if crowded { short(&stage.name) } else { stage.name.clone() };
    Axis::linear("after stage").ticks_at((0u32..).zip(&record.stages).map(|(i, s)| (f64::from(i), label(s))))
}

fn probe_chart(record: &AdviceRecord) -> LineChart {
    let chance = 1.0 / record.classes.max(1) as f64;
    let mut probe = Series::new("linear probe");
    for (i, stage) in (0u32..).zip(&record.stages) {
        probe = probe.point_with_spread(f64::from(i), stage.accuracy, stage.standard_error);
    }
    let last = record.stages.len().saturating_sub(1) as f64;
    let mut chart = LineChart::new(
        "advice-probe",
        "Accuracy of a linear probe, ± one standard error",
        stages(record),
        Axis::linear("accuracy on left-out images").percent(),
    )
    .series(probe)
    .series(Series::reference("chance").points([(0.0, chance), (last, chance)]));
    if let Some(first) = record.stages.iter().position(|stage| stage.rate_scale.is_some()) {
        chart = chart.mark(first as f64 - 0.5, "train from here");
    }
    chart
}

fn score_chart(
    id: &str,
    title: &str,
    unit: &str,
    record: &AdviceRecord,
    score: fn(&StageEvidence) -> Option<f64>,
) -> LineChart {
    let points =
        (0u32..).zip(&record.stages).map(|(i, stage)| (f64::from(i), score(stage).unwrap_or(f64::NAN)));
    LineChart::new(id, title, stages(record), Axis::linear(unit)).series(Series::new(title).points(points))
}

fn table(record: &AdviceRecord) -> Markup {
    let best = best(record);
    let scored = has_scores(record);
    html! {
        table.wide {
            caption {
                "From the image to the input of the head. Accuracy and loss of a ridge regression on the frozen features, each image classified by a fit without it"
                @if scored { "; LogME and the H-score were made to rank networks, the rule does not use them" } "."
            }
            thead {
                tr {
                    th scope="col" { "Features after" } th.num scope="col" { "Values" }
                    th.num scope="col" { "Probe accuracy" } th.num scope="col" { "± error" }
                    th.num scope="col" { "Loss" }
                    @if scored { th.num scope="col" { "LogME" } th.num scope="col" { "H-score" } }
                    th scope="col" { "Advice" }
                }
            }
            tbody {
                @for (i, stage) in record.stages.iter().enumerate() {
                    tr {
                        th scope="row" { (stage.name) }
                        td.num { (numbers::count(stage.features)) }
                        td.num { @if i == best { strong { (numbers::percent(stage.accuracy)) } } @else { (numbers::percent(stage.accuracy)) } }
                        td.num { (numbers::percent(stage.standard_error)) }
                        td.num { (loss(stage.loss)) }
                        @if scored {
                            @for score in [stage.logme, stage.h_score] { td.num { (loss(score.unwrap_or(f64::NAN))) } }
                        }
                        td.nowrap { (advised(i, stage)) }
                    }
                }
            }
        }
    }
}

/// Linear classifiers on several frozen stages, the default and the best.
fn arms(record: &AdviceRecord) -> Markup {
    html! {
        table {
            caption { "Linear classifiers on frozen stages joined. The gain is the loss of the default less this one, image by image; another than the default is taken where it exceeds its standard error." }
            thead {
                tr {
                    th scope="col" { "Head on" } th.num scope="col" { "Values" } th.num scope="col" { "Accuracy" }
                    th.num scope="col" { "± error" } th.num scope="col" { "Loss" } th.num scope="col" { "Gain" }
                    th.num scope="col" { "± error" } th scope="col" { "Choice" }
                }
            }
            tbody {
                @for arm in notable_arms(record) {
                    tr {
                        th scope="row" { (arm_name(arm)) }
                        td.num { (numbers::count(arm.features)) }
                        td.num { (numbers::percent(arm.accuracy)) }
                        td.num { (numbers::percent(arm.standard_error)) }
                        td.num { (loss(arm.loss)) }
                        td.num { (loss(arm.gain)) }
                        td.num { (loss(arm.gain_error)) }
                        td { (arm_standing(arm)) }
                    }
                }
            }
        }
    }
}

/// The stage whose probe is best; of several the last.
fn best(record: &AdviceRecord) -> usize {
    let stages = record.stages.iter().enumerate();
    stages.max_by(|(_, a), (_, b)| a.accuracy.total_cmp(&b.accuracy)).map_or(0, |(i, _)| i)
}

fn advised(index: usize, stage: &StageEvidence) -> String {
    match stage.rate_scale {
        Some(scale) => format!("train, rate × {}", numbers::significant(scale)),
        None if index == 0 => "–".to_owned(),
        None => "freeze".to_owned(),
    }
}

fn times(record: &AdviceRecord) -> Markup {
    html! {
        table {
            caption { "Wall-clock time of each part" }
            thead { tr { th scope="col" { "Part" } th.num scope="col" { "Time" } } }
            tbody {
                @for part in &record.parts {
                    tr { th scope="row" { (part.part) } td.num { (numbers::duration(part.seconds)) } }
                }
            }
        }
    }
}
