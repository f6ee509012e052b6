//! What the frozen stages make of every picture, computed once.

use std::ops::Range;

use backbone::{Backbone, Mode, StageId};
use records::{Event, Listener};
use tch::{Device, Tensor};
use torch_extra::layout::channels_last;

use super::merged::{Merged, chosen};
use super::{Preparation, Variation, place, prepared, to_device};
use crate::Error;
use crate::feature_cache::{Draft, FeatureCache, Form, Key, List, Partial};
use crate::pictures::Part;

/// Pictures that pass through frozen stages at once at most: on a CPU few, so that what passes from layer to layer stays
/// near its caches, on a GPU many, so that all of it has work.
#[must_use]
pub fn most_at_once(device: Device) -> usize {
    if device.is_cuda() { 128 } else { 8 }
}

/// Pictures that pass through frozen stages at once where batches of so many are asked for, kept or not. On a CPU a few at
/// a time; on a GPU whole batches, or equal parts of large ones, so that hardly any padding is computed.
#[must_use]
pub fn chunk(device: Device, batch_size: usize) -> usize {
    let most = most_at_once(device);
    if !device.is_cuda() {
        return most;
    }
    let batch_size = batch_size.max(1);
    batch_size.div_ceil(batch_size.div_ceil(most))
}

/// Features of every picture of a part.
pub(super) struct Kept {
    /// `[N, ..]` of each view, as [`stored`] lays them: where the network lies, or mapped into the memory of the host.
    pub(super) views: Vec<Tensor>,
    /// `[N]`, where the network lies.
    pub(super) labels: Tensor,
    /// How many of them were found; a picture counts once for each of its views.
    pub(super) found: u64,
    /// How many of these an earlier run had kept.
    pub(super) earlier: u64,
    /// What was kept in passing.
    pub(super) passed: Option<Box<Passed>>,
}

/// Where training is going to begin later, at a stage before the one at which it begins now.
pub struct Stop {
    /// The stage whose input is kept.
    pub stage: StageId,
    /// As [`Preparation::cache`], for what comes before this stage.
    pub cache: Option<(FeatureCache, Key)>,
}

/// What the stages before a stop made of every picture, kept in passing.
pub struct Passed {
    pub(super) cut: StageId,
    pub(super) variation: Variation,
    pub(super) kept: Kept,
}

impl Kept {
    /// Of all that is kept here.
    pub(super) fn bytes(&self) -> u64 {
        self.views.iter().map(super::size_in_bytes).sum()
    }

    /// With what was kept in passing.
    pub(super) fn all_bytes(&self) -> u64 {
        self.bytes() + self.passed.as_ref().map_or(0, |passed| passed.kept.all_bytes())
    }
}

