//! A comparison of many runs: the question, the conclusions, the figure and the tables.

use maud::{Markup, html};
use records::wording::listed;
use records::{Amount, CellRecord, ComparisonRecord, EffectRecord};

use super::comparison_training;
use super::data;
use super::shell::{Level, Section, scroll};
use crate::numbers;
use crate::phrases::{decimal, method_in_words};
use crate::plot::{Axis, LineChart, Series};
use crate::tables::{self, Table};

/// The sections of a comparison; the last one, the configuration, belongs at the end of the page.
pub(super) fn sections(comparison: &ComparisonRecord) -> Vec<Section> {
    let level = Level::SECTION;
    let tables = tables::tables(comparison);
    let mut sections = vec![
        Section::new(level, "figure", "Accuracy against images per class", &figure(&tables)),
        Section::new(level, "tables", "The same in numbers", &numbers_section(comparison, &tables)),
    ];
    if let Some(training) = comparison_training::section(comparison) {
        sections.push(Section::new(level, "training", "Training", &training));
    }
    let configuration = data::configuration("Configuration of the comparison", &comparison.config);
    if comparison.rows.iter().any(|row| !row.metrics.is_empty()) {
        sections.push(Section::new(level, "figures", "F1, AUROC, average precision", &figures(comparison)));
    }
    sections.push(Section::new(level, "runs", "Every run", &runs(comparison)));
    sections.push(Section::new(
        level,
        "comparison-config",
        "Configuration of the comparison",
        &configuration,
    ));
    sections
}

/// The question, the conclusions and a few facts.
pub(super) fn question(comparison: &ComparisonRecord) -> Markup {
    let run = &comparison.example;
    html! {
        p.question {
            @if of_methods(comparison) {
                "With few images per class, does it pay to start from pretrained weights, and how far back should the network "
                "be fine-tuned?"
            } @else { "Which of these settings is best, and does that depend on the amount of data?" }
        }
        @if !comparison.verdict.is_empty() { ul.sentences { @for sentence in &comparison.verdict { li { (sentence) } } } }
        @else { p { "The record holds no conclusions." } }
        dl.facts {
            div { dt { "Network" } dd { (run.arch) } }
            div { dt { "Source weights" } dd { (run.load.weights) } }
            div { dt { "Classes" } dd { (numbers::count(run.data.classes.len() as u64)) @if let Some(group) = &comparison.judged_on { ", judged on “" (group) "”" } } }
            div { dt { "Runs" } dd { (numbers::count((comparison.cells.len() + comparison.diverged.len()) as u64)) } }
            div { dt { "Time" } dd { (numbers::duration(comparison.seconds)) " on " (run.device) } }
        }
    }
}

/// Whether methods of transfer are compared, and not settings.
fn of_methods(comparison: &ComparisonRecord) -> bool {
    comparison.rows.iter().all(|row| ["scratch", "head", "fine-tune"].contains(&row.method.as_str()))
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
            "The horizontal axis, training images per class, is logarithmic. "
            @if intervals { (INTERVALS) }
        }
        div.pair { @for chart in charts(tables) { div.panel { (chart.figure()) } } }
    }
}

/// What the intervals of accuracies cover.
const INTERVALS: &str = "The intervals come from a bootstrap over seeds and images (Owen 2007): they cover both the \
    variation between trainings and that between images. All settings are measured on the same images, so a difference \
    between two settings can be certain although their intervals overlap.";

