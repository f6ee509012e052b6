//! Figures of a classifier on one split beyond its accuracy, each with a bootstrap interval over the images.
//!
//! Every draw takes as many images of each class as there are, with replacement: a class never vanishes from a draw, and
//! its share stays. The interval goes from the 2.5th to the 97.5th percentile of the draws (Efron, "Nonparametric standard
//! errors and confidence intervals", 1981). It says what other images of the same classes would change, not what another
//! training would. Draws have fixed seeds: equal predictions give equal intervals, on any number of threads.

use std::ops::RangeInclusive;
use std::thread;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::ranking::{Ranking, RankingFigures, is_in_top};
use crate::{Confusion, Interval, mean, quantile};

/// Number of classes from which accuracy among the five most probable classes is told: with fewer, five are half of them.
pub const TOP_5_CLASSES: usize = 10;
/// Smallest and largest number of draws.
const DRAWS: RangeInclusive<usize> = 100..=1000;
/// Most scores that are read over all draws, beyond which there are fewer of them: below a second on one core.
const MOST_WORK: usize = 400_000_000;

/// Scores of a classifier for the images of a split.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    /// Logits, row by row, `[N, classes]`.
    pub logits: &'a [f32],
    /// Number of classes.
    pub classes: usize,
    /// Class of each image, `[N]`; those without a row do not count.
    pub labels: &'a [usize],
    /// Temperature that the logits are divided by before the softmax, above 0.
    pub temperature: f64,
}

/// A figure with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure, in `0..=1`.
    pub value: f64,
    /// Where it lies in 95% of the draws.
    pub interval: Interval,
}

/// Figures of a split. Classes without images in it are left out, here and in means over the classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Mean F1 of the classes. As `sklearn.metrics.f1_score` over the classes with images.
    pub macro_f1: Estimate,
    /// Share of images whose class is among the five most probable; `None` below [`TOP_5_CLASSES`] classes. As
    /// `sklearn.metrics.top_k_accuracy_score`.
    pub top_5: Option<Estimate>,
    /// Mean over the classes of the area under the receiver operating characteristic, each class against all others;
    /// `None` where all images are of one class.
    pub macro_auroc: Option<Estimate>,
    /// Mean over the classes of the average precision, each class against all others; `None` where all images are of one
    /// class.
    pub macro_average_precision: Option<Estimate>,
    /// Each class with images.
    pub classes: Vec<ClassFigures>,
    /// Number of draws of the intervals.
    pub draws: usize,
}

/// Figures of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassFigures {
    /// The class.
    pub class: usize,
    /// Number of its images, at least 1.
    pub images: u64,
    /// Harmonic mean of precision and recall.
    pub f1: Estimate,
    /// Area under the receiver operating characteristic of the class against all others; `None` without others.
    pub auroc: Option<Estimate>,
    /// Average precision of the class against all others; `None` without others.
    pub average_precision: Option<Estimate>,
}

/// Returns the figures of a split; `None` without images, and where a label has no score.
#[must_use]
pub fn figures(scored: &Scored<'_>) -> Option<Figures> {
    drawn(scored, &DRAWS)
}

/// As [`figures`], with `NaN` for the ends of all intervals.
#[must_use]
pub fn figures_without_intervals(scored: &Scored<'_>) -> Option<Figures> {
    drawn(scored, &(0..=0))
}

