//! The seeds of one setting taken together.

use std::collections::BTreeMap;

use report::record::{CellRecord, GridRow, MeanSd};

/// One row per setting, in the order in which the settings first appear.
pub(super) fn of(cells: &[CellRecord]) -> Vec<GridRow> {
    let mut settings: Vec<Vec<&CellRecord>> = Vec::new();
    for cell in cells {
        let same = |other: &CellRecord| {
            (&other.variant, other.images_per_class, &other.method)
                == (&cell.variant, cell.images_per_class, &cell.method)
        };
        match settings.iter_mut().find(|setting| same(setting[0])) {
            Some(setting) => setting.push(cell),
            None => settings.push(vec![cell]),
        }
    }
    settings.iter().map(|setting| row(setting)).collect()
}

fn row(cells: &[&CellRecord]) -> GridRow {
    let first = cells[0];
    let accuracy = mean_sd(&cells.iter().map(|cell| cell.accuracy).collect::<Vec<_>>());
    let groups: BTreeMap<String, MeanSd> = first
        .groups
        .keys()
        .map(|name| {
            let values: Vec<f64> = cells.iter().filter_map(|cell| cell.groups.get(name).copied()).collect();
            (name.clone(), mean_sd(&values))
        })
        .collect();
    GridRow {
        variant: first.variant.clone(),
        images_per_class: first.images_per_class,
        method: first.method.clone(),
        accuracy_mean: accuracy.mean,
        accuracy_sd: accuracy.sd,
        groups,
        seeds: u32::try_from(cells.len()).unwrap_or(u32::MAX),
    }
}

fn mean_sd(values: &[f64]) -> MeanSd {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = if values.len() < 2 { 0.0 } else { (squares / (count - 1.0)).sqrt() };
    MeanSd { mean, sd }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_the_sample_deviation() {
        let MeanSd { mean, sd } = mean_sd(&[0.2, 0.4, 0.6]);
        assert!((mean - 0.4).abs() < 1e-12 && (sd - 0.2).abs() < 1e-12);
        assert_eq!(mean_sd(&[0.5]).sd, 0.0);
    }
}
