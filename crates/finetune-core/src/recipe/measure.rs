//! After training: how good the model is.

use backbone::Backbone;
use features::dataset::ImageSubset;
use features::loader::FeatureLoader;
use records::{CalibrationRecord, EvaluationRecord, SampleRecord, Session, TemperatureRecord};
use training::calibration::Unfitted;
use training::divergence::Origin;
use training::evaluate::{self, Predictions, Scored};
use training::{Loaders, TrainingState, figures};

use super::loaders::shared;
use super::prepared::Prepared;
use super::samples;
use super::step::Inputs;
use super::trained::Trained;
use crate::Error;

/// Results of a trained model.
pub(super) struct Measured {
    /// One for each split that has images.
    pub(super) evaluations: Vec<EvaluationRecord>,
    pub(super) temperature: TemperatureRecord,
    /// Predictions for the images of the last split measured, with probabilities as they are without temperature.
    pub(super) predictions: Option<predictions::Predictions>,
    /// From the last split measured.
    pub(super) samples: Vec<SampleRecord>,
    /// Whether the run was interrupted, before or now.
    pub(super) interrupted: bool,
}

/// Measures the model on each split; on the validation images that may have been done after the last epoch. The temperature
/// is fitted on the validation images. The test images are evaluated here for the first and only time, and not after an
/// interruption.
///
/// # Errors
/// [`training::Error::Diverged`] when a loss is not finite, and when an image can no longer be read.
pub(super) fn measure(
    inputs: &Inputs<'_>,
    trained: &mut Trained,
    session: &mut Session<'_>,
) -> Result<Measured, Error> {
    let Inputs { run, materials, images, .. } = *inputs;
    let Trained { prepared: Prepared { backbone, kind, .. }, state, loaders, kept, interrupted, .. } =
        trained;
    let mut interrupted = *interrupted;
    let batch_size = run.config.train.batch_size.get();
    let score = |backbone: &mut Backbone, loader: &FeatureLoader| {
        evaluate::score(backbone, loader, batch_size, *kind)
    };
    let mut temperature = fitted(Err(Unfitted::NoImages), 0);
    let mut evaluations = Vec::new();
    let mut last: Option<(&ImageSubset, Scored)> = None;
    for (split, part) in [("validation", &images.validation), ("test", &images.test)] {
        if part.is_empty() {
            continue;
        }
        let mut known = None;
        if split == "validation" {
            let validated = state.as_mut().and_then(|state| state.validated.take());
            known = match (validated, loaders.take()) {
                (Some(scored), _) => Some(scored),
                (None, Some(Loaders { validation, .. })) => Some(score(backbone, &validation)?),
                (None, None) => None,
            };
        } else if interrupted || session.interrupted() {
            interrupted = true;
            continue;
        }
        let scored = match known {
            Some(scored) => scored,
            None => {
                let loader = shared(inputs, backbone, part, session.interrupt)?;
                score(backbone, &loader)?
            }
        };
        check_loss(state.as_ref(), split, scored.predictions.loss())?;
        let scores = scored.scores();
        if split == "validation" {
            temperature = fitted(scores.temperature(), part.len());
        }
        let calibration = CalibrationRecord {
            raw: scores.reliability(1.0),
            scaled: temperature.value.map(|value| scores.reliability(value)),
        };
        let measured = scored.predictions.measure(split, images.classes.len(), &images.groups);
        let chosen_on_these_images =
            kept.as_ref().is_some_and(|kept| kept.chosen_on.as_deref() == Some(split));
        let at = temperature.value.unwrap_or(1.0);
        evaluations.push(EvaluationRecord {
            calibration: Some(calibration),
            chosen_on_these_images,
            metrics: figures::metrics(&scores, at, &images.classes),
            coverage: figures::coverage(&scores.confidences(at), &scored.predictions.correct()),
            ..measured
        });
        last = Some((part, scored));
    }
    let predictions = last.as_ref().map(|(part, scored)| predictions_for(part, scored, &images.classes));
    let samples = match last {
        // One process writes the report.
        Some((part, scored)) if materials.team.is_lead() => {
            let probability = scored.scores().confidences(temperature.value.unwrap_or(1.0));
            let predictions = Predictions { probability, ..scored.predictions };
            samples::choose(part, &predictions, &materials.input, batch_size, backbone)?
        }
        _ => Vec::new(),
    };
    Ok(Measured { evaluations, temperature, predictions, samples, interrupted })
}

/// Returns the predictions for each image of a split.
fn predictions_for(part: &ImageSubset, scored: &Scored, classes: &[String]) -> predictions::Predictions {
    let probabilities = scored.scores().probabilities(1.0);
    let rows = probabilities.chunks_exact(scored.classes.max(1));
    let class = |index: i64| usize::try_from(index).unwrap_or(usize::MAX);
    let pairs = scored.predictions.labels.iter().zip(&scored.predictions.predicted);
    let images = part.indices.iter().zip(pairs.zip(rows)).map(|(&index, ((&label, &predicted), row))| {
        let path = part.store.samples()[index as usize].path.to_string_lossy().into_owned();
        let (label, predicted) = (class(label), class(predicted));
        predictions::Image { path, label, predicted, probabilities: row.to_vec() }
    });
    predictions::Predictions { classes: classes.to_vec(), images: images.collect() }
}

/// Refuses a trained model whose loss is not finite: no step followed that would have noticed.
fn check_loss(state: Option<&TrainingState>, split: &'static str, loss: f64) -> Result<(), Error> {
    let last = state.and_then(|state| Some((state, state.epochs.last()?)));
    match last {
        Some((state, epoch)) if !loss.is_finite() => Err(training::Error::Diverged {
            phase: epoch.phase.clone(),
            epoch: epoch.epoch,
            step: state.total_steps(),
            loss,
            origin: Origin::Measured(split),
            kept: None,
        }
        .into()),
        _ => Ok(()),
    }
}

fn fitted(temperature: Result<f64, Unfitted>, images: usize) -> TemperatureRecord {
    let unfitted = temperature.err().map_or_else(String::new, |why| why.to_string());
    TemperatureRecord { value: temperature.ok(), images: images as u64, unfitted }
}
