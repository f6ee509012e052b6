//! A grid's rows as tables: images per class downwards, methods across.

use records::{GridRecord, GridRow, Interval, MeanSd};

/// One table of a grid: one variant, one view of its accuracy.
pub(crate) struct Table<'a> {
    pub(crate) variant: &'a str,
    pub(crate) judged: Judged<'a>,
    /// In the order in which they first occur.
    pub(crate) methods: Vec<&'a str>,
    pub(crate) rows: Vec<TableRow>,
}

/// What a table's accuracy is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged<'a> {
    /// The images of a group of classes.
    Group(&'a str),
    /// All images.
    Images,
    /// The classes, each weighing the same however many images it has: balanced accuracy.
    Classes,
}

/// The settings with the same number of training images.
pub(crate) struct TableRow {
    pub(crate) images_per_class: Option<u32>,
    /// One for each of [`Table::methods`]; `None` where no such run came to its end.
    pub(crate) cells: Vec<Option<Cell>>,
    /// For each of them, whether there were such runs and all diverged.
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

/// All tables: for each variant the judged group of classes, where there is one, all classes, and these weighed alike where
/// that is not the same.
pub(crate) fn tables(grid: &GridRecord) -> Vec<Table<'_>> {
    let variants = first_seen(grid.rows.iter().map(|row| row.variant.as_str()));
    let group = grid.judged_on.iter().map(|group| Judged::Group(group));
    let uneven = |row: &GridRow| {
        row.balanced_accuracy.is_some_and(|balanced| (balanced.mean - row.accuracy_mean).abs() > 1e-9)
    };
    let classes = grid.rows.iter().any(uneven).then_some(Judged::Classes);
    let mut tables = Vec::new();
    for judged in group.chain([Judged::Images]).chain(classes) {
        tables.extend(variants.iter().map(|variant| table(grid, variant, judged)));
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

    /// Where an amount of data stands in a chart: “all images” has no number of its own and stands one doubling beyond the
    /// largest.
    pub(crate) fn place(&self, images: Option<u32>) -> u32 {
        let largest = self.rows.iter().filter_map(|row| row.images_per_class).max().unwrap_or(1);
        images.unwrap_or(largest.saturating_mul(2)).max(1)
    }

    /// Whether every cell has a 95 % interval.
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
            Judged::Classes => "all classes alike (balanced accuracy)".into(),
        }
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl TableRow {
    /// What stands in a column without figures.
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

/// The number of images per class as a table shows it.
pub(crate) fn images_label(images: Option<u32>) -> String {
    images.map_or_else(|| "all".into(), |n| n.to_string())
}

fn table<'a>(grid: &'a GridRecord, variant: &'a str, judged: Judged<'a>) -> Table<'a> {
    let rows: Vec<&GridRow> = grid.rows.iter().filter(|row| row.variant == variant).collect();
    let methods = first_seen(rows.iter().map(|row| row.method.as_str()));
    let mut amounts: Vec<Option<u32>> = rows.iter().map(|row| row.images_per_class).collect();
    // `None` means all images, the largest amount.
    amounts.sort_by_key(|amount| amount.map_or(u64::MAX, u64::from));
    amounts.dedup();
    let find = |amount, method: &str| {
        rows.iter().find(|row| row.images_per_class == amount && row.method == method).copied()
    };
    let all_diverged = |row: &GridRow| row.seeds == 0 && row.diverged > 0;
    let rows = amounts
        .into_iter()
        .map(|amount| {
            let found: Vec<Option<&GridRow>> = methods.iter().map(|method| find(amount, method)).collect();
            TableRow {
                images_per_class: amount,
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

fn cell(row: &GridRow, judged: Judged<'_>) -> Option<Cell> {
    let images = MeanSd { mean: row.accuracy_mean, sd: row.accuracy_sd, interval: row.accuracy_interval };
    let MeanSd { mean, sd, interval } = match judged {
        Judged::Images => images,
        Judged::Group(group) => *row.groups.get(group)?,
        Judged::Classes => row.balanced_accuracy?,
    };
    Some(Cell { mean, sd, interval, seeds: row.seeds })
}

fn first_seen<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}
