//! What is computed of a head from features before anything is trained: by what it standardises them, and the whole of it
//! where a solver gives it.

use std::time::Instant;

use backbone::{Backbone, Mode};
use features::loader::{Batch, FeatureLoader};
use records::HeadFitRecord;
use run_config::HeadSolver;
use tch::{Device, Kind, Tensor};
use transferability::{LinearHead, folds, logistic, ridge};

use crate::Error;

/// Number of folds in which logistic regression is cross-validated.
const FOLDS: usize = 5;

/// Measures mean and deviation of each value that the head reads over these images, and lets the head standardise by them.
/// Batches, in an order that the seed decides, pass through the network in these modes.
///
/// # Errors
/// When an image can no longer be read, or libtorch fails.
pub fn standardise(
    backbone: &Backbone,
    images: &FeatureLoader,
    batch_size: usize,
    seed: u64,
    modes: impl Iterator<Item = Mode>,
) -> Result<(), Error> {
    let _no_gradient = tch::no_grad_guard();
    let mut moments: Option<Moments> = None;
    for (batch, mode) in images.unmixed(backbone, batch_size, seed).zip(modes) {
        let here = Moments::of(&passed(backbone, images, &batch?, mode).to_kind(Kind::Double));
        moments = Some(match moments {
            Some(before) => before.joined(&here),
            None => here,
        });
    }
    if let Some(Moments { count, mean, squares }) = moments {
        backbone.head().standardise_by(&mean, &(squares / count).sqrt());
    }
    Ok(())
}

/// What a head is computed from.
pub struct Problem<'a> {
    /// The images, which do not vary.
    pub images: &'a FeatureLoader,
    /// Label of each image.
    pub labels: &'a [usize],
    /// Group of each image, which is held out as a whole.
    pub groups: &'a [Option<u32>],
    /// Number of classes.
    pub classes: usize,
    /// Images at once.
    pub batch_size: usize,
    /// Decides the folds.
    pub seed: u64,
}

/// Computes the head by a solver, from the images as the network passes them to it in evaluation.
///
/// # Errors
/// When the images are too few to hold any out, one can no longer be read, or libtorch fails.
pub fn solve(
    backbone: &Backbone,
    solver: HeadSolver,
    problem: &Problem<'_>,
) -> Result<Option<HeadFitRecord>, Error> {
    let Problem { images, labels, groups, classes, batch_size, seed } = *problem;
    let _no_gradient = tch::no_grad_guard();
    let mut rows = Vec::new();
    for batch in images.in_order(backbone, batch_size) {
        let read = backbone.head().input(&passed(backbone, images, &batch?, Mode::Evaluate));
        rows.push(read.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?);
    }
    let features = Tensor::f_cat(&rows, 0)?; // [N, features]
    drop(rows);
    let began = Instant::now();
    let grouped = groups.iter().any(Option::is_some);
    let (name, held_out, head) = match solver {
        HeadSolver::Sgd => return Ok(None),
        HeadSolver::Ridge => {
            let (parts, count) = folds::left_out_together(labels, classes, groups, seed);
            ("ridge", format!("{count} folds"), ridge::fit_groups(&features, labels, classes, &parts)?)
        }
        HeadSolver::Logistic => {
            let folds = match grouped {
                true => folds::deal_groups(labels, classes, groups, FOLDS, seed),
                false => folds::deal(labels, classes, FOLDS, seed),
            };
            ("logistic", format!("{FOLDS} folds"), logistic::fit(&features, labels, classes, &folds)?)
        }
    };
    let LinearHead { weight, bias, penalty, held_out: predictions } = head;
    backbone.head().set_linear(&weight, &bias);
    Ok(Some(HeadFitRecord {
        solver: name.to_owned(),
        images: labels.len() as u64,
        features: u64::try_from(features.size()[1]).unwrap_or(0),
        penalty,
        held_out,
        held_out_images: predictions.images().len() as u64,
        accuracy: predictions.accuracy(),
        loss: predictions.loss(),
        seconds: began.elapsed().as_secs_f64(),
    }))
}

/// What passes into the head for a batch of these images: `[N, features, ..]`.
fn passed(backbone: &Backbone, images: &FeatureLoader, batch: &Batch, mode: Mode) -> Tensor {
    backbone.forward(&batch.x, images.cut()..backbone.head_id(), mode).flatten(1, -1)
}

/// Number, mean and summed squared deviations of some rows, each column by itself.
struct Moments {
    count: f64,
    /// `[columns]`.
    mean: Tensor,
    /// `[columns]`.
    squares: Tensor,
}

impl Moments {
    /// Of rows `[N, columns]`.
    fn of(rows: &Tensor) -> Self {
        let mean = rows.mean_dim(&[0i64][..], false, Kind::Double);
        let squares = (rows - &mean).square().sum_dim_intlist(&[0i64][..], false, Kind::Double);
        Self { count: rows.size()[0] as f64, mean, squares }
    }

    /// Of the rows of both (Chan, Golub and LeVeque 1979).
    fn joined(self, other: &Self) -> Self {
        let count = self.count + other.count;
        let apart = &other.mean - &self.mean;
        let squares = self.squares + &other.squares + apart.square() * (self.count * other.count / count);
        Self { count, mean: self.mean + apart * (other.count / count), squares }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_parts_are_those_of_the_whole() {
        let rows = Tensor::randn([23, 4], (Kind::Double, Device::Cpu)) * 3.0 + 1e3;
        let part = |from: i64, count: i64| Moments::of(&rows.narrow(0, from, count));
        let joined = part(0, 8).joined(&part(8, 8)).joined(&part(16, 7));
        let deviation = (joined.squares / joined.count).sqrt();
        let close = |a: &Tensor, b: &Tensor| a.allclose(b, 1e-12, 1e-12, false);
        assert!(close(&joined.mean, &rows.mean_dim(&[0i64][..], false, Kind::Double)));
        assert!(close(&deviation, &rows.std_dim(&[0i64][..], false, false)));
    }
}
