//! Features of every image, found in the cache or computed once.

use std::ops::Range;

use backbone::{Backbone, StageId};
use records::{Event, Listener};
use tch::Tensor;

use super::features::{Features, Handover};
use super::frozen::{chunk, is_stored_channels_last, read, run_frozen, stored};
use super::merged::Merged;
use super::pixels::{prepared, to_device};
use super::preparation::{LaterCut, Preparation};
use super::shared::{RowForm, Shared};
use super::variation::Variation;
use crate::Error;
use crate::dataset::ImageSubset;
use crate::feature_cache::{Cached, Draft, FeatureCache, Form, Found, Key, List};
use crate::pieces::Pieces;

/// Passes the images of a subset through frozen stages.
pub(super) struct Extractor<'a> {
    pub(super) backbone: &'a Backbone,
    pub(super) part: &'a ImageSubset,
    pub(super) how: &'a Preparation<'a>,
}

/// One of the views of the images.
#[derive(Clone, Copy)]
struct View {
    /// From 0.
    index: u32,
    /// Number of views.
    count: u32,
    /// Epoch that decides about the augmentation.
    epoch: u32,
}

/// Features in the cache that every process has.
struct Known {
    found: Option<Found>,
    /// Whether they are those of the whole list, row by row.
    is_whole: bool,
}

/// Place of a view in the cache.
struct Entry<'a> {
    cache: &'a FeatureCache,
    list: List,
}

/// What features are computed from.
struct Source<'a> {
    /// Frozen stages to run.
    stages: Range<StageId>,
    /// Input of the first of them, `[N, ..]` as [`stored`]; pixels if there is none.
    input: Option<&'a Tensor>,
    /// Features that need not be computed.
    found: Option<Found>,
}

/// Where computed features go: into memory, into a file of the cache, or both.
struct Destination {
    memory: Option<Tensor>,
    draft: Option<Draft>,
    /// Number of rows written.
    rows: i64,
}

