use std::collections::{BTreeMap, BTreeSet};

use copies::Kind;
use records::{Interval, LabelRecord, LeakRecord, LeakageRecord};
use statistics::bootstrap::{Pair, difference};

use crate::joint::{confident_joint, flagged, most};
use crate::labels::{Classes, Judged, Judgement, predicted};
use crate::{Error, Features, Part, Subject};

/// Fewest images of a split that accuracy is measured on.
const ENOUGH: usize = 10;
/// Fewest leaked images whose worth has an interval: of one or two it would be that of no difference at all.
const ENOUGH_LEAKED: usize = 5;

/// Counts copies by the splits of both.
pub(crate) fn table(subject: &Subject, copies: &copies::Copies) -> Vec<LeakRecord> {
    let mut cells: BTreeMap<[Part; 2], (LeakRecord, BTreeSet<usize>)> = BTreeMap::new();
    for pair in &copies.pairs {
        let parts = [pair.a, pair.b].map(|image| subject.images[image].part);
        let [one, other] = if parts[0] <= parts[1] { [pair.a, pair.b] } else { [pair.b, pair.a] };
        let parts = [one, other].map(|image| subject.images[image].part);
        let (cell, images) = cells.entry(parts).or_insert_with(|| {
            let splits = parts.map(|part| part.name().to_owned());
            (LeakRecord { splits, exact: 0, near: 0, other_labels: 0, images: 0 }, BTreeSet::new())
        });
        match pair.kind {
            Kind::File | Kind::Pixels => cell.exact += 1,
            Kind::Near => cell.near += 1,
        }
        let shown = subject.shows_label(one) && subject.shows_label(other);
        cell.other_labels += u64::from(shown && subject.images[one].label != subject.images[other].label);
        images.insert(other);
    }
    cells.into_values().map(|(cell, images)| LeakRecord { images: images.len() as u64, ..cell }).collect()
}

/// What is found of a split that is measured on.
pub(crate) struct Measured {
    pub(crate) leakage: Option<LeakageRecord>,
    pub(crate) labels: Vec<LabelRecord>,
}

/// Judges the labels of a split by a probe fitted on the training images that are no copies of it, and measures what those
/// copies are worth. `None` where there is too little to go by.
pub(crate) fn measure(
    judgement: &Judgement<'_>,
    features: &Features,
    part: Part,
) -> Result<Option<Measured>, Error> {
    let Judgement { subject, classes, copies, .. } = *judgement;
    let all = classes.judged(subject, features, Part::Train);
    let asked = classes.judged(subject, features, part);
    if asked.images.len() < ENOUGH || asked.labels.iter().all(|label| *label == asked.labels[0]) {
        return Ok(None);
    }
    let is_in = |image: &usize, part: Part| subject.images[*image].part == part;
    let crossing: Vec<&Vec<usize>> = copies
        .groups
        .iter()
        .filter(|group| group.iter().any(|image| is_in(image, part)))
        .filter(|group| group.iter().any(|image| is_in(image, Part::Train)))
        .collect();
    let in_crossing: BTreeSet<usize> = crossing.iter().flat_map(|group| group.iter().copied()).collect();
    let clean = without(&all, &in_crossing);
    if (0..classes.len()).any(|class| !clean.labels.contains(&class)) {
        return Ok(None);
    }
    let probabilities = predicted(features, &clean, &asked, classes)?;
    let mut flags = flagged(&confident_joint(&probabilities, &asked.labels), &probabilities, &asked.labels);
    if !judgement.believed {
        flags.fill(false);
    }
    let labels = judgement.ranked(&asked.images, &probabilities, &flags);
    let leaked = asked.images.iter().filter(|image| in_crossing.contains(image)).count();
    let leakage = if leaked == 0 {
        None
    } else {
        let with = right(&predicted(features, &all, &asked, classes)?, &asked);
        let without = right(&probabilities, &asked);
        let pair = Pair { setting: &with, baseline: &without };
        let interval = difference(&[pair]).filter(|_| leaked >= ENOUGH_LEAKED);
        let interval = interval.map(|found| Interval { low: found.low, high: found.high });
        Some(LeakageRecord {
            split: part.name().to_owned(),
            images: asked.images.len() as u64,
            leaked: leaked as u64,
            with: share(&with),
            without: share(&without),
            interval,
        })
    };
    Ok(Some(Measured { leakage, labels }))
}

fn without(judged: &Judged, images: &BTreeSet<usize>) -> Judged {
    let kept = judged.images.iter().zip(&judged.labels).filter(|(image, _)| !images.contains(image));
    let (images, labels) = kept.map(|(image, label)| (*image, *label)).unzip();
    Judged { images, labels }
}

/// A character for each image: whether its label is the most probable class.
fn right(probabilities: &[Vec<f64>], asked: &Judged) -> String {
    let is_right = |(row, label): (&Vec<f64>, &usize)| most(row) == Some(*label);
    let bits = probabilities.iter().zip(&asked.labels).map(is_right);
    bits.map(|right| if right { '1' } else { '0' }).collect()
}

fn share(bits: &str) -> f64 {
    bits.matches('1').count() as f64 / bits.len() as f64
}

/// Whether a split is measured on by its labels.
pub(crate) fn is_measured(subject: &Subject, part: Part) -> bool {
    match part {
        Part::Train => false,
        Part::Validation => true,
        Part::Test => subject.with_test,
    }
}

/// Classes of a data set, for [`measure`].
pub(crate) fn classes(subject: &Subject, features: &Features) -> Option<Classes> {
    Some(Classes::of(subject, features)).filter(|classes| classes.len() >= 2)
}
