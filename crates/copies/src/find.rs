use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use crate::align::{Templates, align_prepared};
use crate::{Alignment, Bounds, Examined, Fingerprint, Neighbours, groups, nearest_by_hash};

/// Nearest images by features, and by hash, that an image is compared with.
const BY_FEATURES: usize = 3;
const BY_HASH: usize = 2;
/// Place among the nearest of images that are compared to learn what is usual.
const USUAL: usize = 9;
/// Images of which one such pair each is compared.
const SAMPLED: usize = 400;
/// Images in a group up to which every pair is listed; of larger ones each with the first.
const EVERY_PAIR: usize = 20;

/// Copies among images.
#[derive(Clone, Debug)]
pub struct Copies {
    /// Pairs of copies, by the first image and then the second, each once. Copies of one image are copies of each other, so
    /// that all pairs of a group are here.
    pub pairs: Vec<Pair>,
    /// The same as groups.
    pub groups: Vec<Vec<usize>>,
    /// How alike edited copies had to be.
    pub bounds: Bounds,
    /// Number of pairs that were compared pixel by pixel.
    pub compared: usize,
}

/// Two images that are copies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Index of the first image.
    pub a: usize,
    /// Index of the second, the larger.
    pub b: usize,
    /// In which way they are the same.
    pub kind: Kind,
    /// How one lies over the other; `None` for exact copies.
    pub alignment: Option<Alignment>,
    /// Distance between features over the mean distance to the next nine images, the smaller of both ways; `None` for exact
    /// copies and where there are no features.
    pub ratio: Option<f64>,
}

/// How two copies are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Byte for byte.
    File,
    /// Pixel for pixel.
    Pixels,
    /// Edited.
    Near,
}

/// Finds copies among files. `features` has the images nearest to each by features, at least fifteen where there are as many.
#[must_use]
pub fn find(files: &[Examined], features: Option<&Neighbours>) -> Copies {
    let (firsts, exact) = exact(files);
    let prints: Vec<(usize, &Fingerprint)> = firsts
        .iter()
        .enumerate()
        .filter(|(image, first)| image == *first)
        .filter_map(|(image, _)| Some((image, files[image].fingerprint()?)))
        .collect();
    let near = Near::new(&prints, &firsts, features);
    let candidates = near.candidates();
    let scores = near.aligned(&candidates);
    let bounds = near.bounds(&scores);
    let accepted = near.accepted(&scores, &bounds);
    let joined = exact.keys().copied().chain(accepted.keys().copied());
    let groups = groups(joined, files.len());
    let pairs = listed(&groups, &exact, &accepted, &near);
    Copies { pairs, groups, bounds, compared: candidates.len() }
}

/// The first image with the same pixels as each, and every pair of these with its kind.
fn exact(files: &[Examined]) -> (Vec<usize>, BTreeMap<[usize; 2], Kind>) {
    let mut same: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
    for (image, file) in files.iter().enumerate() {
        if let Some(print) = file.fingerprint() {
            same.entry(print.pixels).or_default().push(image);
        }
    }
    let mut firsts: Vec<usize> = (0..files.len()).collect();
    let mut pairs = BTreeMap::new();
    for images in same.into_values() {
        images.iter().for_each(|&image| firsts[image] = images[0]);
        for (place, &one) in images.iter().enumerate() {
            let others = if images.len() <= EVERY_PAIR || place == 0 { &images[place + 1..] } else { &[] };
            for &other in others {
                let kind = if files[one].sha256 == files[other].sha256 { Kind::File } else { Kind::Pixels };
                pairs.insert([one, other], kind);
            }
        }
    }
    (firsts, pairs)
}

/// The search for edited copies among images that differ in their pixels.
struct Near<'a> {
    /// Place among these for the index of each file.
    places: HashMap<usize, usize>,
    /// Index of each image's file.
    files: Vec<usize>,
    templates: Vec<Templates<'a>>,
    /// The nearest by features, by place.
    by_features: Option<Vec<Vec<(usize, f32)>>>,
    by_hash: Neighbours,
}

/// Alignment of each pair that was compared, by place.
type Scores = BTreeMap<[usize; 2], Alignment>;