/// Figures with intervals from as many draws as the range allows, fewer where there is more to read.
fn drawn(scored: &Scored<'_>, range: &RangeInclusive<usize>) -> Option<Figures> {
    if scored.labels.iter().any(|&label| label >= scored.classes) {
        return None;
    }
    let split = Split::of(scored);
    let present = split.confusion.present();
    if present.is_empty() {
        return None;
    }
    let work = split.labels.len() * present.len();
    let count = (MOST_WORK / work).clamp(*range.start(), *range.end());
    let draws = split.draws(count);
    let f1s = split.f1s(&present, &draws);
    let ranked = ranked(&split, &present, &draws);
    let macro_of = |values: Vec<&Sampled>| Sampled::mean(&values).estimate();
    let all_ranked: Option<Vec<&RankedClass>> = ranked.iter().map(Option::as_ref).collect();
    let all_ranked = all_ranked.as_deref();
    Some(Figures {
        macro_f1: macro_of(f1s.iter().collect()),
        top_5: split.top_5(&draws),
        macro_auroc: all_ranked.map(|ranked| macro_of(ranked.iter().map(|class| &class.auroc).collect())),
        macro_average_precision: all_ranked
            .map(|ranked| macro_of(ranked.iter().map(|class| &class.average_precision).collect())),
        classes: (present.iter().zip(&f1s).zip(&ranked))
            .map(|((&class, f1), ranked)| ClassFigures {
                class,
                images: split.confusion.images(class),
                f1: f1.estimate(),
                auroc: ranked.as_ref().map(|ranked| ranked.auroc.estimate()),
                average_precision: ranked.as_ref().map(|ranked| ranked.average_precision.estimate()),
            })
            .collect(),
        draws: count,
    })
}

/// A figure, and what it is in each draw.
struct Sampled {
    value: f64,
    draws: Vec<f64>,
}

impl Sampled {
    fn mean(all: &[&Sampled]) -> Self {
        let values: Vec<f64> = all.iter().map(|sampled| sampled.value).collect();
        let draws = all.first().map_or(0, |first| first.draws.len());
        let of_draw = |draw| mean(&all.iter().map(|sampled| sampled.draws[draw]).collect::<Vec<_>>());
        Self { value: mean(&values), draws: (0..draws).map(of_draw).collect() }
    }

    fn estimate(&self) -> Estimate {
        let at = |share| quantile(&self.draws, share).unwrap_or(f64::NAN);
        Estimate { value: self.value, interval: Interval { low: at(0.025), high: at(0.975) } }
    }
}

/// The images of a split.
struct Split<'a> {
    logits: &'a [f32],
    classes: usize,
    temperature: f64,
    labels: &'a [usize],
    /// Most probable class of each image.
    predicted: Vec<usize>,
    /// `ln(sum(exp(logit / temperature)))` of each image.
    log_sums: Vec<f64>,
    confusion: Confusion,
}

impl<'a> Split<'a> {
    fn of(scored: &Scored<'a>) -> Self {
        let &Scored { logits, classes, labels, temperature } = scored;
        let rows = logits.chunks_exact(classes.max(1));
        let labels = &labels[..labels.len().min(rows.len())];
        let mut confusion = Confusion::new(classes);
        let (mut predicted, mut log_sums) = (Vec::new(), Vec::new());
        for (row, &label) in rows.zip(labels) {
            let best = best(row);
            confusion.add(label, best);
            predicted.push(best);
            let highest = f64::from(row[best]) / temperature;
            let sum: f64 = row.iter().map(|&score| (f64::from(score) / temperature - highest).exp()).sum();
            log_sums.push(highest + sum.ln());
        }
        Self { logits, classes, temperature, labels, predicted, log_sums, confusion }
    }

    /// Scores of the images for a class: its probability.
    fn probabilities(&self, class: usize) -> Vec<f64> {
        let score = |(image, all): (usize, &f64)| {
            (f64::from(self.logits[image * self.classes + class]) / self.temperature - all).exp()
        };
        self.log_sums.iter().enumerate().map(score).collect()
    }

    /// How often each image is in each draw, as many images of each class as there are.
    fn draws(&self, count: usize) -> Draws {
        let images = self.labels.len();
        let mut of_class: Vec<Vec<u32>> = vec![Vec::new(); self.confusion.classes()];
        self.labels.iter().zip(0..).for_each(|(&label, image)| of_class[label].push(image));
        let mut weights = vec![0u16; images * count];
        for (seed, row) in (0..).zip(weights.chunks_exact_mut(images)) {
            let mut random = SmallRng::seed_from_u64(seed);
            for members in &of_class {
                for _ in members {
                    // The upper half of the product is uniform to one part in 2^32 / members.
                    let place = (u64::from(random.next_u32()) * members.len() as u64) >> 32;
                    let image = members[place as usize] as usize;
                    row[image] = row[image].saturating_add(1);
                }
            }
        }
        Draws { weights, images }
    }

