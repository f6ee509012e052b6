//! Calibration: how well the model's probabilities match its accuracy.

use maud::{Markup, html};
use records::{CalibrationRecord, EvaluationRecord, ReliabilityRecord, RunRecord};

use super::shell::scroll;
use crate::numbers;
use crate::phrases::headline;
use crate::plot::{Axis, LineChart, Series};

/// `None` where the record holds no calibration.
pub(super) fn calibration(run: &RunRecord) -> Option<Markup> {
    let evaluation = headline(run)?;
    let calibration = evaluation.calibration.as_ref()?;
    let chart = reliability_chart(run, evaluation)?;
    Some(html! {
        p {
            "Of predictions with a probability of 80%, 80% should be correct. On the " (evaluation.split) " split the expected "
            "calibration error, the mean difference of the two over " (calibration.raw.bins.len())
            " bins (Guo et al. 2017), is " (numbers::percent(calibration.raw.error)) " before temperature scaling"
            @if let Some(scaled) = &calibration.scaled {
                " and " (numbers::percent(scaled.error)) " at the temperature of the model"
            }
            "."
        }
        p { (temperature_in_words(run)) }
        div.split {
            div.panel { (chart.figure()) p.plot-note { (fillings(calibration)) } }
            div { (scroll("Calibration", &table(run))) }
        }
        details {
            summary { "The reliability diagram as a table" }
            (scroll("Reliability", &bins(evaluation, calibration)))
        }
    })
}

/// The reliability diagram; `None` where the evaluation has no calibration.
fn reliability_chart(run: &RunRecord, evaluation: &EvaluationRecord) -> Option<LineChart> {
    let calibration = evaluation.calibration.as_ref()?;
    let points = |record: &ReliabilityRecord| {
        record.bins.iter().filter_map(|bin| bin.confidence.zip(bin.accuracy)).collect::<Vec<_>>()
    };
    let axis = |label: &str| Axis::linear(label).percent().including(0.0).including(1.0);
    let x = axis("mean probability in a bin");
    let mut chart = LineChart::new("reliability", "Reliability diagram", x, axis("accuracy in the bin"))
        .series(Series::new("unscaled").points(points(&calibration.raw)));
    if let Some(scaled) = &calibration.scaled {
        chart = chart.series(Series::new(at_temperature(run)).points(points(scaled)));
    }
    Some(chart.series(Series::reference("calibrated").points([(0.0, 0.0), (1.0, 1.0)])))
}

/// Sizes of the bins that the points of the diagram stand for.
fn fillings(calibration: &CalibrationRecord) -> String {
    let both = [Some(&calibration.raw), calibration.scaled.as_ref()].into_iter().flatten();
    let filled: Vec<u64> =
        both.flat_map(|record| &record.bins).map(|bin| bin.images).filter(|&images| images > 0).collect();
    match (filled.iter().min(), filled.iter().max()) {
        (Some(&least), Some(&most)) if least < most => format!(
            "Each point is a bin of {} to {} images; small bins are noisy.",
            numbers::count(least),
            numbers::count(most)
        ),
        _ => String::new(),
    }
}

fn at_temperature(run: &RunRecord) -> String {
    match run.temperature.as_ref().and_then(|temperature| temperature.value) {
        Some(value) => format!("at temperature {}", numbers::significant(value)),
        None => "at the model’s temperature".into(),
    }
}

fn temperature_in_words(run: &RunRecord) -> String {
    let Some(temperature) = &run.temperature else { return String::new() };
    match temperature.value {
        Some(value) => format!(
            "The temperature {} was fitted on {}; it is stored with the model, and predict divides logits by it before \
             the softmax. It never changes which class is the most probable.{}",
            numbers::significant(value),
            numbers::counted(temperature.images, "validation image"),
            match value {
                value if value > 1.0 => " Above 1, the network was overconfident.",
                value if value < 1.0 => " Below 1, the network was underconfident.",
                _ => "",
            }
        ),
        None => format!(
            "No temperature was fitted: {}. Probabilities are the softmax of the logits.",
            temperature.unfitted
        ),
    }
}

fn table(run: &RunRecord) -> Markup {
    html! {
        table {
            caption {
                "Loss and expected calibration error"
                @if run.temperature.as_ref().is_some_and(|temperature| temperature.value.is_some()) {
                    ", before scaling and at the temperature. On the validation split, which the temperature was fitted on, the "
                    "figures at the temperature are optimistic"
                }
                "."
            }
            thead {
                tr {
                    th scope="col" { "Split" } th scope="col" { "Probabilities" } th.num scope="col" { "Loss" }
                    th.num scope="col" { "Calibration error" }
                }
            }
            tbody {
                @for evaluation in &run.evaluations {
                    @if let Some(calibration) = &evaluation.calibration {
                        (row(&evaluation.split, "unscaled", &calibration.raw))
                        @if let Some(scaled) = &calibration.scaled {
                            (row(&evaluation.split, &at_temperature(run), scaled))
                        }
                    }
                }
            }
        }
    }
}

fn row(split: &str, probabilities: &str, record: &ReliabilityRecord) -> Markup {
    html! {
        tr {
            th scope="row" { (split) }
            td { (probabilities) }
            td.num { (numbers::loss(record.loss)) }
            td.num { (numbers::percent(record.error)) }
        }
    }
}

fn bins(evaluation: &EvaluationRecord, calibration: &CalibrationRecord) -> Markup {
    let count = calibration.raw.bins.len().max(1) as f64;
    let percent = |value: Option<f64>| value.map_or("–".into(), numbers::percent);
    html! {
        table {
            caption {
                "Predictions on the " (evaluation.split) " split by their probability: number of images, mean probability, and accuracy"
            }
            thead {
                tr {
                    th scope="col" { "Probability" } th.num scope="col" { "Images" }
                    th.num scope="col" { "Mean, unscaled" } th.num scope="col" { "Accuracy" }
                    @if calibration.scaled.is_some() {
                        th.num scope="col" { "Images, at temperature" } th.num scope="col" { "Mean" }
                        th.num scope="col" { "Accuracy" }
                    }
                }
            }
            tbody {
                @for (index, bin) in calibration.raw.bins.iter().enumerate() {
                    tr {
                        th.nowrap scope="row" {
                            (numbers::percent(index as f64 / count)) " to " (numbers::percent((index + 1) as f64 / count))
                        }
                        td.num { (numbers::count(bin.images)) } td.num { (percent(bin.confidence)) }
                        td.num { (percent(bin.accuracy)) }
                        @if let Some(bin) = calibration.scaled.as_ref().and_then(|scaled| scaled.bins.get(index)) {
                            td.num { (numbers::count(bin.images)) } td.num { (percent(bin.confidence)) }
                            td.num { (percent(bin.accuracy)) }
                        }
                    }
                }
            }
        }
    }
}