impl Extractor<'_> {
    /// Returns the features at a cut in every view. Computes what is not in the cache; on the way the inputs of `later` cuts
    /// are kept as well, as far as `memory` (in bytes) and the cache allow, and what follows such a cut begins there.
    /// `None` if all views together fit neither into memory nor into the cache.
    ///
    /// # Errors
    /// When an image can no longer be read, libtorch fails, or on interruption.
    pub(super) fn features(
        &self,
        cut: &LaterCut,
        later: &[LaterCut],
        memory: u64,
        listen: &mut Listener<'_>,
    ) -> Result<Option<Features>, Error> {
        let Self { backbone, part, how } = *self;
        let form = self.form(cut.stage);
        let count = how.variation.count();
        let bytes = form.bytes().unwrap_or(u64::MAX).saturating_mul(count.into());
        let in_memory = bytes <= memory;
        let cached = cut.cache.as_ref().filter(|cached| cached.cache.holds(&form, count));
        let cached = self.cached_everywhere(cached)?;
        if !in_memory && cached.is_none() {
            return Ok(None);
        }
        let device = backbone.placement().0;
        let labels: Vec<i64> =
            part.labels().into_iter().map(|label| i64::try_from(label).unwrap_or(-1)).collect();
        let labels = Tensor::f_from_slice(&labels)?.f_to_device(device)?;
        let mut features =
            Features { views: Vec::new(), labels, found: 0, earlier: 0, computed: 0, handover: None };
        for index in 0..count {
            let view = View { index, count, epoch: how.variation.transform_epoch(index + 1) };
            let entry = cached.map(|cached| self.entry(cached, view)).transpose()?;
            let found = entry.as_ref().and_then(|entry| entry.cache.find(&entry.list, &form));
            let Known { found, is_whole } = self.found_everywhere(found)?;
            if let Some(found) = &found {
                features.found += found.count();
                features.earlier += if found.is_earlier { found.count() } else { 0 };
            }
            let all_found = found.as_ref().is_some_and(|found| found.count() == part.len() as u64);
            let of_view = match found {
                // What memory has no room for stays mapped.
                Some(found) if is_whole && in_memory => Some(found.features.f_to_device(device)?),
                Some(found) if is_whole => Some(found.features),
                found => {
                    if let (false, None, [next, rest @ ..]) = (all_found, &features.handover, later) {
                        let left = if in_memory { memory - bytes } else { memory };
                        features.handover = self.features(next, rest, left, listen)?.map(|features| {
                            Box::new(Handover { cut: next.stage, variation: how.variation, features })
                        });
                    }
                    let handover = features.handover.as_ref();
                    let source = Source {
                        stages: handover.map_or(StageId::INPUT, |handover| handover.cut)..cut.stage,
                        input: handover.map(|handover| &handover.features.views[index as usize]),
                        found,
                    };
                    let empty = || Tensor::f_empty(&form.shape, (form.kind, device));
                    let memory = in_memory.then(empty).transpose()?;
                    // What other files have in full and memory has room for needs no file of its own.
                    let entry = entry.filter(|_| !(all_found && in_memory));
                    let writes = entry.as_ref().filter(|_| how.team.is_local_lead());
                    let draft = writes.and_then(|entry| entry.cache.begin(&entry.list, &form));
                    let destination = Destination { memory, draft, rows: 0 };
                    let computed = self.compute(source, destination, view, &mut features.computed, listen)?;
                    self.written_here(computed, entry.as_ref(), &form)?
                }
            };
            match of_view {
                Some(of_view) => features.views.push(of_view),
                None => return Ok(None),
            }
        }
        let stage = backbone.name(cut.stage);
        tracing::debug!(stage, computed = features.computed, found = features.found, "features are there");
        Ok(Some(features))
    }

    /// Returns the cache if every process has one.
    fn cached_everywhere<'c>(&self, cached: Option<&'c Cached>) -> Result<Option<&'c Cached>, Error> {
        let mut everywhere = [f64::from(u8::from(cached.is_some()))];
        self.how.team.min(&mut everywhere)?;
        Ok(cached.filter(|_| everywhere[0] > 0.0))
    }

    /// Returns what was found, but only of images of which every process has found the features.
    fn found_everywhere(&self, found: Option<Found>) -> Result<Known, Error> {
        let team = &self.how.team;
        let is_whole = found.as_ref().is_some_and(Found::is_whole_list);
        if team.is_alone() {
            return Ok(Known { found, is_whole });
        }
        let rows = found.as_ref().map_or_else(|| vec![None; self.part.len()], |found| found.rows.clone());
        let has = rows.iter().map(|row| f64::from(u8::from(row.is_some())));
        let mut everywhere: Vec<f64> = [f64::from(u8::from(is_whole))].into_iter().chain(has).collect();
        team.min(&mut everywhere)?;
        let is_whole = everywhere.remove(0) > 0.0;
        let rows: Vec<Option<i64>> =
            rows.into_iter().zip(&everywhere).map(|(row, &known)| row.filter(|_| known > 0.0)).collect();
        let found = found.filter(|_| rows.iter().any(Option::is_some)).map(|found| Found { rows, ..found });
        Ok(Known { found, is_whole })
    }

    /// Returns features that another process of this machine has written to the disk, where memory has no room for them.
    fn written_here(
        &self,
        computed: Option<Tensor>,
        entry: Option<&Entry<'_>>,
        form: &Form,
    ) -> Result<Option<Tensor>, Error> {
        let team = &self.how.team;
        if team.is_alone() {
            return Ok(computed);
        }
        // By now the file is there, if it could be written.
        team.hear()?;
        let found = || entry.and_then(|entry| entry.cache.find(&entry.list, form));
        let computed = computed.or_else(|| found().filter(Found::is_whole_list).map(|found| found.features));
        let mut everywhere = [f64::from(u8::from(computed.is_some()))];
        team.min(&mut everywhere)?;
        Ok(computed.filter(|_| everywhere[0] > 0.0))
    }

    /// Names a view by the digests of its files. Where images are augmented, an image's identity counts as well, because it
    /// decides how.
    fn entry<'c>(&self, cached: &'c Cached, view: View) -> Result<Entry<'c>, Error> {
        let store = &self.part.store;
        let samples = store.samples();
        let images = self.part.indices.iter().map(|&index| {
            let file = store.digest(index)?;
            Ok(match (self.how.variation, samples.get(index as usize)) {
                (Variation::Fixed, _) | (_, None) => file,
                (_, Some(sample)) => Key::of::<&str>(&[]).and(&file).and(&sample.id.to_le_bytes()).digest(),
            })
        });
        let key = cached.key.and(&view.epoch.to_le_bytes());
        Ok(Entry { cache: &cached.cache, list: List::new(key, images.collect::<Result<_, Error>>()?) })
    }

    /// Shape and type of the stored features of one view at a cut.
    fn form(&self, cut: StageId) -> Form {
        let Self { backbone, part, how } = *self;
        let side = i64::try_from(how.transform.size()).unwrap_or(i64::MAX);
        let image = vec![1, i64::try_from(how.transform.channels()).unwrap_or(0), side, side];
        let frozen = backbone.trace(&image).into_iter().take(cut.index()).next_back();
        let mut shape = frozen.map_or(image, |trace| trace.shape);
        shape[0] = i64::try_from(part.len()).unwrap_or(i64::MAX);
        if is_stored_channels_last(shape.len(), backbone) {
            shape = vec![shape[0], shape[2], shape[3], shape[1]];
        }
        Form { shape, kind: backbone.kind_before(cut) }
    }

    /// Computes the features of a view, `[N, ..]` as [`stored`]; `None` if the file could not be written and there is no
    /// room in memory.
    fn compute(
        &self,
        Source { stages, input, found }: Source<'_>,
        mut destination: Destination,
        view: View,
        computed_here: &mut u64,
        listen: &mut Listener<'_>,
    ) -> Result<Option<Tensor>, Error> {
        let Self { backbone, part, how } = *self;
        let team = &how.team;
        let images = part.len() as u64;
        let chunk = chunk(backbone.placement().0, how.batch_size);
        let what = names(backbone, stages.clone());
        let (found, rows) =
            found.map_or((None, vec![None; part.len()]), |found| (Some(found.features), found.rows));
        let missing: Vec<usize> = (0..part.len()).filter(|&position| rows[position].is_none()).collect();
        let pieces = Pieces::new(missing.len(), chunk, team);
        let missing: Vec<usize> = pieces.mine().into_iter().map(|number| missing[number]).collect();
        *computed_here += missing.len() as u64;
        let inputs: Box<dyn Iterator<Item = Result<Tensor, Error>>> = match input {
            Some(input) => {
                Box::new(missing.chunks(chunk).map(|positions| read(&selected(input, positions)?, backbone)))
            }
            None => {
                let indices = missing.iter().map(|&position| part.indices[position]).collect();
                let part = ImageSubset { store: part.store.clone(), indices };
                let transform = how.transform.clone();
                let batches = prepared(backbone, part, transform, view.epoch, chunk, how.workers);
                Box::new(batches.map(|batch| Ok(to_device(batch?, backbone)?.pixels)))
            }
        };
        let computed = inputs.map(|input| {
            let x = run_frozen(backbone, &input?, stages.clone(), chunk);
            Ok(stored(&x, backbone))
        });
        let mut own;
        let mut of_all;
        let computed: &mut dyn Iterator<Item = Result<Tensor, Error>> = if team.is_alone() {
            own = computed;
            &mut own
        } else {
            let Form { shape, kind } = self.form(stages.end);
            let form = RowForm { shape, kind, device: backbone.placement().0 };
            of_all = Shared::new(team, pieces, form, computed);
            &mut of_all
        };
        for x in Merged::new(&rows, found.as_ref(), computed, chunk) {
            if self.is_lost(&destination)? {
                return Ok(None);
            }
            if how.interrupt.requested() {
                return Err(Error::Interrupted);
            }
            destination.append(&x?);
            if stages.end > StageId::INPUT {
                let done = u64::from(view.index) * images + u64::try_from(destination.rows).unwrap_or(0);
                listen(&Event::Prepared { what: &what, done, total: images * u64::from(view.count) });
            }
        }
        Ok(destination.finish())
    }
}

