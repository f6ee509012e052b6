//! After training: what the model is measured to be worth.

use backbone::StageId;
use features::batches::{Feed, Preparation, Variation};
use features::pictures::Part;
use images::Transform;
use records::{CalibrationRecord, EvaluationRecord, SampleRecord, TemperatureRecord};
use regularize::Mixing;
use training::calibration::Unfitted;
use training::divergence::Origin;
use training::evaluate::{self, Scored};

use super::perform::Work;
use super::samples;
use crate::Error;

/// What came of the final measurements.
pub(super) struct Results {
    pub(super) evaluations: Vec<EvaluationRecord>,
    pub(super) temperature: TemperatureRecord,
    /// From the last split measured.
    pub(super) samples: Vec<SampleRecord>,
}

impl Work<'_> {
    /// One pass over each split, which for the validation split may have been that of the last epoch. The temperature is fitted on the validation split. The test split is looked at here for
    /// the first and only time, and not after an interruption.
    pub(super) fn measure(&mut self) -> Result<Results, Error> {
        let pictures = self.pictures;
        let parts = [("validation", &pictures.validation), ("test", &pictures.test)];
        let mut temperature = fitted(Err(Unfitted::NoImages), 0);
        let mut evaluations = Vec::new();
        let mut last: Option<(&Part, Scored)> = None;
        let mut validation = self.feeds.take().map(|(_, validation)| validation);
        let mut validated = self.validated.take();
        for (split, part) in parts {
            if part.is_empty() {
                continue;
            }
            if split == "test" && (self.interrupted || self.interrupt.requested()) {
                self.interrupted = true;
                continue;
            }
            let is_validation = split == "validation";
            let scored = match (validated.take_if(|_| is_validation), validation.take_if(|_| is_validation)) {
                (Some(scored), _) => scored,
                (None, Some(feed)) => self.score(&feed)?,
                (None, None) => self.score(&self.whole(part)?)?,
            };
            self.makes_sense(split, scored.said.loss())?;
            let scores = scored.scores();
            if split == "validation" {
                temperature = fitted(scores.temperature(), part.len());
            }
            let calibration = CalibrationRecord {
                raw: scores.reliability(1.0),
                scaled: temperature.value.map(|value| scores.reliability(value)),
            };
            let measured = scored.said.measure(split, pictures.classes.len(), &pictures.groups);
            evaluations.push(EvaluationRecord { calibration: Some(calibration), ..measured });
            last = Some((part, scored));
        }
        let samples = match last {
            Some((part, scored)) => {
                let confidences = scored.scores().confidences(temperature.value.unwrap_or(1.0));
                let said = evaluate::Predictions { probability: confidences, ..scored.said };
                let how = (&self.materials.input, self.run.config.train.batch_size.get());
                samples::choose(part, &said, how, &mut self.backbone)?
            }
            None => Vec::new(),
        };
        Ok(Results { evaluations, temperature, samples })
    }

    /// A trained model whose loss is no number is no model, though no step that followed could notice.
    fn makes_sense(&self, split: &'static str, loss: f64) -> Result<(), Error> {
        match self.epochs.last() {
            Some(last) if !loss.is_finite() => Err(training::Error::Diverged {
                phase: last.phase.clone(),
                epoch: last.epoch,
                step: self.steps,
                loss,
                origin: Origin::Measured(split),
                kept: None,
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// Pictures as the network's input.
    fn whole(&self, part: &Part) -> Result<Feed, Error> {
        let how = Preparation {
            transform: Transform::evaluation(&self.materials.input)?,
            variation: Variation::Varying, // seen once: nothing to keep
            mixing: Mixing::default(),
            batch_size: self.run.config.train.batch_size.get(),
            workers: self.run.workers,
            keep_bytes: 0,
            cache: None,
            stops: Vec::new(),
            passed: None,
            interrupt: self.interrupt,
        };
        Ok(Feed::new(&self.backbone, StageId::INPUT, part, how, &mut |_| {})?)
    }

    fn score(&mut self, feed: &Feed) -> Result<Scored, Error> {
        Ok(evaluate::score(&mut self.backbone, feed, self.run.config.train.batch_size.get(), self.kind)?)
    }
}

fn fitted(temperature: Result<f64, Unfitted>, images: usize) -> TemperatureRecord {
    let unfitted = temperature.err().map_or_else(String::new, |why| why.to_string());
    TemperatureRecord { value: temperature.ok(), images: images as u64, unfitted }
}
