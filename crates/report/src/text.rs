//! Reports as plain text for the terminal: aligned columns, no colour codes.
//!
//! Names come from folders, so they may hold anything; control characters are written as escapes and cannot
//! move a terminal's cursor or change its colours.

mod advice;
mod audit;
mod plan;
pub(crate) mod search;

use unicode_width::UnicodeWidthStr as _;

use crate::numbers;
use crate::phrases::{
    self, chosen, decimal_interval, depth_in_words, gap_in_points, headline, interrupted, kept,
    ratio_in_words,
};
use crate::tables::{self, Table};
pub use advice::advice;
pub(crate) use advice::{
    ADVICE_LIMITS, LITTLE_VALUE, arm_name, arm_standing, best_arm, end, has_scores, loss, notable_arms,
    search_costs, similarity,
};
pub use audit::{audit, audit_fix};
pub(crate) use plan::range_verdict;
pub use plan::{phase_plan, range_test};
pub use records::wording::{count, counted, percent};
use records::{Amount, ComparisonRecord, EstimateRecord, MetricsRecord, RunRecord, StepName, wording};
pub use search::{search, search_table};

/// The tables of a comparison: amounts of data down, methods across, mean ± standard deviation in percent.
///
/// One table for each variant, for the judged group of classes first and for all classes, and the conclusions
/// below them. An asterisk marks the highest mean of a row. Ends with a line feed.
pub fn comparison_table(comparison: &ComparisonRecord) -> String {
    let mut out = String::new();
    for table in tables::tables(comparison) {
        out.push_str(&visible(&title(&table)));
        out.push('\n');
        // More than six columns do not fit a line of a terminal: then methods go down.
        let cells = cells(&table);
        match table.methods.len() {
            0..=6 => out.push_str(&aligned(&cells, &[Side::Right])),
            _ => out.push_str(&aligned(&transposed(&cells), &[Side::Left, Side::Right])),
        }
        out.push('\n');
    }
    if !comparison.traces.is_empty() {
        out.push_str("Training: accuracy of the kept epoch while training, the gap to the accuracy on other images in points, and the\n");
        out.push_str("gradient norm of the earliest live stage divided by that of the latest\n");
        out.push_str(&aligned(&training(comparison), &[Side::Right, Side::Left, Side::Right]));
        out.push('\n');
    }
    for sentence in &comparison.verdict {
        out.push_str(&visible(sentence));
        out.push('\n');
    }
    out
}

/// One run in a few lines: how it ended, its five steps with their times, its measurements, what was unreadable.
///
/// Ends with a line feed.
pub fn run_summary(run: &RunRecord) -> String {
    let mut out = format!("{}\n\n", visible(&first_line(run)));
    out.push_str(&aligned(&steps(run), &[Side::Left, Side::Right, Side::Left]));
    if let Some(record) = &run.kept {
        out.push_str(&format!("\nKept: {}\n", visible(&kept(record))));
    }
    for decision in &run.decisions {
        out.push_str(&format!("\nDecided: {}\n", visible(&decision.to_string())));
    }
    if let Some(advice) = &run.advice {
        out.push_str(&format!("\nHow far back: {}\n", visible(&advice.paragraph)));
    }
    if let Some(search) = &run.search {
        out.push_str(&format!("\nHow to train, by a search: {}\n", visible(&search.statement)));
    }
    if !run.evaluations.is_empty() {
        out.push('\n');
        out.push_str(&aligned(&evaluations(run), &[Side::Left, Side::Right]));
    }
    let table = metrics(headline(run).and_then(|evaluation| evaluation.metrics.as_ref()));
    if !table.is_empty() {
        out.push_str(&format!("\n{table}"));
    }
    let unreadable = run.data.unreadable.len() as u64;
    if unreadable > 0 {
        out.push_str(&format!("\n{} left out because unreadable:\n", numbers::counted(unreadable, "file")));
        for file in run.data.unreadable.iter().take(LISTED_FILES) {
            out.push_str(&visible(&format!("  {}: {}", file.path.display(), file.reason)));
            out.push('\n');
        }
        if unreadable > LISTED_FILES as u64 {
            out.push_str(&format!(
                "  … and {} more, listed in report.html\n",
                unreadable - LISTED_FILES as u64
            ));
        }
    }
    out
}

/// Means over the classes with their intervals, a line each, and the classes that have no images. Each line ends with a line
/// feed; nothing where there are no such figures.
pub fn metrics(found: Option<&MetricsRecord>) -> String {
    let Some(found) = found else { return String::new() };
    let figures = [
        ("macro F1", Some(found.macro_f1)),
        ("macro AUROC", found.macro_auroc),
        ("macro average precision", found.macro_average_precision),
        ("top-5 accuracy", found.top_5),
    ];
    let row = |(name, figure): (&str, Option<EstimateRecord>)| {
        let EstimateRecord { value, interval } = figure?;
        Some(vec![name.to_owned(), decimal(value), format!("95% interval {}", decimal_interval(interval))])
    };
    let rows: Vec<Vec<String>> = figures.into_iter().filter_map(row).collect();
    let mut out = aligned(&rows, &[Side::Left]);
    if !found.absent.is_empty() {
        out.push_str(&visible(&format!(
            "no images of {}: left out of these means",
            wording::listed(&found.absent.iter().map(String::as_str).collect::<Vec<_>>())
        )));
        out.push('\n');
    }
    out
}

/// A figure that is no share, `0.873`.
pub fn decimal(value: f64) -> String {
    phrases::decimal(value)
}

