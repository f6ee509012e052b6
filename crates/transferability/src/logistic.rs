//! L2-regularised multinomial logistic regression, cross-validated.

use tch::{Kind, Tensor};

use crate::Error;
use crate::folds::Folds;
use crate::held_out::{HeldOut, check_rows, checked_labels};
use crate::lbfgs::{self, Task};
use crate::linear_head::LinearHead;
use crate::spectrum::{Spectrum, one_hot, rows_of};
use crate::standardised::Standardised;

/// Penalties from the strongest on: powers of ten and what lies halfway between them.
const PENALTIES: [f64; 9] = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5];
/// Most weights that are fitted at once: as many folds together as memory allows.
const AT_ONCE: usize = 1 << 22;
/// Largest entry of the gradient at which a fit ends.
const SETTLED: f64 = 1e-5;

/// Fits a logistic regression from features `[N, D]` to labels.
///
/// The mean cross-entropy has the penalty `p / 2 |w|^2`, the intercept none; features are standardised over all images, and
/// rows have a mean square length of 1. Penalties are tried from the strongest on for as long as the held-out cross-entropy
/// falls; the one where it is lowest is fitted on all images.
///
/// # Errors
/// When a feature is not finite, labels or folds do not fit, images of fewer than two classes are held out, or a libtorch
/// call fails.
pub fn fit(features: &Tensor, labels: &[usize], classes: usize, folds: &Folds) -> Result<LinearHead, Error> {
    fit_until(SETTLED, features, labels, classes, folds)
}

/// Returns the predictions of each held-out image by a logistic regression of a fixed penalty, as [`fit`] fits it, on the
/// images of the other folds.
///
/// # Errors
/// As [`fit`].
pub fn out_of_fold(
    features: &Tensor,
    labels: &[usize],
    classes: usize,
    folds: &Folds,
    penalty: f64,
) -> Result<HeldOut, Error> {
    let features = Standardised::of(features)?;
    let mut problem = Problem::of(&features, labels, classes, folds, SETTLED)?;
    problem.held_out(penalty)
}

/// As [`fit`], each fit until no entry of the gradient is larger than `settled`.
pub(crate) fn fit_until(
    settled: f64,
    features: &Tensor,
    labels: &[usize],
    classes: usize,
    folds: &Folds,
) -> Result<LinearHead, Error> {
    let features = Standardised::damped(features)?;
    let mut problem = Problem::of(&features, labels, classes, folds, settled)?;
    let mut best: Option<(f64, HeldOut)> = None;
    for penalty in PENALTIES {
        let held_out = problem.held_out(penalty)?;
        // Weaker penalties overfit more, and take the longest to fit.
        if best.as_ref().is_some_and(|(_, best)| best.loss() <= held_out.loss()) {
            break;
        }
        best = Some((penalty, held_out));
    }
    let (penalty, held_out) = best.ok_or(Error::TooFew)?;
    let (weights, intercept) = problem.on_all(penalty)?;
    let raw = features.raw(&weights, &intercept)?;
    Ok(LinearHead { weight: raw.weight, bias: raw.bias, penalty, held_out })
}

/// Fits of all folds, from one penalty to the next.
struct Problem<'a> {
    features: &'a Standardised,
    labels: &'a [usize],
    folds: &'a Folds,
    settled: f64,
    /// Axes of the features' spread.
    spectrum: Spectrum,
    /// Features along these axes with a last column of ones, `[N, k + 1]`.
    x: Tensor,
    /// Labels as columns, `[N, C]`.
    targets: Tensor,
    /// Folds that are fitted together, with their weights so far, `[F, k + 1, C]`: each penalty starts from the one before.
    fitted: Vec<(Vec<usize>, Tensor)>,
}

