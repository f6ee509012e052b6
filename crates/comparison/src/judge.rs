use predictions::{Image, Predictions};
use records::wording::{percent, points};
use statistics::{Confusion, bootstrap};

/// What settings are compared by.
#[derive(Clone, Copy, Debug, Default)]
pub enum Judge<'a> {
    /// Accuracy, from the answers that the records of the runs hold.
    #[default]
    Accuracy,
    /// Another figure of the predictions of each run, which are in the order of the runs. The same position is the same image
    /// in all of a variant.
    Figure {
        /// The figure.
        figure: Figure,
        /// Predictions of each run.
        predictions: &'a [Predictions],
    },
}

/// A figure of predictions other than accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Mean recall of the classes that have images.
    BalancedAccuracy,
    /// Mean F1 score of the classes that have images.
    F1,
    /// Mean cross-entropy, in nats.
    Loss,
}

/// Smallest probability of a class: what a file holds as 0 has an infinite loss.
const LEAST: f64 = 1e-12;

impl Figure {
    /// Returns the figure of some of the images, each as often as its place occurs; `NaN` without images.
    #[must_use]
    pub fn of(self, images: &[Image], classes: usize, places: &[usize]) -> f64 {
        if self == Self::Loss {
            let loss = |&place: &usize| -images[place].probabilities[images[place].label].max(LEAST).ln();
            return places.iter().map(loss).sum::<f64>() / places.len() as f64;
        }
        let mut confusion = Confusion::new(classes);
        places.iter().for_each(|&place| confusion.add(images[place].label, images[place].predicted));
        let found = if self == Self::F1 { confusion.macro_f1() } else { confusion.balanced_accuracy() };
        found.unwrap_or(f64::NAN)
    }

    /// Returns its name in a sentence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BalancedAccuracy => "balanced accuracy",
            Self::F1 => "macro F1",
            Self::Loss => "loss",
        }
    }

    /// Returns whether less is better.
    #[must_use]
    pub fn falls(self) -> bool {
        self == Self::Loss
    }

    /// Returns a value: `87.2%`, `0.412 nats`.
    #[must_use]
    pub fn value(self, value: f64) -> String {
        if self == Self::Loss { format!("{value:.3} nats") } else { percent(value) }
    }

    /// Returns a difference without its unit: `+1.2`, `-0.041`.
    #[must_use]
    pub fn difference(self, difference: f64) -> String {
        if self == Self::Loss { format!("{difference:+.3}") } else { points(difference) }
    }

    /// Returns the unit of differences.
    #[must_use]
    pub fn unit(self) -> &'static str {
        if self == Self::Loss { "nats" } else { "points" }
    }
}

/// Predictions of two runs of one seed for the same images.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) setting: &'a Predictions,
    pub(crate) baseline: &'a Predictions,
}

/// Returns the 95% interval of the mean of a figure over runs, by the bootstrap over runs and images.
pub(crate) fn interval(figure: Figure, runs: &[&Predictions]) -> Option<records::Interval> {
    let of = |run: usize, places: &[usize]| figure.of(&runs[run].images, runs[run].classes.len(), places);
    let images: Vec<usize> = runs.iter().map(|run| run.images.len()).collect();
    bootstrap::figure(&images, &of).map(recorded)
}

/// Returns the 95% interval of the mean difference of a figure over pairs of runs, which keep to the same images.
pub(crate) fn difference(figure: Figure, pairs: &[Pair<'_>]) -> Option<records::Interval> {
    if pairs.iter().any(|pair| pair.setting.images.len() != pair.baseline.images.len()) {
        return None;
    }
    let of = |run: usize, places: &[usize]| {
        let of = |run: &Predictions| figure.of(&run.images, run.classes.len(), places);
        of(pairs[run].setting) - of(pairs[run].baseline)
    };
    let images: Vec<usize> = pairs.iter().map(|pair| pair.setting.images.len()).collect();
    bootstrap::figure(&images, &of).map(recorded)
}

/// An interval as records hold it.
pub(crate) fn recorded(interval: statistics::Interval) -> records::Interval {
    records::Interval { low: interval.low, high: interval.high }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(label: usize, predicted: usize, probability: f64) -> Image {
        let mut probabilities = vec![1.0 - probability; 2];
        probabilities[label] = probability;
        Image { path: String::new(), label, predicted, probabilities }
    }

    #[test]
    fn figures_are_those_of_the_images_that_are_drawn() {
        let images = [image(0, 0, 0.8), image(0, 1, 0.4), image(1, 1, 0.5), image(1, 1, 0.9)];
        let of = |figure: Figure, places: &[usize]| figure.of(&images, 2, places);
        assert_eq!(of(Figure::BalancedAccuracy, &[0, 1, 2, 3]), 0.75);
        // Class 0: precision 1, recall 1/2; class 1: precision 2/3, recall 1.
        assert!((of(Figure::F1, &[0, 1, 2, 3]) - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-12);
        assert!((of(Figure::Loss, &[0, 0, 2]) + (2.0 * 0.8f64.ln() + 0.5f64.ln()) / 3.0).abs() < 1e-12);
        assert_eq!(
            (of(Figure::BalancedAccuracy, &[1, 2]), of(Figure::BalancedAccuracy, &[2, 3])),
            (0.5, 1.0)
        );
        assert!(of(Figure::F1, &[]).is_nan() && of(Figure::Loss, &[]).is_nan());
    }

    #[test]
    fn what_two_runs_share_cancels_in_their_difference() {
        let run = |shift: usize| Predictions {
            classes: vec!["a".into(), "b".into()],
            images: (0..40)
                .map(|n| image(n % 2, if n % 5 < shift { 1 - n % 2 } else { n % 2 }, 0.7))
                .collect(),
        };
        let (good, bad) = (run(1), run(2));
        let pair = Pair { setting: &good, baseline: &bad };
        let same = Pair { setting: &good, baseline: &good };
        let found = difference(Figure::F1, &[pair, pair]).unwrap();
        assert!(found.low > 0.0 && found.high < 0.5, "{found:?}");
        let none = difference(Figure::F1, &[same, same]).unwrap();
        assert_eq!((none.low, none.high), (0.0, 0.0));
        let alone = interval(Figure::BalancedAccuracy, &[&good]).unwrap();
        assert!(alone.low < 0.8 && alone.high > 0.8, "{alone:?}");
        let fewer = Predictions { images: good.images[1..].to_vec(), ..good.clone() };
        assert!(difference(Figure::F1, &[Pair { setting: &fewer, baseline: &bad }]).is_none());
    }
}
