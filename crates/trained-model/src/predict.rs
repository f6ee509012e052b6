//! Predictions of a model for image files, batch by batch, in bounded memory.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backbone::StageId;
use features::loader::{host_memory, timed, to_backbone};
use images::{FileBatch, FileBatches, Layout, Transform, Unreadable, WideImages};
use run_config::Switch;
use serde::Serialize;
use tch::{Device, Kind, TchError, Tensor};
use torch_extra::room::Room;
use training::evaluate::{self, Feed};

use crate::model::Model;

/// Why images could not be classified.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// Images could not be read or prepared.
    #[error(transparent)]
    Features(#[from] features::Error),
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// Not one file could be read.
    #[error("none of the {count} image(s) of {source_name} can be read")]
    NothingReadable {
        /// Files, folder or list as given.
        source_name: String,
        /// Number of files tried.
        count: usize,
    },
    /// Scores that are not finite.
    #[error("{}: the scores that {} gives for it are not finite numbers, so there is no prediction (try --precision float32, or train the model again)", image.display(), model.display())]
    NotFinite {
        /// The image.
        image: PathBuf,
        /// The model's file.
        model: PathBuf,
    },
}

impl From<images::Error> for PredictError {
    fn from(error: images::Error) -> Self {
        features::Error::from(error).into()
    }
}

/// How images pass through the model.
#[derive(Clone, Copy, Debug)]
pub struct Batching {
    /// Number of images in a batch, at least 1.
    pub batch_size: usize,
    /// Number of decoding threads.
    pub workers: usize,
    /// Whether large JPEG files may be reduced while they are decoded.
    pub reduced_decoding: Switch,
}

/// Prediction for one image.
#[derive(Clone, Debug)]
pub struct Prediction<'a> {
    /// Index of its file in the order given.
    pub index: usize,
    /// Its file.
    pub path: &'a Path,
    /// Scores before the softmax, `[classes]`.
    pub logits: &'a [f32],
    /// Softmax of the logits at the model's temperature, `[classes]`.
    pub probabilities: &'a [f64],
}

/// A class with its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassProbability<'a> {
    /// The class's name.
    pub class: &'a str,
    /// In `0..=1`.
    pub probability: f64,
}

/// Account of all files.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Files that are not readable images.
    pub unreadable: Vec<Unreadable>,
    /// Images of 16 bits among the others.
    pub wide: WideImages,
    /// Time that the others took.
    pub timing: Timing,
}

/// Time spent waiting and computing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timing {
    /// Seconds spent waiting for images to be decoded and prepared.
    pub waited_seconds: f64,
    /// Seconds of computing.
    pub computed_seconds: f64,
    /// Images a second after the first batches, in a steady state; `None` for a single batch.
    pub pictures_per_second: Option<f64>,
}

/// Runs the model over the files in their order and calls `on_prediction` for each image. Files that are not readable images
/// are left out and returned.
///
/// # Errors
/// [`PredictError`] when a libtorch call fails or the scores of an image are not finite, and any error of `on_prediction`.
pub fn predict<E: From<PredictError>>(
    model: &Model,
    paths: &[PathBuf],
    batching: Batching,
    on_prediction: &mut dyn FnMut(&Prediction<'_>) -> Result<(), E>,
) -> Result<Summary, E> {
    let transform = Transform::evaluation(&model.input).map_err(PredictError::from)?;
    let transform = if batching.reduced_decoding == Switch::On { transform.reducing() } else { transform };
    // A matrix product of another height may sum in another order: every batch of several has the full height.
    let rows = if paths.len() > batching.batch_size { batching.batch_size } else { 0 };
    let layout = match model.backbone.prepared_kind() {
        Some(_) => Layout::ChannelsLast,
        None => Layout::ChannelsFirst,
    };
    let device = model.backbone.placement().0;
    let (paths_of, transform) = (paths.to_vec(), transform.laid(layout));
    let allocate = host_memory(device, rows);
    let mut files = Files {
        model,
        paths,
        rows,
        batches: FileBatches::new(paths_of, transform, batching.batch_size, batching.workers, allocate),
        alternation: Alternation::on(device),
        throughput: Throughput::over(paths.len().div_ceil(batching.batch_size.max(1))),
        asked: Asked { indices: Vec::new(), waited: Duration::ZERO, began: Instant::now() },
        summary: Summary { unreadable: Vec::new(), wide: WideImages::default(), timing: Timing::default() },
        on_prediction,
    };
    evaluate::classify(&model.backbone, StageId::INPUT, 1, &mut files)?;
    let Files { mut summary, throughput, .. } = files;
    summary.timing.pictures_per_second = throughput.per_second;
    Ok(summary)
}

/// Files on their way through a model.
struct Files<'a, E> {
    model: &'a Model,
    paths: &'a [PathBuf],
    /// Rows that a batch is filled up to.
    rows: usize,
    batches: FileBatches<Room>,
    alternation: Alternation,
    throughput: Throughput,
    /// The batch in the network.
    asked: Asked,
    summary: Summary,
    on_prediction: &'a mut dyn FnMut(&Prediction<'_>) -> Result<(), E>,
}

