use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::measured::Measured;
use crate::prior::{Condition, Expected, Prior};
use crate::rules::Measure;
use crate::{Arm, Images, Kind};

/// Number of draws.
const DRAWS: usize = 500;

/// Everything measured so far, and what was expected.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The arms, the preferred first.
    pub arms: &'a [Arm],
    /// The images.
    pub images: &'a Images,
    /// What is known of each arm.
    pub measured: &'a [Measured],
    /// What was expected of them.
    pub prior: &'a Prior,
    /// What the prior depends on.
    pub condition: Condition,
    /// Random numbers of the draws.
    pub normals: &'a Normals,
    /// Seed of whatever else is random.
    pub seed: u64,
}

/// Standard normal numbers: the same for every posterior of a race.
#[derive(Clone, Debug, PartialEq)]
pub struct Normals {
    /// For each draw one for each block of images.
    shared: Vec<Vec<f64>>,
    /// For each arm one for each draw.
    own: Vec<Vec<f64>>,
}

impl Normals {
    /// Draws them for this number of blocks and arms.
    pub(crate) fn new(seed: u64, blocks: usize, arms: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut lists = |count: usize, length: usize| -> Vec<Vec<f64>> {
            (0..count).map(|_| StandardNormal.sample_iter(&mut random).take(length).collect()).collect()
        };
        Self { shared: lists(DRAWS, blocks), own: lists(arms, DRAWS) }
    }
}

/// Gains of the measured arms over the first measured one: means, and draws that keep the correlation between arms.
///
/// Two arms are compared on the images that both were measured on. The mean difference `d` with its standard error `s` is
/// shrunk to a prior `N(m, t^2)`: `m + w (d - m)`, `w = t^2 / (t^2 + s^2)`, with the standard deviation `s sqrt(w)`. The draws
/// multiply the deviations of blocks of images by standard normal numbers that all arms share (the multiplier bootstrap), so
/// that what makes an image hard for all of them cancels. Independent of each other are the noise of each arm's trainings, and
/// that of a single image on which two arms differ: no arm is ever measured exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    /// Measured arms, in order.
    pub arms: Vec<usize>,
    /// Mean gain of each of them: points, or shares of the first one's loss.
    pub mean: Vec<f64>,
    draws: Vec<Vec<f64>>,
}

impl Posterior {
    /// Returns the gains by a measure.
    #[must_use]
    pub fn of(field: &Field<'_>, measure: Measure) -> Self {
        let known = |arm: &usize| !field.measured[*arm].images.is_empty();
        let arms: Vec<usize> = (0..field.arms.len()).filter(known).collect();
        let Normals { shared, own } = field.normals;
        let (mut mean, mut draws) = (Vec::new(), Vec::new());
        let Some(&first) = arms.first() else { return Self { arms, mean, draws } };
        let reference = Reference::of(field, first, measure);
        for &arm in &arms {
            let Difference { gain, deviations, extra } = reference.difference(field, arm);
            let Normal { mean: expected, sd } = reference.expected(field, arm);
            let sampled: f64 = deviations.iter().map(|deviation| deviation * deviation).sum();
            let weight = sd * sd / (sd * sd + sampled + extra).max(f64::MIN_POSITIVE);
            let shrunk = expected + weight * (gain - expected);
            let draw = |(shared, own): (&Vec<f64>, &f64)| {
                let of_images: f64 = shared.iter().zip(&deviations).map(|(z, deviation)| z * deviation).sum();
                shrunk + weight.sqrt() * (of_images + own * extra.sqrt())
            };
            draws.push(shared.iter().zip(&own[arm]).map(draw).collect());
            mean.push(shrunk);
        }
        Self { arms, mean, draws }
    }

    /// Returns the standard deviation of the difference between two measured arms, by their places among
    /// [`Posterior::arms`].
    #[must_use]
    pub fn error(&self, one: usize, other: usize) -> f64 {
        let differences: Vec<f64> =
            self.draws[one].iter().zip(&self.draws[other]).map(|(one, other)| one - other).collect();
        statistics::standard_deviation(&differences)
    }

    /// Returns the standard deviation of the gain of a measured arm, by its place among [`Posterior::arms`].
    #[must_use]
    pub fn spread(&self, place: usize) -> f64 {
        statistics::standard_deviation(&self.draws[place])
    }

    /// Returns the place of an arm; `None` for one that is not measured.
    #[must_use]
    pub fn place(&self, arm: usize) -> Option<usize> {
        self.arms.iter().position(|&known| known == arm)
    }