/// Accuracy against images per class, a chart for each table.
pub(crate) fn charts(tables: &[Table<'_>]) -> Vec<LineChart> {
    let cells = || tables.iter().flat_map(|table| &table.rows).flat_map(|row| row.cells.iter().flatten());
    let ends = cells().map(|cell| cell.interval.map_or(cell.mean - cell.sd, |interval| interval.low));
    let lowest = ends.filter(|end| end.is_finite()).fold(1.0, f64::min);
    // The same in all panels, so that they can be compared by eye.
    let floor = if lowest < 0.5 { 0.0 } else { 0.5 };
    tables.iter().enumerate().map(|(index, table)| chart(index, table, floor)).collect()
}

fn chart(index: usize, table: &Table<'_>, floor: f64) -> LineChart {
    let position = |amount: Amount| f64::from(table.position(amount));
    let ticks = table.rows.iter().map(|row| (position(row.amount), row.amount.label()));
    let x = Axis::logarithmic("training images per class").ticks_at(ticks);
    let y = Axis::linear("accuracy").percent().including(floor).including(1.0);
    let mut chart = LineChart::new(format!("panel-{index}"), table.title(), x, y);
    for (column, method) in table.methods.iter().enumerate() {
        let mut series = Series::new(method_in_words(method));
        for row in &table.rows {
            if let Some(cell) = row.cells[column] {
                let (x, mean) = (position(row.amount), cell.mean);
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

fn numbers_section(comparison: &ComparisonRecord, tables: &[Table<'_>]) -> Markup {
    html! {
        p {
            "Accuracy in percent. The highest mean of a row is set in bold."
            @if let Some(group) = &comparison.judged_on { " The comparison is judged on the classes of “" (group) "”." }
        }
        div.split { @for table in tables { (scroll(&table.title(), &number_table(table))) } }
        @if !comparison.effects.is_empty() { (scroll("Differences", &differences(comparison))) }
    }
}

/// Differences between settings and their baselines, in points.
fn differences(comparison: &ComparisonRecord) -> Markup {
    let variants = comparison.effects.iter().any(|effect| !effect.variant.is_empty());
    let baselines = statistics::distinct(comparison.effects.iter().map(|effect| effect.baseline.as_str()));
    let baselines: Vec<String> =
        baselines.into_iter().map(|name| format!("“{}”", method_in_words(name))).collect();
    let baselines: Vec<&str> = baselines.iter().map(String::as_str).collect();
    let metric = comparison.effects.first().map_or("", |effect| effect.metric.as_str());
    let in_nats = metric == "loss";
    let written = |difference: f64| match in_nats {
        true => format!("{difference:+.3}"),
        false => numbers::points(difference),
    };
    let interval = |effect: &EffectRecord| match effect.interval {
        Some(interval) => format!("{} to {}", written(interval.low), written(interval.high)),
        None => "–".into(),
    };
    let what = match metric {
        "" => "Accuracy".to_owned(),
        "loss" => "Loss, of which less is better,".to_owned(),
        other => format!("{}{}", other[..1].to_uppercase(), &other[1..]),
    };
    html! {
        table {
            caption {
                (what) " minus that of " (listed(&baselines)) ", in " (if in_nats { "nats" } else { "points" }) ": mean over pairs of runs with the same seed, and its "
                "95% interval from a paired bootstrap"
            }
            thead {
                tr {
                    @if variants { th scope="col" { "Variant" } }
                    th.num scope="col" { "Images per class" } th scope="col" { "Setting" } th scope="col" { "Against" }
                    th.num scope="col" { "Difference" } th.num scope="col" { "95% interval" } th.num scope="col" { "Seeds" }
                }
            }
            tbody {
                @for effect in &comparison.effects {
                    tr {
                        @if variants { td.nowrap { (effect.variant) } }
                        td.num { (Amount(effect.images_per_class).label()) }
                        th.nowrap scope="row" { (method_in_words(&effect.method)) }
                        td { (method_in_words(&effect.baseline)) }
                        td.num { (written(effect.difference)) }
                        td.num { (interval(effect)) }
                        td.num { (effect.seeds) }
                    }
                }
            }
        }
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
                        th.num scope="row" { (row.amount.label()) }
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

/// Names of the further figures, as records have them, and in words.
const FIGURES: [(&str, &str); 4] = [
    ("macro_f1", "Macro F1"),
    ("macro_auroc", "Macro AUROC"),
    ("macro_average_precision", "Macro average precision"),
    ("top_5", "Top-5 accuracy"),
];

/// The further figures of each setting.
fn figures(comparison: &ComparisonRecord) -> Markup {
    let shown: Vec<_> = FIGURES
        .into_iter()
        .filter(|(key, _)| comparison.rows.iter().any(|row| row.metrics.contains_key(*key)))
        .collect();
    let variants = comparison.rows.iter().any(|row| !row.variant.is_empty());
    let table = html! {
        table.wide {
            caption { "Mean ± standard deviation over the seeds. The conclusions rest on the accuracy." }
            thead {
                tr {
                    @if variants { th scope="col" { "Variant" } }
                    th.num scope="col" { "Images per class" } th scope="col" { "Method" }
                    @for (_, name) in &shown { th.num scope="col" { (name) } }
                }
            }
            tbody {
                @for row in &comparison.rows {
                    tr {
                        @if variants { td.nowrap { (row.variant) } }
                        td.num { (Amount(row.images_per_class).label()) }
                        th.nowrap scope="row" { (method_in_words(&row.method)) }
                        @for (key, _) in &shown {
                            td.num.nowrap { (row.metrics.get(*key).map_or("–".into(), |it| format!("{} ± {}", decimal(it.mean), decimal(it.sd)))) }
                        }
                    }
                }
            }
        }
    };
    html! {
        (scroll("Further figures", &table))
    }
}

fn runs(comparison: &ComparisonRecord) -> Markup {
    let ComparisonRecord { cells, diverged, .. } = comparison;
    let variants = comparison.rows.iter().any(|row| !row.variant.is_empty());
    let mut groups: Vec<&String> = cells.iter().flat_map(|cell| cell.groups.keys()).collect();
    groups.sort();
    groups.dedup();
    let uneven = |cell: &CellRecord| cell.balanced_accuracy.is_some_and(|value| value != cell.accuracy);
    let uneven = cells.iter().any(uneven);
    let percent = |value: Option<f64>| value.map_or("–".into(), numbers::percent);
    let folds = comparison.folds.is_some();
    let number = |fold: Option<u32>| fold.map_or_else(|| "–".to_owned(), |fold| fold.to_string());
    let table = html! {
        table.wide {
            caption { "One row for each run. The digest is the SHA-256 of its trained model." }
            thead {
                tr {
                    @if variants { th scope="col" { "Variant" } }
                    th.num scope="col" { "Images per class" } th scope="col" { "Method" } th.num scope="col" { "Seed" }
                    @if folds { th.num scope="col" { "Fold" } }
                    th.num scope="col" { "Accuracy" }
                    @if uneven { th.num scope="col" { "Balanced" } }
                    @for group in &groups { th.num scope="col" { "“" (group) "”" } }
                    th.num scope="col" { "Time" } th scope="col" { "Model" }
                }
            }
            tbody {
                @for cell in cells {
                    tr {
                        @if variants { td.nowrap { (cell.variant) } }
                        td.num { (Amount(cell.images_per_class).label()) }
                        th.nowrap scope="row" { (method_in_words(&cell.method)) }
                        td.num { (cell.seed) }
                        @if folds { td.num { (number(cell.fold)) } }
                        td.num { (numbers::percent(cell.accuracy)) }
                        @if uneven { td.num { (percent(cell.balanced_accuracy)) } }
                        @for group in &groups { td.num { (percent(cell.groups.get(*group).copied())) } }
                        td.num { (numbers::duration(cell.seconds)) }
                        td { code { (cell.model_sha256.chars().take(16).collect::<String>()) } }
                    }
                }
                @for run in diverged {
                    tr {
                        @if variants { td.nowrap { (run.variant) } }
                        td.num { (Amount(run.images_per_class).label()) }
                        th.nowrap scope="row" { (method_in_words(&run.method)) }
                        td.num { (run.seed) }
                        @if folds { td.num { (number(run.fold)) } }
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
