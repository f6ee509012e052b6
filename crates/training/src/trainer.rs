//! Goes over the epochs of a phase, one for each call.

use std::ops::Deref;
use std::time::Instant;

use backbone::{Backbone, Snapshot, StageId};
use features::loader::{EpochBatches, FeatureLoader};
use records::{EpochRecord, Event, Session};
use regularize::Verdict;
use run_config::BatchNormPolicy;

use crate::average::{self, Average, Averaging};
use crate::epoch::train_pass;
use crate::evaluate::{self, Evaluation, Keep};
use crate::freeze::Segment;
use crate::state::{Best, Ending, TrainingState};
use crate::step::LiveStages;
use crate::{Error, Phase, divergence};

/// Training and validation images, as the first live stage reads them.
pub struct Loaders {
    /// Training images.
    pub training: FeatureLoader,
    /// Validation images; there may be none.
    pub validation: FeatureLoader,
}

/// Trains a network as a phase says. Everything that outlives a step is in the state that it is lent.
///
/// ```ignore
/// let mut trainer = Trainer::new(&phase, &mut backbone, &mut state);
/// for segment in plan.segments(trainer.backbone(), phase.epochs) {
///     trainer.unfreeze(&segment);
///     let loaders = loaders_of(trainer.backbone(), &segment)?;
///     while trainer.epoch(&segment, &loaders, session)? {}
/// }
/// trainer.finish(Some(&loaders))?
/// ```
pub struct Trainer<'a> {
    phase: &'a Phase<'a>,
    backbone: &'a mut Backbone,
    state: &'a mut TrainingState,
    /// Images of the next epoch, which workers prepare while this one is validated. They can be asked for again.
    prefetched: Option<EpochBatches>,
}

/// What became of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseEnd {
    /// How it ended.
    pub ending: Ending,
    /// Number of weights whose average is the model; 0 when the model is that of one step.
    pub averaged: u32,
}

impl<'a> Trainer<'a> {
    /// Begins a phase, or goes on with one, from the state that belongs to it.
    pub fn new(phase: &'a Phase<'a>, backbone: &'a mut Backbone, state: &'a mut TrainingState) -> Self {
        Self { phase, backbone, state, prefetched: None }
    }

    /// Returns the network.
    #[must_use]
    pub fn backbone(&self) -> &Backbone {
        self.backbone
    }

    /// Freezes what lies before the cut of a segment, prepares it to compute fast, and trains what comes after.
    pub fn unfreeze(&mut self, segment: &Segment) {
        self.backbone.freeze_before(segment.cut);
        self.backbone.prepare_inference(StageId::INPUT..segment.cut, self.phase.kind);
        self.state.optimizer.follow(self.phase.trainables(self.backbone, segment.first_epoch));
        self.state.average.follow(self.backbone, segment.cut);
    }

    /// Trains and validates one epoch of a segment; `false` when none is left or the phase is over.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the loss, in training or on the validation images, is no longer a number, with the weights
    /// put back with which the epoch began; and when an image can no longer be read.
    pub fn epoch(
        &mut self,
        segment: &Segment,
        loaders: &Loaders,
        session: &mut Session<'_>,
    ) -> Result<bool, Error> {
        let Self { phase, backbone, state, prefetched } = self;
        let epoch = state.epoch;
        if state.ending.is_some() || epoch > segment.last_epoch {
            return Ok(false);
        }
        let kept_bytes = loaders.training.feature_bytes();
        tracing::debug!(step = phase.step.name(), epoch, cut = backbone.name(segment.cut), ?kept_bytes);
        state.begin_pass(phase, backbone, segment.cut);
        let images = prefetched.take();
        let images = images.unwrap_or_else(|| phase.begin_epoch(backbone, &loaders.training, epoch));
        let live = LiveStages { backbone, first: segment.cut };
        let passed = train_pass(phase, live, images, state, session);
        let passed = passed.and_then(|record| match divergence::in_weights(backbone, segment.cut) {
            Some(origin) => {
                let loss = record.map_or(f64::NAN, |record| record.train_loss);
                Err(state.diverged(loss, origin, 0))
            }
            None => Ok(record),
        });
        let Some(record) = passed.inspect_err(|_| state.restore_epoch_start())? else {
            state.ending = Some(Ending::Interrupted);
            return Ok(false);
        };
        state.average.after_epoch(epoch);
        if epoch < segment.last_epoch {
            *prefetched = Some(phase.begin_epoch(backbone, &loaders.training, epoch + 1));
        }
        self.judge(record, &loaders.validation, session)?;
        Ok(true)
    }

