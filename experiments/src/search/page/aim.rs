//! Whether the aim is reached: the first words of the page.

use super::cells::{Cells, Gain, signed};
use super::regrets;
use crate::search::lock::Lock;
use crate::search::plan::{self, SIZES};
use crate::search::sets::{Part, SETS};
use crate::search::settings::{BUDGET, FINAL_RUN};

/// Points that the search is to gain over fastai's defaults.
const OVER_FASTAI: f64 = 3.0;
/// Points that it is to gain over the best constant.
const OVER_CONSTANT: f64 = 1.5;
/// Points that it may lie below the best of all that was tried.
const BELOW_BEST: f64 = 2.0;

/// A part of the aim on one number of images.
struct Goal {
    reached: bool,
    what: String,
}

/// What is reached and what is missed, missed first; and if nothing can be said, that.
pub(super) fn verdict(cells: &Cells, lock: Option<&Lock>) -> String {
    let mut parts = Vec::new();
    for images in SIZES {
        parts.extend(on(cells, images));
    }
    if parts.is_empty() {
        let why = match lock {
            None => "no held-out set is measured yet",
            Some(_) => "the search is not measured on held-out sets yet",
        };
        return format!(
            "**Nothing is claimed.** The aim is: on held-out sets at least {OVER_FASTAI} points over fastai's defaults and \
             {OVER_CONSTANT} over the best constant, with a lower limit above 0, never more than {BELOW_BEST} points below the \
             best of all that was tried, for at most {BUDGET} final runs. Of that, {why}. What follows is from development \
             sets, on which the search was made.\n"
        );
    }
    parts.sort_by_key(|part| part.reached);
    let missed = parts.iter().filter(|part| !part.reached).count();
    let mut text = if missed > 0 {
        format!("**The aim is missed in {missed} of {} points.**\n\n", parts.len())
    } else {
        "The aim is reached in all points that could be measured.\n\n".to_owned()
    };
    for part in parts {
        let word = if part.reached { "reached" } else { "**missed**" };
        text += &format!("- {word}: {}\n", part.what);
    }
    text
}

/// The parts of the aim that can be judged for one number of images.
fn on(cells: &Cells, images: usize) -> Vec<Goal> {
    let mut parts = Vec::new();
    let gain = |over: &str, gain: Option<Gain>, least: f64| {
        let gain = gain?;
        let estimate = gain.estimate;
        Some(Goal {
            reached: 100.0 * estimate.mean >= least && estimate.interval.low > 0.0,
            what: format!(
                "{images} images of each class, {} data sets: {} points over {over}; the aim is {} with a lower limit above 0",
                gain.sets,
                gain.text(),
                signed(least / 100.0)
            ),
        })
    };
    let over_fastai = cells.gain(Part::HeldOut, images, "search", |_| Some("fastai"));
    parts.extend(gain("fastai's defaults", over_fastai, OVER_FASTAI));
    let over_constant = cells.gain(Part::HeldOut, images, "search", |set| cells.best_constant(set, images));
    let over_constant = gain("the best constant", over_constant, OVER_CONSTANT);
    parts.extend(
        over_constant.map(|goal| Goal { what: goal.what + &room(cells, images).unwrap_or_default(), ..goal }),
    );
    if let Some(found) = regrets::of(cells, Part::HeldOut, images, "search") {
        parts.push(Goal {
            reached: found.worst <= BELOW_BEST,
            what: format!(
                "{images} images of each class: at most {:.1} points below the best of all that was tried, on {}; the aim is \
                 {BELOW_BEST}",
                found.worst, found.worst_set
            ),
        });
    }
    let costs = costs(cells, images);
    if let Some(greatest) = costs.iter().copied().reduce(f64::max) {
        let mean = statistics::mean(&costs);
        parts.push(Goal {
            reached: mean <= BUDGET,
            what: format!(
                "{images} images of each class: {mean:.1} final runs of processor time on average, {greatest:.1} at most, \
                 the run of its choice included; the aim is {BUDGET}"
            ),
        });
    }
    parts
}

/// How much any choice among what was tried could gain over the best constant of the development sets.
fn room(cells: &Cells, images: usize) -> Option<String> {
    let mut held_out = SETS.iter().filter(|set| set.part == Part::HeldOut);
    let constant = held_out.find_map(|set| cells.best_constant(set, images))?;
    let found = regrets::of(cells, Part::HeldOut, images, constant)?;
    Some(format!(
        ". Whoever chose on the test images among all that was tried would gain {:.1} over that constant ({:.1} where one half of \
         them chooses and the other measures)",
        found.naive, found.cross_fitted
    ))
}

/// What the search and the run of its choice cost on held-out sets, in final runs of the same images.
fn costs(cells: &Cells, images: usize) -> Vec<f64> {
    let mut costs = Vec::new();
    for set in SETS.iter().filter(|set| set.part == Part::HeldOut) {
        for seed in 0..plan::SEEDS {
            let search = cells.get(set.name, images, "search", seed);
            let final_run = cells.get(set.name, images, FINAL_RUN, seed);
            if let (Some(search), Some(final_run)) = (search, final_run) {
                costs.push(search.record.seconds / final_run.record.seconds);
            }
        }
    }
    costs
}

#[cfg(test)]
mod tests {
    use super::super::super::record::tests::record;
    use super::*;

    fn answers(share: usize) -> Vec<bool> {
        (0..100).map(|place| place < share).collect()
    }

    fn cells(search: usize) -> Cells {
        let mut records = Vec::new();
        for set in ["greek", "hebrew", "ants-bees"] {
            records.push(record(set, "search", 0, &answers(search)));
            records.push(record(set, "fastai", 0, &answers(60)));
            records.push(record(set, "all-frozen", 0, &answers(75)));
            records.push(record(set, "last:1", 0, &answers(70)));
        }
        for set in ["digits", "fashion"] {
            records.push(record(set, "default", 0, &answers(50)));
            records.push(record(set, "all-frozen", 0, &answers(70)));
        }
        Cells::of(records).unwrap()
    }

    #[test]
    fn what_is_missed_comes_first() {
        let text = verdict(&cells(72), None);
        let first = text.lines().find(|line| line.starts_with("- ")).unwrap();
        assert!(text.starts_with("**The aim is missed in 2 of 4"), "{text}");
        assert!(first.starts_with("- **missed**"), "{text}");
        assert!(text.contains("-3.0 (") && text.contains("3.0 points below the best"), "{text}");
        // The constant itself is the best of all.
        assert!(text.contains("would gain 0.0 over that constant ("), "{text}");
    }

    #[test]
    fn what_is_reached_is_said_with_its_figures() {
        let text = verdict(&cells(90), None);
        assert!(text.starts_with("The aim is reached in all points"), "{text}");
        assert!(text.contains("+30.0 (") && text.contains("+15.0 ("), "{text}");
        assert!(text.contains("would gain 15.0 over that constant"), "{text}");
    }
}
