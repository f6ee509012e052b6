//! The finished cells by set, images, setting and seed, and what pairs of them say.

use std::collections::BTreeMap;

use anyhow::Result;
use statistics::hierarchy::{self, Estimate};
use statistics::mean;

use crate::search::plan;
use crate::search::record::Record;
use crate::search::sets::{DataSet, Part, SETS};
use crate::search::settings::{Kind, SETTINGS, Setting};

/// All finished cells of planned settings.
pub(super) struct Cells {
    cells: BTreeMap<Key, Finished>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    set: &'static str,
    images: usize,
    setting: &'static str,
    seed: u64,
}

/// A finished cell with its answers unpacked.
pub(super) struct Finished {
    pub(super) record: Record,
    pub(super) answers: Vec<bool>,
}

impl Cells {
    /// Takes the records of cells that are planned, and those of earlier versions of the program.
    pub(super) fn of(records: Vec<Record>) -> Result<Self> {
        let mut cells = BTreeMap::new();
        let mut found: BTreeMap<Key, Record> = BTreeMap::new();
        for record in records {
            let set = SETS.iter().find(|set| set.name == record.set);
            let setting = SETTINGS.iter().find(|setting| setting.name == record.setting);
            if let (Some(set), Some(setting)) = (set, setting) {
                let key =
                    Key { set: set.name, images: record.images, setting: setting.name, seed: record.seed };
                found.insert(key, record);
            }
        }
        for cell in plan::all() {
            let key =
                Key { set: cell.set.name, images: cell.images, setting: cell.setting.name, seed: cell.seed };
            if let Some(record) = found.remove(&key) {
                cells.insert(key, Finished { answers: record.answers()?, record });
            }
        }
        let is_earlier =
            |key: &Key| Setting::named(key.setting).is_some_and(|setting| setting.kind == Kind::Earlier);
        for (key, record) in found.into_iter().filter(|(key, _)| is_earlier(key)) {
            cells.insert(key, Finished { answers: record.answers()?, record });
        }
        Ok(Self { cells })
    }

    /// How many there are of settings that are still measured.
    pub(super) fn count(&self) -> usize {
        let is_planned =
            |key: &&Key| Setting::named(key.setting).is_some_and(|setting| setting.kind != Kind::Earlier);
        self.cells.keys().filter(is_planned).count()
    }

