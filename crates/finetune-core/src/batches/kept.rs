//! What the frozen stages make of every picture, computed once.

use backbone::{Backbone, Mode, StageId};
use tch::{Device, Tensor};

use super::{Content, Preparation, place, prepared, size_in_bytes, to_device};
use crate::Error;
use crate::event::{Event, Listener};
use crate::feature_cache::{Draft, Key};
use crate::pictures::Part;

/// Pictures that pass through frozen stages at once: on a CPU few, so that what passes from layer to layer stays near its
/// caches, on a GPU many, so that all of it has work.
#[must_use]
pub fn chunk(device: Device) -> i64 {
    if device.is_cuda() { 128 } else { 8 }
}

/// Computes the features of every picture in each view, or finds them kept; gives up if they fit neither into memory nor
/// into the cache.
pub(super) fn keep(
    backbone: &Backbone,
    cut: StageId,
    part: &Part,
    how: &Preparation<'_>,
    listen: &mut Listener<'_>,
) -> Result<Option<Content>, Error> {
    let turns = how.variation.count();
    let memory = how.keep_bytes / u64::from(turns);
    let labels: Vec<i64> =
        part.labels().into_iter().map(|label| i64::try_from(label).unwrap_or(-1)).collect();
    let labels = Tensor::f_from_slice(&labels)?.f_to_device(backbone.placement().0)?;
    let mut views = Vec::new();
    for turn in 0..turns {
        let view = how.variation.view(turn + 1);
        let cache = match &how.cache {
            Some((cache, key)) => Some((cache, key_of(key, part, view)?)),
            None => None,
        };
        let features = match cache.as_ref().and_then(|(cache, key)| cache.find(key)) {
            Some(found) => Some(place(&found, backbone)?),
            None => {
                let draft = cache.and_then(|(cache, key)| cache.begin(&key));
                compute(backbone, cut, part, (how, view), (memory, draft), (turn, turns), listen)?
            }
        };
        match features {
            Some(features) => views.push(features),
            None => return Ok(None),
        }
    }
    Ok(Some(Content::Kept { views, labels }))
}

fn key_of(key: &Key, part: &Part, view: u32) -> Result<Key, Error> {
    part.indices
        .iter()
        .try_fold(key.and(&view.to_le_bytes()), |key, &index| Ok(key.and(part.store.digest(index)?)))
}

/// The features of every picture in one view, `[N, ..]`: in memory if they fit there, else on disk if they fit there.
fn compute(
    backbone: &Backbone,
    cut: StageId,
    part: &Part,
    (how, view): (&Preparation<'_>, u32),
    (memory, mut draft): (u64, Option<Draft>),
    (turn, turns): (u32, u32),
    listen: &mut Listener<'_>,
) -> Result<Option<Tensor>, Error> {
    let pictures = part.len() as u64;
    let chunk = usize::try_from(chunk(backbone.placement().0)).unwrap_or(1);
    let mut features: Option<Tensor> = None;
    let mut shape = Vec::new();
    let mut row = 0i64;
    for batch in prepared(backbone, part.clone(), how.transform.clone(), (view, chunk), how.workers) {
        if how.interrupt.requested() {
            return Err(Error::Interrupted);
        }
        let (pixels, labels) = to_device(batch?, backbone)?;
        let x = run_frozen(backbone, &pixels, cut);
        let count = labels.size()[0];
        if row == 0 {
            shape = x.size();
            shape[0] = i64::try_from(pictures).unwrap_or(i64::MAX);
            let all = size_in_bytes(&x) / u64::try_from(count.max(1)).unwrap_or(1) * pictures;
            features = (all <= memory).then(|| Tensor::empty(&shape, (x.kind(), x.device())));
        }
        if let Some(features) = &features {
            features.narrow(0, row, count).copy_(&x);
        }
        draft = draft.and_then(|draft| draft.append(&x).inspect_err(not_on_disk).ok());
        if features.is_none() && draft.is_none() {
            return Ok(None);
        }
        row += count;
        if cut > StageId::INPUT {
            let done = u64::from(turn) * pictures + u64::try_from(row).unwrap_or(0);
            listen(&Event::Prepared { what: "frozen stages", done, total: pictures * u64::from(turns) });
        }
    }
    let on_disk = draft.and_then(|draft| draft.finish(&shape).inspect_err(not_on_disk).ok()).flatten();
    match (features, on_disk) {
        (Some(features), _) => Ok(Some(features)),
        (None, Some(on_disk)) => Ok(Some(place(&on_disk, backbone)?)),
        (None, None) => Ok(None),
    }
}

fn not_on_disk(error: &std::io::Error) {
    tracing::warn!(%error, "features are not kept on disk");
}

/// Pictures through the stages before `cut`, a [`chunk`] at a time.
pub(super) fn run_frozen(backbone: &Backbone, pixels: &Tensor, cut: StageId) -> Tensor {
    if cut == StageId::INPUT {
        return pixels.shallow_clone();
    }
    let (count, chunk) = (pixels.size()[0], chunk(pixels.device()));
    let chunks: Vec<Tensor> = (0..count)
        .step_by(usize::try_from(chunk).unwrap_or(1))
        .map(|start| {
            let length = chunk.min(count - start);
            let part = pixels.narrow(0, start, length);
            let mut padding = part.size();
            padding[0] = chunk - length;
            let padded = if length < chunk {
                Tensor::cat(&[part, Tensor::zeros(padding, (pixels.kind(), pixels.device()))], 0)
            } else {
                part
            };
            let features = tch::no_grad(|| backbone.forward(&padded, StageId::INPUT..cut, Mode::Evaluate));
            features.narrow(0, 0, length)
        })
        .collect();
    Tensor::cat(&chunks, 0)
}
