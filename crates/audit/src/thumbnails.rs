use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image_file::decode;
use images::thumbnail_png;
use rayon::prelude::*;
use records::AuditRecord;

use crate::Subject;

/// Longer side in pixels.
const SIDE: u32 = 128;
/// Most that a section of the page shows.
pub(crate) const SHOWN: usize = 60;

/// Thumbnails of the images that the page shows: of each section the first sixty.
pub(crate) fn thumbnails(subject: &Subject, record: &AuditRecord) -> BTreeMap<String, String> {
    let copies = record.copies.iter().take(SHOWN).flat_map(|copy| [&copy.a, &copy.b]);
    let flagged = record.labels.iter().filter(|label| label.flagged).take(SHOWN).map(|label| &label.path);
    let held_out =
        record.held_out_labels.iter().filter(|label| label.flagged).take(SHOWN).map(|label| &label.path);
    let outliers = record.outliers.iter().take(SHOWN).map(|outlier| &outlier.path);
    let wanted: BTreeSet<&String> = copies.chain(flagged).chain(held_out).chain(outliers).collect();
    let places: HashMap<&String, usize> =
        subject.images.iter().enumerate().map(|(place, image)| (&image.below, place)).collect();
    let wanted: Vec<(&String, &Path)> = wanted
        .into_iter()
        .filter_map(|below| Some((below, subject.images[*places.get(below)?].path.as_path())))
        .collect();
    let made = wanted.into_par_iter().filter_map(|(below, path)| {
        let image = decode(path).ok()?;
        Some((below.clone(), STANDARD.encode(thumbnail_png(&image, SIDE))))
    });
    made.collect::<Vec<_>>().into_iter().collect()
}
