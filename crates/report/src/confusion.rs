//! What was taken for what, and what follows for each class.

use records::{EvaluationRecord, RunRecord};

use crate::reading::class_name;

/// A confusion matrix as found in the record; rows may be short or missing, and count as zeros.
pub(crate) struct Confusion<'a> {
    names: &'a [String],
    counts: &'a [Vec<u64>],
}

impl<'a> Confusion<'a> {
    pub(crate) fn of(run: &'a RunRecord, evaluation: &'a EvaluationRecord) -> Self {
        Self { names: &run.data.classes, counts: &evaluation.confusion }
    }

    /// Number of classes; 0 without a matrix.
    pub(crate) fn size(&self) -> usize {
        if self.counts.is_empty() { 0 } else { self.counts.len().max(self.names.len()) }
    }

    pub(crate) fn at(&self, truth: usize, prediction: usize) -> u64 {
        self.counts.get(truth).and_then(|row| row.get(prediction)).copied().unwrap_or(0)
    }

    pub(crate) fn of_class(&self, truth: usize) -> u64 {
        self.counts.get(truth).map_or(0, |row| row.iter().fold(0, |sum, n| sum.saturating_add(*n)))
    }

    pub(crate) fn name(&self, class: usize) -> String {
        class_name(self.names, class)
    }

    pub(crate) fn taken_for(&self, class: usize) -> u64 {
        (0..self.size()).fold(0, |sum, truth| sum.saturating_add(self.at(truth, class)))
    }

    /// Fraction of a class's images that were taken for it; `None` for a class without images.
    pub(crate) fn recall(&self, class: usize) -> Option<f64> {
        let images = self.of_class(class);
        (images > 0).then(|| self.at(class, class) as f64 / images as f64)
    }

    /// Fraction of the images taken for a class that are of it; `None` where none was.
    pub(crate) fn precision(&self, class: usize) -> Option<f64> {
        let images = self.taken_for(class);
        (images > 0).then(|| self.at(class, class) as f64 / images as f64)
    }
    /// A truth, a prediction that is not it, and how many images, most first.
    pub(crate) fn wrong(&self) -> Vec<(usize, usize, u64)> {
        let rows = self.counts.iter().enumerate();
        let cells = rows.flat_map(|(t, row)| row.iter().enumerate().map(move |(p, n)| (t, p, *n)));
        let mut wrong: Vec<_> = cells.filter(|(t, p, n)| t != p && *n > 0).collect();
        wrong.sort_by_key(|(t, p, n)| (u64::MAX - n, *t, *p));
        wrong
    }
}
