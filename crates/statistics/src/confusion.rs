/// Confusion matrix: how many images of each class were predicted as each class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    /// `counts[truth][prediction]`, square.
    counts: Vec<Vec<u64>>,
}

/// Images of one class that were predicted as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Ground truth, an index of a class.
    pub truth: usize,
    /// Prediction, an index of another class.
    pub prediction: usize,
    /// Number of images, at least 1.
    pub images: u64,
}

impl Confusion {
    /// Empty matrix over this number of classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { counts: vec![vec![0; classes]; classes] }
    }

    /// Matrix from `counts[truth][prediction]`. Missing rows and short rows count as zeros; the number of classes is the
    /// largest that occurs, and at least `classes`.
    #[must_use]
    pub fn from_counts(counts: &[Vec<u64>], classes: usize) -> Self {
        let widest = counts.iter().map(Vec::len).max().unwrap_or(0);
        let classes = classes.max(counts.len()).max(widest);
        let mut counts = counts.to_vec();
        counts.resize(classes, Vec::new());
        counts.iter_mut().for_each(|row| row.resize(classes, 0));
        Self { counts }
    }

    /// Counts one image. The matrix grows where a class lies beyond it.
    pub fn add(&mut self, truth: usize, prediction: usize) {
        let needed = truth.max(prediction) + 1;
        if needed > self.classes() {
            *self = Self::from_counts(&self.counts, needed);
        }
        self.counts[truth][prediction] += 1;
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// `[truth][prediction]`, square.
    #[must_use]
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// `[truth][prediction]`, square.
    #[must_use]
    pub fn into_counts(self) -> Vec<Vec<u64>> {
        self.counts
    }

    /// Number of images of class `truth` predicted as `prediction`; 0 for classes beyond the matrix.
    #[must_use]
    pub fn count(&self, truth: usize, prediction: usize) -> u64 {
        self.counts.get(truth).and_then(|row| row.get(prediction)).copied().unwrap_or(0)
    }

    /// Number of images of a class.
    #[must_use]
    pub fn images(&self, class: usize) -> u64 {
        self.counts.get(class).map_or(0, |row| sum(row.iter().copied()))
    }

    /// Number of images predicted as a class.
    #[must_use]
    pub fn predicted(&self, class: usize) -> u64 {
        sum((0..self.classes()).map(|truth| self.count(truth, class)))
    }

    /// Number of all images.
    #[must_use]
    pub fn total(&self) -> u64 {
        sum((0..self.classes()).map(|class| self.images(class)))
    }

    /// Number of images predicted as the class they are of.
    #[must_use]
    pub fn correct(&self) -> u64 {
        sum((0..self.classes()).map(|class| self.count(class, class)))
    }

    /// Share of the images of a class that were predicted as it, in `0..=1`; `None` for a class without images.
    #[must_use]
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.count(class, class), self.images(class))
    }

    /// Share of the images predicted as a class that are of it, in `0..=1`; `None` where none was.
    #[must_use]
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.count(class, class), self.predicted(class))
    }

    /// Share of correct predictions, in `0..=1`; `None` without images.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        share(self.correct(), self.total())
    }

    /// Mean recall of the classes that have images, in `0..=1`: what accuracy would be with equally many images of each
    /// (Brodersen et al. 2010). `None` without images. As `sklearn.metrics.balanced_accuracy_score`.
    #[must_use]
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let recalls: Vec<f64> = (0..self.classes()).filter_map(|class| self.recall(class)).collect();
        (!recalls.is_empty()).then(|| crate::mean(&recalls))
    }

    /// Harmonic mean of precision and recall of a class, in `0..=1`: twice its correct predictions over its images and
    /// predictions. `None` for a class with neither.
    #[must_use]
    pub fn f1(&self, class: usize) -> Option<f64> {
        let both = self.images(class).saturating_add(self.predicted(class));
        (both > 0).then(|| 2.0 * self.count(class, class) as f64 / both as f64)
    }

    /// Mean F1 of the classes that have images, in `0..=1`. `None` without images. As `sklearn.metrics.f1_score` with
    /// `average="macro"` and these classes as `labels`.
    #[must_use]
    pub fn macro_f1(&self) -> Option<f64> {
        let found: Vec<f64> = self.present().into_iter().filter_map(|class| self.f1(class)).collect();
        (!found.is_empty()).then(|| crate::mean(&found))
    }

    /// Classes that have images, in order.
    #[must_use]
    pub fn present(&self) -> Vec<usize> {
        (0..self.classes()).filter(|&class| self.images(class) > 0).collect()
    }

    /// Classes that are the truth or the prediction of an image, in order.
    #[must_use]
    pub fn occurring(&self) -> Vec<usize> {
        (0..self.classes()).filter(|&class| self.images(class) > 0 || self.predicted(class) > 0).collect()
    }

    /// Matrix of these classes alone, in the order given: truth and prediction `i` of it are class `classes[i]` of this
    /// one.
    #[must_use]
    pub fn restricted_to(&self, classes: &[usize]) -> Self {
        let row = |&truth: &usize| classes.iter().map(|&class| self.count(truth, class)).collect();
        Self { counts: classes.iter().map(row).collect() }
    }

    /// Wrong predictions, most frequent first, those of equal frequency by truth and prediction.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (truth, row) in self.counts.iter().enumerate() {
            for (prediction, &images) in row.iter().enumerate() {
                if truth != prediction && images > 0 {
                    mistakes.push(Mistake { truth, prediction, images });
                }
            }
        }
        mistakes.sort_by_key(|mistake| (u64::MAX - mistake.images, mistake.truth, mistake.prediction));
        mistakes
    }
}

/// Counts come from files, too: their sum stays at the largest number instead of overflowing.
fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_classes_that_occur_are_left() {
        let mut confusion = Confusion::new(2);
        for (truth, prediction) in [(0, 0), (0, 0), (0, 3), (1, 0), (1, 1)] {
            confusion.add(truth, prediction);
        }
        assert_eq!((confusion.classes(), confusion.occurring()), (4, vec![0, 1, 3]));
        let restricted = confusion.restricted_to(&[0, 1, 3]);
        assert_eq!(restricted.counts(), [[2, 0, 1], [1, 1, 0], [0, 0, 0]]);
        assert_eq!(restricted.precision(2), Some(0.0));
        assert_eq!(restricted.recall(2), None);
    }

    #[test]
    fn mistakes_come_by_frequency() {
        let confusion = Confusion::from_counts(&[vec![9, 1, 4], vec![4], vec![0, 2]], 0);
        let found: Vec<_> = confusion.mistakes().iter().map(|m| (m.truth, m.prediction, m.images)).collect();
        assert_eq!(found, [(0, 2, 4), (1, 0, 4), (2, 1, 2), (0, 1, 1)]);
    }

    #[test]
    fn torn_matrices_count_as_zeros_and_huge_ones_do_not_overflow() {
        let confusion = Confusion::from_counts(&[vec![u64::MAX, u64::MAX]], 3);
        assert_eq!((confusion.classes(), confusion.total(), confusion.images(2)), (3, u64::MAX, 0));
        let empty = Confusion::default();
        assert_eq!((empty.accuracy(), empty.balanced_accuracy(), empty.recall(7)), (None, None, None));
    }
}
