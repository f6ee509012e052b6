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
use training::evaluate::Predictions;
use training::grad_cam::heat_maps;

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
    let (mut samples, mut squares, mut pixels) = (Vec::new(), Vec::new(), Vec::new());
    for &place in places {
        let index = part.indices[place];
        let image = part.store.view(index)?;
        let (square, numbers) = part.store.shown(index, transform)?;
        pixels.extend(numbers);
        squares.push(square);
        samples.push(SampleRecord {
            path: part.store.samples()[index as usize].path.clone(),
            thumbnail: STANDARD.encode(images::thumbnail_png(&image, THUMBNAIL)),
            label: usize::try_from(predictions.labels[place]).unwrap_or(0),
            predicted: usize::try_from(predictions.predicted[place]).unwrap_or(0),
            probability: predictions.probability[place],
            heat_map: None,
        });
    }
    let extent = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let shape = [places.len(), transform.channels(), transform.size(), transform.size()].map(extent);
    let (device, kind) = backbone.placement();
    let pixels = Tensor::f_from_slice(&pixels)?.f_view(shape)?.f_to_device(device)?.f_to_kind(kind)?;
    let pixels = padded(&pixels, at_least);
    let mut classes: Vec<i64> = places.iter().map(|&place| predictions.predicted[place]).collect();
    classes.resize(classes.len().max(at_least), 0);
    if let Some(found) = heat_maps(backbone, &pixels, &classes)? {
        for ((sample, square), number) in samples.iter_mut().zip(squares).zip(0..) {
            let values = rows(&found.maps.f_select(0, number)?)?;
            let picture = STANDARD.encode(images::heat_map_png(&square, &values, THUMBNAIL));
            let stage = backbone.name(found.stage).to_owned();
            sample.heat_map = Some(HeatMapRecord { stage, values, picture });
        }
    }
    Ok(samples)
}

/// `[H, W]`, to three decimals.
fn rows(map: &Tensor) -> Result<Vec<Vec<f64>>, Error> {
    let width = usize::try_from(map.size()[1]).unwrap_or(1).max(1);
    let values = Vec::<f64>::try_from(map.f_to_kind(tch::Kind::Double)?.f_contiguous()?.f_flatten(0, -1)?)?;
    let rounded: Vec<f64> = values.into_iter().map(|value| (value * 1e3).round() / 1e3).collect();
    Ok(rounded.chunks_exact(width).map(<[f64]>::to_vec).collect())
}
