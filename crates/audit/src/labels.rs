use copies::{Neighbours, groups};
use records::{ClassPairRecord, Interrupt, LabelRecord, ProbeRecord};
use tch::Tensor;
use transferability::folds::{Folds, deal_groups};
use transferability::logistic::out_of_fold;

use crate::joint::{confident_joint, flagged, most};
use crate::neighbours::are_finite;
use crate::{Error, Features, Part, Subject};

/// Parts of a cross-validation.
const FOLDS: usize = 5;
/// Deals of the images over the folds, over which probabilities are averaged.
const DEALS: u64 = 3;
/// Strength of the penalty. A penalty chosen by held-out loss is too weak where few labels are wrong: the probe then learns
/// the wrong ones by heart.
pub(crate) const PENALTY: f64 = 2e-3;
/// Images of a class without which its labels are not judged.
const ENOUGH: usize = 5;
/// Share of the labels above which flags are believed only where the probe is sure of other classes.
const MOST_FLAGGED: f64 = 0.2;
/// Neighbours whose labels are shown.
const SHOWN: usize = 5;

/// What is said of labels.
#[derive(Default)]
pub(crate) struct Labels {
    pub(crate) ranked: Vec<LabelRecord>,
    pub(crate) mistakes: Vec<ClassPairRecord>,
    pub(crate) small_classes: Vec<String>,
    pub(crate) probe: Option<ProbeRecord>,
    /// Why no label is called wrong; empty otherwise.
    pub(crate) refused: String,
    /// Whether the features tell the classes apart at all, so that other splits can be measured by them.
    pub(crate) tells_classes: bool,
}

/// Images that a probe is fitted on or asked about.
pub(crate) struct Judged {
    /// Their indices.
    pub(crate) images: Vec<usize>,
    /// Their labels, numbered among the classes that have enough images.
    pub(crate) labels: Vec<usize>,
}

/// Classes with enough images to be judged.
pub(crate) struct Classes(Vec<usize>);

impl Classes {
    /// Classes with at least five training images that have features.
    pub(crate) fn of(subject: &Subject, features: &Features) -> Self {
        let mut counts = vec![0; subject.classes.len()];
        for (image, row) in subject.images.iter().zip(&features.rows) {
            counts[image.label] += usize::from(row.is_some() && image.part == Part::Train);
        }
        Self((0..counts.len()).filter(|&class| counts[class] >= ENOUGH).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The images of a split that have features and are of these classes.
    pub(crate) fn judged(&self, subject: &Subject, features: &Features, part: Part) -> Judged {
        let number = |image: usize| self.0.iter().position(|&class| class == subject.images[image].label);
        let of_part = (0..subject.images.len())
            .filter(|&image| subject.images[image].part == part && features.rows[image].is_some());
        let (images, labels) = of_part.filter_map(|image| Some((image, number(image)?))).unzip();
        Judged { images, labels }
    }
}

/// Judges the labels of the training images.
pub(crate) fn judge(
    subject: &Subject,
    features: &Features,
    nearest: &Neighbours,
    copies: &copies::Copies,
    interrupt: &Interrupt,
) -> Result<Labels, Error> {
    let classes = Classes::of(subject, features);
    let small = (0..subject.classes.len()).filter(|class| !classes.0.contains(class));
    let mut found = Labels {
        small_classes: small.map(|class| subject.classes[class].clone()).collect(),
        ..Labels::default()
    };
    if classes.len() < 2 {
        found.refused = format!("fewer than two classes have {ENOUGH} readable training images");
        return Ok(found);
    }
    if !are_finite(&features.values)? {
        found.refused = "the network gives features that are not finite".to_owned();
        return Ok(found);
    }
    let judged = classes.judged(subject, features, Part::Train);
    let held_together = together(subject, &judged.images, copies);
    let deal = |number: u64| {
        deal_groups(&judged.labels, classes.len(), &held_together, FOLDS, subject.seed.wrapping_add(number))
    };
    let folds = deal(0);
    if folds.check(&judged.labels).is_err() {
        found.refused = "no two classes have two images each that are no copies of one another".to_owned();
        return Ok(found);
    }
    let x = features.of(&judged.images)?;
    let pixels =
        out_of_fold(&pixels(subject, &judged.images)?, &judged.labels, classes.len(), &folds, PENALTY)?;
    let mut sums = vec![(vec![0.0f64; classes.len()], 0u32); judged.images.len()];
    let mut accuracy = 0.0;
    for number in 0..DEALS {
        if interrupt.requested() {
            return Err(Error::Interrupted);
        }
        let held_out = out_of_fold(&x, &judged.labels, classes.len(), &deal(number), PENALTY)?;
        accuracy += held_out.accuracy() / DEALS as f64;
        let probabilities = rows(&held_out.log_probabilities().exp())?;
        for (&place, row) in held_out.images().iter().zip(&probabilities) {
            let (sum, count) = &mut sums[place];
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            *count += 1;
        }
    }
    // An image of which nothing of its kind would be left is never held out.
    let held: Vec<usize> = (0..sums.len()).filter(|&place| sums[place].1 > 0).collect();
    let mean = |place: usize| sums[place].0.iter().map(|sum| sum / f64::from(sums[place].1)).collect();
    let probabilities: Vec<Vec<f64>> = held.iter().map(|&place| mean(place)).collect();
    let labels: Vec<usize> = held.iter().map(|&place| judged.labels[place]).collect();
    found.probe = Some(ProbeRecord {
        images: held.len() as u64,
        accuracy,
        pixels: pixels.accuracy(),
        penalty: PENALTY,
        folds: u32::try_from(FOLDS).unwrap_or(0),
        deals: u32::try_from(DEALS).unwrap_or(0),
    });
    if let Some(refused) = refusal(accuracy, pixels.accuracy(), &labels) {
        found.refused = refused;
        return Ok(found);
    }
    found.tells_classes = true;
    let joint = confident_joint(&probabilities, &labels);
    let mut flags = flagged(&joint, &probabilities, &labels);
    let images: Vec<usize> = held.iter().map(|&place| judged.images[place]).collect();
    let judgement = Judgement { subject, classes: &classes, nearest, copies, believed: true };
    if let Some(implausible) = implausible(&flags, &probabilities, accuracy) {
        found.refused = implausible;
        flags.fill(false);
    } else {
        found.mistakes = judgement.mistakes(&joint);
    }
    found.ranked = judgement.ranked(&images, &probabilities, &flags);
    Ok(found)
}

/// What records of labels are made from.
pub(crate) struct Judgement<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) classes: &'a Classes,
    pub(crate) nearest: &'a Neighbours,
    pub(crate) copies: &'a copies::Copies,
    /// Whether labels of other splits may be called wrong: those of the training images can be believed.
    pub(crate) believed: bool,
}

