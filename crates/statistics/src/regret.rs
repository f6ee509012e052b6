//! Regret of an answer: how far its accuracy lies below that of the best setting that was tried.
//!
//! The best is known only from measurements, and the one that came out best was also lucky. So there are two figures.
//! [`naive`] takes the best by the same runs and images on which it is measured: too high, even for a predictor that knows
//! the truth. [`cross_fitted`] chooses the best on half of the seeds and images and measures on the others: free of that
//! luck, and too low where the half chooses badly. [`of_perfect`] is what a perfect predictor's naive regret would be.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::mean;

/// Whether each test image was classified correctly: a row for each seed.
pub type Answers = Vec<Vec<bool>>;

/// Number of random halves.
const HALVES: usize = 40;

/// Number of simulated measurements.
const SIMULATIONS: usize = 300;

/// Best mean accuracy of the settings less that of the answer, in `0..=1`; below 0 where the answer is none of them and better.
/// `None` where tables are empty or of different shapes.
#[must_use]
pub fn naive(settings: &[Answers], answer: &Answers) -> Option<f64> {
    let shape = shape(settings.iter().chain([answer]))?;
    let all = Part::all(shape);
    let best = settings.iter().map(|one| all.accuracy(one)).fold(f64::NEG_INFINITY, f64::max);
    (!settings.is_empty()).then(|| best - all.accuracy(answer))
}