/// Computes the features of every picture in each view, or finds them kept; gives up if all views together fit neither
/// into memory nor into the cache. On the way the input of each of the stops is kept as well, as far as there is room, and
/// what comes after a stop begins with that.
pub(super) fn keep(
    backbone: &Backbone,
    (cut, cache): (StageId, Option<&(FeatureCache, Key)>),
    stops: &[Stop],
    part: &Part,
    (how, room): (&Preparation<'_>, u64),
    listen: &mut Listener<'_>,
) -> Result<Option<Kept>, Error> {
    let turns = how.variation.count();
    let form = form(backbone, cut, part, how);
    let bytes = form.bytes().unwrap_or(u64::MAX).saturating_mul(turns.into());
    let in_memory = bytes <= room;
    let cache = cache.filter(|(cache, _)| cache.holds(&form, turns));
    if !in_memory && cache.is_none() {
        return Ok(None);
    }
    let device = backbone.placement().0;
    let labels: Vec<i64> =
        part.labels().into_iter().map(|label| i64::try_from(label).unwrap_or(-1)).collect();
    let labels = Tensor::f_from_slice(&labels)?.f_to_device(device)?;
    let mut kept = Kept { views: Vec::new(), labels, found: 0, earlier: 0, passed: None };
    for turn in 0..turns {
        let view = how.variation.view(turn + 1);
        let entry = match cache {
            Some((cache, key)) => Some((cache, list_of(key, part, how.variation, view)?)),
            None => None,
        };
        let found = entry.as_ref().and_then(|(cache, list)| cache.find(list, &form));
        let features = match (found, entry) {
            (Some(found), entry) => {
                kept.found += part.len() as u64;
                if entry.is_some_and(|(cache, list)| !cache.kept_here(&list)) {
                    kept.earlier += part.len() as u64;
                }
                // What memory has no room for stays mapped.
                Some(if in_memory { found.f_to_device(device)? } else { found })
            }
            (None, entry) => {
                let known = entry.as_ref().and_then(|(cache, list)| cache.find_some(list, &form));
                if let Some(known) = &known {
                    let count = known.rows.iter().flatten().count() as u64;
                    kept.found += count;
                    kept.earlier += if known.kept_here { 0 } else { count };
                }
                let all_known = known.as_ref().is_some_and(|known| known.rows.iter().all(Option::is_some));
                if let (false, None, [stop, rest @ ..]) = (all_known, &kept.passed, stops) {
                    let left = if in_memory { room - bytes } else { room };
                    let there = (stop.stage, stop.cache.as_ref());
                    let passed = keep(backbone, there, rest, part, (how, left), listen)?;
                    let passed =
                        passed.map(|kept| Passed { cut: stop.stage, variation: how.variation, kept });
                    kept.passed = passed.map(Box::new);
                }
                let passed = kept.passed.as_ref();
                let begun = passed.map(|passed| (passed.cut, &passed.kept.views[turn as usize]));
                let empty = || Tensor::f_empty(&form.shape, (form.kind, device));
                let memory = in_memory.then(empty).transpose()?;
                // What another list has in full and memory has room for needs no file of its own.
                let entry = entry.filter(|_| !(all_known && in_memory));
                let draft = entry.and_then(|(cache, list)| cache.begin(&list, &form));
                let from = Sources { part, begun, known };
                compute(backbone, cut, from, (how, view), (memory, draft), (turn, turns), listen)?
            }
        };
        match features {
            Some(features) => kept.views.push(features),
            None => return Ok(None),
        }
    }
    Ok(Some(kept))
}

/// A view of the pictures of a part, by their files. Where chance changes them, who they are counts as well: it decides how
/// they are changed.
fn list_of(key: &Key, part: &Part, variation: Variation, view: u32) -> Result<List, Error> {
    let samples = part.store.samples();
    let pictures = part.indices.iter().map(|&index| {
        let file = part.store.digest(index)?;
        Ok(match (variation, samples.get(index as usize)) {
            (Variation::Fixed, _) | (_, None) => file,
            (_, Some(sample)) => Key::of::<&str>(&[]).and(&file).and(&sample.id.to_le_bytes()).digest(),
        })
    });
    Ok(List::new(key.and(&view.to_le_bytes()), pictures.collect::<Result<_, Error>>()?))
}

/// How the features of every picture in one view are kept, `[N, ..]`.
fn form(backbone: &Backbone, cut: StageId, part: &Part, how: &Preparation<'_>) -> Form {
    let side = i64::try_from(how.transform.size()).unwrap_or(i64::MAX);
    let picture = vec![1, i64::try_from(how.transform.channels()).unwrap_or(0), side, side];
    let frozen = backbone.trace(&picture).into_iter().take(cut.index()).next_back();
    let mut shape = frozen.map_or(picture, |trace| trace.shape);
    shape[0] = i64::try_from(part.len()).unwrap_or(i64::MAX);
    if turned(shape.len(), backbone) {
        shape = vec![shape[0], shape[2], shape[3], shape[1]];
    }
    Form { shape, kind: backbone.kind_before(cut) }
}

/// Whether features of so many dimensions are kept as `[N, H, W, C]`: maps of a network that lies so.
fn turned(dimensions: usize, backbone: &Backbone) -> bool {
    dimensions == 4 && backbone.is_channels_last()
}

/// Features in the order in which they are kept, that in which the network reads them.
fn stored(x: &Tensor, backbone: &Backbone) -> Tensor {
    if turned(x.dim(), backbone) { x.permute([0, 2, 3, 1]) } else { x.shallow_clone() }
}

/// Rows of kept features where the network lies, as its stages read them: in its type, `[N, C, H, W]` where they are maps.
pub(super) fn read(rows: &Tensor, backbone: &Backbone) -> Result<Tensor, Error> {
    let x = place(rows, backbone)?;
    let x = if turned(x.dim(), backbone) { x.permute([0, 3, 1, 2]) } else { x };
    Ok(laid(&x, backbone))
}

/// What features are made from.
struct Sources<'a> {
    part: &'a Part,
    /// What is there already as the input of a stage, of each picture of the part.
    begun: Option<(StageId, &'a Tensor)>,
    /// Features that are there already.
    known: Option<Partial>,
}

/// The features of every picture in one view, `[N, ..]`: into memory where there is room, and into a draft where there is
/// one; `None` if nothing came of the latter and there is no room in memory.
fn compute(
    backbone: &Backbone,
    cut: StageId,
    Sources { part, begun, known }: Sources<'_>,
    (how, view): (&Preparation<'_>, u32),
    (mut memory, mut draft): (Option<Tensor>, Option<Draft>),
    (turn, turns): (u32, u32),
    listen: &mut Listener<'_>,
) -> Result<Option<Tensor>, Error> {
    let pictures = part.len() as u64;
    let chunk = chunk(backbone.placement().0, how.batch_size);
    let from = begun.map_or(StageId::INPUT, |(stage, _)| stage);
    let what = names(backbone, from..cut);
    let (features, rows) =
        known.map_or((None, vec![None; part.len()]), |known| (Some(known.features), known.rows));
    let lacking: Vec<usize> = (0..part.len()).filter(|&place| rows[place].is_none()).collect();
    let inputs: Box<dyn Iterator<Item = Result<Tensor, Error>>> = match begun {
        Some((_, features)) => {
            Box::new(lacking.chunks(chunk).map(|places| read(&chosen(features, places)?, backbone)))
        }
        None => {
            let indices = lacking.iter().map(|&place| part.indices[place]).collect();
            let part = Part { store: part.store.clone(), indices };
            let batches = prepared(backbone, part, how.transform.clone(), (view, chunk), how.workers);
            Box::new(batches.map(|batch| Ok(to_device(batch?, backbone)?.0)))
        }
    };
    let computed = inputs.map(|input| {
        let x = run_frozen(backbone, &input?, from..cut, chunk);
        Ok(stored(&x, backbone))
    });
    let mut row = 0i64;
    for x in Merged::new((&rows, features.as_ref()), computed, chunk) {
        if memory.is_none() && draft.is_none() {
            return Ok(None);
        }
        if how.interrupt.requested() {
            return Err(Error::Interrupted);
        }
        let x = x?;
        let count = x.size()[0];
        if let Some(features) = &mut memory {
            features.narrow(0, row, count).copy_(&x);
        }
        draft = draft.and_then(|draft| draft.append(&x).inspect_err(not_on_disk).ok());
        row += count;
        if cut > StageId::INPUT {
            let done = u64::from(turn) * pictures + u64::try_from(row).unwrap_or(0);
            listen(&Event::Prepared { what: &what, done, total: pictures * u64::from(turns) });
        }
    }
    let on_disk = draft.and_then(|draft| draft.finish().inspect_err(not_on_disk).ok()).flatten();
    Ok(memory.or(on_disk))
}

/// Some frozen stages in words: `frozen stages stem to layer3`.
fn names(backbone: &Backbone, stages: Range<StageId>) -> String {
    let names: Vec<&str> =
        backbone.ids().filter(|id| stages.contains(id)).map(|id| backbone.name(id)).collect();
    match names[..] {
        [] => String::new(),
        [only] => format!("frozen stage {only}"),
        [first, .., last] => format!("frozen stages {first} to {last}"),
    }
}

fn not_on_disk(error: &std::io::Error) {
    tracing::warn!(%error, "features are not kept on disk");
}

/// Maps laid out as the network is. Stages that compute with other algorithms for another layout, as oneDNN has them, give
/// other last bits, and what frozen stages return lies otherwise than what was kept of them.
pub(super) fn laid(x: &Tensor, backbone: &Backbone) -> Tensor {
    if backbone.is_channels_last() { channels_last(x) } else { x.contiguous() }
}

/// What some stages read through these, so many rows at a time, see [`chunk`].
pub(super) fn run_frozen(backbone: &Backbone, x: &Tensor, stages: Range<StageId>, chunk: usize) -> Tensor {
    if stages.is_empty() {
        return x.shallow_clone();
    }
    let count = x.size()[0];
    let size = i64::try_from(chunk).unwrap_or(i64::MAX);
    let chunks: Vec<Tensor> = (0..count)
        .step_by(chunk)
        .map(|start| {
            let length = size.min(count - start);
            let whole = padded(&x.narrow(0, start, length), chunk);
            let features = tch::no_grad(|| backbone.forward(&whole, stages.clone(), Mode::Evaluate));
            features.narrow(0, 0, length)
        })
        .collect();
    Tensor::cat(&chunks, 0)
}

/// With rows of zeros after its own, so that there are so many at least. Another number of rows may sum in another order,
/// and a GPU's library takes seconds to choose and load algorithms for it.
pub fn padded(x: &Tensor, rows: usize) -> Tensor {
    let mut padding = x.size();
    padding[0] = i64::try_from(rows).unwrap_or(i64::MAX) - padding[0];
    if padding[0] <= 0 {
        return x.shallow_clone();
    }
    Tensor::cat(&[x.shallow_clone(), Tensor::zeros(padding, (x.kind(), x.device()))], 0)
}