impl Judgement<'_> {
    /// Records of images, the least probable label first.
    pub(crate) fn ranked(
        &self,
        images: &[usize],
        probabilities: &[Vec<f64>],
        flags: &[bool],
    ) -> Vec<LabelRecord> {
        let Self { subject, classes, .. } = *self;
        let name = |class: usize| subject.classes[classes.0[class]].clone();
        let mut ranked: Vec<(f64, usize, LabelRecord)> = images
            .iter()
            .zip(probabilities.iter().zip(flags))
            .map(|(&image, (row, &flagged))| {
                let own = classes.0.iter().position(|&class| class == subject.images[image].label);
                let (label, likely) = (own.unwrap_or(0), most(row).unwrap_or(0));
                let record = LabelRecord {
                    path: subject.images[image].below.clone(),
                    label: name(label),
                    likely: name(likely),
                    probability: row[label],
                    likely_probability: row[likely],
                    flagged,
                    neighbours: self.neighbours(image),
                };
                (row[label], image, record)
            })
            .collect();
        ranked.sort_by(|(one, first, _), (other, second, _)| one.total_cmp(other).then(first.cmp(second)));
        ranked.into_iter().map(|(_, _, record)| record).collect()
    }

    /// Labels of the training images nearest to one, its copies left aside.
    fn neighbours(&self, image: usize) -> Vec<String> {
        let copies = self.copies.groups.iter().find(|group| group.contains(&image));
        let is_copy = |other: usize| copies.is_some_and(|group| group.contains(&other));
        let trained = self.nearest.0[image]
            .iter()
            .map(|other| other.image)
            .filter(|&other| self.subject.images[other].part == Part::Train && !is_copy(other));
        trained.take(SHOWN).map(|other| self.subject.class(other).to_owned()).collect()
    }

    /// Pairs of classes that are each other's mistakes.
    fn mistakes(&self, joint: &[Vec<usize>]) -> Vec<ClassPairRecord> {
        let name = |class: usize| self.subject.classes[self.classes.0[class]].clone();
        let mut pairs: Vec<ClassPairRecord> = Vec::new();
        for (label, row) in joint.iter().enumerate() {
            for (likely, &images) in row.iter().enumerate() {
                if likely != label && images > 0 {
                    pairs.push(ClassPairRecord {
                        label: name(label),
                        likely: name(likely),
                        images: images as u64,
                    });
                }
            }
        }
        pairs.sort_by_key(|pair| u64::MAX - pair.images);
        pairs
    }
}

/// Predictions of a probe fitted on some images for others, as probabilities, `[image][class]`.
pub(crate) fn predicted(
    features: &Features,
    fitted: &Judged,
    asked: &Judged,
    classes: &Classes,
) -> Result<Vec<Vec<f64>>, Error> {
    let images: Vec<usize> = fitted.images.iter().chain(&asked.images).copied().collect();
    let labels: Vec<usize> = fitted.labels.iter().chain(&asked.labels).copied().collect();
    let folds = (0..images.len()).map(|place| (place >= fitted.images.len()).then_some(0)).collect();
    let held_out = out_of_fold(&features.of(&images)?, &labels, classes.len(), &Folds::new(folds), PENALTY)?;
    rows(&held_out.log_probabilities().exp())
}