/// The same with the best setting chosen on half of the seeds and images and both measured on the other half, both ways round,
/// over many random halves. One seed serves both halves. `None` as in [`naive`], and with fewer than two images.
#[must_use]
pub fn cross_fitted(settings: &[Answers], answer: &Answers) -> Option<f64> {
    let shape = shape(settings.iter().chain([answer]))?;
    if settings.is_empty() || shape.images < 2 {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut regrets = Vec::new();
    for _ in 0..HALVES {
        let [one, other] = halves(shape, &mut random);
        for (choose, measure) in [(&one, &other), (&other, &one)] {
            let best = greatest(&settings.iter().map(|setting| choose.accuracy(setting)).collect::<Vec<_>>());
            regrets.push(measure.accuracy(&settings[best]) - measure.accuracy(answer));
        }
    }
    Some(mean(&regrets))
}

/// Mean naive regret of a predictor that always names the truly best setting. The truth is taken to be the measured means, drawn
/// together as far as their noise says (James and Stein 1961); noise is that of seeds and images drawn with replacement, for
/// all settings the same ones. `None` as in [`naive`].
#[must_use]
pub fn of_perfect(settings: &[Answers]) -> Option<f64> {
    let shape = shape(settings.iter())?;
    let all = Part::all(shape);
    let means: Vec<f64> = settings.iter().map(|setting| all.accuracy(setting)).collect();
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let noises: Vec<Vec<f64>> = (0..SIMULATIONS)
        .map(|_| {
            let part = Part::resampled(shape, &mut random);
            settings.iter().zip(&means).map(|(setting, mean)| part.accuracy(setting) - mean).collect()
        })
        .collect();
    let truth = shrunk(&means, &noises);
    let best = greatest(&truth);
    let regrets = noises.iter().map(|noise| {
        let seen: Vec<f64> = truth.iter().zip(noise).map(|(truth, noise)| truth + noise).collect();
        seen[greatest(&seen)] - seen[best]
    });
    Some(mean(&regrets.collect::<Vec<_>>()))
}

/// Means drawn towards their mean: by the share of their spread that noise explains. What is common to all settings is no noise
/// of their differences.
fn shrunk(means: &[f64], noises: &[Vec<f64>]) -> Vec<f64> {
    let centre = mean(means);
    let spread: f64 = means.iter().map(|mean| (mean - centre).powi(2)).sum();
    let noise: Vec<f64> = noises
        .iter()
        .map(|noise| {
            let common = mean(noise);
            noise.iter().map(|value| (value - common).powi(2)).sum::<f64>()
        })
        .collect();
    let degrees = means.len() as f64 - 1.0;
    let keep = if spread > 0.0 && degrees > 2.0 {
        (1.0 - (degrees - 2.0) / degrees * mean(&noise) / spread).max(0.0)
    } else {
        1.0
    };
    means.iter().map(|mean| centre + keep * (mean - centre)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    seeds: usize,
    images: usize,
}

fn shape<'a>(mut tables: impl Iterator<Item = &'a Answers>) -> Option<Shape> {
    let of = |table: &Answers| {
        let images = table.first()?.len();
        let whole = images > 0 && table.iter().all(|row| row.len() == images);
        whole.then_some(Shape { seeds: table.len(), images })
    };
    let first = of(tables.next()?)?;
    tables.all(|table| of(table) == Some(first)).then_some(first)
}

/// Some of the seeds and images, perhaps several times.
struct Part {
    seeds: Vec<usize>,
    images: Vec<usize>,
}

impl Part {
    fn all(shape: Shape) -> Self {
        Self { seeds: (0..shape.seeds).collect(), images: (0..shape.images).collect() }
    }

    fn resampled(shape: Shape, random: &mut impl Rng) -> Self {
        let mut draw = |count: usize| (0..count).map(|_| random.random_range(0..count)).collect();
        Self { seeds: draw(shape.seeds), images: draw(shape.images) }
    }

    fn accuracy(&self, answers: &Answers) -> f64 {
        let of_seed = |&seed: &usize| self.images.iter().filter(|&&image| answers[seed][image]).count();
        let correct: usize = self.seeds.iter().map(of_seed).sum();
        correct as f64 / (self.seeds.len() * self.images.len()) as f64
    }
}

fn halves(shape: Shape, random: &mut impl Rng) -> [Part; 2] {
    let mut split = |count: usize| {
        let mut order: Vec<usize> = (0..count).collect();
        for place in (1..count).rev() {
            order.swap(place, random.random_range(0..=place));
        }
        if count == 1 {
            [order.clone(), order]
        } else {
            [order[..count / 2].to_vec(), order[count / 2..].to_vec()]
        }
    };
    let [seeds, other_seeds] = split(shape.seeds);
    let [images, other_images] = split(shape.images);
    [Part { seeds, images }, Part { seeds: other_seeds, images: other_images }]
}

/// Place of the greatest value, the first of equal ones.
fn greatest(values: &[f64]) -> usize {
    let mut best = 0;
    for (place, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = place;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measurements of settings with these true accuracies. An image is hard for all alike; a seed shifts each setting.
    fn measured(truth: &[f64], seeds: usize, images: usize, random: &mut ChaCha8Rng) -> Vec<Answers> {
        let ease: Vec<f64> = (0..images).map(|_| random.random::<f64>()).collect();
        let mut setting = |&truth: &f64| -> Answers {
            (0..seeds)
                .map(|_| {
                    let own = truth + 0.03 * (random.random::<f64>() - 0.5);
                    ease.iter().map(|ease| 0.7 * ease + 0.3 * random.random::<f64>() < own).collect()
                })
                .collect()
        };
        truth.iter().map(&mut setting).collect()
    }

    #[test]
    fn a_perfect_predictor_has_the_naive_regret_that_is_simulated_and_none_when_cross_fitted() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let truth = [0.70, 0.71, 0.72, 0.72, 0.69, 0.66];
        let (mut seen, mut simulated, mut fitted) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..30 {
            let settings = measured(&truth, 3, 200, &mut random);
            seen.push(naive(&settings, &settings[2]).unwrap());
            simulated.push(of_perfect(&settings).unwrap());
            fitted.push(cross_fitted(&settings, &settings[2]).unwrap());
        }
        let [seen, simulated, fitted] = [seen, simulated, fitted].map(|values| mean(&values));
        assert!(seen > 0.003, "{seen}");
        assert!((simulated / seen - 1.0).abs() < 0.5, "{simulated} where {seen} was seen");
        // The half that chooses errs, so that the figure is at most a little above 0, and not far below.
        assert!(fitted < 0.002 && fitted > -0.02, "{fitted}");
    }

    #[test]
    fn a_bad_answer_has_its_true_regret_by_both_figures() {
        let mut random = ChaCha8Rng::seed_from_u64(6);
        let settings = measured(&[0.8, 0.6, 0.5], 4, 400, &mut random);
        let truth = {
            let all = Part::all(shape(settings.iter()).unwrap());
            all.accuracy(&settings[0]) - all.accuracy(&settings[2])
        };
        assert!(truth > 0.2);
        assert!((naive(&settings, &settings[2]).unwrap() - truth).abs() < 1e-12);
        assert!((cross_fitted(&settings, &settings[2]).unwrap() - truth).abs() < 0.02);
    }

    #[test]
    fn tables_of_different_shapes_have_no_regret() {
        let row = vec![vec![true, false]];
        assert_eq!(naive(&[], &row), None);
        assert_eq!(naive(std::slice::from_ref(&row), &vec![vec![true]]), None);
        assert_eq!(cross_fitted(&[row.clone(), vec![vec![true, true]; 2]], &row), None);
        assert_eq!(of_perfect(&[]), None);
    }
}