/// A batch whose scores are to come.
struct Asked {
    /// Indices of its files.
    indices: Vec<usize>,
    /// Time spent waiting for it.
    waited: Duration,
    /// When it was there.
    began: Instant,
}

impl<E: From<PredictError>> Files<'_, E> {
    /// Returns the next batch that has images.
    fn read(&mut self) -> Result<Option<evaluate::Batch>, PredictError> {
        loop {
            let Some((batch, waited)) = timed(&mut self.batches).next() else { return Ok(None) };
            let Summary { unreadable, wide, timing } = &mut self.summary;
            timing.waited_seconds += waited.as_secs_f64();
            let FileBatch { pixels, indices, unreadable: mut other, wide: also, .. } = batch?;
            unreadable.append(&mut other);
            *wide = wide.and(also);
            if indices.is_empty() {
                self.throughput.count(0);
                continue;
            }
            let began = Instant::now();
            let x = batch_of(self.model, pixels, indices.len().max(self.rows))?;
            let images = i64::try_from(indices.len()).unwrap_or(i64::MAX);
            self.asked = Asked { indices, waited, began };
            return Ok(Some(evaluate::Batch { x, images }));
        }
    }
}

impl<E: From<PredictError>> Feed for Files<'_, E> {
    type Error = E;

    fn next(&mut self) -> Option<Result<evaluate::Batch, E>> {
        self.read().map_err(E::from).transpose()
    }

    fn computing(&mut self, compute: &mut dyn FnMut() -> Tensor) -> Tensor {
        if self.alternation.active { self.batches.pausing(compute) } else { compute() }
    }

    fn take(&mut self, scores: &Tensor) -> Result<(), E> {
        let (logits, probabilities) = read(scores, self.model.temperature).map_err(PredictError::from)?;
        let Asked { indices, waited, began } = &self.asked;
        let computed = began.elapsed();
        self.alternation.observe(*waited, computed);
        self.summary.timing.computed_seconds += computed.as_secs_f64();
        let classes = self.model.classes.len().max(1);
        let rows = logits.chunks_exact(classes).zip(probabilities.chunks_exact(classes));
        for (&index, (logits, probabilities)) in indices.iter().zip(rows) {
            let path = &self.paths[index];
            if !logits.iter().all(|score| score.is_finite()) {
                let (image, model) = (path.clone(), self.model.path.clone());
                return Err(PredictError::NotFinite { image, model }.into());
            }
            (self.on_prediction)(&Prediction { index, path, logits, probabilities })?;
        }
        self.throughput.count(indices.len());
        Ok(())
    }
}

/// Whether decoding pauses while the network computes. Both would use all cores of a CPU, and a core that decodes holds up
/// the others at every layer. Where images are slow to arrive, from a slow disk or for a small network, both run at once.
struct Alternation {
    active: bool,
    /// Batches observed.
    batches: u32,
}

impl Alternation {
    /// Longest wait for a batch, as a share of its computing time.
    const LONGEST_WAIT: f64 = 0.25;
    /// Number of first batches that do not count: they are always late.
    const WARM_UP: u32 = 2;

    fn on(device: Device) -> Self {
        Self { active: device == Device::Cpu, batches: 0 }
    }

    /// Records the times of a batch.
    fn observe(&mut self, waited: Duration, computed: Duration) {
        self.batches += 1;
        let late = waited.as_secs_f64() > Self::LONGEST_WAIT * computed.as_secs_f64();
        self.active &= self.batches <= Self::WARM_UP || !late;
    }
}

/// Images a second in a steady state.
struct Throughput {
    /// Batches left before counting begins.
    warm_up: usize,
    since: Option<Instant>,
    images: usize,
    per_second: Option<f64>,
}