impl Extractor<'_> {
    /// Whether what is computed goes nowhere. One process of a machine writes the file for all.
    fn is_lost(&self, destination: &Destination) -> Result<bool, Error> {
        let team = &self.how.team;
        if team.is_alone() || destination.memory.is_some() {
            return Ok(destination.is_lost());
        }
        let mut kept = [if team.is_local_lead() && destination.is_lost() { 0.0 } else { 1.0 }];
        team.min(&mut kept)?;
        Ok(kept[0] == 0.0)
    }
}

impl Destination {
    /// Whether nothing is left to write to.
    fn is_lost(&self) -> bool {
        self.memory.is_none() && self.draft.is_none()
    }

    /// Appends rows, `[n, ..]`. A file that cannot be written is given up with a warning.
    fn append(&mut self, x: &Tensor) {
        let count = x.size()[0];
        if let Some(features) = &mut self.memory {
            features.narrow(0, self.rows, count).copy_(x);
        }
        self.draft = self.draft.take().and_then(|draft| draft.append(x).inspect_err(not_on_disk).ok());
        self.rows += count;
    }

    /// Returns the features from memory, or else mapped from their file.
    fn finish(self) -> Option<Tensor> {
        let on_disk = self.draft.and_then(|draft| draft.finish().inspect_err(not_on_disk).ok()).flatten();
        self.memory.or(on_disk)
    }
}

/// Returns the rows at these positions.
fn selected(tensor: &Tensor, positions: &[usize]) -> Result<Tensor, tch::TchError> {
    let rows: Vec<i64> = positions.iter().map(|&position| i64::try_from(position).unwrap_or(-1)).collect();
    tensor.f_index_select(0, &Tensor::f_from_slice(&rows)?.f_to_device(tensor.device())?)
}

/// Names stages for the user: `frozen stages stem to layer3`.
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
    tracing::warn!(%error, "features are not cached on disk");
}
