use std::path::Path;

use images::{Unreadable, WideImages};
use run_config::Switch;
use serde::Serialize;

use crate::views::Views;

/// How images pass through the model.
#[derive(Clone, Copy, Debug)]
pub struct Batching {
    /// Number of images in a batch, at least 1.
    pub batch_size: usize,
    /// Number of decoding threads.
    pub workers: usize,
    /// Whether large JPEG files may be reduced while they are decoded.
    pub reduced_decoding: Switch,
}

/// How images pass through a model, and what of.
#[derive(Clone, Debug)]
pub struct How<'a> {
    /// Batches and threads.
    pub batching: Batching,
    /// Views of each image.
    pub views: &'a Views,
    /// Whether what the head reads is returned, too.
    pub features: bool,
}

/// Prediction for one image.
#[derive(Clone, Debug)]
pub struct Prediction<'a> {
    /// Index of its file in the order given.
    pub index: usize,
    /// Its file.
    pub path: &'a Path,
    /// Scores before the softmax, `[classes]`; of several views, logarithms of the mean probabilities.
    pub logits: &'a [f32],
    /// Softmax of the logits at the model's temperature, `[classes]`.
    pub probabilities: &'a [f64],
    /// What the head reads, `[features]`; empty where it was not asked for.
    pub features: &'a [f32],
}

/// A class with its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassProbability<'a> {
    /// The class's name.
    pub class: &'a str,
    /// In `0..=1`.
    pub probability: f64,
}

/// Account of all files.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Files that are not readable images.
    pub unreadable: Vec<Unreadable>,
    /// Images of 16 bits among the others.
    pub wide: WideImages,
    /// Time that the others took.
    pub timing: Timing,
}

/// Time spent waiting and computing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timing {
    /// Seconds spent waiting for images to be decoded and prepared.
    pub waited_seconds: f64,
    /// Seconds of computing.
    pub computed_seconds: f64,
    /// Images a second after the first batches, in a steady state; `None` for a single batch.
    pub pictures_per_second: Option<f64>,
}

impl Prediction<'_> {
    /// Returns the `count` most probable classes, the most probable first, ties in the model's order.
    #[must_use]
    pub fn top<'c>(&self, classes: &'c [String], count: usize) -> Vec<ClassProbability<'c>> {
        let mut order: Vec<usize> = (0..self.logits.len().min(classes.len())).collect();
        order.sort_by(|&a, &b| self.logits[b].total_cmp(&self.logits[a]).then(a.cmp(&b)));
        let chosen = order.into_iter().take(count);
        chosen
            .map(|class| ClassProbability { class: &classes[class], probability: self.probabilities[class] })
            .collect()
    }

    /// Returns the index of the most probable class, of ties the first.
    #[must_use]
    pub fn best(&self) -> usize {
        let classes = 0..self.logits.len();
        classes.max_by(|&a, &b| self.logits[a].total_cmp(&self.logits[b]).then(b.cmp(&a))).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_come_first_and_equals_in_the_models_order() {
        let classes: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let prediction = Prediction {
            index: 0,
            path: Path::new("x"),
            logits: &[0.0, 2.0, -1.0, 2.0],
            probabilities: &[0.1, 0.44, 0.02, 0.44],
            features: &[],
        };
        let names: Vec<&str> = prediction.top(&classes, 3).iter().map(|entry| entry.class).collect();
        assert_eq!(names, ["b", "d", "a"]);
        assert_eq!(prediction.best(), 1);
        assert_eq!(prediction.top(&classes, 9).len(), 4);
    }
}
