//! What TorchVision's policies draw (`torchvision/transforms/autoaugment.py`).

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::operations::Operation;
use crate::{ColorJitter, Policy};

/// Levels of strength from none to most.
const LEVELS: u32 = 31;

/// Which of the fourteen operations; [`Width`] says how strong each gets.
#[derive(Clone, Copy)]
enum Choice {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Saturation,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

const CHOICES: [Choice; 14] = {
    use Choice::*;
    [
        Identity,
        ShearX,
        ShearY,
        TranslateX,
        TranslateY,
        Rotate,
        Brightness,
        Saturation,
        Contrast,
        Sharpness,
        Posterize,
        Solarize,
        AutoContrast,
        Equalize,
    ]
};

/// What the highest level means for each kind of operation.
struct Width {
    shear: f32,
    translate: f32,
    degrees: f32,
    colour: f32,
    bits: u32,
}

impl Policy {
    /// Hands the operations for one image of this side to `perform`, in order.
    pub(crate) fn draw(self, side: usize, rng: &mut ChaCha8Rng, mut perform: impl FnMut(Operation)) {
        match self {
            Policy::RandAugment(numbers) => {
                for _ in 0..numbers.operations.get() {
                    perform(operation(&Width::rand_augment(side), rng, |_| numbers.magnitude.get()));
                }
            }
            Policy::TrivialAugment => {
                perform(operation(&Width::TRIVIAL_AUGMENT, rng, |rng| rng.random_range(0..LEVELS)));
            }
        }
    }
}

impl Width {
    const TRIVIAL_AUGMENT: Self =
        Self { shear: 0.99, translate: 32.0, degrees: 135.0, colour: 0.99, bits: 6 };