/// Groups of images that are held out together: copies of one another, and what the data says belongs together.
fn together(subject: &Subject, images: &[usize], copies: &copies::Copies) -> Vec<Option<u32>> {
    let mut first = std::collections::HashMap::new();
    let by_group = images.iter().filter_map(|&image| {
        let group = subject.images[image].group?;
        let first = *first.entry(group).or_insert(image);
        (first != image).then_some([first, image])
    });
    let by_copies = copies.groups.iter().flat_map(|group| group[1..].iter().map(|&other| [group[0], other]));
    let joined = groups(by_group.chain(by_copies), subject.images.len());
    let mut numbers = vec![None; subject.images.len()];
    for (number, group) in (0..).zip(&joined) {
        group.iter().for_each(|&image| numbers[image] = Some(number));
    }
    images.iter().map(|&image| numbers[image]).collect()
}

/// Gray pixels, `[N, 256]`, as features of the plainest kind.
fn pixels(subject: &Subject, images: &[usize]) -> Result<Tensor, Error> {
    let values: Vec<f32> = images
        .iter()
        .filter_map(|&image| subject.examined[image].fingerprint())
        .flat_map(|print| print.thumbnail.pixels().iter().copied())
        .collect();
    Ok(Tensor::f_from_slice(&values)?.f_view([i64::try_from(images.len()).unwrap_or(0), -1])?)
}

/// Says why a probe tells nothing of labels; `None` where it does.
fn refusal(accuracy: f64, pixels: f64, labels: &[usize]) -> Option<String> {
    let largest = labels.iter().max().map_or(0, |&last| {
        (0..=last).map(|class| labels.iter().filter(|&&label| label == class).count()).max().unwrap_or(0)
    });
    let (images, share) = (labels.len() as f64, largest as f64 / labels.len() as f64);
    let chance = share + 2.0 * (share * (1.0 - share) / images).sqrt();
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    if accuracy <= chance {
        let share = percent(share);
        return Some(format!(
            "the features of this network do not tell these classes apart: {} are classified correctly, and {share} are of the largest class",
            percent(accuracy)
        ));
    }
    (accuracy <= pixels).then(|| {
        format!(
            "the features of this network say no more of these images than 16 x 16 gray pixels do: {} and {} are classified correctly",
            percent(accuracy),
            percent(pixels)
        )
    })
}

/// Says why flags are not to be believed; `None` where they are. A probe that would call more labels wrong than ever are, and
/// does not itself think other classes likelier than not, makes mistakes of its own. Of two classes one always is likelier.
fn implausible(flags: &[bool], probabilities: &[Vec<f64>], accuracy: f64) -> Option<String> {
    let likely = |row: &Vec<f64>| row.iter().copied().fold(0.0, f64::max);
    let flagged: Vec<f64> =
        flags.iter().zip(probabilities).filter(|(flag, _)| **flag).map(|(_, row)| likely(row)).collect();
    let many = flagged.len() as f64 > MOST_FLAGGED * flags.len() as f64;
    let unsure = 2 * flagged.iter().filter(|likely| **likely < 0.5).count() > flagged.len();
    (many && unsure).then(|| {
        format!(
            "{} of {} would be called wrong, most of them without another class that is likelier than not: the features of this network do not tell these classes apart well enough ({:.1} % are classified correctly); all are in audit.json, the least probable first",
            flagged.len(),
            flags.len(),
            100.0 * accuracy
        )
    })
}

/// The rows of a matrix.
fn rows(matrix: &Tensor) -> Result<Vec<Vec<f64>>, Error> {
    let width = usize::try_from(matrix.size().get(1).copied().unwrap_or(0)).unwrap_or(0);
    let values = Vec::<f64>::try_from(matrix.f_contiguous()?.f_view([-1])?)?;
    Ok(values.chunks(width.max(1)).map(<[f64]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_labels_are_called_wrong_only_where_the_probe_is_sure() {
        let rows = |likely: f64| vec![vec![0.5 - likely / 2.0, likely, 0.5 - likely / 2.0]; 10];
        let flags = |flagged: usize| (0..10).map(|image| image < flagged).collect::<Vec<bool>>();
        let said = implausible(&flags(3), &rows(0.4), 0.35).unwrap();
        assert!(said.starts_with("3 of 10 would be called wrong"), "{said}");
        assert!(said.contains("(35.0 % are classified correctly)"), "{said}");
        assert_eq!(implausible(&flags(3), &rows(0.7), 0.7), None);
        assert_eq!(implausible(&flags(2), &rows(0.4), 0.35), None);
        assert_eq!(implausible(&flags(0), &rows(0.4), 0.35), None);
    }
}
