use copies::{Bounds, Copies, Kind, Pair};
use records::{CopyBoundsRecord, CopyKind, CopyRecord};

use crate::Subject;

/// Share of an image from which a part of it counts as all of it.
const WHOLE: f64 = 0.95;

/// Describes copies, exact ones first, then by their paths.
pub(crate) fn records(subject: &Subject, copies: &Copies) -> Vec<CopyRecord> {
    let mut records: Vec<CopyRecord> =
        copies.pairs.iter().map(|pair| record(subject, pair, &copies.bounds)).collect();
    records.sort_by(|one, other| (one.kind, &one.a, &one.b).cmp(&(other.kind, &other.a, &other.b)));
    records
}

fn record(subject: &Subject, pair: &Pair, bounds: &Bounds) -> CopyRecord {
    let swapped = subject.images[pair.a].part > subject.images[pair.b].part;
    let both = if swapped { [pair.b, pair.a] } else { [pair.a, pair.b] };
    let label = |image: usize| subject.shows_label(image).then(|| subject.class(image).to_owned());
    let path = |image: usize| subject.images[image].below.clone();
    let correlation = pair.alignment.map(|found| found.correlation);
    CopyRecord {
        a: path(both[0]),
        b: path(both[1]),
        kind: match pair.kind {
            Kind::File => CopyKind::File,
            Kind::Pixels => CopyKind::Pixels,
            Kind::Near => CopyKind::Near,
        },
        splits: both.map(|image| subject.images[image].part.name().to_owned()),
        labels: both.map(label),
        how: how(pair, swapped),
        correlation,
        ratio: pair.ratio,
        certain: pair.kind != Kind::Near || correlation.is_some_and(|found| found >= bounds.correlation),
    }
}

/// How one is made from the other, as far as it shows.
fn how(pair: &Pair, swapped: bool) -> String {
    let alignment = match (pair.kind, &pair.alignment) {
        (Kind::File, _) => return "the same file".to_owned(),
        (Kind::Pixels, _) => return "the same pixels in another file".to_owned(),
        (Kind::Near, None) => return "both are copies of a third".to_owned(),
        (Kind::Near, Some(alignment)) => alignment,
    };
    let mut words = Vec::new();
    if alignment.coverage() < WHOLE {
        let part = if alignment.first_is_pattern == swapped { ["b", "a"] } else { ["a", "b"] };
        words.push(format!("{} is a part of {}", part[0], part[1]));
    }
    if alignment.is_mirrored() {
        words.push("mirrored".to_owned());
    }
    if alignment.quarter_turns() > 0 {
        words.push(format!("turned by {} degrees", 90 * u32::from(alignment.quarter_turns())));
    }
    if words.is_empty() { "the same motif, edited or saved again".to_owned() } else { words.join(", ") }
}

/// The bounds as a record.
pub(crate) fn bounds(copies: &Copies) -> CopyBoundsRecord {
    let Bounds { correlation, supported, ratio, usual } = copies.bounds;
    CopyBoundsRecord { correlation, supported, ratio, usual, compared: copies.compared as u64 }
}
