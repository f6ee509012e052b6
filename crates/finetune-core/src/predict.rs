//! What a model says of pictures in files, batch by batch, in bounded memory.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backbone::{Mode, StageId};
use features::batches::{place, room, timed};
use images::{FileBatch, FileBatches, Layout, Transform, Unreadable, WideImages};
use run_config::Switch;
use serde::Serialize;
use tch::{Device, Kind, Tensor};
use torch_extra::room::Room;

use crate::Error;
use crate::model::Model;

/// How pictures pass through the model.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Pictures that pass at once.
    pub batch_size: usize,
    /// Decoding threads.
    pub workers: usize,
    /// Whether large JPEG files may be reduced while they are decoded.
    pub reduced_decoding: Switch,
}

/// What the model says of one picture.
#[derive(Clone, Debug)]
pub struct Said<'a> {
    /// Position of its file in the order given.
    pub index: usize,
    /// Its file.
    pub path: &'a Path,
    /// Scores before softmax, one for each class.
    pub logits: &'a [f32],
    /// Softmax of the logits at the model's temperature.
    pub probabilities: &'a [f64],
}

/// A class with its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassProbability<'a> {
    /// The class's name.
    pub class: &'a str,
    /// Between 0 and 1.
    pub probability: f64,
}

/// What came of all the files.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Those that gave no picture.
    pub unreadable: Vec<Unreadable>,
    /// Those of the others that have 16 bits.
    pub wide: WideImages,
    /// How long the others took.
    pub timing: Timing,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timing {
    /// Seconds in which nothing could be computed, because the pictures were not prepared yet.
    pub waited_seconds: f64,
    /// Seconds in which the model computed.
    pub computed_seconds: f64,
    /// Pictures a second after the first batches, when everything is under way; nothing is told of a single batch.
    pub pictures_per_second: Option<f64>,
}