impl<'a> Problem<'a> {
    fn of(
        features: &'a Standardised,
        labels: &'a [usize],
        classes: usize,
        folds: &'a Folds,
        settled: f64,
    ) -> Result<Self, Error> {
        let rows = features.x.size()[0];
        let _ = checked_labels(rows, labels, classes)?;
        check_rows(rows, folds.of().len())?;
        folds.check(labels)?;
        let spectrum = Spectrum::of(&features.x)?;
        let ones = Tensor::f_ones([rows, 1], (Kind::Double, features.x.device()))?;
        let x = Tensor::f_cat(&[&spectrum.coordinates(), &ones], 1)?; // [N, k + 1]
        let targets = one_hot(labels, classes)?;
        let (columns, classes) = (x.size()[1], targets.size()[1]);
        let values = usize::try_from(columns * classes).unwrap_or(usize::MAX).max(1);
        let at_once = (AT_ONCE / values).clamp(1, folds.count());
        let all: Vec<usize> = (0..folds.count()).collect();
        let together = all.chunks(at_once).map(|group| {
            let shape = [i64::try_from(group.len()).unwrap_or(i64::MAX), columns, classes];
            Ok((group.to_vec(), Tensor::f_zeros(shape, (Kind::Double, x.device()))?))
        });
        let fitted = together.collect::<Result<_, Error>>()?;
        Ok(Self { features, labels, folds, settled, spectrum, x, targets, fitted })
    }

    /// Fits every fold at a penalty. Returns its predictions for the images that it holds out.
    fn held_out(&mut self, penalty: f64) -> Result<HeldOut, Error> {
        let images = self.folds.held_out();
        let found = Tensor::f_zeros_like(&self.targets)?;
        for (group, weights) in &mut self.fitted {
            let share = shares(self.folds, group)?;
            let task = Task { x: &self.x, targets: &self.targets, share: &share, penalty };
            *weights = lbfgs::fit(&task, weights.shallow_clone(), self.settled)?;
            let all = self.x.f_matmul(weights)?.f_log_softmax(-1, Kind::Double)?; // [F, N, C]
            for (row, &fold) in (0..).zip(group.iter()) {
                let rows = rows_of(&self.folds.held_out_by(fold))?;
                let _ =
                    found.shallow_clone().f_index_copy_(0, &rows, &all.get(row).f_index_select(0, &rows)?)?;
            }
        }
        let labels: Vec<usize> = images.iter().map(|&image| self.labels[image]).collect();
        HeldOut::new(&found.f_index_select(0, &rows_of(&images)?)?, images, &labels)
    }

    /// Fits all images at a penalty. Returns weights on the standardised features, `[D, C]`, and the intercept, `[1, C]`.
    fn on_all(&self, penalty: f64) -> Result<(Tensor, Tensor), Error> {
        let images = self.x.size()[0];
        let share = Tensor::f_full([1, images], 1.0 / images as f64, (Kind::Double, self.x.device()))?;
        let task = Task { x: &self.x, targets: &self.targets, share: &share, penalty };
        let start = self.fitted[0].1.narrow(0, 0, 1).copy();
        let weights = lbfgs::fit(&task, start, self.settled)?.squeeze_dim(0); // [k + 1, C]
        let axes = weights.size()[0] - 1;
        let Spectrum { u, squares } = &self.spectrum;
        let along = weights.narrow(0, 0, axes) / squares.sqrt().unsqueeze(1);
        Ok((self.features.x.tr().f_matmul(&u.f_matmul(&along)?)?, weights.narrow(0, axes, 1)))
    }
}

/// Returns one over the number of images that each fold of a group is fitted on, and zero for those it holds out, `[F, N]`.
fn shares(folds: &Folds, group: &[usize]) -> Result<Tensor, Error> {
    let of = folds.of();
    let mut shares = Vec::with_capacity(group.len() * of.len());
    for &fold in group {
        let fitted = folds.fitted_by(fold).len().max(1) as f64;
        shares.extend(of.iter().map(|&held| if held == Some(fold) { 0.0 } else { 1.0 / fitted }));
    }
    Ok(Tensor::f_from_slice(&shares)?.f_view([i64::try_from(group.len()).unwrap_or(0), -1])?)
}
