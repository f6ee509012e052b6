//! The rows of a comparison as tables: amounts of data down, methods across.

use records::{Amount, ComparisonRecord, ComparisonRow, Interval, MeanSd};
use statistics::distinct;

/// One table of a comparison: one variant, one kind of accuracy.
pub(crate) struct Table<'a> {
    pub(crate) variant: &'a str,
    pub(crate) judged: Judged<'a>,
    /// In the order in which they first occur.
    pub(crate) methods: Vec<&'a str>,
    pub(crate) rows: Vec<TableRow>,
}

/// What the accuracy of a table is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged<'a> {
    /// The images of a group of classes.
    Group(&'a str),
    /// All images.
    Images,
    /// All classes with equal weight: balanced accuracy.
    Classes,
}

/// The settings with the same number of training images.
pub(crate) struct TableRow {
    pub(crate) amount: Amount,
    /// One for each of [`Table::methods`]; `None` where no run finished.
    pub(crate) cells: Vec<Option<Cell>>,
    /// For each of [`Table::methods`], whether there were runs and all diverged.
    diverged: Vec<bool>,
}

/// The seeds of one setting.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) mean: f64,
    pub(crate) sd: f64,
    pub(crate) interval: Option<Interval>,
    pub(crate) seeds: u32,
}

/// All tables: for each variant the accuracy on the judged group of classes, where there is one, the accuracy on all, and
/// balanced accuracy where it differs.
pub(crate) fn tables(comparison: &ComparisonRecord) -> Vec<Table<'_>> {
    let variants = distinct(comparison.rows.iter().map(|row| row.variant.as_str()));
    let group = comparison.judged_on.iter().map(|group| Judged::Group(group));
    let uneven = |row: &ComparisonRow| {
        row.balanced_accuracy.is_some_and(|balanced| (balanced.mean - row.accuracy_mean).abs() > 1e-9)
    };
    let classes = comparison.rows.iter().any(uneven).then_some(Judged::Classes);
    let mut tables = Vec::new();
    for judged in group.chain([Judged::Images]).chain(classes) {
        tables.extend(variants.iter().map(|variant| table(comparison, variant, judged)));
    }
    tables
}

impl Table<'_> {
    /// The number of seeds, where it is the same in every cell.
    pub(crate) fn common_seeds(&self) -> Option<u32> {
        let mut seeds = self.rows.iter().flat_map(|row| row.cells.iter().flatten()).map(|cell| cell.seeds);
        let first = seeds.next()?;
        seeds.all(|n| n == first).then_some(first)
    }

    /// `mean ± standard deviation over 3 seeds`, for captions.
    pub(crate) fn spread_in_words(&self) -> String {
        match self.common_seeds() {
            Some(1) => "one seed".into(),
            Some(n) => format!("mean ± standard deviation over {n} seeds"),
            None => "mean ± standard deviation (number of seeds)".into(),
        }
    }

    /// Position of an amount of data on the axis of a chart; “all images”, which has no number, is at twice the largest.
    pub(crate) fn position(&self, amount: Amount) -> u32 {
        let largest = self.rows.iter().filter_map(|row| row.amount.0).max().unwrap_or(1);
        amount.0.unwrap_or(largest.saturating_mul(2)).max(1)
    }

    /// Whether every cell has a confidence interval.
    pub(crate) fn has_intervals(&self) -> bool {
        self.rows.iter().flat_map(|row| row.cells.iter().flatten()).all(|cell| cell.interval.is_some())
    }

    /// `Held-out faces, classes of “unshared”`.
    pub(crate) fn title(&self) -> String {
        let classes = self.classes_in_words();
        if self.variant.is_empty() {
            capitalized(&classes)
        } else {
            format!("{}, {classes}", capitalized(self.variant))
        }
    }

    /// `all classes`, or the group's name.
    pub(crate) fn classes_in_words(&self) -> String {
        match self.judged {
            Judged::Group(group) => format!("classes of “{group}”"),
            Judged::Images => "all classes".into(),
            Judged::Classes => "all classes, balanced accuracy".into(),
        }
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl TableRow {
    /// Content of a column without figures.
    pub(crate) fn without_figures(&self, column: usize) -> &'static str {
        if self.diverged[column] { "diverged" } else { "–" }
    }

    /// The column with the highest mean, where more than one can be compared.
    pub(crate) fn best(&self) -> Option<usize> {
        let known = || self.cells.iter().enumerate().filter_map(|(i, c)| Some((i, (*c)?.mean)));
        let best = known().filter(|(_, mean)| mean.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1))?;
        (known().count() > 1).then_some(best.0)
    }
}

fn table<'a>(comparison: &'a ComparisonRecord, variant: &'a str, judged: Judged<'a>) -> Table<'a> {
    let rows: Vec<&ComparisonRow> = comparison.rows.iter().filter(|row| row.variant == variant).collect();
    let methods = distinct(rows.iter().map(|row| row.method.as_str()));
    let mut amounts: Vec<Amount> = rows.iter().map(|row| Amount(row.images_per_class)).collect();
    amounts.sort_by_key(|amount| amount.order());
    amounts.dedup();
    let find = |amount: Amount, method: &str| {
        rows.iter().find(|row| row.images_per_class == amount.0 && row.method == method).copied()
    };
    let all_diverged = |row: &ComparisonRow| row.seeds == 0 && row.diverged > 0;
    let rows = amounts
        .into_iter()
        .map(|amount| {
            let found: Vec<Option<&ComparisonRow>> =
                methods.iter().map(|method| find(amount, method)).collect();
            TableRow {
                amount,
                cells: found
                    .iter()
                    .map(|row| row.filter(|row| !all_diverged(row)).and_then(|row| cell(row, judged)))
                    .collect(),
                diverged: found.iter().map(|row| row.is_some_and(all_diverged)).collect(),
            }
        })
        .collect();
    Table { variant, judged, methods, rows }
}

fn cell(row: &ComparisonRow, judged: Judged<'_>) -> Option<Cell> {
    let images = MeanSd { mean: row.accuracy_mean, sd: row.accuracy_sd, interval: row.accuracy_interval };
    let MeanSd { mean, sd, interval } = match judged {
        Judged::Images => images,
        Judged::Group(group) => *row.groups.get(group)?,
        Judged::Classes => row.balanced_accuracy?,
    };
    Some(Cell { mean, sd, interval, seeds: row.seeds })
}
