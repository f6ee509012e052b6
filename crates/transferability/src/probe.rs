//! A linear probe: how well a linear classifier on fixed features separates the classes.

use std::collections::HashMap;

use tch::{Kind, Tensor};

use super::lbfgs::{Task, fit};
use super::spectrum::{Spectrum, one_hot};
use crate::Error;

/// Parts of the cross-validation.
pub const FOLDS: usize = 5;
/// Strengths of the penalty, the strongest first; features are scaled so that an image's mean square length is 1.
const PENALTIES: [f64; 3] = [1e-2, 1e-3, 1e-4];
/// Most weights that are fitted at once: as many folds together as memory allows.
const AT_ONCE: usize = 1 << 22;
/// Largest entry of the gradient at which a fit ends. A tenth of it moves the accuracy of a stage by up
/// to five points (of 100 images), its share of the errors on pixels by up to 0.04, and no depth in docs/advise.md.
pub const SETTLED: f64 = 1e-3;

/// The fold that holds each image out; `None` for the only image of its class, from which nothing could be learned while it
/// is held out.
pub type Folds = Vec<Option<usize>>;

/// Results of a probe.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Whether each image was classified correctly while held out; `None` where it never was held out.
    pub correct: Vec<Option<bool>>,
    /// Mean cross-entropy over them, in nats.
    pub loss: f64,
    /// Strength of the penalty, that with the lowest loss.
    pub penalty: f64,
}

/// Cross-validated logistic regression (Alain and Bengio 2016 call it a probe) on features `[N, D]` in float64, each
/// scaled to mean 0 and variance 1 over all images. Strengths of the L2 penalty are tried from the strongest on for as
/// long as the held-out loss falls, and the one where it is lowest counts, for all stages alike, so that each is flattered
/// a little and equally. A fit ends where no entry of the gradient is larger than `settled`.
///
/// # Errors
/// When a libtorch call fails.
pub fn probe(
    features: &Tensor,
    labels: &[usize],
    classes: usize,
    folds: &Folds,
    settled: f64,
) -> Result<Probe, Error> {
    let x = with_ones(&Spectrum::of(&standardised(features))?.coordinates())?; // [N, r + 1]
    let targets = one_hot(labels, classes)?;
    let values = usize::try_from(x.size()[1]).unwrap_or(1) * classes;
    let at_once = (AT_ONCE / values.max(1)).clamp(1, FOLDS);
    let all: Vec<usize> = (0..FOLDS).collect();
    let groups: Vec<&[usize]> = all.chunks(at_once).collect();
    let zeros = |group: &&[usize]| {
        let shape =
            [group.len(), values / classes.max(1), classes].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        Tensor::zeros(shape, (Kind::Double, x.device()))
    };
    // Each strength starts from the weights of the one before.
    let mut weights: Vec<Tensor> = groups.iter().map(zeros).collect();
    let held = folds.iter().flatten().count().max(1) as f64;
    let mut best: Option<Probe> = None;
    for penalty in PENALTIES {
        let mut probe = Probe { correct: vec![None; labels.len()], loss: 0.0, penalty };
        for (group, weights) in groups.iter().zip(&mut weights) {
            let task = Task { x: &x, targets: &targets, share: &shares(folds, group)?, penalty };
            *weights = fit(&task, weights.shallow_clone(), settled)?;
            record_held_out(&mut probe, &x.f_matmul(weights)?, &Held { folds, group, labels })?;
        }
        probe.loss /= held;
        // Weaker penalties overfit more, and take the longest to fit.
        if best.as_ref().is_some_and(|best| best.loss <= probe.loss) {
            break;
        }
        best = Some(probe);
    }
    Ok(best.unwrap_or(Probe { correct: Vec::new(), loss: f64::NAN, penalty: f64::NAN }))
}

impl Probe {
    /// Returns the share of held-out images that were classified correctly, in `0..=1`.
    pub fn accuracy(&self) -> f64 {
        let held = self.correct.iter().flatten();
        held.clone().filter(|correct| **correct).count() as f64 / held.count() as f64
    }

    /// Returns the standard error of the accuracy.
    pub fn standard_error(&self) -> f64 {
        let (accuracy, count) = (self.accuracy(), self.correct.iter().flatten().count() as f64);
        (accuracy * (1.0 - accuracy) / count).sqrt()
    }
}

/// Distributes the images of each class over the folds, in the order given, so that every fold has its share of each.
pub fn deal(labels: &[usize], classes: usize, order: &[u32]) -> Folds {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[label] += 1);
    let mut folds = vec![None; labels.len()];
    let mut next = 0;
    for class in (0..classes).filter(|&class| counts[class] > 1) {
        for &place in order.iter().filter(|&&place| labels[place as usize] == class) {
            folds[place as usize] = Some(next % FOLDS);
            next += 1;
        }
    }
    folds
}

