use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{Erasing, ErasingFill, Layout};

/// Rows and columns of a rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rectangle {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

impl Erasing {
    /// Perhaps blots out a rectangle of the normalised image, `side` pixels wide and high. The random numbers do not depend
    /// on the layout.
    pub(crate) fn apply(&self, pixels: &mut [f32], side: usize, layout: Layout, rng: &mut ChaCha8Rng) {
        if rng.random::<f64>() >= self.probability.get() {
            return;
        }
        let Some(Rectangle { top, left, height, width }) = self.rectangle(side, rng) else { return };
        let channels = pixels.len() / (side * side);
        for channel in 0..channels {
            for row in top..top + height {
                for pixel in row * side + left..row * side + left + width {
                    pixels[layout.place(channel, pixel, channels, side)] = match self.fill {
                        ErasingFill::Mean => 0.0,
                        ErasingFill::Noise => StandardNormal.sample(rng),
                    };
                }
            }
        }
    }

    /// What TorchVision's `RandomErasing.get_params` draws; none when ten rectangles did not fit.
    fn rectangle(&self, side: usize, rng: &mut ChaCha8Rng) -> Option<Rectangle> {
        const TRIES: usize = 10;
        let area = (side * side) as f64;
        (0..TRIES).find_map(|_| {
            let erased = area * rng.random_range(self.scale.smallest()..=self.scale.largest());
            let ratio = rng.random_range(self.ratio.smallest().ln()..=self.ratio.largest().ln()).exp();
            let height = (erased * ratio).sqrt().round_ties_even() as usize;
            let width = (erased / ratio).sqrt().round_ties_even() as usize;
            (height < side && width < side).then(|| Rectangle {
                top: rng.random_range(0..=side - height),
                left: rng.random_range(0..=side - width),
                height,
                width,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use crate::{AreaShares, Probability};

    /// `mean` of 100,000 draws of TorchVision's `RandomErasing.get_params` on 64x64 (`augmented.py`): top, left,
    /// height, width, area; then the share of draws that found nothing.
    const TORCHVISION: &str = include_str!("../tests/fixtures/erasing.txt");

    #[test]
    fn rectangles_are_spread_as_torchvisions() {
        let expected: Vec<f64> =
            TORCHVISION.split_whitespace().map(|number| number.parse().expect("number")).collect();
        let erasing = Erasing { scale: AreaShares::of(0.02, 0.9), ..Erasing::default() };
        let mut rng = stream(Purpose::Augment, 0, [0, 0]);
        let draws: Vec<_> = (0..40_000).map(|_| erasing.rectangle(64, &mut rng)).collect();
        let found: Vec<_> = draws.iter().flatten().collect();
        let mean = |value: fn(&Rectangle) -> usize| {
            found.iter().map(|found| value(found) as f64).sum::<f64>() / found.len() as f64
        };
        let ours = [
            mean(|r| r.top),
            mean(|r| r.left),
            mean(|r| r.height),
            mean(|r| r.width),
            mean(|r| r.height * r.width),
        ];
        for (ours, expected) in ours.iter().zip(&expected) {
            assert!((ours - expected).abs() < 0.015 * expected, "{ours} {expected}");
        }
        let missed = 1.0 - found.len() as f64 / draws.len() as f64;
        assert!((missed - expected[5]).abs() < 0.002, "{missed} {}", expected[5]);
        assert!(found.iter().all(|r| r.top + r.height <= 64 && r.left + r.width <= 64));
    }

    #[test]
    fn one_rectangle_is_erased_in_all_channels() {
        let mut seen = 0;
        let (first, last) = (Layout::ChannelsFirst, Layout::ChannelsLast);
        for (fill, id, layout) in
            [(ErasingFill::Mean, 1, first), (ErasingFill::Noise, 2, first), (ErasingFill::Noise, 2, last)]
        {
            let erasing = Erasing { probability: Probability::of(1.0), fill, ..Erasing::default() };
            let mut rng = stream(Purpose::Augment, 0, [0, id]);
            let expected = {
                let mut rng = rng.clone();
                let _: f64 = rng.random();
                erasing.rectangle(32, &mut rng).expect("a rectangle")
            };
            let mut pixels = vec![9.0f32; 2 * 32 * 32];
            erasing.apply(&mut pixels, 32, layout, &mut rng);
            for (at, value) in pixels.iter().enumerate() {
                let pixel = if layout == last { at / 2 } else { at % (32 * 32) };
                let (y, x) = (pixel / 32, pixel % 32);
                let Rectangle { top, left, height, width } = expected;
                let inside = (top..top + height).contains(&y) && (left..left + width).contains(&x);
                assert_eq!(*value != 9.0, inside, "{y} {x}");
                assert!(!inside || (fill == ErasingFill::Mean) == (*value == 0.0));
                seen += usize::from(inside);
            }
        }
        assert!(seen > 0);
    }
}