    /// Validates the epoch at hand and decides what follows from it.
    fn judge(
        &mut self,
        mut record: EpochRecord,
        validation: &FeatureLoader,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        let Self { phase, backbone, state, .. } = self;
        // What is validated and kept is what would be the model if the training ended here.
        let average_stands_in = state.average.is_running();
        if average_stands_in {
            state.average.exchange();
        }
        let started = Instant::now();
        if !validation.is_empty() {
            validate(phase, backbone, state, validation, &mut record)?;
        }
        record.seconds += started.elapsed().as_secs_f64();
        session.emit(&Event::Epoch { record: &record, epochs: phase.epochs });
        let validation_loss = record.validation_loss;
        state.epochs.push(record);
        let verdict = validation_loss.map(|loss| state.early_stopping.observe(loss));
        if let (Some(Verdict::Best), Some(validation_loss)) = (verdict, validation_loss) {
            let may_go_back = phase.regularize.early_stopping.is_some();
            let weights = may_go_back.then(|| Snapshot::take(backbone, phase.plan.first_live));
            let (phase, epoch) = (phase.step, state.epoch);
            state.best = Some(Best { phase, epoch, validation_loss, weights });
        }
        if average_stands_in {
            state.average.exchange();
        }
        if let (Some(plateau), Some(loss)) = (&mut state.plateau, validation_loss) {
            plateau.observe(loss);
        }
        state.ending = match verdict {
            Some(Verdict::Stop) => Some(Ending::Complete),
            _ if session.interrupted() => Some(Ending::Interrupted),
            _ => (state.epoch == phase.epochs).then_some(Ending::Complete),
        };
        state.epoch += 1;
        state.pass = None;
        Ok(())
    }

    /// Returns the network with the weights that would be the model if the training ended here, to be saved.
    pub fn model(&mut self) -> Model<'_> {
        let average = Some(&mut self.state.average).filter(|average| average.is_running());
        Model::new(self.backbone, average)
    }

    /// Returns whether the phase is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state.ending.is_some()
    }

    /// Ends the phase because the user asked for it before the loaders of a segment were ready.
    pub fn interrupt(&mut self) {
        self.state.ending = Some(Ending::Interrupted);
    }

    /// Ends the phase: puts the weights of the best epoch, or the average, in place of the last ones where the phase asks
    /// for it. Without loaders a mean over epochs, whose batch-norm statistics are measured on images, is no model, and the
    /// last weights stay.
    ///
    /// # Errors
    /// When an image can no longer be read.
    pub fn finish(self, loaders: Option<&Loaders>) -> Result<PhaseEnd, Error> {
        let Self { phase, backbone, state, .. } = self;
        let mut ending = state.ending.unwrap_or(Ending::Complete);
        let averaged = if put_average(phase, backbone, &mut state.average, ending, loaders)? {
            state.average.taken()
        } else {
            0
        };
        let best = state.best.as_ref().filter(|best| best.phase == phase.step && ending == Ending::Complete);
        if let Some(Best { epoch, weights: Some(weights), .. }) = best {
            weights.restore();
            ending = Ending::StoppedEarly { best: *epoch };
        }
        if averaged > 0 || ending != Ending::Complete {
            state.validated = None;
        }
        state.ending = Some(ending);
        Ok(PhaseEnd { ending, averaged })
    }
}

/// Measures the network on the validation images and notes the figures in the epoch's record.
fn validate(
    phase: &Phase<'_>,
    backbone: &mut Backbone,
    state: &mut TrainingState,
    validation: &FeatureLoader,
    record: &mut EpochRecord,
) -> Result<(), Error> {
    let keep = if state.epoch == phase.epochs { Keep::Scores } else { Keep::Classes };
    let batch_size = phase.train.batch_size.get();
    let evaluation = Evaluation { batch_size, sync_interval: phase.sync_interval, kind: phase.kind, keep };
    let scored = evaluate::pass(backbone, validation, evaluation)?;
    record.waited_seconds += scored.waited.as_secs_f64();
    let predictions = &scored.predictions;
    // Weights that are finite and still of no use: no step may follow that would notice.
    if !predictions.loss().is_finite() {
        let origin = divergence::in_validation(backbone, validation, batch_size)?;
        state.restore_epoch_start();
        return Err(state.diverged(predictions.loss(), origin, 0));
    }
    record.validation_loss = Some(predictions.loss());
    record.validation_accuracy = Some(predictions.accuracy());
    record.validation_balanced_accuracy = Some(predictions.balanced_accuracy());
    record.validation_macro_f1 = Some(predictions.macro_f1());
    state.validated = (keep == Keep::Scores).then_some(scored);
    Ok(())
}

/// Puts the average in place of the last weights; whether it did.
fn put_average(
    phase: &Phase<'_>,
    backbone: &Backbone,
    average: &mut Average,
    ending: Ending,
    loaders: Option<&Loaders>,
) -> Result<bool, Error> {
    if average.taken() == 0 {
        return Ok(false);
    }
    match (phase.averaging, ending) {
        (Averaging::Exponential(_), _) => average.exchange(),
        (Averaging::FromEpoch(_), Ending::Complete) => {
            average.exchange();
            if let (Some(Loaders { training, .. }), BatchNormPolicy::Train) = (loaders, phase.batch_norm) {
                let batches = training.unmixed(backbone, phase.train.batch_size.get(), phase.seed);
                average::measure_norms(backbone, training.cut(), batches)?;
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A network with the average in place of its weights, until it is dropped.
pub struct Model<'a> {
    backbone: &'a Backbone,
    average: Option<&'a mut Average>,
}

impl<'a> Model<'a> {
    fn new(backbone: &'a Backbone, mut average: Option<&'a mut Average>) -> Self {
        average.iter_mut().for_each(|average| average.exchange());
        Self { backbone, average }
    }
}

impl Deref for Model<'_> {
    type Target = Backbone;

    fn deref(&self) -> &Backbone {
        self.backbone
    }
}

impl Drop for Model<'_> {
    fn drop(&mut self) {
        self.average.iter_mut().for_each(|average| average.exchange());
    }
}
