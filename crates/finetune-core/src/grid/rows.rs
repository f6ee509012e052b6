//! The seeds of one setting taken together.

use std::collections::BTreeMap;

use records::{CellRecord, DivergedRecord, GridRow, MeanSd, RatioRecord};

use super::bootstrap;

/// What came of a cell.
pub(super) type Ended = Result<CellRecord, DivergedRecord>;

/// Which runs make up a row: variant, images of each class, method or setting.
pub(super) type Setting<'a> = (&'a str, Option<u32>, &'a str);

/// One row per setting, in the order in which the settings first appear.
pub(super) fn of<'a>(ended: impl IntoIterator<Item = &'a Ended>) -> Vec<GridRow> {
    let mut settings: Vec<(Setting<'a>, Vec<&CellRecord>, u32)> = Vec::new();
    for cell in ended {
        let setting = match cell {
            Ok(cell) => of_cell(cell),
            Err(lost) => of_diverged(lost),
        };
        let place = settings.iter().position(|known| known.0 == setting).unwrap_or_else(|| {
            settings.push((setting, Vec::new(), 0));
            settings.len() - 1
        });
        match cell {
            Ok(cell) => settings[place].1.push(cell),
            Err(_) => settings[place].2 += 1,
        }
    }
    settings.iter().map(|(setting, cells, diverged)| row(*setting, cells, *diverged)).collect()
}

pub(super) fn of_cell(cell: &CellRecord) -> Setting<'_> {
    (&cell.variant, cell.images_per_class, &cell.method)
}

pub(super) fn of_diverged(run: &DivergedRecord) -> Setting<'_> {
    (&run.variant, run.images_per_class, &run.method)
}

fn row((variant, images_per_class, method): Setting<'_>, cells: &[&CellRecord], diverged: u32) -> GridRow {
    let accuracy = mean_sd(&cells.iter().map(|cell| cell.accuracy).collect::<Vec<_>>());
    let answers: Vec<&str> = cells.iter().map(|cell| cell.answers.as_str()).collect();
    let groups: BTreeMap<String, MeanSd> = cells
        .iter()
        .take(1)
        .flat_map(|cell| cell.groups.keys())
        .map(|name| {
            let values: Vec<f64> = cells.iter().filter_map(|cell| cell.groups.get(name).copied()).collect();
            let answers: Vec<&str> =
                cells.iter().filter_map(|cell| Some(cell.group_answers.get(name)?.as_str())).collect();
            (name.clone(), MeanSd { interval: bootstrap::accuracy(&answers), ..mean_sd(&values) })
        })
        .collect();
    let balanced: Option<Vec<f64>> = cells.iter().map(|cell| cell.balanced_accuracy).collect();
    let balanced = balanced.filter(|values| !values.is_empty());
    let trained: Vec<f64> = cells
        .iter()
        .filter_map(|cell| Some(cell.training?.accuracy))
        .filter(|value| value.is_finite())
        .collect();
    GridRow {
        variant: variant.to_owned(),
        images_per_class,
        method: method.to_owned(),
        accuracy_mean: accuracy.mean,
        accuracy_sd: accuracy.sd,
        accuracy_interval: bootstrap::accuracy(&answers),
        balanced_accuracy: balanced.map(|values| mean_sd(&values)),
        groups,
        train_accuracy: (!trained.is_empty()).then(|| mean_sd(&trained)),
        gradient_ratio: ratio(cells.iter().filter_map(|cell| cell.training?.gradient_ratio).collect()),
        seeds: u32::try_from(cells.len()).unwrap_or(u32::MAX),
        diverged,
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
        let rows = of(&[Ok(cell(0, Some(0.5))), Ok(cell(1, Some(0.7)))]);
        assert!((rows[0].balanced_accuracy.unwrap().mean - 0.6).abs() < 1e-12);
        assert_eq!(of(&[Ok(cell(0, Some(0.5))), Ok(cell(1, None))])[0].balanced_accuracy, None);
    }

    #[test]
    fn runs_that_diverged_are_counted_and_spoil_no_mean() {
        let ok = |method: &str, accuracy| {
            Ok(CellRecord { method: method.to_owned(), accuracy, ..CellRecord::default() })
        };
        let lost =
            |method: &str| Err(DivergedRecord { method: method.to_owned(), ..DivergedRecord::default() });
        let rows = of(&[lost("steep"), lost("steep"), ok("good", 0.5), lost("good"), ok("good", 0.7)]);
        assert_eq!((rows[0].method.as_str(), rows[0].seeds, rows[0].diverged), ("steep", 0, 2));
        assert!(rows[0].accuracy_mean.is_nan() && rows[0].balanced_accuracy.is_none());
        assert_eq!((rows[1].seeds, rows[1].diverged), (2, 1));
        assert!((rows[1].accuracy_mean - 0.6).abs() < 1e-12);
    }

    #[test]
    fn a_ratio_has_a_middle_and_two_ends() {
        let found = ratio(vec![0.4, 0.1, 0.2]).unwrap();
        assert_eq!((found.median, found.low, found.high), (0.2, 0.1, 0.4));
        assert_eq!(ratio(Vec::new()), None);
    }
}