    fn rand_augment(side: usize) -> Self {
        let translate = (150.0 / 331.0 * side as f64) as f32;
        Self { shear: 0.3, translate, degrees: 30.0, colour: 0.9, bits: 4 }
    }
}

fn operation(width: &Width, rng: &mut ChaCha8Rng, level: impl FnOnce(&mut ChaCha8Rng) -> u32) -> Operation {
    let choice = CHOICES[rng.random_range(0..CHOICES.len())];
    let level = level(rng);
    let sign = if rng.random::<bool>() { -1.0 } else { 1.0 };
    of_strength(choice, width, level, sign)
}

/// An operation at a level, 0 to 30; the sign matters for those that have two directions.
fn of_strength(choice: Choice, width: &Width, level: u32, sign: f64) -> Operation {
    let signed = |most: f32| sign * f64::from(linspace(0.0, most, level));
    match choice {
        Choice::Identity => Operation::Identity,
        Choice::ShearX => Operation::ShearX(signed(width.shear)),
        Choice::ShearY => Operation::ShearY(signed(width.shear)),
        Choice::TranslateX => Operation::TranslateX(signed(width.translate) as i32),
        Choice::TranslateY => Operation::TranslateY(signed(width.translate) as i32),
        Choice::Rotate => Operation::Rotate(signed(width.degrees)),
        Choice::Brightness => Operation::Brightness(1.0 + signed(width.colour)),
        Choice::Saturation => Operation::Saturation(1.0 + signed(width.colour)),
        Choice::Contrast => Operation::Contrast(1.0 + signed(width.colour)),
        Choice::Sharpness => Operation::Sharpness(1.0 + signed(width.colour)),
        Choice::Posterize => {
            // 30 / bits is no whole multiple of two levels, so there is no tie.
            Operation::Posterize(8 - (f64::from(level * width.bits) / 30.0).round() as u32)
        }
        Choice::Solarize => Operation::Solarize(f64::from(linspace(255.0, 0.0, level))),
        Choice::AutoContrast => Operation::AutoContrast,
        Choice::Equalize => Operation::Equalize,
    }
}

/// `torch.linspace(first, last, 31)[level]`, which counts from the nearer end.
fn linspace(first: f32, last: f32, level: u32) -> f32 {
    let step = (last - first) / (LEVELS - 1) as f32;
    if level < LEVELS / 2 { first + step * level as f32 } else { last - step * (LEVELS - 1 - level) as f32 }
}

impl ColorJitter {
    /// Hands the operations for one image to `perform`, in order: as TorchVision's `ColorJitter`.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng, mut perform: impl FnMut(Operation)) {
        let [brightness, contrast, saturation] =
            [self.brightness, self.contrast, self.saturation].map(ranged::NotNegative::get);
        let hue = self.hue.get();
        let mut order = [0, 1, 2, 3];
        order.shuffle(rng);
        for which in order {
            let mut factor = |spread: f64| rng.random_range((1.0 - spread).max(0.0)..=1.0 + spread);
            match which {
                0 if brightness > 0.0 => perform(Operation::Brightness(factor(brightness))),
                1 if contrast > 0.0 => perform(Operation::Contrast(factor(contrast))),
                2 if saturation > 0.0 => perform(Operation::Saturation(factor(saturation))),
                3 if hue > 0.0 => perform(Operation::Hue(rng.random_range(-hue..=hue))),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    /// A line each: policy, side, operation, level, then what TorchVision's tables give (`augmented.py`).
    const TORCHVISION: &str = include_str!("../tests/fixtures/magnitudes.txt");

    #[test]
    fn strengths_are_those_of_torchvision() {
        let mut lines = 0;
        for line in TORCHVISION.lines() {
            let [policy, side, name, level, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let width = match policy {
                "rand" => Width::rand_augment(side.parse().expect("side")),
                _ => Width::TRIVIAL_AUGMENT,
            };
            let names = ["Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness"]
                .into_iter()
                .chain([
                    "Color",
                    "Contrast",
                    "Sharpness",
                    "Posterize",
                    "Solarize",
                    "AutoContrast",
                    "Equalize",
                ]);
            let choice = CHOICES[names.into_iter().position(|known| known == name).expect("name")];
            let expected: f64 = expected.parse().expect("number");
            let found = match of_strength(choice, &width, level.parse().expect("level"), -1.0) {
                Operation::ShearX(x) | Operation::ShearY(x) | Operation::Rotate(x) => -x,
                Operation::TranslateX(x) | Operation::TranslateY(x) => -f64::from(x),
                Operation::Brightness(x) | Operation::Saturation(x) => 1.0 - x,
                Operation::Contrast(x) | Operation::Sharpness(x) => 1.0 - x,
                Operation::Posterize(bits) => f64::from(bits),
                Operation::Solarize(threshold) => threshold,
                other => panic!("{other:?} has no strength"),
            };
            // TorchVision's are single numbers, which torch.linspace adds up in an order that depends on the
            // processor; cut to whole pixels, 15.999999 and 16 differ.
            let close = (found - expected).abs() <= 1e-6 * expected.abs();
            let cut = name.starts_with("Translate") && found == expected.trunc();
            assert!(close || cut, "{line}: {found}");
            lines += 1;
        }
        assert_eq!(lines, 3 * 11 * 31);
    }

    #[test]
    fn every_operation_comes_and_signs_are_even() {
        let mut rng = stream(Purpose::Augment, 1, [2, 3]);
        let mut counts = [0u32; 14];
        let (mut left, mut right) = (0u32, 0u32);
        for _ in 0..14_000 {
            Policy::TrivialAugment.draw(224, &mut rng, |operation| {
                let at = match operation {
                    Operation::Identity => 0,
                    Operation::ShearX(shear) => {
                        left += u32::from(shear < 0.0);
                        right += u32::from(shear > 0.0);
                        1
                    }
                    Operation::ShearY(_) => 2,
                    Operation::TranslateX(_) => 3,
                    Operation::TranslateY(_) => 4,
                    Operation::Rotate(_) => 5,
                    Operation::Brightness(_) => 6,
                    Operation::Saturation(_) => 7,
                    Operation::Contrast(_) => 8,
                    Operation::Sharpness(_) => 9,
                    Operation::Posterize(_) => 10,
                    Operation::Solarize(_) => 11,
                    Operation::AutoContrast => 12,
                    Operation::Equalize => 13,
                    other => panic!("{other:?} is not of the policy"),
                };
                counts[at] += 1;
            });
        }
        // Five standard deviations around 1000, and around a half of them.
        assert!(counts.iter().all(|count| (848..1153).contains(count)), "{counts:?}");
        assert!(left.abs_diff(right) < 160, "{left} {right}");
        let mut operations = 0;
        Policy::RandAugment(crate::RandAugment {
            operations: crate::Operations::of(3),
            ..crate::RandAugment::default()
        })
        .draw(224, &mut rng, |_| operations += 1);
        assert_eq!(operations, 3);
    }
}
