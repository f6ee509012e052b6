//! A model measured on labelled images: accuracy, figures of each class, confusion matrix.

use std::path::{Path, PathBuf};

use images::{Labelled, Unreadable};
use records::{CoverageRecord, MetricsRecord};
use serde::Serialize;
use statistics::Confusion;
use training::calibration::Reliability;
use training::evaluate::{Metrics, Scored};
use training::figures;

use crate::model::Model;
use crate::predict::{Batching, How, PredictError, Prediction, Summary, predict};
use crate::views::Views;
use crate::wide_images;

/// Why a model cannot be measured on these classes.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// A class of the data is not a class of the model.
    #[error("class {class:?} of {} is not a class of the model ({known}); leave it out (--classes), join it to one of them (--merge), or rename it", data.display())]
    UnknownClass {
        /// The class.
        class: String,
        /// The data folder, or the list.
        data: PathBuf,
        /// The model's classes, in part.
        known: String,
    },
    /// The classes of the model have no names.
    #[error("{} has no class names, so the classes of {} cannot be matched with its {outputs} outputs; fine-tune from it first, or save it with a list `classes` in the order of its outputs", model.display(), data.display())]
    NamelessClasses {
        /// The model's file.
        model: PathBuf,
        /// The data folder, or the list.
        data: PathBuf,
        /// Outputs of the head.
        outputs: usize,
    },
}

/// A model measured on one split.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The network.
    pub arch: String,
    /// The model's file.
    pub model: String,
    /// The data folder, or the list.
    pub data: String,
    /// `test`, `validation`, `train`, or `all` where the data has no splits.
    pub split: &'static str,
    /// Number of images.
    pub images: u64,
    /// Number of correct predictions.
    pub right: u64,
    /// Share of correct predictions, in `0..=1`.
    pub accuracy: f64,
    /// Mean recall of the classes that have images, in `0..=1`.
    pub balanced_accuracy: f64,
    /// Mean cross-entropy of the logits as they are, in nats.
    pub loss: f64,
    /// The model's temperature; 1 where none was fitted.
    pub temperature: f64,
    /// Expected calibration error of the probabilities at that temperature, over 15 bins, in `0..=1`.
    pub calibration_error: f64,
    /// Figures beyond accuracy, from the probabilities at that temperature, each with an interval.
    pub metrics: Option<MetricsRecord>,
    /// Accuracy of the predictions whose probability reaches a threshold; thresholds rise.
    pub coverage: Vec<CoverageRecord>,
    /// Each class that has images or was predicted, in the model's order.
    pub classes: Vec<ClassScore>,
    /// `confusion[truth][prediction]`: number of images, both in the order of `classes`.
    pub confusion: Vec<Vec<u64>>,
    /// Files that are not readable images.
    pub unreadable: Vec<UnreadableFile>,
    /// Warnings about the images, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Figures of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassScore {
    /// Its name.
    pub class: String,
    /// Number of its images.
    pub images: u64,
    /// Number of images predicted as it.
    pub predicted: u64,
    /// Number of its images predicted as it.
    pub right: u64,
    /// Share of its images among those predicted as it, in `0..=1`; `None` where none was.
    pub precision: Option<f64>,
    /// Share of those predicted as it among its images, in `0..=1`; `None` for a class without images.
    pub recall: Option<f64>,
}

/// A file that is not a readable image.
#[derive(Clone, Debug, Serialize)]
pub struct UnreadableFile {
    /// The file.
    pub path: String,
    /// Why it cannot be read.
    pub reason: String,
}

/// Prediction for one labelled image.
#[derive(Clone, Copy, Debug)]
pub struct LabelledPrediction<'a> {
    /// File, scores and probabilities.
    pub prediction: &'a Prediction<'a>,
    /// Index of the image's class among the model's.
    pub truth: usize,
}

