//! A run as events.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use records::{AdviceRecord, EpochRecord, EvaluationRecord, RunRecord, SampleRecord};

use super::{EventWriter, seconds_since_1970};
use crate::Error;
use crate::confusion::Confusion;
use crate::html::png_size;

/// Writes the figures of a run as `dir/train`, `dir/validation` and `dir/test`, each where there is something to
/// write.
///
/// TensorBoard takes each folder for a run, and draws tags that they share into the same chart. In `train` and
/// `validation` are `loss` and `accuracy` of every epoch, in `validation` also `balanced_accuracy`, in `train` also
/// `learning_rate`, which is the head's, and `learning_rate/STAGE` of every live stage; their steps are epochs, counted
/// from 1 through both phases. `gradient_norm/STAGE` in `train` goes by optimizer steps, and `evidence/probe_accuracy`,
/// `evidence/probe_loss` and, where computed, `evidence/logme` and `evidence/h_score` of the advice by stages, the pixels
/// being 0. The rest has the step of the last epoch: the scalars `group_accuracy/GROUP`, `precision/CLASS`, `recall/CLASS`, `calibration_error`,
/// `calibration_error_scaled`, `temperature` and `advice_confidence`, `loss`, `accuracy` and `balanced_accuracy` of the test
/// split, and as images the samples with their heat maps. Charts are drawn by the page alone.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_run(run: &RunRecord, dir: &Path) -> Result<(), Error> {
    // The record holds how long each epoch took, not when: the last one counts as just finished.
    let end = seconds_since_1970();
    let mut out = Folders { dir, train: None, validation: None, test: None };
    let mut wall_time = end - run.epochs.iter().map(time_taken).sum::<f64>();
    out.folder("train")?;
    for (step, epoch) in (1..).zip(&run.epochs) {
        let began = wall_time;
        wall_time += time_taken(epoch);
        let train = out.folder("train")?;
        train.scalar("loss", step, epoch.train_loss, wall_time)?;
        train.scalar("accuracy", step, epoch.train_accuracy, wall_time)?;
        train.scalar("learning_rate", step, epoch.learning_rate, wall_time)?;
        for (stage, rate) in stage_rates(run, epoch) {
            train.scalar(&format!("learning_rate/{stage}"), step, rate, wall_time)?;
        }
        for (index, moment) in epoch.gradients.iter().enumerate() {
            let at = began + (wall_time - began) * (index as f64 + 0.5) / epoch.gradients.len() as f64;
            for (stage, norm) in &moment.norms {
                train.scalar(&format!("gradient_norm/{stage}"), moment.step, *norm, at)?;
            }
        }
        let validated = [
            ("loss", epoch.validation_loss),
            ("accuracy", epoch.validation_accuracy),
            ("balanced_accuracy", epoch.validation_balanced_accuracy),
            ("f1", epoch.validation_f1),
        ];
        for (tag, value) in validated {
            if let Some(value) = value {
                out.folder("validation")?.scalar(tag, step, value, wall_time)?;
            }
        }
    }
    let last = run.epochs.len() as u64;
    if let Some(record) = &run.advice {
        advice(record, &mut out, last, end)?;
    }
    for evaluation in &run.evaluations {
        measured(run, evaluation, &mut out, last, end)?;
    }
    let split = run.evaluations.last().map_or("validation", |evaluation| folder_of(evaluation));
    samples(&run.samples, out.folder_if(split, !run.samples.is_empty())?, last, end)?;
    out.finish()
}

/// Writes the evidence of advice without a run, as `dir/train`: the scalars that [`write_run`] writes of advice, with the
/// confidence at step 0.
///
/// # Errors
/// As [`write_run`].
pub fn write_advice(record: &AdviceRecord, dir: &Path) -> Result<(), Error> {
    let mut out = Folders { dir, train: None, validation: None, test: None };
    advice(record, &mut out, 0, seconds_since_1970())?;
    out.finish()
}

/// Learning rate of every stage that was live in an epoch, from input to head.
fn stage_rates<'a>(run: &'a RunRecord, epoch: &'a EpochRecord) -> impl Iterator<Item = (&'a str, f64)> {
    let stages = run.plan.iter().filter(|plan| plan.phase == epoch.phase).flat_map(|plan| &plan.stages);
    let live =
        stages.filter(|stage| stage.parameters > 0 && stage.thaws.is_some_and(|thaws| thaws <= epoch.epoch));
    live.map(|stage| (stage.name.as_str(), epoch.learning_rate * stage.rate_scale))
}

