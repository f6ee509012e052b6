use std::collections::BTreeMap;

use records::{CellRecord, ComparisonRow, DivergedRecord, MeanSd, RatioRecord};
use statistics::{bootstrap, mean, median, standard_deviation};

use crate::judge::recorded;

/// How a run ended: finished, or diverged.
pub type Ended = Result<CellRecord, DivergedRecord>;

/// One row for each setting, in the order in which the settings occur first: the runs of its seeds taken together.
pub fn rows<'a>(ended: impl IntoIterator<Item = &'a Ended>) -> Vec<ComparisonRow> {
    let mut settings: Vec<Seeds<'a>> = Vec::new();
    for run in ended {
        let seeds = Seeds::of(run);
        let known = settings.iter_mut().find(|known| known.setting() == seeds.setting());
        match known {
            Some(known) => {
                known.finished.extend(seeds.finished);
                known.diverged += seeds.diverged;
            }
            None => settings.push(seeds),
        }
    }
    settings.iter().map(Seeds::row).collect()
}

/// The seeds of one setting.
struct Seeds<'a> {
    variant: &'a str,
    images_per_class: Option<u32>,
    method: &'a str,
    finished: Vec<&'a CellRecord>,
    diverged: u32,
}

impl<'a> Seeds<'a> {
    /// A single run.
    fn of(run: &'a Ended) -> Self {
        match run {
            Ok(CellRecord { variant, images_per_class, method, .. }) => Self {
                variant,
                images_per_class: *images_per_class,
                method,
                finished: run.iter().collect(),
                diverged: 0,
            },
            Err(DivergedRecord { variant, images_per_class, method, .. }) => Self {
                variant,
                images_per_class: *images_per_class,
                method,
                finished: Vec::new(),
                diverged: 1,
            },
        }
    }

    /// What the runs of a row have in common: variant, images per class, method.
    fn setting(&self) -> (&'a str, Option<u32>, &'a str) {
        (self.variant, self.images_per_class, self.method)
    }

    fn row(&self) -> ComparisonRow {
        let cells = &self.finished;
        let accuracies: Vec<f64> = cells.iter().map(|cell| cell.accuracy).collect();
        let answers: Vec<&str> = cells.iter().map(|cell| cell.answers.as_str()).collect();
        let accuracy = spread(&accuracies, &answers);
        let balanced: Option<Vec<f64>> = cells.iter().map(|cell| cell.balanced_accuracy).collect();
        let trained = cells.iter().filter_map(|cell| Some(cell.training?.accuracy));
        let trained: Vec<f64> = trained.filter(|value| value.is_finite()).collect();
        let ratios = cells.iter().filter_map(|cell| cell.training?.gradient_ratio).collect();
        ComparisonRow {
            variant: self.variant.to_owned(),
            images_per_class: self.images_per_class,
            method: self.method.to_owned(),
            accuracy_mean: accuracy.mean,
            accuracy_sd: accuracy.sd,
            accuracy_interval: accuracy.interval,
            balanced_accuracy: balanced
                .filter(|values| !values.is_empty())
                .map(|values| spread(&values, &[])),
            metrics: crate::metrics::over_seeds(cells),
            groups: self.groups(),
            train_accuracy: (!trained.is_empty()).then(|| spread(&trained, &[])),
            gradient_ratio: ratio(ratios),
            seeds: u32::try_from(cells.len()).unwrap_or(u32::MAX),
            diverged: self.diverged,
        }
    }

    fn groups(&self) -> BTreeMap<String, MeanSd> {
        let names = self.finished.first().into_iter().flat_map(|cell| cell.groups.keys());
        let of = |name: &String| {
            let values: Vec<f64> =
                self.finished.iter().filter_map(|cell| cell.groups.get(name).copied()).collect();
            let answers: Vec<&str> = self
                .finished
                .iter()
                .filter_map(|cell| Some(cell.group_answers.get(name)?.as_str()))
                .collect();
            (name.clone(), spread(&values, &answers))
        };
        names.map(of).collect()
    }
}

fn spread(values: &[f64], answers: &[&str]) -> MeanSd {
    let interval = bootstrap::accuracy(answers).map(recorded);
    MeanSd { mean: mean(values), sd: standard_deviation(values), interval }
}

fn ratio(values: Vec<f64>) -> Option<RatioRecord> {
    let low = values.iter().copied().min_by(f64::total_cmp)?;
    let high = values.iter().copied().max_by(f64::total_cmp)?;
    Some(RatioRecord { median: median(&values)?, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_accuracy_is_averaged_when_every_seed_has_it() {
        let cell = |seed, balanced_accuracy| CellRecord { seed, balanced_accuracy, ..CellRecord::default() };
        let found = rows(&[Ok(cell(0, Some(0.5))), Ok(cell(1, Some(0.7)))]);
        assert!((found[0].balanced_accuracy.unwrap().mean - 0.6).abs() < 1e-12);
        assert_eq!(rows(&[Ok(cell(0, Some(0.5))), Ok(cell(1, None))])[0].balanced_accuracy, None);
    }

    #[test]
    fn diverged_runs_are_counted_and_left_out_of_means() {
        let ok = |method: &str, accuracy| {
            Ok(CellRecord { method: method.to_owned(), accuracy, ..CellRecord::default() })
        };
        let lost =
            |method: &str| Err(DivergedRecord { method: method.to_owned(), ..DivergedRecord::default() });
        let found = rows(&[lost("steep"), lost("steep"), ok("good", 0.5), lost("good"), ok("good", 0.7)]);
        assert_eq!((found[0].method.as_str(), found[0].seeds, found[0].diverged), ("steep", 0, 2));
        assert!(found[0].accuracy_mean.is_nan() && found[0].balanced_accuracy.is_none());
        assert_eq!((found[1].seeds, found[1].diverged), (2, 1));
        assert!((found[1].accuracy_mean - 0.6).abs() < 1e-12);
    }

    #[test]
    fn a_ratio_has_a_median_and_two_ends() {
        let found = ratio(vec![0.4, 0.1, 0.2]).unwrap();
        assert_eq!((found.median, found.low, found.high), (0.2, 0.1, 0.4));
        assert!((ratio(vec![0.4, 0.1]).unwrap().median - 0.25).abs() < 1e-12);
        assert_eq!(ratio(Vec::new()), None);
    }
}
