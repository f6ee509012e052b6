//! Gradient clipping, and gradient norms.

use tch::{Device, Kind, Tensor};

/// Multiplies all gradients by a factor.
pub fn scale(gradients: &mut [Tensor], factor: f64) {
    let _no_gradient = tch::no_grad_guard();
    for gradient in gradients {
        let _ = gradient.g_mul_scalar_(factor);
    }
}

/// Clamps every value between minus `limit` and `limit`, as `torch.nn.utils.clip_grad_value_`.
pub fn by_value(gradients: &mut [Tensor], limit: f64) {
    let _no_gradient = tch::no_grad_guard();
    for gradient in gradients {
        let _ = gradient.clamp_(-limit, limit);
    }
}

/// Shrinks the gradients together so that their Euclidean norm is at most `limit`, as `torch.nn.utils.clip_grad_norm_`
/// (Pascanu et al., "On the difficulty of training recurrent neural networks", 2013). Where the norm is not finite they
/// stay as they are. Nothing is read from a GPU.
pub fn by_norm(gradients: &mut [Tensor], limit: f64) {
    let _no_gradient = tch::no_grad_guard();
    let norm = norm(gradients);
    // PyTorch's own guard against a norm of zero.
    let factor = ((&norm + 1e-6).reciprocal() * limit).clamp_max(1.0);
    let factor = factor.where_self(&norm.isfinite(), &factor.ones_like());
    for gradient in gradients {
        let _ = gradient.g_mul_(&factor);
    }
}

/// Returns the Euclidean norm of a tensor, a scalar: that of its rows' norms, for libtorch reduces rows in parallel, and a
/// whole tensor on one thread.
pub fn length(x: &Tensor) -> Tensor {
    if x.dim() < 2 {
        return x.norm();
    }
    let within: Vec<i64> = (1..x.dim() as i64).collect();
    x.norm_scalaropt_dim(2, within.as_slice(), false).norm()
}

/// Returns the Euclidean norm of all gradients together, a float64 scalar on their device. On a CPU it is finite exactly when
/// each of their values is; on a GPU, from which nothing is read, it is also infinite where squares are beyond their type.
pub fn norm(gradients: &[Tensor]) -> Tensor {
    let of = |norms: Vec<Tensor>| match norms.as_slice() {
        [] => Tensor::from(0f64),
        norms => Tensor::stack(norms, 0).norm().to_kind(Kind::Double),
    };
    tch::no_grad(|| {
        let norm = of(gradients.iter().map(length).collect());
        // Squares of sound values may be out of bounds.
        if norm.device() == Device::Cpu && !norm.double_value(&[]).is_finite() {
            return of(gradients.iter().map(|gradient| gradient.to_kind(Kind::Double).norm()).collect());
        }
        norm
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(gradients: &[Tensor]) -> Vec<f64> {
        gradients.iter().flat_map(|gradient| Vec::<f64>::try_from(gradient).unwrap()).collect()
    }

    fn read(gradients: &[Tensor]) -> f64 {
        norm(gradients).double_value(&[])
    }

    fn gradients() -> [Tensor; 2] {
        [Tensor::from_slice(&[3.0, -4.0]), Tensor::from_slice(&[12.0f64])]
    }

    #[test]
    fn the_norm_is_that_of_all_gradients_together() {
        let mut long = gradients();
        assert!((read(&long) - 13.0).abs() < 1e-12);
        by_norm(&mut long, 1.3);
        for (clipped, expected) in values(&long).into_iter().zip([0.3, -0.4, 1.2]) {
            assert!((clipped - expected).abs() < 1e-6, "{clipped}");
        }
        let mut short = gradients();
        by_norm(&mut short, 13.1);
        assert_eq!(values(&short), [3.0, -4.0, 12.0]);
        let mut spoilt = [Tensor::from_slice(&[3f32, f32::NAN]), Tensor::from_slice(&[12f32])];
        by_norm(&mut spoilt, 1.0);
        assert_eq!((spoilt[0].double_value(&[0]), spoilt[1].double_value(&[0])), (3.0, 12.0));
        by_norm(&mut [], 1.0);
    }

    #[test]
    fn a_norm_is_finite_when_all_values_are() {
        let large = [Tensor::from_slice(&[3e30f32, 4e30]), Tensor::from_slice(&[0f32])];
        assert!((read(&large) / 5e30 - 1.0).abs() < 1e-6, "{}", read(&large));
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!read(&[Tensor::from_slice(&[1f32]), Tensor::from_slice(&[0f32, value])]).is_finite());
        }
        assert_eq!(read(&[]), 0.0);
    }

    #[test]
    fn values_are_held_one_by_one() {
        let mut gradients = gradients();
        by_value(&mut gradients, 3.5);
        assert_eq!(values(&gradients), [3.0, -3.5, 3.5]);
    }
}