/// Runs the model over a split and calls `on_prediction` for each image. The data's classes are matched with the model's by
/// name, or by name regardless of case where exactly one matches.
///
/// # Errors
/// [`MeasureError`] when a class is not the model's, [`PredictError`] as [`predict`] and when no image can be read, and any
/// error of `on_prediction`.
pub fn measure<E: From<MeasureError> + From<PredictError>>(
    model: &Model,
    data: &Labelled,
    batching: Batching,
    on_prediction: &mut dyn FnMut(LabelledPrediction<'_>) -> Result<(), E>,
) -> Result<Measured, E> {
    let indices =
        data.classes.iter().map(|class| class_index(model, data, class)).collect::<Result<Vec<_>, _>>()?;
    let labels: Vec<usize> = data.samples.iter().map(|sample| indices[sample.label]).collect();
    let paths: Vec<PathBuf> = data.samples.iter().map(|sample| sample.path.clone()).collect();

    let (mut truths, mut logits, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
    let views = Views::one(&model.input).map_err(PredictError::from)?;
    let how = How { batching, views: &views, features: false };
    let Summary { unreadable, wide, .. } = predict::<E>(model, &paths, &how, &mut |prediction| {
        let truth = labels[prediction.index];
        truths.push(i64::try_from(truth).unwrap_or(i64::MAX));
        logits.extend_from_slice(prediction.logits);
        probabilities.push(prediction.probabilities[prediction.best()]);
        on_prediction(LabelledPrediction { prediction, truth })
    })?;
    let scored = Scored::of(&logits, model.classes.len(), &truths).map_err(PredictError::from)?;
    let Metrics { images, correct, loss, accuracy, balanced_accuracy, confusion } =
        scored.predictions.metrics(model.classes.len());
    if images == 0 {
        let source_name = data.root.display().to_string();
        return Err(PredictError::NothingReadable { source_name, count: unreadable.len() }.into());
    }
    let metrics = figures::metrics(&scored.scores(), model.temperature, &model.classes);
    let answers = scored.predictions.correct();
    let mut reliability = Reliability::default();
    probabilities
        .iter()
        .zip(&answers)
        .for_each(|(&probability, &correct)| reliability.add(probability, correct));
    let occurring = confusion.occurring();
    Ok(Measured {
        arch: model.network.name.to_owned(),
        model: lossy(&model.path),
        data: lossy(&data.root),
        split: data.split.name(),
        images,
        right: correct,
        accuracy,
        balanced_accuracy,
        loss,
        temperature: model.temperature,
        calibration_error: reliability.error(),
        metrics,
        coverage: figures::coverage(&probabilities, &answers),
        classes: occurring.iter().map(|&class| class_score(&model.classes, &confusion, class)).collect(),
        confusion: confusion.restricted_to(&occurring).into_counts(),
        unreadable: unreadable.into_iter().map(UnreadableFile::from).collect(),
        warnings: wide_images::warning(wide, model.input.range).into_iter().collect(),
    })
}

/// Returns the index among the model's classes of a class of the data.
fn class_index(model: &Model, data: &Labelled, class: &str) -> Result<usize, MeasureError> {
    let exact = model.classes.iter().position(|known| known == class);
    let is_numbered = model.classes.iter().enumerate().all(|(index, name)| *name == format!("class {index}"));
    if exact.is_none() && is_numbered {
        let (model, outputs) = (model.path.clone(), model.classes.len());
        return Err(MeasureError::NamelessClasses { model, data: data.root.clone(), outputs });
    }
    let alike = |known: &String| known.to_lowercase() == class.to_lowercase();
    let is_one = model.classes.iter().filter(|known| alike(known)).count() == 1;
    exact.or_else(|| model.classes.iter().position(alike).filter(|_| is_one)).ok_or_else(|| {
        let (data, known) = (data.root.clone(), first_names(&model.classes));
        MeasureError::UnknownClass { class: class.to_owned(), data, known }
    })
}

/// Returns the first few names, and how many more there are.
fn first_names(classes: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = classes.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match classes.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

fn class_score(names: &[String], confusion: &Confusion, class: usize) -> ClassScore {
    ClassScore {
        class: names.get(class).cloned().unwrap_or_default(),
        images: confusion.images(class),
        predicted: confusion.predicted(class),
        right: confusion.count(class, class),
        precision: confusion.precision(class),
        recall: confusion.recall(class),
    }
}

fn lossy(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl From<Unreadable> for UnreadableFile {
    fn from(Unreadable { path, reason }: Unreadable) -> Self {
        Self { path: lossy(&path), reason }
    }
}