    /// Whether there is any of this setting.
    pub(super) fn has(&self, setting: &str) -> bool {
        self.cells.keys().any(|key| key.setting == setting)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Finished> {
        self.cells.values()
    }

    pub(super) fn get(&self, set: &str, images: usize, setting: &str, seed: u64) -> Option<&Finished> {
        // Keys have static names; a search among a few thousand cells is quick enough for a page.
        let key = Key {
            set: SETS.iter().find(|one| one.name == set)?.name,
            images,
            setting: SETTINGS.iter().find(|one| one.name == setting)?.name,
            seed,
        };
        self.cells.get(&key)
    }

    /// The cells of a setting on a set, by seed.
    pub(super) fn of_setting(&self, set: &DataSet, images: usize, setting: &str) -> Vec<&Finished> {
        (0..plan::SEEDS).filter_map(|seed| self.get(set.name, images, setting, seed)).collect()
    }

    /// Differences of a setting's answers and another's on a set, for the seeds that both have: a row for each.
    fn differences(&self, set: &DataSet, images: usize, setting: &str, other: &str) -> Vec<Vec<i8>> {
        let both = |seed: u64| {
            let one = self.get(set.name, images, setting, seed)?;
            let two = self.get(set.name, images, other, seed)?;
            (one.answers.len() == two.answers.len()).then(|| {
                let pairs = one.answers.iter().zip(&two.answers);
                pairs.map(|(&one, &two)| i8::from(one) - i8::from(two)).collect()
            })
        };
        (0..plan::SEEDS).filter_map(both).collect()
    }

    /// Mean gain of a setting over another on one set; `None` without a common seed.
    pub(super) fn gain_on(&self, set: &DataSet, images: usize, setting: &str, other: &str) -> Option<f64> {
        let rows = self.differences(set, images, setting, other);
        let means: Vec<f64> = rows
            .iter()
            .map(|row| row.iter().map(|&value| f64::from(value)).sum::<f64>() / row.len() as f64)
            .collect();
        (!means.is_empty()).then(|| mean(&means))
    }

    /// The paired gain of a setting over what `other` names for each set, over the sets of a part.
    pub(super) fn gain(
        &self,
        part: Part,
        images: usize,
        setting: &str,
        other: impl Fn(&DataSet) -> Option<&'static str>,
    ) -> Option<Gain> {
        let mut tables = Vec::new();
        for set in SETS.iter().filter(|set| set.part == part) {
            let rows =
                other(set).map(|other| self.differences(set, images, setting, other)).unwrap_or_default();
            if !rows.is_empty() {
                tables.push(rows);
            }
        }
        let cells = tables.iter().map(Vec::len).sum();
        Some(Gain { estimate: hierarchy::gain(&tables)?, sets: tables.len(), cells })
    }

    /// The constant with the greatest mean gain over the default on development sets other than this one; of those that are
    /// measured on the most sets.
    pub(super) fn best_constant(&self, set: &DataSet, images: usize) -> Option<&'static str> {
        let others: Vec<&DataSet> =
            SETS.iter().filter(|one| one.part == Part::Development && one.name != set.name).collect();
        let constants = SETTINGS.iter().filter(|setting| setting.kind == Kind::Constant);
        let judged = constants.filter_map(|setting| {
            let gains: Vec<f64> = others
                .iter()
                .filter_map(|other| self.gain_on(other, images, setting.name, "default"))
                .collect();
            (!gains.is_empty()).then(|| (gains.len(), mean(&gains), setting.name))
        });
        let best = judged.max_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        best.map(|(_, _, name)| name)
    }
}

/// A paired gain, and on how much it stands.
pub(super) struct Gain {
    pub(super) estimate: Estimate,
    pub(super) sets: usize,
    pub(super) cells: usize,
}

impl Gain {
    /// `+1.2 (-0.3 to +2.6)` in points.
    pub(super) fn text(&self) -> String {
        let Estimate { mean, interval } = self.estimate;
        format!("{} ({} to {})", signed(mean), signed(interval.low), signed(interval.high))
    }
}

/// In points, with a sign.
pub(super) fn signed(share: f64) -> String {
    let text = format!("{:+.1}", 100.0 * share);
    if text == "-0.0" { "+0.0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::super::record::tests::record;
    use super::*;

    #[test]
    fn gains_are_paired_by_seed_and_the_best_constant_is_that_of_other_sets() {
        let all = |share: usize| (0..10).map(|place| place < share).collect::<Vec<bool>>();
        let mut records = Vec::new();
        // `last:1` is better on digits alone, `last:2` on all others.
        for (set, one, two) in [("digits", 10, 5), ("fashion", 5, 8), ("cifar10", 6, 8)] {
            records.push(record(set, "default", 0, &all(4)));
            records.push(record(set, "last:1", 0, &all(one)));
            records.push(record(set, "last:2", 0, &all(two)));
        }
        records.push(record("digits", "last:1", 1, &all(0)));
        records.push(record("digits", "no setting of ours", 1, &all(0)));
        let cells = Cells::of(records).unwrap();
        assert_eq!(cells.count(), 10);
        let digits = DataSet::named("digits").unwrap();
        assert_eq!(cells.best_constant(digits, 20), Some("last:2"));
        // Seed 1 has no partner.
        assert!((cells.gain_on(digits, 20, "last:1", "default").unwrap() - 0.6).abs() < 1e-9);
        let gain = cells.gain(Part::Development, 20, "last:2", |_| Some("default")).unwrap();
        assert_eq!((gain.sets, gain.cells), (3, 3));
        assert!((gain.estimate.mean - 0.3).abs() < 1e-9);
        assert!(cells.gain(Part::HeldOut, 20, "last:2", |_| Some("default")).is_none());
    }
}
