//! A few images with their predictions, and where in them the evidence lies, for the report.

use backbone::Backbone;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use features::dataset::ImageSubset;
use features::loader::{chunk, padded};
use images::Transform;
use pretrained::InputSpec;
use records::{HeatMapRecord, SampleRecord};
use tch::Tensor;
use trained_model::evidence::{Evidence, evidence};
use training::evaluate::Predictions;

use crate::Error;

const EACH: usize = 6;
const THUMBNAIL: u32 = 96;
/// Images explained at once on a CPU: all their features are in memory.
const AT_ONCE: usize = 4;

/// Returns the most confident mistakes, and as many correct predictions spread over the split. A GPU explains as many at once
/// as frozen stages compute, for which it has chosen its algorithms.
///
/// # Errors
/// When an image can no longer be read.
pub(super) fn choose(
    part: &ImageSubset,
    predictions: &Predictions,
    input: &InputSpec,
    batch_size: usize,
    backbone: &mut Backbone,
) -> Result<Vec<SampleRecord>, Error> {
    let (correct, mut wrong): (Vec<usize>, Vec<usize>) = (0..predictions.labels.len())
        .partition(|&place| predictions.labels[place] == predictions.predicted[place]);
    wrong.sort_by(|&a, &b| predictions.probability[b].total_cmp(&predictions.probability[a]).then(a.cmp(&b)));
    wrong.truncate(EACH);
    let spread =
        (0..EACH.min(correct.len())).map(|place| correct[place * correct.len() / EACH.min(correct.len())]);
    let chosen: Vec<usize> = wrong.into_iter().chain(spread).collect();
    let transform = Transform::evaluation(input)?;
    let (device, _) = backbone.placement();
    let (at_once, at_least) = match chunk(device, batch_size) {
        chunk if device.is_cuda() => (chunk, chunk),
        _ => (AT_ONCE, 0),
    };
    let mut samples = Vec::new();
    for places in chosen.chunks(at_once) {
        samples.extend(explained(part, predictions, places, at_least, &transform, backbone)?);
    }
    Ok(samples)
}

/// Returns a few images with heat maps of the evidence for the predicted classes, computed as at least this many rows.
fn explained(
    part: &ImageSubset,
    predictions: &Predictions,
    places: &[usize],
    at_least: usize,
    transform: &Transform,
    backbone: &mut Backbone,
) -> Result<Vec<SampleRecord>, Error> {
    let (mut samples, mut all) = (Vec::new(), Vec::new());
    for &place in places {
        let index = part.indices[place];
        let image = part.store.view(index)?;
        all.push(part.store.shown(index, transform)?);
        samples.push(SampleRecord {
            path: part.store.samples()[index as usize].path.clone(),
            thumbnail: STANDARD.encode(images::thumbnail_png(&image, THUMBNAIL)),
            label: usize::try_from(predictions.labels[place]).unwrap_or(0),
            predicted: usize::try_from(predictions.predicted[place]).unwrap_or(0),
            probability: predictions.probability[place],
            heat_map: None,
        });
    }
    let pixels: Vec<f32> = all.iter().flat_map(|shown| shown.pixels.iter().copied()).collect();
    let extent = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let shape = [places.len(), transform.channels(), transform.size(), transform.size()].map(extent);
    let (device, kind) = backbone.placement();
    let pixels = Tensor::f_from_slice(&pixels)?.f_view(shape)?.f_to_device(device)?.f_to_kind(kind)?;
    let pixels = padded(&pixels, at_least);
    let mut classes: Vec<i64> = places.iter().map(|&place| predictions.predicted[place]).collect();
    classes.resize(classes.len().max(at_least), 0);
    if let Some(found) = evidence(backbone, &pixels, &all, &classes, THUMBNAIL)? {
        for (sample, Evidence { stage, values, png }) in samples.iter_mut().zip(found) {
            sample.heat_map = Some(HeatMapRecord { stage, values, picture: STANDARD.encode(png) });
        }
    }
    Ok(samples)
}
