//! Regret of the answers against everything that was tried, and the reliability of what the search says.

use statistics::mean;
use statistics::regret::{self, Answers};
use statistics::reliability::{Bin, Forecast, bins, brier};

use super::cells::Cells;
use crate::search::plan;
use crate::search::sets::{DataSet, Part, SETS};
use crate::search::settings::{How, Kind, SETTINGS};

/// Regrets of an answer over the sets of a part, in points.
pub(super) struct Regrets {
    pub(super) sets: usize,
    pub(super) cross_fitted: f64,
    pub(super) naive: f64,
    /// The greatest naive regret, and the set that has it.
    pub(super) worst: f64,
    pub(super) worst_set: &'static str,
}

/// Regrets of an answer; `None` where it is not measured together with what was tried on any set.
pub(super) fn of(cells: &Cells, part: Part, images: usize, answer: &str) -> Option<Regrets> {
    let mut figures = Vec::new();
    for set in SETS.iter().filter(|set| set.part == part) {
        let Some(table) = Table::of(cells, set, images, Some(answer)) else { continue };
        let naive = regret::naive(&table.tried, table.answer.as_ref()?)?;
        let cross_fitted = regret::cross_fitted(&table.tried, table.answer.as_ref()?)?;
        figures.push((100.0 * naive, 100.0 * cross_fitted, set.name));
    }
    let worst = figures.iter().max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(Regrets {
        sets: figures.len(),
        cross_fitted: mean(&figures.iter().map(|figure| figure.1).collect::<Vec<_>>()),
        naive: mean(&figures.iter().map(|figure| figure.0).collect::<Vec<_>>()),
        worst: worst.0,
        worst_set: worst.2,
    })
}

/// Naive regret of a perfect predictor, in points, over the sets of a part.
pub(super) fn of_perfect(cells: &Cells, part: Part, images: usize) -> Option<f64> {
    let sets = SETS.iter().filter(|set| set.part == part);
    let simulated: Vec<f64> = sets
        .filter_map(|set| regret::of_perfect(&Table::of(cells, set, images, None)?.tried))
        .map(|regret| 100.0 * regret)
        .collect();
    (!simulated.is_empty()).then(|| mean(&simulated))
}

/// What was tried on a set: constants, peers and answers, on the seeds that all of them have.
struct Table {
    tried: Vec<Answers>,
    answer: Option<Answers>,
}

impl Table {
    /// `None` with fewer than three settings, or where the answer shares no seed with them.
    fn of(cells: &Cells, set: &DataSet, images: usize, answer: Option<&str>) -> Option<Self> {
        // What another setting chose is that setting's own run and adds nothing to what was tried.
        let names = SETTINGS
            .iter()
            .filter(|setting| setting.kind != Kind::Growth && !matches!(setting.how, How::Grid))
            .map(|setting| setting.name)
            .filter(|name| !cells.of_setting(set, images, name).is_empty());
        let names: Vec<&str> = names.collect();
        let needed: Vec<&str> = names.iter().copied().chain(answer).collect();
        let common =
            |seed: &u64| needed.iter().all(|name| cells.get(set.name, images, name, *seed).is_some());
        let seeds: Vec<u64> = (0..plan::SEEDS).filter(common).collect();
        if names.len() < 3 || seeds.is_empty() {
            return None;
        }
        let rows = |name: &str| -> Option<Answers> {
            seeds.iter().map(|&seed| Some(cells.get(set.name, images, name, seed)?.answers.clone())).collect()
        };
        let tried = names.iter().map(|name| rows(name)).collect::<Option<_>>()?;
        Some(Self { tried, answer: answer.and_then(rows) })
    }
}

/// What the search said, and what happened.
pub(super) struct Reliability {
    pub(super) bins: Vec<Bin>,
    pub(super) brier: f64,
    pub(super) count: usize,
    /// Whether all of the statements went through the calibration map.
    pub(super) calibrated: bool,
}

/// Statements of the search on the sets of a part, for all numbers of images. A choice counts as close where its accuracy on the
/// test is within what was said of the best constant's on the same images.
pub(super) fn reliability(cells: &Cells, part: Part) -> Option<Reliability> {
    let mut forecasts = Vec::new();
    let mut calibrated = true;
    for set in SETS.iter().filter(|set| set.part == part) {
        for images in plan::SIZES {
            for found in cells.of_setting(set, images, "search") {
                let Some(claim) = &found.record.search else { continue };
                let (Some(probability), Some(within)) = (claim.close, claim.within) else { continue };
                let constants = SETTINGS.iter().filter(|setting| setting.kind == Kind::Constant);
                let tried: Vec<f64> = constants
                    .filter_map(|setting| cells.get(set.name, images, setting.name, found.record.seed))
                    .map(|constant| constant.record.accuracy)
                    .collect();
                if tried.len() < 3 {
                    continue;
                }
                let best = tried.into_iter().fold(0.0, f64::max);
                let happened = found.record.accuracy >= best - within / 100.0;
                forecasts.push(Forecast { probability, happened });
                calibrated &= claim.calibrated;
            }
        }
    }
    Some(Reliability {
        brier: brier(&forecasts)?,
        bins: bins(&forecasts, 5),
        count: forecasts.len(),
        calibrated,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::record::tests::record;
    use super::super::super::record::{Claim, Record};
    use super::*;

    fn answers(share: usize) -> Vec<bool> {
        (0..100).map(|place| place < share).collect()
    }

    fn claim(close: f64) -> Claim {
        Claim {
            chosen: "last:2".into(),
            set: Vec::new(),
            computed: None,
            close: Some(close),
            within: Some(1.0),
            calibrated: true,
            unlike: false,
            expected_loss: None,
            tried: None,
            alike: None,
            spent: None,
            arms: Vec::new(),
        }
    }

    #[test]
    fn regret_is_against_all_that_was_tried_and_statements_against_what_happened() {
        let mut records = Vec::new();
        for (seed, search) in [(0, 80), (1, 70)] {
            for (setting, share) in [("head", 60), ("last:1", 70), ("last:2", 80)] {
                records.push(record("digits", setting, seed, &answers(share)));
            }
            let search = record("digits", "search", seed, &answers(search));
            records.push(Record { search: Some(claim(0.9)), ..search });
        }
        let cells = Cells::of(records).unwrap();
        let regrets = of(&cells, Part::Development, 20, "search").unwrap();
        assert_eq!((regrets.sets, regrets.worst_set), (1, "digits"));
        assert!((regrets.naive - 5.0).abs() < 1e-9 && (regrets.worst - 5.0).abs() < 1e-9);
        assert!(of(&cells, Part::Development, 20, "fastai").is_none());
        assert!(of_perfect(&cells, Part::Development, 20).unwrap() >= 0.0);
        let reliability = reliability(&cells, Part::Development).unwrap();
        assert_eq!((reliability.count, reliability.calibrated), (2, true));
        assert_eq!(reliability.bins.len(), 1);
        assert!((reliability.bins[0].happened - 0.5).abs() < 1e-9);
    }
}