/// Runs the model over the files in their order and hands over what it says of each. Files that give no picture are left
/// out and returned.
///
/// # Errors
/// When libtorch refuses something, the scores of an image are no numbers, or `hear` refuses.
pub fn predict<E: From<Error>>(
    model: &Model,
    paths: &[PathBuf],
    pace: Pace,
    hear: &mut dyn FnMut(&Said<'_>) -> Result<(), E>,
) -> Result<Passed, E> {
    let transform = Transform::evaluation(&model.input).map_err(Error::from)?;
    let transform = if pace.reduced_decoding == Switch::On { transform.reducing() } else { transform };
    let mut passed =
        Passed { unreadable: Vec::new(), wide: WideImages::default(), timing: Timing::default() };
    let mut steady = Steady::of(paths.len().div_ceil(pace.batch_size.max(1)));
    // A product of another height may sum in another order: among many, each picture is one of a full batch.
    let rows = if paths.len() > pace.batch_size { pace.batch_size } else { 0 };
    let layout = match model.backbone.prepared_kind() {
        Some(_) => Layout::ChannelsLast,
        None => Layout::ChannelsFirst,
    };
    let allocate = room(model.backbone.placement().0, rows);
    let (paths_of, transform) = (paths.to_vec(), transform.laid(layout));
    let mut batches = FileBatches::new(paths_of, transform, pace.batch_size, pace.workers, allocate);
    let mut turns = Turns::of(model.backbone.placement().0);
    loop {
        let next = timed(&mut batches).next();
        let Some((batch, waited)) = next else { break };
        passed.timing.waited_seconds += waited.as_secs_f64();
        let mut batch = batch.map_err(Error::from)?;
        passed.unreadable.append(&mut batch.unreadable);
        passed.wide = passed.wide.and(batch.wide);
        if batch.indices.is_empty() {
            steady.passed(0);
            continue;
        }
        let classes = model.classes.len().max(1);
        let began = Instant::now();
        let FileBatch { pixels, indices, .. } = batch;
        let pixels = batch_of(model, pixels, indices.len().max(rows))?;
        let compute = || classify(model, pixels, indices.len());
        let (logits, probabilities) = if turns.taken { batches.pausing(compute) } else { compute() }?;
        let computed = began.elapsed();
        turns.passed(waited, computed);
        passed.timing.computed_seconds += computed.as_secs_f64();
        let said = logits.chunks_exact(classes).zip(probabilities.chunks_exact(classes));
        for (&index, (logits, probabilities)) in indices.iter().zip(said) {
            if !logits.iter().all(|score| score.is_finite()) {
                return Err(Error::ScoresAreNoNumbers {
                    image: paths[index].clone(),
                    model: model.path.clone(),
                }
                .into());
            }
            hear(&Said { index, path: &paths[index], logits, probabilities })?;
        }
        steady.passed(indices.len());
    }
    passed.timing.pictures_per_second = steady.per_second;
    Ok(passed)
}

/// Whether pictures are prepared and computed in turns. A CPU's cores are all wanted for both, and one that prepares
/// pictures beside the others holds them up at every layer. Where pictures are long in coming, from a slow disk or for a
/// small network, they are prepared beside the computing all the same.
struct Turns {
    taken: bool,
    batches: u32,
}

impl Turns {
    /// The share of its computing time that a batch may be waited for.
    const BEARABLE: f64 = 0.25;
    /// Batches until that shows: they are all late.
    const FIRST: u32 = 2;

    fn of(device: Device) -> Self {
        Self { taken: device == Device::Cpu, batches: 0 }
    }

    /// A batch is done.
    fn passed(&mut self, waited: Duration, computed: Duration) {
        self.batches += 1;
        let late = waited.as_secs_f64() > Self::BEARABLE * computed.as_secs_f64();
        self.taken &= self.batches <= Self::FIRST || !late;
    }
}

/// Counts pictures once everything is under way.
struct Steady {
    /// Batches until then.
    left: usize,
    since: Option<Instant>,
    pictures: usize,
    per_second: Option<f64>,
}

impl Steady {
    /// Of so many batches, the first half but at most these are no measure: buffers are made, and pictures lie ready that
    /// were prepared meanwhile.
    const FIRST: usize = 8;

    fn of(batches: usize) -> Self {
        Self { left: Self::FIRST.min(batches / 2), since: None, pictures: 0, per_second: None }
    }

    /// A batch is done.
    fn passed(&mut self, pictures: usize) {
        if let Some(since) = self.since {
            self.pictures += pictures;
            let seconds = since.elapsed().as_secs_f64();
            self.per_second = (self.pictures > 0).then(|| self.pictures as f64 / seconds);
        } else if self.left == 1 {
            self.since = Some(Instant::now());
        }
        self.left = self.left.saturating_sub(1);
    }
}

/// So many rows of a batch on the model's device, `[rows, C, size, size]`: the pictures, then black ones.
fn batch_of(model: &Model, pixels: Room, rows: usize) -> Result<Tensor, Error> {
    let pixels = pixels.into_tensor().f_narrow(0, 0, i64::try_from(rows).unwrap_or(i64::MAX))?;
    Ok(place(&pixels, &model.backbone)?)
}

/// Logits and probabilities of the first `count` pictures, row by row, `[count, classes]`.
fn classify(model: &Model, pixels: Tensor, count: usize) -> Result<(Vec<f32>, Vec<f64>), Error> {
    tch::no_grad(|| {
        let logits = model.backbone.classify(&pixels, StageId::INPUT, Mode::Evaluate).logits;
        let logits = logits.f_narrow(0, 0, i64::try_from(count).unwrap_or(i64::MAX))?;
        let logits = logits.f_to_kind(Kind::Float)?.f_to_device(tch::Device::Cpu)?;
        let cooled = logits.f_to_kind(Kind::Double)?.f_div_scalar(model.temperature)?;
        let probabilities = cooled.f_softmax(-1, Kind::Double)?; // [count, classes]
        Ok((Vec::try_from(logits.f_flatten(0, -1)?)?, Vec::try_from(probabilities.f_flatten(0, -1)?)?))
    })
}

impl Said<'_> {
    /// The `count` most probable classes, the most probable first; of equals the first in the model's order.
    #[must_use]
    pub fn top<'c>(&self, classes: &'c [String], count: usize) -> Vec<ClassProbability<'c>> {
        let mut order: Vec<usize> = (0..self.logits.len().min(classes.len())).collect();
        order.sort_by(|&a, &b| self.logits[b].total_cmp(&self.logits[a]).then(a.cmp(&b)));
        let chosen = order.into_iter().take(count);
        chosen
            .map(|class| ClassProbability { class: &classes[class], probability: self.probabilities[class] })
            .collect()
    }

    /// The most probable class, by its place in the model's order.
    #[must_use]
    pub fn best(&self) -> usize {
        let places = 0..self.logits.len();
        places.max_by(|&a, &b| self.logits[a].total_cmp(&self.logits[b]).then(b.cmp(&a))).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_taken_on_a_cpu_for_as_long_as_pictures_come_soon() {
        let ms = Duration::from_millis;
        let mut turns = Turns::of(Device::Cpu);
        // The first batches are late.
        for (waited, taken) in [(500, true), (80, true), (20, true), (0, true), (30, false), (0, false)] {
            turns.passed(ms(waited), ms(100));
            assert_eq!(turns.taken, taken, "{waited}");
        }
        assert!(!Turns::of(Device::Cuda(0)).taken);
    }

    #[test]
    fn the_first_batches_are_no_measure_and_one_alone_has_none() {
        let counted = |batches: usize| {
            let mut steady = Steady::of(batches);
            (0..batches).for_each(|_| steady.passed(4));
            assert_eq!(steady.per_second.is_some(), steady.pictures > 0);
            steady.pictures
        };
        assert_eq!([0, 1, 2, 5, 16, 63].map(counted), [0, 0, 4, 12, 32, 220]);
    }

    #[test]
    fn the_most_probable_come_first_and_equals_in_the_models_order() {
        let classes: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let said = Said {
            index: 0,
            path: Path::new("x"),
            logits: &[0.0, 2.0, -1.0, 2.0],
            probabilities: &[0.1, 0.44, 0.02, 0.44],
        };
        let names: Vec<&str> = said.top(&classes, 3).iter().map(|entry| entry.class).collect();
        assert_eq!(names, ["b", "d", "a"]);
        assert_eq!(said.best(), 1);
        assert_eq!(said.top(&classes, 9).len(), 4);
    }
}
