//! Gradients held within bounds before a step.

use tch::{Kind, Tensor};

/// Holds every value between minus `limit` and `limit`, as `torch.nn.utils.clip_grad_value_`.
pub fn by_value(gradients: &mut [Tensor], limit: f64) {
    let _no_gradient = tch::no_grad_guard();
    for gradient in gradients {
        let _ = gradient.clamp_(-limit, limit);
    }
}

/// Shrinks the gradients together so that their Euclidean norm is at most `limit`, as `torch.nn.utils.clip_grad_norm_`
/// (Pascanu et al., "On the difficulty of training recurrent neural networks", 2013). Returns the norm before; where it
/// is not finite the gradients stay as they are.
pub fn by_norm(gradients: &mut [Tensor], limit: f64) -> f64 {
    let _no_gradient = tch::no_grad_guard();
    let norm = norm(gradients);
    // PyTorch's own guard against a norm of zero.
    let factor = limit / (norm + 1e-6);
    if factor < 1.0 && norm.is_finite() {
        for gradient in gradients {
            let _ = gradient.g_mul_scalar_(factor);
        }
    }
    norm
}

/// The Euclidean norm of all gradients together: finite exactly when each of their values is. It is read once.
#[must_use]
pub fn norm(gradients: &[Tensor]) -> f64 {
    let of = |norms: Vec<Tensor>| match norms.as_slice() {
        [] => 0.0,
        norms => Tensor::stack(norms, 0).norm().to_kind(Kind::Double).double_value(&[]),
    };
    tch::no_grad(|| {
        let norm = of(gradients.iter().map(Tensor::norm).collect());
        // Squares of sound values may be out of bounds.
        let exact = || of(gradients.iter().map(|gradient| gradient.to_kind(Kind::Double).norm()).collect());
        if norm.is_finite() { norm } else { exact() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(gradients: &[Tensor]) -> Vec<f64> {
        gradients.iter().flat_map(|gradient| Vec::<f64>::try_from(gradient).unwrap()).collect()
    }

    fn gradients() -> [Tensor; 2] {
        [Tensor::from_slice(&[3.0, -4.0]), Tensor::from_slice(&[12.0f64])]
    }

    #[test]
    fn the_norm_is_that_of_all_gradients_together() {
        let mut long = gradients();
        assert!((by_norm(&mut long, 1.3) - 13.0).abs() < 1e-12);
        for (clipped, expected) in values(&long).into_iter().zip([0.3, -0.4, 1.2]) {
            assert!((clipped - expected).abs() < 1e-6, "{clipped}");
        }
        let mut short = gradients();
        by_norm(&mut short, 13.1);
        assert_eq!(values(&short), [3.0, -4.0, 12.0]);
        assert_eq!(by_norm(&mut [], 1.0), 0.0);
    }

    #[test]
    fn a_norm_is_finite_when_all_values_are() {
        let large = [Tensor::from_slice(&[3e30f32, 4e30]), Tensor::from_slice(&[0f32])];
        assert!((norm(&large) / 5e30 - 1.0).abs() < 1e-6, "{}", norm(&large));
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!norm(&[Tensor::from_slice(&[1f32]), Tensor::from_slice(&[0f32, value])]).is_finite());
        }
        assert_eq!(norm(&[]), 0.0);
    }

    #[test]
    fn values_are_held_one_by_one() {
        let mut gradients = gradients();
        by_value(&mut gradients, 3.5);
        assert_eq!(values(&gradients), [3.0, -3.5, 3.5]);
    }
}