/// How many unreadable files a summary names.
const LISTED_FILES: usize = 5;

fn first_line(run: &RunRecord) -> String {
    let result = headline(run).map_or("not measured".into(), |e| {
        format!(
            "{} {} accuracy on {}{}",
            numbers::percent(e.accuracy),
            e.split,
            numbers::counted(e.images, "image"),
            chosen(e)
        )
    });
    let end = if interrupted(run) { "INTERRUPTED after" } else { "in" };
    let ends = run.ending.as_ref().map(|ending| format!(" to {}", ending.cut)).unwrap_or_default();
    let network = format!("{}{ends}, {}", run.arch, depth_in_words(&run.depth));
    format!("{}: {result}; {network}; {end} {} on {}", run.name, numbers::duration(run.seconds), run.device)
}

fn steps(run: &RunRecord) -> Vec<Vec<String>> {
    let missed = StepName::ALL.map(StepName::name).into_iter();
    let missed = missed.filter(|name| !run.steps.iter().any(|step| step.name == *name));
    let done = run.steps.iter().map(|s| vec![s.name.clone(), numbers::duration(s.seconds), s.what.clone()]);
    let missed = missed.map(|name| vec![name.to_owned(), "–".into(), "not reached".into()]);
    let heading = ["step", "time", "what it did"].map(String::from).to_vec();
    [heading].into_iter().chain(done).chain(missed.filter(|_| interrupted(run))).collect()
}

fn evaluations(run: &RunRecord) -> Vec<Vec<String>> {
    let mut groups: Vec<&String> = run.evaluations.iter().flat_map(|e| e.groups.keys()).collect();
    groups.sort();
    groups.dedup();
    let mut heading = ["split", "images", "loss", "accuracy", "balanced"].map(String::from).to_vec();
    heading.extend(groups.iter().map(|group| format!("on {group}")));
    let rows = run.evaluations.iter().map(|e| {
        let mut row = vec![
            format!("{}{}", e.split, chosen(e)),
            numbers::count(e.images),
            numbers::loss(e.loss),
            numbers::percent(e.accuracy),
            numbers::percent(e.balanced_accuracy),
        ];
        row.extend(
            groups.iter().map(|group| e.groups.get(*group).map_or("–".into(), |a| numbers::percent(*a))),
        );
        row
    });
    [heading].into_iter().chain(rows).collect()
}

fn title(table: &Table<'_>) -> String {
    let variant = if table.variant.is_empty() { String::new() } else { format!("{}, ", table.variant) };
    format!("Accuracy in percent, {variant}{}: {}", table.classes_in_words(), table.spread_in_words())
}

fn cells(table: &Table<'_>) -> Vec<Vec<String>> {
    // Two blanks after each figure keep room for the asterisk of the best one.
    let methods = table.methods.iter().map(|method| format!("{method}  "));
    let heading = ["images per class".to_owned()].into_iter().chain(methods).collect();
    let same_seeds = table.common_seeds().is_some();
    let rows = table.rows.iter().map(|row| {
        let figures = row.cells.iter().enumerate().map(|(column, cell)| {
            let Some(cell) = cell else { return format!("{}  ", row.without_figures(column)) };
            let seeds = if same_seeds { String::new() } else { format!(" ({})", cell.seeds) };
            let best = if row.best() == Some(column) { " *" } else { "  " };
            format!("{}{seeds}{best}", numbers::percent_spread(cell.mean, cell.sd))
        });
        [row.amount.label()].into_iter().chain(figures).collect()
    });
    [heading].into_iter().chain(rows).collect()
}

fn training(comparison: &ComparisonRecord) -> Vec<Vec<String>> {
    let heading =
        ["images per class", "setting", "training", "gap", "gradient ratio"].map(String::from).to_vec();
    let trained = comparison.rows.iter().filter(|row| row.seeds > 0 || row.diverged == 0);
    let rows = trained.map(|row| {
        let variant = if row.variant.is_empty() { String::new() } else { format!(" ({})", row.variant) };
        let accuracy = row.train_accuracy.map(|seen| numbers::percent_spread(seen.mean, seen.sd));
        vec![
            Amount(row.images_per_class).label(),
            format!("{}{variant}", row.method),
            accuracy.unwrap_or("–".into()),
            gap_in_points(row),
            row.gradient_ratio.map_or("–".into(), ratio_in_words),
        ]
    });
    [heading].into_iter().chain(rows).collect()
}

fn transposed(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    (0..columns).map(|column| rows.iter().map(|row| cell(row, column)).collect()).collect()
}

/// Alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To the left: words.
    Left,
    /// To the right: figures.
    Right,
}

/// Rows with columns of equal width, two blanks apart. The last of `sides` is for all further columns.
pub fn aligned(rows: &[Vec<String>], sides: &[Side]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[column] - cell.width());
            let side = sides.get(column).or(sides.last()).copied().unwrap_or(Side::Left);
            line.push_str("  ");
            line.push_str(&if side == Side::Left {
                format!("{cell}{blanks}")
            } else {
                format!("{blanks}{cell}")
            });
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Text with its control characters written as escapes.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_whatever_the_script() {
        let rows =
            [["a", "1"], ["猫", "10"], ["ж\u{1b}[31m", "100"]].map(|row| row.map(String::from).to_vec());
        let text = aligned(&rows, &[Side::Left, Side::Right]);
        assert_eq!(text, "  a              1\n  猫            10\n  ж\\u{1b}[31m  100\n");
    }
}