    /// Returns the probability that each of these arms lies within `close` of the best of them, in their order.
    #[must_use]
    pub fn close_to_best(&self, places: &[usize], close: f64) -> Vec<f64> {
        let mut counts = vec![0usize; places.len()];
        for draw in 0..DRAWS {
            let best = self.best(places, draw);
            for (count, &place) in counts.iter_mut().zip(places) {
                *count += usize::from(self.draws[place][draw] >= best - close);
            }
        }
        counts.into_iter().map(|count| count as f64 / DRAWS as f64).collect()
    }

    /// Returns how much lower one of these arms is expected to lie than the best of them.
    #[must_use]
    pub fn expected_loss(&self, places: &[usize], chosen: usize) -> f64 {
        let lost = (0..DRAWS).map(|draw| self.best(places, draw) - self.draws[chosen][draw]);
        lost.sum::<f64>() / DRAWS as f64
    }

    /// Returns the probability that one arm is better than another.
    #[must_use]
    pub fn better(&self, one: usize, other: usize) -> f64 {
        let pairs = self.draws[one].iter().zip(&self.draws[other]);
        pairs.filter(|(one, other)| one > other).count() as f64 / DRAWS as f64
    }

    fn best(&self, places: &[usize], draw: usize) -> f64 {
        places.iter().map(|&place| self.draws[place][draw]).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Values of the first arm that the others are compared with.
struct Reference {
    arm: usize,
    measure: Measure,
    /// Value of each image; `None` where it was not measured.
    values: Vec<Option<f64>>,
}

/// A mean and a standard deviation.
struct Normal {
    mean: f64,
    sd: f64,
}

/// Difference between an arm and the reference.
struct Difference {
    gain: f64,
    /// What each block of images adds to it beyond its share.
    deviations: Vec<f64>,
    /// Variance that no resampling of images shows.
    extra: f64,
}

impl Reference {
    fn of(field: &Field<'_>, arm: usize, measure: Measure) -> Self {
        let loss = field.measured[arm].loss().max(f64::MIN_POSITIVE);
        let mut values = vec![None; field.images.len()];
        fill(&mut values, &field.measured[arm], measure, loss);
        Self { arm, measure, values }
    }

    fn difference(&self, field: &Field<'_>, arm: usize) -> Difference {
        let blocks = field.images.blocks();
        if arm == self.arm {
            return Difference { gain: 0.0, deviations: vec![0.0; blocks], extra: 0.0 };
        }
        let loss = field.measured[self.arm].loss().max(f64::MIN_POSITIVE);
        let mut values = vec![None; field.images.len()];
        fill(&mut values, &field.measured[arm], self.measure, loss);
        let pairs: Vec<(usize, f64)> = (0..values.len())
            .filter_map(|image| Some((image, values[image]? - self.values[image]?)))
            .collect();
        let count = pairs.len() as f64;
        let gain = pairs.iter().map(|(_, difference)| difference).sum::<f64>() / count.max(1.0);
        let mut deviations = vec![0.0; blocks];
        for &(image, difference) in &pairs {
            deviations[field.images.block(image)] += (difference - gain) / count;
        }
        // One more image on which the two differ.
        let one = match self.measure {
            Measure::Accuracy => 100.0,
            Measure::Loss => 1.0,
        };
        let single = (one / (count + 2.0)).powi(2);
        let training = |arm: usize| match (&field.arms[arm].kind, self.measure) {
            (Kind::Depth(_), Measure::Accuracy) => field.prior.training_points,
            (Kind::Depth(_), Measure::Loss) => field.prior.training_loss,
            _ => 0.0,
        };
        let noise = |arm: usize| training(arm).powi(2) / field.measured[arm].folds.len().max(1) as f64;
        Difference { gain, deviations, extra: single + noise(arm) + noise(self.arm) }
    }

    /// What was expected of the difference between an arm and the reference.
    fn expected(&self, field: &Field<'_>, arm: usize) -> Normal {
        let of = |arm: usize| field.prior.of(&field.arms[arm].name, field.condition);
        let normal = |expected: Expected| match self.measure {
            Measure::Accuracy => Normal { mean: expected.points, sd: expected.points_sd },
            Measure::Loss => Normal { mean: expected.loss, sd: expected.loss_sd },
        };
        let (own, reference) = (normal(of(arm)), normal(of(self.arm)));
        if arm == self.arm {
            Normal { mean: 0.0, sd: 0.0 }
        } else {
            Normal { mean: own.mean - reference.mean, sd: own.sd }
        }
    }
}

/// Puts the values of an arm's images in their places: higher is better.
fn fill(values: &mut [Option<f64>], measured: &Measured, measure: Measure, loss: f64) {
    for (place, &image) in measured.images.iter().enumerate() {
        values[image] = Some(match measure {
            Measure::Loss => -measured.losses[place] / loss,
            Measure::Accuracy => 100.0 * f64::from(u8::from(measured.correct[place])),
        });
    }
}
