//! Label smoothing (Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016, section 7): the
//! target is the right class by `1 - ε` and every class by `ε / classes`, so that logits have no reason to grow for ever.

use tch::{Reduction, Tensor};

/// Mean cross-entropy of logits `[N, classes]` against labels `[N]`, with smoothing ε in `0.0..1.0`; a scalar.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor, smoothing: f64) -> Tensor {
    logits.cross_entropy_loss::<Tensor>(labels, None, Reduction::Mean, -100, smoothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition: `-(Σ target · log softmax) / N`.
    #[test]
    fn smoothing_mixes_in_the_uniform_target() {
        let logits = Tensor::from_slice2(&[[2.0f64, -1.0, 0.5], [0.0, 3.0, 1.0]]);
        let labels = Tensor::from_slice(&[0i64, 2]);
        let epsilon = 0.1;
        let mut expected = 0.0;
        for (row, right) in [([2.0f64, -1.0, 0.5], 0), ([0.0, 3.0, 1.0], 2)] {
            let norm = row.iter().map(|x| x.exp()).sum::<f64>().ln();
            for (class, x) in row.iter().enumerate() {
                let target = epsilon / 3.0 + if class == right { 1.0 - epsilon } else { 0.0 };
                expected -= target * (x - norm) / 2.0;
            }
        }
        let loss = cross_entropy(&logits, &labels, epsilon).double_value(&[]);
        assert!((loss - expected).abs() < 1e-12, "{loss} {expected}");
    }
}