fn advice(record: &AdviceRecord, out: &mut Folders<'_>, step: u64, time: f64) -> Result<(), Error> {
    let train = out.folder("train")?;
    train.scalar("advice_confidence", step, record.confidence, time)?;
    for (index, stage) in (0..).zip(&record.stages) {
        train.scalar("evidence/probe_accuracy", index, stage.accuracy, time)?;
        train.scalar("evidence/probe_loss", index, stage.loss, time)?;
        for (tag, score) in [("evidence/logme", stage.logme), ("evidence/h_score", stage.h_score)] {
            if let Some(score) = score {
                train.scalar(tag, index, score, time)?;
            }
        }
    }
    Ok(())
}

fn measured(
    run: &RunRecord,
    evaluation: &EvaluationRecord,
    out: &mut Folders<'_>,
    step: u64,
    time: f64,
) -> Result<(), Error> {
    let split = folder_of(evaluation);
    let writer = out.folder(split)?;
    if split == "test" {
        writer.scalar("loss", step, evaluation.loss, time)?;
        writer.scalar("accuracy", step, evaluation.accuracy, time)?;
    }
    // Missing in older records.
    if evaluation.balanced_accuracy.is_finite() {
        writer.scalar("balanced_accuracy", step, evaluation.balanced_accuracy, time)?;
    }
    for (group, accuracy) in &evaluation.groups {
        writer.scalar(&format!("group_accuracy/{group}"), step, *accuracy, time)?;
    }
    let confusion = Confusion::of(run, evaluation);
    for class in 0..confusion.classes() {
        for (tag, share) in [("precision", confusion.precision(class)), ("recall", confusion.recall(class))] {
            if let Some(share) = share {
                writer.scalar(&format!("{tag}/{}", confusion.name(class)), step, share, time)?;
            }
        }
    }
    if let Some(calibration) = &evaluation.calibration {
        writer.scalar("calibration_error", step, calibration.raw.error, time)?;
        if let Some(scaled) = &calibration.scaled {
            writer.scalar("calibration_error_scaled", step, scaled.error, time)?;
        }
    }
    let temperature = run.temperature.as_ref().and_then(|temperature| temperature.value);
    if let Some(value) = temperature.filter(|_| split == "validation") {
        writer.scalar("temperature", step, value, time)?;
    }
    Ok(())
}

/// The samples and their heat maps, numbered; a thumbnail that is not a PNG is left out, as on the page.
fn samples(
    samples: &[SampleRecord],
    to: Option<&mut EventWriter>,
    step: u64,
    time: f64,
) -> Result<(), Error> {
    let Some(writer) = to else { return Ok(()) };
    let (mut right, mut wrong) = (0, 0);
    for sample in samples {
        let (name, number) =
            if sample.label == sample.predicted { ("right", &mut right) } else { ("mistake", &mut wrong) };
        *number += 1;
        let map = sample.heat_map.as_ref().map(|map| &map.picture);
        for (kind, base64) in [("samples", Some(&sample.thumbnail)), ("heat_maps", map)] {
            let png = base64.and_then(|text| STANDARD.decode(text).ok());
            if let Some(png) = png.filter(|bytes| png_size(bytes).is_some()) {
                writer.image(&format!("{kind}/{name}-{number}"), step, png, time)?;
            }
        }
    }
    Ok(())
}

/// The files of a run, each created when there is something to write.
struct Folders<'a> {
    dir: &'a Path,
    train: Option<EventWriter>,
    validation: Option<EventWriter>,
    test: Option<EventWriter>,
}

impl Folders<'_> {
    fn folder(&mut self, name: &'static str) -> Result<&mut EventWriter, Error> {
        let slot = match name {
            "train" => &mut self.train,
            "test" => &mut self.test,
            _ => &mut self.validation,
        };
        match slot {
            Some(writer) => Ok(writer),
            None => Ok(slot.insert(EventWriter::create(&self.dir.join(name))?)),
        }
    }

    fn folder_if(&mut self, name: &'static str, needed: bool) -> Result<Option<&mut EventWriter>, Error> {
        if needed { self.folder(name).map(Some) } else { Ok(None) }
    }

    fn finish(self) -> Result<(), Error> {
        [self.train, self.validation, self.test].iter_mut().flatten().try_for_each(EventWriter::flush)
    }
}

/// Folder of a split: the name in the record never becomes a path.
fn folder_of(evaluation: &EvaluationRecord) -> &'static str {
    if evaluation.split == "test" { "test" } else { "validation" }
}

fn time_taken(epoch: &EpochRecord) -> f64 {
    if epoch.seconds.is_finite() { epoch.seconds } else { 0.0 }
}
