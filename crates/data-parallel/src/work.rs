//! The batches of an optimizer step, and how much each counts.

use features::loader::{Batch, Group};

/// What this process computes of an optimizer step.
#[derive(Debug)]
pub struct Work<'a> {
    /// The batches, or rows of them.
    pub own: &'a [Batch],
    /// How much each counts, in the same order.
    pub counts: Vec<Count>,
    /// Whether any batch of the step has a loss, those of other processes included.
    pub has_loss: bool,
    /// Number of images of the whole step.
    pub images: i64,
}

/// How much a batch counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// Sum of the class weights of its images; their number where classes have no weights. Of a batch that is cut, those of the
    /// whole.
    pub weight: f64,
    /// Its share in the loss of the step. The shares of a step's batches sum to 1; a batch whose images all have weight 0 has
    /// share 0.
    pub share: f64,
}

impl<'a> Work<'a> {
    /// Returns the work on these batches, which are the whole step, given the sum of the class weights of each.
    #[must_use]
    pub fn whole(batches: &'a [Batch], weights: &[f64]) -> Self {
        let counts = counts(weights);
        let has_loss = counts.iter().any(|count| count.share > 0.0);
        Self {
            own: batches,
            counts,
            has_loss,
            images: batches.iter().map(|batch| batch.labels.size()[0]).sum(),
        }
    }

    /// Returns the work of this process on a step, given the weight of each class. Nothing is read from a device.
    #[must_use]
    pub fn of(group: &'a Group, class_weights: Option<&[f64]>) -> Self {
        let weight_of =
            |&label: &usize| class_weights.map_or(1.0, |weights| weights.get(label).copied().unwrap_or(0.0));
        let weights = group.labels.iter().map(|labels| labels.iter().map(weight_of).sum());
        let all = counts(&weights.collect::<Vec<f64>>());
        let place =
            |batch: &Batch| usize::try_from(batch.number.saturating_sub(group.first)).unwrap_or(usize::MAX);
        let nothing = Count { weight: 0.0, share: 0.0 };
        Self {
            own: &group.own,
            counts: group.own.iter().map(|batch| all.get(place(batch)).copied().unwrap_or(nothing)).collect(),
            has_loss: all.iter().any(|count| count.share > 0.0),
            images: group.labels.iter().map(|labels| i64::try_from(labels.len()).unwrap_or(0)).sum(),
        }
    }
}

fn counts(weights: &[f64]) -> Vec<Count> {
    let total: f64 = weights.iter().sum();
    let share = |weight: f64| if weight > 0.0 { weight / total } else { 0.0 };
    weights.iter().map(|&weight| Count { weight, share: share(weight) }).collect()
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn shares_are_those_of_the_whole_step_whoever_computes_what() {
        let plain = |number: u64, labels: &[i64]| {
            let x = Tensor::zeros([labels.len() as i64, 1], (Kind::Float, Device::Cpu));
            Batch { number, ..Batch::plain(x, Tensor::from_slice(labels)) }
        };
        let group = Group {
            own: vec![plain(7, &[1, 1])],
            first: 6,
            labels: vec![vec![0, 0, 1], vec![1, 1], vec![2]],
        };
        let work = Work::of(&group, None);
        assert_eq!(
            (work.counts[0], work.images, work.has_loss),
            (Count { weight: 2.0, share: 2.0 / 6.0 }, 6, true)
        );
        let work = Work::of(&group, Some(&[0.5, 2.0, 0.0]));
        assert_eq!(work.counts[0], Count { weight: 4.0, share: 4.0 / 7.0 });
        // A step of which nobody's images weigh anything.
        let work = Work::of(&group, Some(&[0.0; 3]));
        assert_eq!((work.counts[0].share, work.has_loss), (0.0, false));
    }
}
