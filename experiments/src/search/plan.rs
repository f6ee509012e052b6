//! The cells that are planned, in the order in which they are carried out.

use std::cmp::Reverse;
use std::fmt;

use anyhow::{Result, bail};

use super::sets::{DataSet, Part, SETS};
use super::settings::{GROWTH, Kind, SETTINGS, Setting};

/// Training images of each class; the most telling first.
pub(super) const SIZES: [usize; 3] = [20, 5, 100];

/// Those of the measurement from few images to many.
pub(super) const GROWTH_SIZES: [usize; 8] = [5, 10, 20, 50, 100, 200, 500, 1000];

/// Seeds of each setting; a seed draws the training images, too.
pub(super) const SEEDS: u64 = 5;

/// Seeds of the measurement from few images to many.
const GROWTH_SEEDS: u64 = 3;

/// One run to measure.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) set: &'static DataSet,
    pub(super) images: usize,
    pub(super) seed: u64,
    pub(super) setting: &'static Setting,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{}-seed-{}-{}",
            self.set.name,
            self.images,
            self.seed,
            self.setting.name.replace(':', "-")
        )
    }
}

/// All cells: the default on development sets, everything else on them, held-out sets at 20, 5 and 100 images a class, and
/// from few images to many. Within each, all settings of a seed come before the next seed.
pub(super) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (rank, setting) in SETTINGS.iter().enumerate() {
        for set in SETS {
            if setting.kind == Kind::Earlier {
                continue;
            }
            let growth = set.part == Part::Growth;
            let of_growth = GROWTH.contains(&setting.name);
            if growth && !of_growth || !growth && setting.kind == Kind::Growth {
                continue;
            }
            let (sizes, seeds): (&[usize], u64) =
                if growth { (&GROWTH_SIZES, GROWTH_SEEDS) } else { (&SIZES, SEEDS) };
            for (size, &images) in sizes.iter().enumerate() {
                for seed in 0..seeds {
                    let first = set.part == Part::Development && size == 0 && setting.kind == Kind::Default;
                    let key = (Reverse(first), set.part, size, seed, rank);
                    cells.push((key, Cell { set, images, seed, setting }));
                }
            }
        }
    }
    cells.sort_by_key(|(key, _)| *key);
    cells.into_iter().map(|(_, cell)| cell).collect()
}

/// The cells that words leave: each is the name of a set, of a setting, a part (`development`, `held-out`, `growth`), images a
/// class (`20-a-class`) or a seed (`seed-0`). Words of one kind add up, kinds restrict each other.
pub(super) fn chosen(words: &[String]) -> Result<Vec<Cell>> {
    let mut kinds: [Vec<&str>; 5] = Default::default();
    for word in words {
        let kind = match word.as_str() {
            "development" | "held-out" | "growth" => 0,
            word if DataSet::named(word).is_some() => 1,
            word if Setting::named(word).is_some() => 2,
            word if number(word, "", "-a-class").is_some() => 3,
            word if number(word, "seed-", "").is_some() => 4,
            _ => {
                let sets: Vec<&str> = SETS.iter().map(|set| set.name).collect();
                let settings: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
                bail!(
                    "nothing is called {word:?}; there are development, held-out, growth, 20-a-class, seed-0, the sets {} \
                     and the settings {}",
                    sets.join(", "),
                    settings.join(", ")
                )
            }
        };
        kinds[kind].push(word);
    }
    let mut cells = all();
    cells.retain(|cell| {
        let part = match cell.set.part {
            Part::Development => "development",
            Part::HeldOut => "held-out",
            Part::Growth => "growth",
        };
        let images = format!("{}-a-class", cell.images);
        let seed = format!("seed-{}", cell.seed);
        let of = [part, cell.set.name, cell.setting.name, &images, &seed];
        kinds.iter().zip(of).all(|(words, of)| words.is_empty() || words.contains(&of))
    });
    Ok(cells)
}

fn number(word: &str, before: &str, after: &str) -> Option<u64> {
    word.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn defaults_come_first_then_development_then_what_is_held_out() {
        let cells = all();
        let names: BTreeSet<String> = cells.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), cells.len());
        let first = cells.iter().take_while(|cell| cell.setting.kind == Kind::Default).count();
        assert_eq!(first, 25);
        let place = |part: Part| {
            let of = |cell: &&Cell| cell.set.part == part;
            let first = cells.iter().position(|cell| cell.set.part == part).unwrap();
            (first, first + cells.iter().skip(first).take_while(of).count())
        };
        assert_eq!(place(Part::Development).1, place(Part::HeldOut).0);
        let held_out = &cells[place(Part::HeldOut).0..place(Part::HeldOut).1];
        assert!(held_out.is_sorted_by_key(|cell| SIZES.iter().position(|size| *size == cell.images)));
        assert!(held_out.iter().any(|cell| cell.setting.name == "search"));
    }

    #[test]
    fn words_choose_cells_and_an_unknown_one_is_refused() {
        let words = |words: &[&str]| chosen(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        let cells = words(&["digits", "cifar10", "last:1", "20-a-class"]).unwrap();
        assert_eq!(cells.len(), 2 * 5);
        assert_eq!(words(&[]).unwrap().len(), all().len());
        assert_eq!(words(&["growth", "1000-a-class", "seed-0"]).unwrap().len(), GROWTH.len());
        assert!(words(&["digit"]).is_err());
    }
}