/// Distributes groups of images over the folds, in the order given, each to the fold that has the fewest of its classes so
/// far: images of one group are held out together. A class of a single group is never held out.
pub fn deal_groups(labels: &[usize], classes: usize, order: &[u32], groups: &[Option<u32>]) -> Folds {
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut number: HashMap<u32, usize> = HashMap::new();
    for &place in order {
        let place = place as usize;
        let known = groups[place].and_then(|group| number.get(&group).copied());
        match known {
            Some(known) => members[known].push(place),
            None => {
                if let Some(group) = groups[place] {
                    number.insert(group, members.len());
                }
                members.push(vec![place]);
            }
        }
    }
    let mut groups_of_class = vec![0usize; classes];
    for group in &members {
        let mut of_group: Vec<usize> = group.iter().map(|&place| labels[place]).collect();
        of_group.sort_unstable();
        of_group.dedup();
        of_group.into_iter().for_each(|class| groups_of_class[class] += 1);
    }
    let mut folds = vec![None; labels.len()];
    let mut held = vec![vec![0usize; classes]; FOLDS];
    for group in &members {
        let load = |fold: &usize| {
            let alike: usize = group.iter().map(|&place| held[*fold][labels[place]]).sum();
            (alike, held[*fold].iter().sum::<usize>())
        };
        let fold = (0..FOLDS).min_by_key(load).unwrap_or(0);
        for &place in group {
            if groups_of_class[labels[place]] > 1 {
                folds[place] = Some(fold);
                held[fold][labels[place]] += 1;
            }
        }
    }
    folds
}

/// The images that a group of folds holds out.
struct Held<'a> {
    /// The fold of each image.
    folds: &'a Folds,
    /// Folds that were fitted together.
    group: &'a [usize],
    /// Label of each image.
    labels: &'a [usize],
}

/// Adds the predictions of the fitted folds for the images that they held out: logits are `[F, N, classes]`.
fn record_held_out(probe: &mut Probe, logits: &Tensor, held_out: &Held<'_>) -> Result<(), Error> {
    let Held { folds, group, labels } = *held_out;
    let log_probabilities = logits.log_softmax(-1, Kind::Double);
    let predicted = log_probabilities.argmax(-1, false); // [F, N]
    for (row, &fold) in (0..).zip(group) {
        let predicted = Vec::<i64>::try_from(predicted.get(row))?;
        for (image, &held) in folds.iter().enumerate() {
            if held == Some(fold) {
                let label = i64::try_from(labels[image]).unwrap_or(-1);
                let column = i64::try_from(image).unwrap_or(0);
                probe.loss -= log_probabilities.double_value(&[row, column, label]);
                probe.correct[image] = Some(predicted[image] == label);
            }
        }
    }
    Ok(())
}

/// One over the number of images that each fold of a group is fitted on, and zero for those it holds out: `[F, N]`.
fn shares(folds: &Folds, group: &[usize]) -> Result<Tensor, Error> {
    let mut shares = Vec::with_capacity(group.len() * folds.len());
    for &fold in group {
        let learns = folds.iter().filter(|&&held| held != Some(fold)).count().max(1) as f64;
        shares.extend(folds.iter().map(|&held| if held == Some(fold) { 0.0 } else { 1.0 / learns }));
    }
    let rows = i64::try_from(group.len()).unwrap_or(0);
    Ok(Tensor::f_from_slice(&shares)?.f_view([rows, -1])?)
}

/// Mean 0 and variance 1 in each column, then scaled so that the mean square length of a row is 1. A column that never
/// varies becomes zero.
fn standardised(features: &Tensor) -> Tensor {
    let mean = features.mean_dim([0i64].as_slice(), true, Kind::Double);
    let centred = features - mean;
    let deviation = centred.square().mean_dim([0i64].as_slice(), true, Kind::Double).sqrt(); // [1, D]
    let largest = deviation.max().double_value(&[]).max(f64::MIN_POSITIVE);
    let varies = deviation.gt(1e-7 * largest).to_kind(Kind::Double);
    let columns = varies.sum(Kind::Double).double_value(&[]).max(1.0);
    centred * (varies / deviation.clamp_min(1e-7 * largest)) / columns.sqrt()
}

fn with_ones(x: &Tensor) -> Result<Tensor, Error> {
    Ok(Tensor::f_cat(&[x, &Tensor::ones([x.size()[0], 1], (x.kind(), x.device()))], 1)?)
}
