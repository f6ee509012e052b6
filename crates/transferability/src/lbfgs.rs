//! L2-regularised multinomial logistic regression, on several parts of one set of images at once.

use std::collections::VecDeque;

use tch::{Kind, Tensor};

use crate::Error;

/// Pairs of steps and gradient changes that L-BFGS remembers.
const MEMORY: usize = 8;
/// Steps at most.
const STEPS: usize = 200;
/// Part of the promised decrease that a step must keep (Armijo).
const KEPT: f64 = 1e-4;
/// How often a step is halved at most.
const HALVINGS: usize = 30;

/// The fits' task: for each of `F` parts, the mean cross-entropy over its images plus `penalty / 2` times the squared
/// length of the weights; the intercept is free.
pub(crate) struct Task<'a> {
    /// Features with a last column of ones, `[N, r + 1]`, float64.
    pub(crate) x: &'a Tensor,
    /// Labels as columns, `[N, classes]`.
    pub(crate) targets: &'a Tensor,
    /// Weight of each image in each part, `[F, N]`: one over their number, or zero.
    pub(crate) share: &'a Tensor,
    /// Strength of the penalty.
    pub(crate) penalty: f64,
}

/// The weights of all parts, `[F, r + 1, classes]`, from these on until no entry of the gradient is larger than `settled`.
///
/// By L-BFGS (Liu and Nocedal 1989) with a diagonal scale from Böhning's bound of the curvature (1992), all parts side by
/// side: each has its own step length.
pub(crate) fn fit(task: &Task<'_>, start: Tensor, settled: f64) -> Result<Tensor, Error> {
    let scale = curvature(task); // [1, r + 1, 1]
    let mut weights = start;
    let (mut loss, mut gradient) = task.evaluate(&weights)?;
    let mut memory: VecDeque<(Tensor, Tensor, Tensor)> = VecDeque::new();
    for _ in 0..STEPS {
        if gradient.abs().max().double_value(&[]) < settled {
            break;
        }
        let direction = direction(&gradient, &memory, &scale);
        let promised = dot(&gradient, &direction); // [F, 1, 1], below 0
        let mut length = promised.ones_like();
        let mut found = None;
        for _ in 0..HALVINGS {
            let there = &weights + &length * &direction;
            let (new_loss, new_gradient) = task.evaluate(&there)?;
            let slack = loss.abs() * 1e-14;
            let short = new_loss.le_tensor(&(&loss + &length * &promised * KEPT + slack)); // [F, 1, 1]
            let all = short.all().int64_value(&[]) == 1;
            length = length.where_self(&short, &(&length * 0.5));
            if all {
                found = Some((there, new_loss, new_gradient));
                break;
            }
        }
        // No step is short enough where rounding hides the decrease: the end is reached.
        let Some((there, new_loss, new_gradient)) = found else { break };
        let (moved, change) = (&there - &weights, &new_gradient - &gradient);
        let product = dot(&moved, &change);
        // A part that has settled no longer moves; it adds nothing to the memory.
        let inverse = product.clamp_min(1e-300).reciprocal() * product.gt(1e-300).to_kind(Kind::Double);
        if memory.len() == MEMORY {
            memory.pop_front();
        }
        memory.push_back((moved, change, inverse));
        (weights, loss, gradient) = (there, new_loss, new_gradient);
    }
    Ok(weights)
}

impl Task<'_> {
    /// The objective `[F, 1, 1]` and its gradient `[F, r + 1, classes]`.
    fn evaluate(&self, weights: &Tensor) -> Result<(Tensor, Tensor), Error> {
        let log_probabilities = self.x.f_matmul(weights)?.log_softmax(-1, Kind::Double); // [F, N, classes]
        let share = self.share.unsqueeze(-1); // [F, N, 1]
        let fit = (&log_probabilities * self.targets * &share).sum_dim_intlist(
            [1i64, 2].as_slice(),
            true,
            Kind::Double,
        );
        let penalised = self.penalised(weights);
        let loss =
            (&penalised * weights).sum_dim_intlist([1i64, 2].as_slice(), true, Kind::Double) * 0.5 - fit;
        let residue = (log_probabilities.exp() - self.targets) * share; // [F, N, classes]
        Ok((loss, self.x.tr().f_matmul(&residue)? + penalised))
    }

    /// The penalty's gradient: the intercept has none.
    fn penalised(&self, weights: &Tensor) -> Tensor {
        let penalised = weights * self.penalty;
        let _ = penalised.narrow(1, weights.size()[1] - 1, 1).zero_();
        penalised
    }
}

/// Böhning's bound of the Hessian's diagonal, `[1, r + 1, 1]`: half the mean square of each feature, plus the penalty.
fn curvature(task: &Task<'_>) -> Tensor {
    let largest = task.share.max();
    let squares = task.x.square().sum_dim_intlist([0i64].as_slice(), false, Kind::Double); // [r + 1]
    (squares * largest * 0.5 + task.penalty).view([1, -1, 1])
}

/// The two loops of L-BFGS for every part at once.
fn direction(gradient: &Tensor, memory: &VecDeque<(Tensor, Tensor, Tensor)>, scale: &Tensor) -> Tensor {
    let mut q = -gradient;
    let mut shares = Vec::new();
    for (moved, change, inverse) in memory.iter().rev() {
        let share = dot(moved, &q) * inverse;
        q -= &share * change;
        shares.push(share);
    }
    let mut r = q / scale;
    if let Some((moved, change, _)) = memory.back() {
        // The true curvature lies below the bound; by how much shows in the last step.
        let bound = dot(change, &(change / scale));
        let factor = dot(moved, change) / bound.clamp_min(1e-300);
        r *= factor.where_self(&factor.gt(0.0), &factor.ones_like());
    }
    for ((moved, change, inverse), share) in memory.iter().zip(shares.iter().rev()) {
        r = &r + moved * (share - dot(change, &r) * inverse);
    }
    r
}

/// The inner product within each part, `[F, 1, 1]`.
fn dot(a: &Tensor, b: &Tensor) -> Tensor {
    (a * b).sum_dim_intlist([1i64, 2].as_slice(), true, Kind::Double)
}
