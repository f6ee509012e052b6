//! Training under each setting of a comparison: overfitting, and gradients of the early stages.

use maud::{Markup, html};
use records::{Amount, ComparisonRecord, MeanSd, TraceRecord};

use super::curves::accuracy_chart;
use super::gradients::flow_chart;
use super::shell::scroll;
use crate::numbers;
use crate::phrases::{gap_in_points, method_in_words, ratio_in_words};
use crate::plot::LineChart;

/// `None` where the record holds no traces.
pub(super) fn section(comparison: &ComparisonRecord) -> Option<Markup> {
    if comparison.traces.is_empty() {
        return None;
    }
    let flows = flow_charts(comparison);
    Some(html! {
        p {
            "A network that classifies its training images correctly and other images not has overfitted: the gap between the two "
            "accuracies measures it. Training accuracy is that of the last epoch, measured while training with dropout and "
            "augmentation on, which lowers it."
        }
        (scroll("Training", &table(comparison)))
        p { "Training and validation accuracy of the first seed of each setting:" }
        div.pair { @for chart in accuracy_charts(comparison) { div.panel { (chart.figure()) } } }
        @if !flows.is_empty() {
            p {
                "Gradient flow of the same runs: the L2 norm of the gradient over all parameters of each live stage. Early stages "
                "with much smaller gradients than the late ones learn slowly."
            }
            div.pair { @for chart in flows { div.panel { (chart.figure()) } } }
        }
    })
}

/// Accuracy over the epochs, a chart for each trace.
pub(crate) fn accuracy_charts(comparison: &ComparisonRecord) -> Vec<LineChart> {
    let chart = |(index, trace): (usize, &TraceRecord)| {
        accuracy_chart(&trace.run).named(format!("training-{index}"), name(trace)).reaching([0.0, 1.0])
    };
    comparison.traces.iter().enumerate().map(chart).collect()
}

/// Gradient norms over the steps, a chart for each trace that has more than one live stage; all to one scale.
pub(crate) fn flow_charts(comparison: &ComparisonRecord) -> Vec<LineChart> {
    let several = |trace: &&TraceRecord| {
        trace.run.epochs.iter().flat_map(|epoch| &epoch.gradients).any(|moment| moment.norms.len() > 1)
    };
    let charts: Vec<LineChart> = comparison
        .traces
        .iter()
        .filter(several)
        .enumerate()
        .filter_map(|(index, trace)| {
            Some(flow_chart(&trace.run)?.named(format!("flow-{index}"), name(trace)))
        })
        .collect();
    let values = || charts.iter().flat_map(LineChart::values);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    charts.into_iter().map(|chart| chart.reaching([low, high])).collect()
}

/// `resnet18, 10 images per class`.
fn name(trace: &TraceRecord) -> String {
    let variant = if trace.variant.is_empty() { String::new() } else { format!("{}, ", trace.variant) };
    let amount = Amount(trace.images_per_class).in_words();
    format!("{variant}{}, {amount}", method_in_words(&trace.method))
}

fn table(comparison: &ComparisonRecord) -> Markup {
    let variants = comparison.rows.iter().any(|row| !row.variant.is_empty());
    let spread = |seen: MeanSd| numbers::percent_spread(seen.mean, seen.sd);
    html! {
        table {
            caption { "Mean ± standard deviation over the seeds, in percent; the ratio as median (smallest to largest)" }
            thead {
                tr {
                    @if variants { th scope="col" { "Variant" } }
                    th.num scope="col" { "Images per class" } th scope="col" { "Setting" }
                    th.num scope="col" { "Training accuracy" } th.num scope="col" { "Accuracy" } th.num scope="col" { "Gap, points" }
                    th.num scope="col" { "Gradient norm, earliest stage / latest" }
                }
            }
            tbody {
                @for row in comparison.rows.iter().filter(|row| row.seeds > 0 || row.diverged == 0) {
                    tr {
                        @if variants { td.nowrap { (row.variant) } }
                        td.num { (Amount(row.images_per_class).label()) }
                        th.nowrap scope="row" { (method_in_words(&row.method)) }
                        td.num { (row.train_accuracy.map_or("–".into(), spread)) }
                        td.num { (numbers::percent_spread(row.accuracy_mean, row.accuracy_sd)) }
                        td.num { (gap_in_points(row)) }
                        td.num { (row.gradient_ratio.map_or("–".into(), ratio_in_words)) }
                    }
                }
            }
        }
    }
}
