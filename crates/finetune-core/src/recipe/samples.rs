//! A few pictures with what the model said of them, for the report.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use report::record::SampleRecord;

use crate::Error;
use crate::evaluate::Predictions;
use crate::pictures::Part;

const EACH: usize = 6;
const THUMBNAIL: u32 = 96;

/// The most confident mistakes, and as many right answers spread over the split.
pub(super) fn choose(part: &Part, said: &Predictions) -> Result<Vec<SampleRecord>, Error> {
    let (right, mut wrong): (Vec<usize>, Vec<usize>) =
        (0..said.labels.len()).partition(|&place| said.labels[place] == said.predicted[place]);
    wrong.sort_by(|&a, &b| said.probability[b].total_cmp(&said.probability[a]).then(a.cmp(&b)));
    wrong.truncate(EACH);
    let spread = (0..EACH.min(right.len())).map(|place| right[place * right.len() / EACH.min(right.len())]);
    let chosen: Vec<usize> = wrong.into_iter().chain(spread).collect();
    chosen.into_iter().map(|place| sample(part, said, place)).collect()
}

fn sample(part: &Part, said: &Predictions, place: usize) -> Result<SampleRecord, Error> {
    let index = part.indices[place];
    let picture = part.store.view(index)?;
    Ok(SampleRecord {
        path: part.store.samples()[index as usize].path.clone(),
        thumbnail: STANDARD.encode(images::thumbnail_png(&picture, THUMBNAIL)),
        label: usize::try_from(said.labels[place]).unwrap_or(0),
        predicted: usize::try_from(said.predicted[place]).unwrap_or(0),
        probability: said.probability[place],
    })
}
