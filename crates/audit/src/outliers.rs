use copies::Neighbours;
use records::OutlierRecord;
use statistics::{median, quantile};

use crate::Subject;

/// Nearest images that a distance is averaged over.
const NEAREST: usize = 10;
/// Interquartile ranges above the third quartile.
const FAR: f64 = 3.0;
/// Most that are named.
const MOST: usize = 100;

/// Images whose mean distance to their ten nearest is above the third quartile of these by three interquartile ranges (after
/// Tukey 1977), the farthest first.
pub(crate) fn outliers(subject: &Subject, nearest: &Neighbours) -> Vec<OutlierRecord> {
    let distance = |image: usize| {
        let nearest = nearest.0[image].get(..NEAREST)?;
        Some(nearest.iter().map(|other| f64::from(other.distance)).sum::<f64>() / NEAREST as f64)
    };
    let shown = (0..subject.images.len()).filter(|&image| subject.shows_label(image));
    let found: Vec<(usize, f64)> = shown.filter_map(|image| Some((image, distance(image)?))).collect();
    let distances: Vec<f64> = found.iter().map(|(_, distance)| *distance).collect();
    let quartiles = [0.25, 0.75].map(|share| quantile(&distances, share));
    let ([Some(low), Some(high)], Some(middle)) = (quartiles, median(&distances)) else { return Vec::new() };
    let bound = high + FAR * (high - low);
    let mut far: Vec<(usize, f64)> = found.into_iter().filter(|(_, distance)| *distance > bound).collect();
    far.sort_by(|(first, one), (second, other)| other.total_cmp(one).then(first.cmp(second)));
    far.truncate(MOST);
    far.into_iter()
        .map(|(image, distance)| OutlierRecord {
            path: subject.images[image].below.clone(),
            label: subject.class(image).to_owned(),
            distance: distance / middle.max(f64::MIN_POSITIVE),
        })
        .collect()
}