impl Throughput {
    /// Most batches that are not counted: buffers are allocated meanwhile, and images are ready that were decoded before.
    const LONGEST_WARM_UP: usize = 8;

    /// Leaves out the first half of the batches, or [`Self::LONGEST_WARM_UP`].
    fn over(batches: usize) -> Self {
        Self { warm_up: Self::LONGEST_WARM_UP.min(batches / 2), since: None, images: 0, per_second: None }
    }

    /// Counts the images of a batch that is done.
    fn count(&mut self, images: usize) {
        if let Some(since) = self.since {
            self.images += images;
            let seconds = since.elapsed().as_secs_f64();
            self.per_second = (self.images > 0).then(|| self.images as f64 / seconds);
        } else if self.warm_up == 1 {
            self.since = Some(Instant::now());
        }
        self.warm_up = self.warm_up.saturating_sub(1);
    }
}

/// Returns `rows` rows of a batch on the model's device, `[rows, C, size, size]`: the images, then black ones.
fn batch_of(model: &Model, pixels: Room, rows: usize) -> Result<Tensor, PredictError> {
    let pixels = pixels.into_tensor().f_narrow(0, 0, i64::try_from(rows).unwrap_or(i64::MAX))?;
    Ok(to_backbone(&pixels, &model.backbone)?)
}

/// Returns scores `[N, classes]` and the probabilities at a temperature, row by row.
fn read(scores: &Tensor, temperature: f64) -> Result<(Vec<f32>, Vec<f64>), TchError> {
    let logits = scores.f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?;
    let scaled = logits.f_to_kind(Kind::Double)?.f_div_scalar(temperature)?;
    let probabilities = scaled.f_softmax(-1, Kind::Double)?; // [N, classes]
    Ok((Vec::try_from(logits.f_flatten(0, -1)?)?, Vec::try_from(probabilities.f_flatten(0, -1)?)?))
}

impl Prediction<'_> {
    /// Returns the `count` most probable classes, the most probable first, ties in the model's order.
    #[must_use]
    pub fn top<'c>(&self, classes: &'c [String], count: usize) -> Vec<ClassProbability<'c>> {
        let mut order: Vec<usize> = (0..self.logits.len().min(classes.len())).collect();
        order.sort_by(|&a, &b| self.logits[b].total_cmp(&self.logits[a]).then(a.cmp(&b)));
        let chosen = order.into_iter().take(count);
        chosen
            .map(|class| ClassProbability { class: &classes[class], probability: self.probabilities[class] })
            .collect()
    }

    /// Returns the index of the most probable class, of ties the first.
    #[must_use]
    pub fn best(&self) -> usize {
        let classes = 0..self.logits.len();
        classes.max_by(|&a, &b| self.logits[a].total_cmp(&self.logits[b]).then(b.cmp(&a))).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_pauses_on_a_cpu_as_long_as_images_arrive_in_time() {
        let ms = Duration::from_millis;
        let mut alternation = Alternation::on(Device::Cpu);
        // The first batches are late.
        for (waited, active) in [(500, true), (80, true), (20, true), (0, true), (30, false), (0, false)] {
            alternation.observe(ms(waited), ms(100));
            assert_eq!(alternation.active, active, "{waited}");
        }
        assert!(!Alternation::on(Device::Cuda(0)).active);
    }

    #[test]
    fn the_first_batches_do_not_count_and_one_alone_has_no_throughput() {
        let counted = |batches: usize| {
            let mut throughput = Throughput::over(batches);
            (0..batches).for_each(|_| throughput.count(4));
            assert_eq!(throughput.per_second.is_some(), throughput.images > 0);
            throughput.images
        };
        assert_eq!([0, 1, 2, 5, 16, 63].map(counted), [0, 0, 4, 12, 32, 220]);
    }

    #[test]
    fn the_most_probable_come_first_and_equals_in_the_models_order() {
        let classes: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let prediction = Prediction {
            index: 0,
            path: Path::new("x"),
            logits: &[0.0, 2.0, -1.0, 2.0],
            probabilities: &[0.1, 0.44, 0.02, 0.44],
        };
        let names: Vec<&str> = prediction.top(&classes, 3).iter().map(|entry| entry.class).collect();
        assert_eq!(names, ["b", "d", "a"]);
        assert_eq!(prediction.best(), 1);
        assert_eq!(prediction.top(&classes, 9).len(), 4);
    }
}
