//! Many runs compared: the question, the verdict, the figure and the tables.

use maud::{Markup, html};
use records::{CellRecord, GridRecord};

use super::data;
use super::grid_training;
use super::shell::{Level, Section, scroll};
use crate::numbers;
use crate::pivot::{self, Table, images_label};
use crate::plot::{Axis, LineChart, Series};
use crate::reading::method_in_words;

/// The sections of a grid; the last one, the configuration, belongs at the page's end.
pub(super) fn sections(grid: &GridRecord) -> Vec<Section> {
    let level = Level::SECTION;
    let tables = pivot::tables(grid);
    let mut sections = vec![
        Section::new(level, "figure", "Accuracy against images per class", &figure(&tables)),
        Section::new(level, "tables", "The same in numbers", &numbers_section(grid, &tables)),
    ];
    if let Some(training) = grid_training::section(grid) {
        sections.push(Section::new(level, "training", "How training went", &training));
    }
    let configuration = data::configuration("Configuration of the comparison", &grid.config);
    sections.push(Section::new(level, "runs", "Every run", &runs(grid)));
    sections.push(Section::new(level, "grid-config", "Configuration of the comparison", &configuration));
    sections
}

/// What is asked, and what came out.
pub(super) fn question(grid: &GridRecord) -> Markup {
    let run = &grid.example;
    html! {
        p.question {
            @if of_methods(grid) {
                "With few images of each class, does it pay to start from a network that has learned something else, "
                "and how far back should it be retrained?"
            } @else { "Which of these settings does best, and does that depend on the amount of data?" }
        }
        @if !grid.verdict.is_empty() { ul.sentences { @for sentence in &grid.verdict { li { (sentence) } } } }
        @else { p { "The record draws no conclusion." } }
        dl.facts {
            div { dt { "Network" } dd { (run.arch) } }
            div { dt { "Source weights" } dd { (run.load.weights) } }
            div { dt { "Classes" } dd { (numbers::count(run.data.classes.len() as u64)) @if let Some(group) = &grid.judged_on { ", judged on “" (group) "”" } } }
            div { dt { "Runs" } dd { (numbers::count((grid.cells.len() + grid.diverged.len()) as u64)) } }
            div { dt { "Time" } dd { (numbers::duration(grid.seconds)) " on " (run.device) } }
        }
    }
}

/// Whether ways of transfer are compared, and not settings.
fn of_methods(grid: &GridRecord) -> bool {
    grid.rows.iter().all(|row| ["scratch", "head", "fine-tune"].contains(&row.method.as_str()))
}

