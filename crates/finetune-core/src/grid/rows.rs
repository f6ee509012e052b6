//! The seeds of one setting taken together.

use std::collections::BTreeMap;

use report::record::{CellRecord, GridRow, MeanSd, RatioRecord};

use super::bootstrap;

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
    let answers: Vec<&str> = cells.iter().map(|cell| cell.answers.as_str()).collect();
    let groups: BTreeMap<String, MeanSd> = first
        .groups
        .keys()
        .map(|name| {
            let values: Vec<f64> = cells.iter().filter_map(|cell| cell.groups.get(name).copied()).collect();
            let answers: Vec<&str> =
                cells.iter().filter_map(|cell| Some(cell.group_answers.get(name)?.as_str())).collect();
            (name.clone(), MeanSd { interval: bootstrap::accuracy(&answers), ..mean_sd(&values) })
        })
        .collect();
    let balanced: Option<Vec<f64>> = cells.iter().map(|cell| cell.balanced_accuracy).collect();
    let trained: Vec<f64> = cells
        .iter()
        .filter_map(|cell| Some(cell.training?.accuracy))
        .filter(|value| value.is_finite())
        .collect();
    GridRow {
        variant: first.variant.clone(),
        images_per_class: first.images_per_class,
        method: first.method.clone(),
        accuracy_mean: accuracy.mean,
        accuracy_sd: accuracy.sd,
        accuracy_interval: bootstrap::accuracy(&answers),
        balanced_accuracy: balanced.map(|values| mean_sd(&values)),
        groups,
        train_accuracy: (!trained.is_empty()).then(|| mean_sd(&trained)),
        gradient_ratio: ratio(cells.iter().filter_map(|cell| cell.training?.gradient_ratio).collect()),
        seeds: u32::try_from(cells.len()).unwrap_or(u32::MAX),
    }
}

fn ratio(mut values: Vec<f64>) -> Option<RatioRecord> {
    values.sort_by(f64::total_cmp);
    let median = *values.get(values.len().checked_sub(1)? / 2)?;
    Some(RatioRecord { median, low: *values.first()?, high: *values.last()? })
}

fn mean_sd(values: &[f64]) -> MeanSd {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = if values.len() < 2 { 0.0 } else { (squares / (count - 1.0)).sqrt() };
    MeanSd { mean, sd, interval: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_the_sample_deviation() {
        let MeanSd { mean, sd, .. } = mean_sd(&[0.2, 0.4, 0.6]);
        assert!((mean - 0.4).abs() < 1e-12 && (sd - 0.2).abs() < 1e-12);
        assert_eq!(mean_sd(&[0.5]).sd, 0.0);
    }

    #[test]
    fn balanced_accuracy_is_averaged_when_every_seed_has_it() {
        let cell = |seed, balanced_accuracy| CellRecord { seed, balanced_accuracy, ..CellRecord::default() };
        let rows = of(&[cell(0, Some(0.5)), cell(1, Some(0.7))]);
        assert!((rows[0].balanced_accuracy.unwrap().mean - 0.6).abs() < 1e-12);
        assert_eq!(of(&[cell(0, Some(0.5)), cell(1, None)])[0].balanced_accuracy, None);
    }

    #[test]
    fn a_ratio_has_a_middle_and_two_ends() {
        let found = ratio(vec![0.4, 0.1, 0.2]).unwrap();
        assert_eq!((found.median, found.low, found.high), (0.2, 0.1, 0.4));
        assert_eq!(ratio(Vec::new()), None);
    }
}
