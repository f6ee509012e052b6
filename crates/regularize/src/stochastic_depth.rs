//! Stochastic depth (Huang et al., "Deep Networks with Stochastic Depth", 2016): in training a residual branch is left
//! out at random for each image, so that a deep network trains like an ensemble of shallow ones.

use tch::Tensor;

/// The branch `[N, ..]` with each image's part dropped with probability `rate`, and the rest scaled by `1 / (1 - rate)`
/// so that its mean stays. As TorchVision's `ops.stochastic_depth` in mode `"row"`. For training only.
pub fn stochastic_depth(branch: &Tensor, rate: f64) -> Tensor {
    if rate <= 0.0 {
        return branch.shallow_clone();
    }
    let keep = 1.0 - rate;
    let kept = torch_extra::rows::kept_images(branch, keep);
    branch * (if keep > 0.0 { kept / keep } else { kept })
}

/// The rate of block `block` of `blocks`: from 0 at the first, rising linearly to `last` at the last.
#[must_use]
pub fn linear_rate(last: f64, block: usize, blocks: usize) -> f64 {
    last * block as f64 / (blocks.max(2) - 1) as f64
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn whole_images_are_dropped_and_the_mean_stays() {
        tch::manual_seed(0);
        let branch = Tensor::ones([4000, 2, 2, 2], (Kind::Double, Device::Cpu));
        let dropped = stochastic_depth(&branch, 0.25);
        let image: Vec<f64> =
            Vec::try_from(dropped.view([4000, -1]).mean_dim(1, false, None::<Kind>)).unwrap();
        assert!(image.iter().all(|&x| x == 0.0 || (x - 4.0 / 3.0).abs() < 1e-12));
        let mean = image.iter().sum::<f64>() / 4000.0;
        assert!((mean - 1.0).abs() < 0.04, "{mean}");
    }

    #[test]
    fn the_rate_rises_linearly() {
        assert_eq!(linear_rate(0.2, 0, 5), 0.0);
        assert!((linear_rate(0.2, 2, 5) - 0.1).abs() < 1e-12);
        assert!((linear_rate(0.2, 4, 5) - 0.2).abs() < 1e-12);
        assert_eq!(linear_rate(0.2, 0, 1), 0.0);
    }
}