impl<'a> Near<'a> {
    fn new(prints: &[(usize, &'a Fingerprint)], firsts: &[usize], features: Option<&Neighbours>) -> Self {
        let files: Vec<usize> = prints.iter().map(|(file, _)| *file).collect();
        let places: HashMap<usize, usize> = files.iter().copied().zip(0..).collect();
        let templates = prints.par_iter().map(|(_, print)| Templates::of(&print.thumbnail)).collect();
        let hashes: Vec<_> = prints.iter().map(|(_, print)| print.hash).collect();
        let by_hash = nearest_by_hash(&hashes, USUAL + 1);
        // Of images with the same pixels one stands for all.
        let distinct = |file: &usize| {
            let mut seen = BTreeSet::from([*file]);
            let nearest = features.map_or(&[][..], |features| &features.0[*file]);
            let first = |other: usize| firsts[other];
            let fresh = nearest.iter().filter(|other| seen.insert(first(other.image)));
            fresh.filter_map(|other| Some((*places.get(&first(other.image))?, other.distance))).collect()
        };
        let by_features = features.map(|_| files.iter().map(distinct).collect());
        Self { places, files, templates, by_features, by_hash }
    }

    /// Pairs that may be copies.
    fn candidates(&self) -> BTreeSet<[usize; 2]> {
        let mut pairs = BTreeSet::new();
        for place in 0..self.files.len() {
            let by_features =
                self.by_features.iter().flat_map(|nearest| nearest[place].iter().take(BY_FEATURES));
            let by_hash = self.by_hash.0[place].iter().take(BY_HASH).map(|other| other.image);
            for other in by_features.map(|(other, _)| *other).chain(by_hash) {
                pairs.insert([place.min(other), place.max(other)]);
            }
        }
        pairs
    }

    fn aligned(&self, pairs: &BTreeSet<[usize; 2]>) -> Scores {
        let pairs: Vec<[usize; 2]> = pairs.iter().copied().collect();
        pairs.into_par_iter().map(|pair| (pair, self.align(pair))).collect()
    }

    fn align(&self, [one, other]: [usize; 2]) -> Alignment {
        align_prepared(&self.templates[one], &self.templates[other])
    }

    /// What is usual here: correlations of images with one that is among the nearest, though not the nearest; and each
    /// image's ratio to its nearest.
    fn bounds(&self, scores: &Scores) -> Bounds {
        let step = self.files.len().div_ceil(SAMPLED).max(1);
        let pairs: BTreeSet<[usize; 2]> = (0..self.files.len())
            .step_by(step)
            .filter_map(|place| {
                let other = match &self.by_features {
                    Some(nearest) => nearest[place].get(USUAL)?.0,
                    None => self.by_hash.0[place].get(USUAL)?.image,
                };
                Some([place.min(other), place.max(other)]).filter(|pair| !scores.contains_key(pair))
            })
            .collect();
        let correlations: Vec<f64> = self.aligned(&pairs).values().map(|found| found.correlation).collect();
        let nothing = BTreeSet::new();
        let nearest = |place: usize| self.by_features.as_ref()?[place].first().map(|(other, _)| *other);
        let ratios =
            (0..self.files.len()).filter_map(|place| self.ratio_from(place, nearest(place)?, &nothing));
        Bounds::of(&correlations, &ratios.collect::<Vec<_>>())
    }

    /// Distance from one image to another over the mean distance to the next nine, those known as copies left aside.
    fn ratio_from(&self, from: usize, to: usize, known: &BTreeSet<[usize; 2]>) -> Option<f64> {
        let nearest = &self.by_features.as_ref()?[from];
        let (_, distance) = nearest.iter().find(|(other, _)| *other == to)?;
        let is_other = |other: usize| other != to && !known.contains(&[from.min(other), from.max(other)]);
        let others = nearest.iter().filter(|(other, further)| is_other(*other) && further >= distance);
        let next: Vec<f64> = others.take(9).map(|(_, distance)| f64::from(*distance)).collect();
        (next.len() >= 3).then(|| f64::from(*distance) / statistics::mean(&next).max(1e-9))
    }

    fn ratio(&self, [one, other]: [usize; 2], known: &BTreeSet<[usize; 2]>) -> Option<f64> {
        let ways = [self.ratio_from(one, other, known), self.ratio_from(other, one, known)];
        ways.into_iter().flatten().min_by(f64::total_cmp)
    }

    /// Copies by index of file, with alignment and ratio.
    fn accepted(&self, scores: &Scores, bounds: &Bounds) -> BTreeMap<[usize; 2], Pair> {
        let by_pixels = |alignment: &Alignment| alignment.correlation >= bounds.correlation;
        let known: BTreeSet<[usize; 2]> =
            scores.iter().filter(|(_, found)| by_pixels(found)).map(|(pair, _)| *pair).collect();
        let mut accepted = BTreeMap::new();
        for (&pair, alignment) in scores {
            let ratio = self.ratio(pair, &known);
            let supported =
                alignment.correlation >= bounds.supported && ratio.is_some_and(|ratio| ratio <= bounds.ratio);
            if known.contains(&pair) || supported {
                let [a, b] = pair.map(|place| self.files[place]);
                let (a, b) = (a.min(b), a.max(b));
                let alignment = Some(*alignment);
                accepted.insert([a, b], Pair { a, b, kind: Kind::Near, alignment, ratio });
            }
        }
        accepted
    }
}

/// Every pair within the groups, those that follow from others too.
fn listed(
    groups: &[Vec<usize>],
    exact: &BTreeMap<[usize; 2], Kind>,
    accepted: &BTreeMap<[usize; 2], Pair>,
    near: &Near<'_>,
) -> Vec<Pair> {
    let mut wanted: BTreeSet<[usize; 2]> = exact.keys().chain(accepted.keys()).copied().collect();
    for group in groups {
        let ones = if group.len() <= EVERY_PAIR { group.len() } else { 1 };
        for (place, &one) in group.iter().enumerate().take(ones) {
            wanted.extend(group[place + 1..].iter().map(|&other| [one, other]));
        }
    }
    let pair = |[a, b]: [usize; 2]| {
        if let Some(&kind) = exact.get(&[a, b]) {
            return Pair { a, b, kind, alignment: None, ratio: None };
        }
        accepted.get(&[a, b]).copied().unwrap_or_else(|| {
            let places = [near.places.get(&a), near.places.get(&b)];
            let alignment = match places {
                [Some(&one), Some(&other)] => Some(near.align([one, other])),
                _ => None,
            };
            Pair { a, b, kind: Kind::Near, alignment, ratio: None }
        })
    };
    wanted.into_iter().map(pair).collect()
}
