//! From the outcomes of all runs to the lines of the tables.

use std::collections::BTreeMap;

use super::works::{Expected, Outcome, Quantity, Row, Side, Work};
use crate::spread::Spread;

/// The runs of a work, in the order in which they were made, by side.
pub(super) type Outcomes = BTreeMap<Side, Vec<Outcome>>;

/// One line, all figures taken together.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) title: &'static str,
    pub(super) quantity: Quantity,
    /// Each side's figures, and its accuracy in the last run.
    pub(super) sides: BTreeMap<Side, (Spread, Option<f64>)>,
    /// Against the faster of the tuned forms.
    pub(super) tuned: Option<Ratio>,
    pub(super) usual: Option<Ratio>,
}

/// Theirs over ours, round by round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    pub(super) reached: Spread,
    /// The side that it is of.
    pub(super) against: Side,
    /// What the median is to be.
    pub(super) target: Option<f64>,
}

impl Ratio {
    pub(super) fn missed(self) -> bool {
        self.target.is_some_and(|target| self.reached.median < target)
    }
}

/// The lines of a work.
pub(super) fn lines(work: Work, outcomes: &Outcomes) -> Vec<Line> {
    work.rows().iter().map(|row| line(row, outcomes)).collect()
}

fn line(row: &Row, outcomes: &Outcomes) -> Line {
    let mut sides = BTreeMap::new();
    for (&side, runs) in outcomes {
        let figures = runs.iter().filter_map(|outcome| row.quantity.of(outcome));
        if let Some(spread) = Spread::of(figures) {
            sides.insert(side, (spread, runs.last().and_then(|outcome| outcome.accuracy)));
        }
    }
    let fastest = row.tuned.iter().copied().filter(|side| sides.contains_key(side));
    let fastest = fastest.min_by(|one, other| sides[one].0.median.total_cmp(&sides[other].0.median));
    let of = |side: Side| outcomes.get(&side).map(Vec::as_slice).unwrap_or_default().iter();
    let ratio = |against: Side, target| {
        let rounds = of(against).zip(of(Side::Ours));
        let ratios =
            rounds.filter_map(|(theirs, ours)| Some(row.quantity.of(theirs)? / row.quantity.of(ours)?));
        Spread::of(ratios).map(|reached| Ratio { reached, against, target })
    };
    Line {
        title: row.title,
        quantity: row.quantity,
        tuned: fastest.and_then(|side| ratio(side, row.against_tuned)),
        usual: ratio(Side::Usual, row.against_usual),
        sides,
    }
}

/// What the peers gain by tuning, and what they gained where they were first measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tuning {
    pub(super) gained: f64,
    pub(super) expected: Expected,
}

impl Tuning {
    /// `None` where nothing is expected, or the peers did not run.
    pub(super) fn of(work: Work, outcomes: &Outcomes) -> Option<Self> {
        let expected = work.expected_tuning()?;
        let median = |side| {
            let runs = outcomes.get(&side)?.iter();
            Some(Spread::of(runs.filter_map(|outcome| expected.of.of(outcome)))?.median)
        };
        Some(Self { gained: median(Side::Usual)? / median(Side::Tuned)?, expected })
    }

    /// Within a fifth.
    pub(super) fn agrees(self) -> bool {
        (self.gained / self.expected.times - 1.0).abs() <= 0.2
    }
}

/// The greatest difference in accuracy between our side and a peer, in points.
pub(super) fn apart(line: &Line) -> Option<f64> {
    let (_, ours) = line.sides.get(&Side::Ours)?;
    let ours = (*ours)?;
    let others = line.sides.values().filter_map(|(_, accuracy)| *accuracy);
    others.map(|theirs| (theirs - ours).abs() * 100.0).reduce(f64::max)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Three runs of each side of the head: ours takes 2, 1 and 3 seconds.
    pub(in super::super) fn head() -> Outcomes {
        let outcome = |seconds, epoch, accuracy| Outcome {
            seconds,
            epoch: Some(epoch),
            accuracy: Some(accuracy),
            peak_bytes: 1e9,
            profile: vec![("load".to_owned(), 0.25)],
            ..Outcome::default()
        };
        BTreeMap::from([
            (Side::Ours, [2.0, 1.0, 3.0].map(|seconds| outcome(seconds, 0.1, 0.9)).to_vec()),
            (Side::Tuned, [12.0, 14.0, 13.0].map(|seconds| outcome(seconds, 1.2, 0.9)).to_vec()),
            (Side::Usual, [50.0, 60.0, 40.0].map(|seconds| outcome(seconds, 4.0, 0.91)).to_vec()),
        ])
    }

    #[test]
    fn ratios_are_of_rounds_and_know_their_targets() {
        let [time, memory] = lines(Work::Head, &head()).try_into().unwrap();
        let ratio = |against, [median, min, max]: [f64; 3], target| {
            Some(Ratio { reached: Spread { median, min, max }, against, target: Some(target) })
        };
        assert_eq!(time.tuned, ratio(Side::Tuned, [6.0, 13.0 / 3.0, 14.0], 8.0));
        assert_eq!(time.usual, ratio(Side::Usual, [25.0, 40.0 / 3.0, 60.0], 25.0));
        assert!(time.tuned.unwrap().missed() && !time.usual.unwrap().missed());
        assert!(memory.tuned.unwrap().missed());
        assert!((apart(&time).unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_faster_tuned_form_counts_and_a_missing_peer_gives_no_ratio() {
        let mut outcomes = head();
        outcomes.remove(&Side::Usual);
        outcomes.insert(Side::Compiled, vec![Outcome { seconds: 8.0, ..Outcome::default() }]);
        let line = lines(Work::Predict, &outcomes).remove(0);
        assert_eq!(
            line.tuned.map(|ratio| (ratio.against, ratio.reached.median)),
            Some((Side::Compiled, 4.0))
        );
        assert_eq!(line.usual, None);
    }

    #[test]
    fn a_steady_prediction_is_compared_with_the_compiled_form_alone() {
        let steady = |per_second: f64| vec![Outcome { steady: Some(1.0 / per_second), ..Outcome::default() }];
        let outcomes = BTreeMap::from([
            (Side::Ours, steady(90.0)),
            (Side::Tuned, steady(200.0)),
            (Side::Compiled, steady(100.0)),
        ]);
        let line = lines(Work::Predict, &outcomes).remove(1);
        let ratio = line.tuned.unwrap();
        assert_eq!(ratio.against, Side::Compiled);
        assert!((ratio.reached.median - 0.9).abs() < 1e-9 && ratio.missed());
        assert_eq!(line.usual, None);
    }

    #[test]
    fn tuning_agrees_within_a_fifth() {
        let tuning = Tuning::of(Work::Head, &head()).unwrap();
        assert!((tuning.gained - 4.0 / 1.2).abs() < 1e-9 && tuning.agrees());
        assert!(!Tuning { gained: 2.0, ..tuning }.agrees());
        assert_eq!(Tuning::of(Work::Predict, &head()), None);
        let steady = |per_second: f64| vec![Outcome { steady: Some(1.0 / per_second), ..Outcome::default() }];
        let outcomes = BTreeMap::from([(Side::Usual, steady(18.0)), (Side::Tuned, steady(72.0))]);
        let tuning = Tuning::of(Work::Predict, &outcomes).unwrap();
        assert!((tuning.gained - 4.0).abs() < 1e-9 && tuning.agrees());
    }
}
