//! Loss and accuracy over the epochs of both phases.

use maud::{Markup, html};
use records::{EpochRecord, RunRecord};

use super::shell::scroll;
use crate::numbers;
use crate::phrases::moments;
use crate::plot::{Axis, LineChart, Series};

pub(super) fn curves(run: &RunRecord) -> Markup {
    if run.epochs.is_empty() {
        return html! { p { "No epoch was completed, so there is nothing to draw." } };
    }
    let validated = run.epochs.iter().any(|e| e.validation_loss.is_some() || e.validation_accuracy.is_some());
    html! {
        p {
            "Training figures are measured while training, with augmentation and dropout on"
            @if validated { "; validation figures at the end of each epoch." }
            @else { ". There is no validation set, so overfitting cannot be seen here." }
        }
        div.pair {
            div.panel { (loss_chart(run).figure()) }
            div.panel { (accuracy_chart(run).figure()) }
        }
        details {
            summary { "All epochs as a table" }
            (scroll("Epochs", &epoch_table(&run.epochs)))
        }
    }
}

fn loss_chart(run: &RunRecord) -> LineChart {
    let axis = Axis::linear("cross-entropy (nats)").including(0.0);
    let chart = LineChart::new("loss", "Loss", Axis::linear("epoch").whole_numbers(), axis);
    draw(chart, run, |e| Some(e.train_loss), |e| e.validation_loss)
}

/// Training and validation accuracy over the epochs.
pub(super) fn accuracy_chart(run: &RunRecord) -> LineChart {
    let axis = Axis::linear("accuracy").percent();
    let chart = LineChart::new("accuracy", "Accuracy", Axis::linear("epoch").whole_numbers(), axis);
    let chart = draw(chart, run, |e| Some(e.train_accuracy), |e| e.validation_accuracy);
    if !uneven(&run.epochs) {
        return chart;
    }
    let balanced = (1u32..).zip(&run.epochs);
    let balanced = balanced.filter_map(|(i, e)| Some((f64::from(i), e.validation_balanced_accuracy?)));
    chart.series(Series::new("validation, balanced").points(balanced))
}

/// Whether balanced accuracy differs from accuracy.
fn uneven(epochs: &[EpochRecord]) -> bool {
    let both = epochs.iter().filter_map(|e| e.validation_accuracy.zip(e.validation_balanced_accuracy));
    both.into_iter().any(|(plain, balanced)| (plain - balanced).abs() > 1e-9)
}

type Figure = fn(&EpochRecord) -> Option<f64>;

fn draw(mut chart: LineChart, run: &RunRecord, train: Figure, validation: Figure) -> LineChart {
    let line =
        |figure: Figure| (1u32..).zip(&run.epochs).filter_map(move |(i, e)| Some((f64::from(i), figure(e)?)));
    chart = chart.series(Series::new("training").points(line(train)));
    if line(validation).next().is_some() {
        chart = chart.series(Series::new("validation").points(line(validation)));
    }
    for moment in moments(run) {
        chart = chart.mark(moment.epochs as f64 + 0.5, moment.label);
    }
    if let Some(place) = kept_epoch(run) {
        chart = chart.mark(f64::from(place), "kept");
    }
    chart
}

/// The epoch, from 1 over both phases, whose weights were chosen for the model.
fn kept_epoch(run: &RunRecord) -> Option<u32> {
    let kept = run.kept.as_ref().filter(|kept| kept.chosen_on.is_some())?;
    let chosen = |epoch: &EpochRecord| epoch.phase == kept.phase && epoch.epoch == kept.epoch;
    (1u32..).zip(&run.epochs).find(|(_, epoch)| chosen(epoch)).map(|(place, _)| place)
}

fn epoch_table(epochs: &[EpochRecord]) -> Markup {
    let percent = |value: Option<f64>| value.map_or("–".into(), numbers::percent);
    let uneven = uneven(epochs);
    html! {
        table.wide {
            caption { "One row for each epoch: loss and accuracy of training, then of validation" }
            thead {
                tr {
                    th scope="col" { "Phase" } th.num scope="col" { "Epoch" }
                    th.num scope="col" { "Train loss" } th.num scope="col" { "Train accuracy" }
                    th.num scope="col" { "Val. loss" } th.num scope="col" { "Val. accuracy" }
                    @if uneven { th.num scope="col" { "Balanced" } }
                    th.num scope="col" { "Learning rate" } th.num scope="col" { "Images/s" } th.num scope="col" { "Time" }
                }
            }
            tbody {
                @for epoch in epochs {
                    tr {
                        th.nowrap scope="row" { (epoch.phase) }
                        td.num { (epoch.epoch) }
                        td.num { (numbers::loss(epoch.train_loss)) }
                        td.num { (numbers::percent(epoch.train_accuracy)) }
                        td.num { (epoch.validation_loss.map_or("–".into(), numbers::loss)) }
                        td.num { (percent(epoch.validation_accuracy)) }
                        @if uneven { td.num { (percent(epoch.validation_balanced_accuracy)) } }
                        td.num { (numbers::significant(epoch.learning_rate)) }
                        td.num { (numbers::significant(epoch.images_per_second)) }
                        td.num { (numbers::duration(epoch.seconds)) }
                    }
                }
            }
        }
    }
}