    fn f1s(&self, present: &[usize], draws: &Draws) -> Vec<Sampled> {
        let f1 = |class| self.confusion.f1(class).unwrap_or(0.0);
        let mut sampled: Vec<Sampled> =
            present.iter().map(|&class| Sampled { value: f1(class), draws: Vec::new() }).collect();
        let (mut correct, mut named) = (Vec::new(), Vec::new());
        for weights in draws.rows() {
            correct.clear();
            correct.resize(self.confusion.classes(), 0u64);
            named.clear();
            named.resize(self.confusion.classes(), 0u64);
            for ((&weight, &label), &predicted) in weights.iter().zip(self.labels).zip(&self.predicted) {
                named[predicted] += u64::from(weight);
                correct[label] += u64::from(weight) * u64::from(label == predicted);
            }
            for (&class, sampled) in present.iter().zip(&mut sampled) {
                let both = (self.confusion.images(class) + named[class]) as f64;
                sampled.draws.push(2.0 * correct[class] as f64 / both);
            }
        }
        sampled
    }

    fn top_5(&self, draws: &Draws) -> Option<Estimate> {
        if self.classes < TOP_5_CLASSES {
            return None;
        }
        let rows = self.logits.chunks_exact(self.classes).zip(self.labels);
        let hits: Vec<bool> = rows.map(|(row, &label)| is_in_top(row, label, 5)).collect();
        let share = |count: u64| count as f64 / hits.len() as f64;
        let of_draw = |weights: &[u16]| {
            share(weights.iter().zip(&hits).map(|(&weight, &hit)| u64::from(weight) * u64::from(hit)).sum())
        };
        let value = share(hits.iter().filter(|hit| **hit).count() as u64);
        Some(Sampled { value, draws: draws.rows().map(of_draw).collect() }.estimate())
    }
}

/// How often each image is in each draw.
struct Draws {
    /// `[draws, images]`
    weights: Vec<u16>,
    images: usize,
}

impl Draws {
    fn rows(&self) -> impl Iterator<Item = &[u16]> {
        self.weights.chunks_exact(self.images)
    }
}

/// Figures of the ranking by the probability of a class.
struct RankedClass {
    auroc: Sampled,
    average_precision: Sampled,
}

/// Returns the figures of each class, computed on all cores.
fn ranked(split: &Split<'_>, present: &[usize], draws: &Draws) -> Vec<Option<RankedClass>> {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = present.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let of_share = |classes: &'_ [usize]| {
            classes.iter().map(|&class| ranked_class(split, class, draws)).collect::<Vec<_>>()
        };
        let parts: Vec<_> =
            present.chunks(share).map(|classes| (classes, scope.spawn(move || of_share(classes)))).collect();
        // A thread that ended early is made up for here.
        parts
            .into_iter()
            .flat_map(|(classes, part)| part.join().unwrap_or_else(|_| of_share(classes)))
            .collect()
    })
}

fn ranked_class(split: &Split<'_>, class: usize, draws: &Draws) -> Option<RankedClass> {
    let ranking = Ranking::of(&split.probabilities(class), split.labels, class)?;
    let RankingFigures { auroc, average_precision } = ranking.figures();
    let mut found = RankedClass {
        auroc: Sampled { value: auroc, draws: Vec::new() },
        average_precision: Sampled { value: average_precision, draws: Vec::new() },
    };
    for weights in draws.rows() {
        let drawn = ranking.weighted(|image| u64::from(weights[image as usize]));
        found.auroc.draws.push(drawn.auroc);
        found.average_precision.draws.push(drawn.average_precision);
    }
    Some(found)
}

/// The first of the highest scores.
fn best(row: &[f32]) -> usize {
    let places = 0..row.len();
    places.max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a))).unwrap_or(0)
}