fn figure(tables: &[Table<'_>]) -> Markup {
    if tables.iter().all(|table| table.rows.is_empty()) {
        return html! { p { "No run was completed, so there is nothing to draw." } };
    }
    let intervals = tables.iter().all(Table::has_intervals);
    html! {
        p {
            "Each point is the mean over the seeds, each bar "
            @if intervals { "its 95% interval. " } @else { "one standard deviation to either side. " }
            "The number of training images per class grows to the right, evenly in its logarithm. "
            @if intervals { (INTERVALS) }
        }
        div.pair { @for chart in charts(tables) { div.panel { (chart.figure()) } } }
    }
}

/// What the intervals take into account.
const INTERVALS: &str = "The intervals come from a bootstrap that draws seeds and measured images anew (Owen 2007), so \
    they tell both how much another training and how much other images might change. Settings are measured on the same \
    images: the difference between two of them is often surer than their intervals look.";

/// Accuracy against images per class, a chart for each table.
pub(crate) fn charts(tables: &[Table<'_>]) -> Vec<LineChart> {
    let cells = || tables.iter().flat_map(|table| &table.rows).flat_map(|row| row.cells.iter().flatten());
    let ends = cells().map(|cell| cell.interval.map_or(cell.mean - cell.sd, |interval| interval.low));
    let lowest = ends.filter(|end| end.is_finite()).fold(1.0, f64::min);
    // The same from panel to panel, so that they can be compared by eye.
    let floor = if lowest < 0.5 { 0.0 } else { 0.5 };
    tables.iter().enumerate().map(|(index, table)| chart(index, table, floor)).collect()
}

fn chart(index: usize, table: &Table<'_>, floor: f64) -> LineChart {
    let place = |images: Option<u32>| f64::from(table.place(images));
    let ticks =
        table.rows.iter().map(|row| (place(row.images_per_class), images_label(row.images_per_class)));
    let x = Axis::logarithmic("training images per class").ticks_at(ticks);
    let y = Axis::linear("accuracy").percent().including(floor).including(1.0);
    let mut chart = LineChart::new(format!("panel-{index}"), table.title(), x, y);
    for (column, method) in table.methods.iter().enumerate() {
        let mut series = Series::new(method_in_words(method));
        for row in &table.rows {
            if let Some(cell) = row.cells[column] {
                let (x, mean) = (place(row.images_per_class), cell.mean);
                series = match cell.interval.filter(|_| table.has_intervals()) {
                    Some(interval) => series.point_with_bar(x, mean, [interval.low, interval.high]),
                    None => series.point_with_spread(x, mean, cell.sd),
                };
            }
        }
        chart = chart.series(series);
    }
    chart
}

fn numbers_section(grid: &GridRecord, tables: &[Table<'_>]) -> Markup {
    html! {
        p {
            "Accuracy in percent. The highest mean of a row is set in bold."
            @if let Some(group) = &grid.judged_on { " The comparison is judged on the classes of “" (group) "”." }
        }
        div.split { @for table in tables { (scroll(&table.title(), &number_table(table))) } }
    }
}

fn number_table(table: &Table<'_>) -> Markup {
    let same_seeds = table.common_seeds().is_some();
    html! {
        table {
            caption {
                strong { (table.title()) } ": " (table.spread_in_words())
                @if table.has_intervals() { "; below it the 95% interval of the mean" }
            }
            thead {
                tr {
                    th.num scope="col" { "Images per class" }
                    @for method in &table.methods { th.num scope="col" { (method_in_words(method)) } }
                }
            }
            tbody {
                @for row in &table.rows {
                    tr {
                        th.num scope="row" { (images_label(row.images_per_class)) }
                        @for (column, cell) in row.cells.iter().enumerate() {
                            @match cell {
                                Some(cell) => td.num {
                                    @let figures = numbers::percent_spread(cell.mean, cell.sd);
                                    @if row.best() == Some(column) { strong { (figures) } } @else { (figures) }
                                    @if !same_seeds { span.muted { " (" (cell.seeds) ")" } }
                                    @if let Some(interval) = cell.interval {
                                        br; span.muted { (numbers::percent_interval(interval)) }
                                    }
                                },
                                None => td.num { (row.without_figures(column)) },
                            }
                        }
                    }
                }
            }
        }
    }
}

fn runs(grid: &GridRecord) -> Markup {
    let GridRecord { cells, diverged, .. } = grid;
    let variants = grid.rows.iter().any(|row| !row.variant.is_empty());
    let mut groups: Vec<&String> = cells.iter().flat_map(|cell| cell.groups.keys()).collect();
    groups.sort();
    groups.dedup();
    let uneven = |cell: &CellRecord| cell.balanced_accuracy.is_some_and(|value| value != cell.accuracy);
    let uneven = cells.iter().any(uneven);
    let percent = |value: Option<f64>| value.map_or("–".into(), numbers::percent);
    let table = html! {
        table.wide {
            caption { "One row a run. The digest is the SHA-256 of its trained model." }
            thead {
                tr {
                    @if variants { th scope="col" { "Variant" } }
                    th.num scope="col" { "Images per class" } th scope="col" { "Method" } th.num scope="col" { "Seed" }
                    th.num scope="col" { "Accuracy" }
                    @if uneven { th.num scope="col" { "Balanced" } }
                    @for group in &groups { th.num scope="col" { "“" (group) "”" } }
                    th.num scope="col" { "Time" } th scope="col" { "Model" }
                }
            }
            tbody {
                @for cell in cells {
                    tr {
                        @if variants { td { (cell.variant) } }
                        td.num { (images_label(cell.images_per_class)) }
                        th.nowrap scope="row" { (method_in_words(&cell.method)) }
                        td.num { (cell.seed) }
                        td.num { (numbers::percent(cell.accuracy)) }
                        @if uneven { td.num { (percent(cell.balanced_accuracy)) } }
                        @for group in &groups { td.num { (percent(cell.groups.get(*group).copied())) } }
                        td.num { (numbers::duration(cell.seconds)) }
                        td { code { (cell.model_sha256.chars().take(16).collect::<String>()) } }
                    }
                }
                @for run in diverged {
                    tr {
                        @if variants { td { (run.variant) } }
                        td.num { (images_label(run.images_per_class)) }
                        th.nowrap scope="row" { (method_in_words(&run.method)) }
                        td.num { (run.seed) }
                        td colspan=(3 + usize::from(uneven) + groups.len()) { "diverged: " (run.message) }
                    }
                }
            }
        }
    };
    html! {
        details {
            summary { "All " (numbers::counted((cells.len() + diverged.len()) as u64, "run")) " with seed, accuracy and digest" }
            (scroll("Every run", &table))
        }
    }
}
