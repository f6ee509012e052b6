//! A race as a record: what a search leaves behind.

use records::{ArmRecord, RaceCellRecord, SearchRecord};

use crate::calibration::Calibration;
use crate::gate::Gate;
use crate::next::{CellResult, End};
use crate::rules::{Budget, Measure};
use crate::{Decision, Race, Statement, Tier, selection};

/// What a race belongs to: facts that a [`SearchRecord`] holds and a race does not know.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Name of the run.
    pub name: String,
    /// The network.
    pub arch: String,
    /// Label of the source weights.
    pub weights: String,
    /// Where the training images are.
    pub data: String,
    /// Seed of the folds and of every training.
    pub seed: u64,
    /// Number of processes that share it; 0 counts as one.
    pub jobs: usize,
    /// For each arm the changes of the configuration that make it its run.
    pub sets: Vec<Vec<String>>,
}

/// Returns the record of a race; `end` is `None` for one that was interrupted. `None` where nothing was measured.
#[must_use]
pub fn record(
    race: &Race,
    about: &About,
    course: &[RaceCellRecord],
    end: Option<End>,
    calibration: &Calibration,
) -> Option<SearchRecord> {
    let mut record = standing(race, about, calibration)?;
    let selected = selection::accuracy(&race.field());
    record.ended = ended(end).to_owned();
    record.course = course.to_vec();
    record.accuracy = selected.map(|selected| selected.accuracy);
    record.accuracy_interval = selected
        .map(|selected| records::Interval { low: selected.interval.low, high: selected.interval.high });
    record.seconds = course.iter().map(|cell| cell.seconds).sum();
    Some(record)
}

/// Returns how the arms of a race stand while it goes on: its record without its course, and without the accuracy corrected
/// for the choice, which takes time. `None` where nothing was measured.
#[must_use]
pub fn standing(race: &Race, about: &About, calibration: &Calibration) -> Option<SearchRecord> {
    let decision = race.decision()?;
    let statement = Statement::of(race, &decision, calibration);
    let (name, within) = (&race.arms()[decision.chosen].name, race.rules().close);
    let [budget, minutes] = match race.budget() {
        Budget::FinalRuns(limit) => [Some(limit), None],
        Budget::Minutes(limit) => [None, Some(limit / about.jobs.max(1) as f64)],
    };
    let is_measured = |arm: usize| !race.measured(arm).images.is_empty();
    let deep = (0..race.arms().len()).filter(|&arm| race.arms()[arm].tier.is_deep()).any(is_measured);
    let deep = race.gate().map(|gate| match gate {
        Gate::Open(why) if deep => format!("tried: {why}"),
        Gate::Open(why) => format!("not reached, though they could pay: {why}"),
        Gate::Closed(why) => format!("not tried: {why}"),
    });
    Some(SearchRecord {
        name: about.name.clone(),
        arch: about.arch.clone(),
        weights: about.weights.clone(),
        data: about.data.clone(),
        classes: race.images().classes() as u64,
        images: race.images().len() as u64,
        folds: u32::try_from(race.images().folds()).unwrap_or(u32::MAX),
        seed: about.seed,
        budget,
        minutes,
        spent: race.spent().final_runs,
        ended: ended(None).to_owned(),
        deep,
        unlike: race.is_unlike(),
        decided_by: match race.decided_by() {
            Measure::Loss => "loss".to_owned(),
            Measure::Accuracy => "accuracy".to_owned(),
        },
        arms: arms(race, about, &decision, &statement),
        course: Vec::new(),
        chosen: name.clone(),
        set: about.sets.get(decision.chosen).cloned().unwrap_or_default(),
        computed: statement.computed,
        close: statement.close,
        within,
        calibrated: statement.calibrated,
        expected_loss: statement.expected_loss,
        tried: statement.tried as u64,
        alike: statement.alike as u64,
        accuracy: None,
        accuracy_interval: None,
        statement: statement.sentence(name, within),
        seconds: 60.0 * race.spent().minutes,
    })
}

/// Returns the line of a cell that a race has just recorded.
#[must_use]
pub fn cell(race: &Race, result: &CellResult) -> RaceCellRecord {
    let arm = result.cell.arm;
    // Free arms are measured one after another before the first choice that means anything.
    let chosen = race.decision().map(|decision| race.arms()[decision.chosen].name.clone());
    RaceCellRecord {
        arm: race.arms()[arm].name.clone(),
        fold: u32::try_from(result.cell.fold + 1).unwrap_or(u32::MAX),
        accuracy: race.measured(arm).accuracy(),
        spent: race.spent().final_runs,
        chosen: chosen.unwrap_or_default(),
        seconds: 60.0 * result.minutes,
    }
}

fn arms(race: &Race, about: &About, decision: &Decision, statement: &Statement) -> Vec<ArmRecord> {
    let gains = &statement.gains;
    let all: Vec<usize> = (0..gains.arms.len()).collect();
    let close = gains.close_to_best(&all, race.rules().close);
    let arm = |arm: usize| {
        let (entrant, measured) = (&race.arms()[arm], race.measured(arm));
        let place = gains.place(arm);
        let known = !measured.images.is_empty();
        let candidate = decision.candidates.iter().find(|candidate| candidate.arm == arm);
        let state = match () {
            () if arm == decision.chosen => "chosen",
            () if race.dropped(arm).is_some() => "dropped",
            () if known => "measured",
            () => "not tried",
        };
        ArmRecord {
            name: entrant.name.clone(),
            set: about.sets.get(arm).cloned().unwrap_or_default(),
            tier: tier(entrant.tier).to_owned(),
            state: state.to_owned(),
            fold_cost: entrant.fold_cost,
            folds: measured.folds.iter().map(|&fold| u32::try_from(fold + 1).unwrap_or(u32::MAX)).collect(),
            images: measured.images.len() as u64,
            accuracy: known.then(|| measured.accuracy()),
            loss: known.then(|| measured.loss()),
            temperature: measured.temperature,
            gain: place.map(|place| gains.mean[place]),
            gain_error: place.map(|place| gains.spread(place)),
            behind: candidate.map(|candidate| candidate.behind),
            behind_error: candidate.map(|candidate| candidate.error),
            close: place.map(|place| close[place]),
        }
    };
    (0..race.arms().len()).map(arm).collect()
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Free => "free",
        Tier::Cached => "cached",
        Tier::Deep => "deep",
        Tier::Further => "further",
    }
}

fn ended(end: Option<End>) -> &'static str {
    match end {
        Some(End::Settled) => "settled",
        Some(End::Budget) => "budget",
        Some(End::Complete) => "complete",
        None => "interrupted",
    }
}
