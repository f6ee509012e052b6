//! Ridge regression to the classes: what is left out is exact, for all penalties and classes from one eigendecomposition.

mod left_out;

use std::cmp::Ordering;

use statistics::folds::members;
use tch::Tensor;

use self::left_out::Regression;
use crate::Error;
use crate::folds::of_several_groups;
use crate::held_out::{HeldOut, check_rows, checked_labels};
use crate::linear_head::LinearHead;
use crate::spectrum::{one_hot, rows_of};
use crate::standardised::Standardised;
use crate::temperature::inverse_temperature;

/// Penalties, from this on by half powers of ten. Quarters gained nothing on four stages of photographs, whole powers lost up to
/// 0.01 nats.
const STRONGEST: f64 = 1.0;
/// Number of penalties.
const PENALTIES: i32 = 13;
/// Steps to a power of ten.
const TO_TEN: f64 = 2.0;

/// Fits a ridge regression from features `[N, D]` to labels as columns of zeros and ones, and makes its scores
/// probabilities by one temperature.
///
/// Features are put on one scale over all images, small deviations damped; the mean squared error has the penalty `p |w|^2`, the intercept none. The
/// penalty is the one with the lowest cross-entropy of the left-out images, each penalty at its own best temperature: of whole powers
/// of ten, and then of the halves next to the best of these. Leaving
/// an image out is exact in the weights (no refit is needed: Allen 1974; Golub, Heath and Wahba, "Generalized
/// cross-validation", 1979). The classes' shares stay those of all images, as in stratified folds: without an image its class
/// is rarer by that image, and where features say little, leave-one-out would call nearly every image wrong.
///
/// The image of a class that has no other stays in every fit and is not in the head's `held_out`.
///
/// # Errors
/// When a feature is not finite, labels do not fit, fewer than two classes have two images, or a libtorch call fails.
pub fn fit(features: &Tensor, labels: &[usize], classes: usize) -> Result<LinearHead, Error> {
    fit_groups(features, labels, classes, &vec![None; labels.len()])
}

/// Fits as [`fit`] and leaves images of one group out together, exactly too: by the block of the same residuals (Cook and
/// Weisberg 1982). Images without a group are left out one by one. A class of a single group stays in every fit.
///
/// # Errors
/// As [`fit`], where "two images" are of two groups.
pub fn fit_groups(
    features: &Tensor,
    labels: &[usize],
    classes: usize,
    groups: &[Option<u32>],
) -> Result<LinearHead, Error> {
    let (rows, _) = features.size2()?;
    let _ = checked_labels(rows, labels, classes)?;
    check_rows(rows, groups.len())?;
    let order: Vec<u32> = (0..).take(labels.len()).collect();
    let members = members(groups, &order);
    let can_be_left_out = of_several_groups(labels, classes, &members);
    if can_be_left_out.iter().filter(|can| **can).count() < 2 {
        return Err(Error::TooFew);
    }
    let images: Vec<usize> = (0..labels.len()).filter(|&image| can_be_left_out[labels[image]]).collect();
    let mut blocks = members;
    blocks.iter_mut().for_each(|block| block.retain(|&image| can_be_left_out[labels[image]]));
    blocks.retain(|block| block.len() > 1);

    let features = Standardised::damped(features)?;
    let targets = one_hot(labels, classes)?;
    let regression = Regression::of(&features.x, &targets)?;
    let rows = rows_of(&images)?;
    let labels: Vec<usize> = images.iter().map(|&image| labels[image]).collect();
    let left_out_targets = targets.f_index_select(0, &rows)?;
    // The next penalty has nearly the same temperature.
    let mut begin = 1.0;
    let mut measure = |step: i32| -> Result<Candidate, Error> {
        let penalty = STRONGEST * 10f64.powf(-f64::from(step) / TO_TEN);
        let scores = regression.left_out(penalty, &blocks)?.f_index_select(0, &rows)?;
        let inverse = inverse_temperature(&scores, &left_out_targets, begin)?;
        begin = inverse;
        let log_probabilities = (scores * inverse).f_log_softmax(-1, tch::Kind::Double)?;
        let loss = -(&log_probabilities * &left_out_targets).sum(tch::Kind::Double).double_value(&[]);
        Ok(Candidate { step, penalty, inverse, log_probabilities, loss })
    };
    // Whole powers of ten, then the halves on both sides of the best.
    let mut tried = (0..PENALTIES).step_by(2).map(&mut measure).collect::<Result<Vec<Candidate>, Error>>()?;
    let whole = tried.iter().min_by(|one, other| one.order(other)).map_or(0, |best| best.step);
    for step in [whole - 1, whole + 1].into_iter().filter(|step| (0..PENALTIES).contains(step)) {
        tried.push(measure(step)?);
    }
    let best = tried.into_iter().min_by(Candidate::order).ok_or(Error::TooFew)?;
    let Candidate { penalty, inverse, log_probabilities, .. } = best;
    let held_out = HeldOut::new(&log_probabilities, images, &labels)?;
    let weights = features.x.tr().f_matmul(&regression.dual(penalty)?)? * inverse; // [D, C]
    let raw = features.raw(&weights, &(&regression.shares * inverse))?;
    Ok(LinearHead { weight: raw.weight, bias: raw.bias, penalty, held_out })
}

/// A penalty with its results.
struct Candidate {
    step: i32,
    penalty: f64,
    /// Inverse temperature.
    inverse: f64,
    /// Of the left-out images, `[M, C]`.
    log_probabilities: Tensor,
    /// Sum of their cross-entropies.
    loss: f64,
}

impl Candidate {
    /// The lower loss first, of equal ones the stronger penalty.
    fn order(&self, other: &Self) -> Ordering {
        self.loss.total_cmp(&other.loss).then(self.step.cmp(&other.step))
    }
}
