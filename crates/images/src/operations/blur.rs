use super::Square;

/// TorchVision's `gaussian_blur` (`torchvision/transforms/_functional_tensor.py`): the kernel is a sampled Gaussian of so
/// many pixels, the image goes on beyond its edges as in a mirror, and the result is rounded half to even. There the
/// kernel is applied at once, here rows first and then columns: the sums differ by single bits of float32.
pub(super) fn gaussian(square: &mut Square<'_>, kernel: u32, sigma: f64) {
    let weights = weights(kernel, sigma);
    let Square { bytes, side, channels, .. } = square;
    let (side, stride) = (*side, *side * *channels);
    let columns = mirrored(side, weights.len());
    let mut across = vec![0f32; bytes.len()];
    for (row, across) in bytes.chunks_exact(stride).zip(across.chunks_exact_mut(stride)) {
        for (x, sums) in across.chunks_exact_mut(*channels).enumerate() {
            for (weight, &column) in weights.iter().zip(&columns[x..]) {
                let pixel = &row[column * *channels..];
                sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += weight * f32::from(value));
            }
        }
    }
    let mut sums = vec![0f32; stride];
    for (y, row) in bytes.chunks_exact_mut(stride).enumerate() {
        sums.fill(0.0);
        for (weight, &line) in weights.iter().zip(&columns[y..]) {
            let line = &across[line * stride..];
            sums.iter_mut().zip(line).for_each(|(sum, &value)| *sum += weight * value);
        }
        row.iter_mut().zip(&sums).for_each(|(value, sum)| *value = sum.round_ties_even() as u8);
    }
}

/// Returns the values of a Gaussian in the middles of the pixels, as shares of their sum.
fn weights(kernel: u32, sigma: f64) -> Vec<f32> {
    let half = (kernel - 1) as f32 * 0.5;
    let density = |at: u32| (-0.5 * ((at as f32 - half) / sigma as f32).powi(2)).exp();
    let densities: Vec<f32> = (0..kernel).map(density).collect();
    let sum: f32 = densities.iter().sum();
    densities.iter().map(|density| density / sum).collect()
}

/// Where the pixels of a row lie that a kernel of `kernel` pixels reads, from half a kernel before its beginning to half a
/// kernel behind its end: within the row, turning back at the first and the last pixel, more than once if it must.
fn mirrored(side: usize, kernel: usize) -> Vec<usize> {
    let (half, last) = (kernel / 2, side - 1);
    let period = (2 * last).max(1);
    let fold = |at: usize| {
        let at = (at + period * half - half) % period;
        at.min(period - at).min(last)
    };
    (0..side + 2 * half).map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_goes_on_as_in_a_mirror() {
        assert_eq!(mirrored(4, 5), [2, 1, 0, 1, 2, 3, 2, 1]);
        // Further than a row is long: there and back again.
        assert_eq!(mirrored(2, 7), [1, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(mirrored(1, 3), [0, 0, 0]);
    }
}
