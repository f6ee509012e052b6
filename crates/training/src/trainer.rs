//! Goes over the epochs of a phase, one for each call.

use std::time::Instant;

use backbone::{Backbone, StageId};
use data_parallel::replicas;
use data_parallel::spread::Spread;
use features::loader::{EpochBatches, EpochStart, FeatureLoader};
use records::{EpochRecord, Event, KeptRecord, Session};
use regularize::{Verdict, wise_ft};
use run_config::BatchNormPolicy;

use crate::average::{self, Average, Averaging};
use crate::best::{Figures, Moment};
use crate::epoch::{Means, rescue, train_pass};
use crate::evaluate::{self, Evaluation, Keep};
use crate::freeze::Segment;
use crate::loaders::Loaders;
use crate::model::Model;
use crate::save::{SaveMoment, SaveState};
use crate::saved::Handed;
use crate::state::{Ending, TrainingState};
use crate::step::LiveStages;
use crate::{Error, Phase, divergence};

/// Trains a network as a phase says. Everything that outlives a step is in the state that it is lent.
///
/// ```ignore
/// let segments = state.segments_left(&phase, &backbone);
/// let mut trainer = Trainer::new(&phase, &mut backbone, &mut state, &mut saver);
/// for segment in segments {
///     trainer.unfreeze(&segment);
///     let loaders = loaders_of(trainer.backbone(), &segment)?;
///     while trainer.epoch(&segment, &loaders, session)? {
///         trainer.save(session)?;
///     }
/// }
/// trainer.finish(Some(&loaders))?
/// ```
pub struct Trainer<'a> {
    phase: &'a Phase<'a>,
    backbone: &'a mut Backbone,
    state: &'a mut TrainingState,
    saver: &'a mut dyn SaveState,
    /// Images of the next epoch, which workers prepare while this one is validated. They can be asked for again.
    prefetched: Option<EpochBatches>,
    /// Means by which several processes take the steps of the segment at hand; `None` before its first epoch.
    spread: Option<Spread>,
}

/// What became of a phase.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseEnd {
    /// How it ended.
    pub ending: Ending,
    /// The weights that were chosen for the model, of this phase or an earlier one; `None` when it is the last ones.
    pub kept: Option<KeptRecord>,
    /// Share of these in the model; `None` when it is all of them.
    pub wise_ft: Option<f64>,
    /// Number of weights whose average is the model; 0 when the model is that of one step.
    pub averaged: u32,
}

impl<'a> Trainer<'a> {
    /// Begins a phase, or goes on with one, from the state that belongs to it; its plan was applied to the network. States are saved
    /// on the way, as `saver` asks.
    pub fn new(
        phase: &'a Phase<'a>,
        backbone: &'a mut Backbone,
        state: &'a mut TrainingState,
        saver: &'a mut dyn SaveState,
    ) -> Self {
        state.begin(phase, backbone);
        Self { phase, backbone, state, saver, prefetched: None, spread: None }
    }

    /// Returns the network.
    #[must_use]
    pub fn backbone(&self) -> &Backbone {
        self.backbone
    }

    /// Freezes what lies before the cut of a segment, prepares it to compute fast, and trains what comes after.
    pub fn unfreeze(&mut self, segment: &Segment) {
        // What sums the gradients of other parameters goes before its successor is made.
        self.spread = None;
        self.backbone.freeze_before(segment.cut);
        self.backbone.prepare_inference(StageId::INPUT..segment.cut, self.phase.kind);
        self.state.optimizer.follow(self.phase.trainables(self.backbone, segment.first_epoch));
        self.state.average.follow(self.backbone, segment.cut);
    }

    /// Trains and validates one epoch of a segment; `false` when none is left or the phase is over. What is saved after an epoch
    /// comes after it: [`Trainer::save`].
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
        let Self { phase, backbone, state, saver, prefetched, spread } = self;
        let epoch = state.epoch;
        if state.ending.is_some() || epoch > segment.last_epoch {
            return Ok(false);
        }
        let kept_bytes = loaders.training.feature_bytes();
        tracing::debug!(step = phase.step.name(), epoch, cut = backbone.name(segment.cut), ?kept_bytes);
        if phase.begins_trained && state.best.is_none() {
            judge_beginning(phase, backbone, state, &loaders.validation)?;
        }
        let spread = match spread {
            Some(spread) => spread,
            None => spread.insert(spread_of(phase, backbone, state, segment.cut, &loaders.training)?),
        };
        state.deferred.share_with(spread.team());
        state.begin_pass(phase, backbone, segment.cut);
        let images = prefetched.take();
        let start = EpochStart { epoch, batch: state.batches_done(phase) };
        let images = images.unwrap_or_else(|| phase.begin_epoch(backbone, &loaders.training, start));
        let live = LiveStages { backbone, first: segment.cut };
        let means = Means { saver: *saver, spread };
        let passed = train_pass(phase, live, images, state, means, session);
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
        let alike = replicas::check(loaders.training.team(), backbone, segment.cut).map_err(Error::from);
        if alike.is_ok() && epoch < segment.last_epoch {
            let next = EpochStart { epoch: epoch + 1, batch: 0 };
            *prefetched = Some(phase.begin_epoch(backbone, &loaders.training, next));
        }
        let judged = alike.and_then(|()| self.judge(record, &loaders.validation, session));
        if let Err(error) = judged {
            // Its steps were all taken, and are not taken again.
            if !matches!(error, Error::Diverged { .. } | Error::Team(team::Error::Differ(_))) {
                let Self { phase, backbone, state, saver, .. } = self;
                rescue(phase, backbone, state, *saver, session)?;
            }
            return Err(error);
        }
        Ok(true)
    }

    /// Validates the epoch at hand and decides what follows from it. Where that fails the state is as it was after the last step.
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
        let figures = match validation.is_empty() || !phase.train.validates(state.epoch, phase.epochs) {
            true => None,
            false => match validate(phase, backbone, state, validation, &mut record) {
                Ok(figures) => Some(figures),
                Err(error) => {
                    if average_stands_in && !matches!(error, Error::Diverged { .. }) {
                        state.average.exchange();
                    }
                    return Err(error);
                }
            },
        };
        record.seconds += started.elapsed().as_secs_f64();
        session.emit(&Event::Epoch { record: &record, epochs: phase.epochs });
        let validation_loss = record.validation_loss;
        state.epochs.push(record);
        let metric = phase.train.metric;
        let verdict = figures.map(|figures| state.early_stopping.observe(figures.cost(metric)));
        // A mean over epochs is the model only when it is whole.
        let joins_mean = matches!(phase.averaging, Averaging::FromEpoch(from) if state.epoch >= from);
        if let Some(figures) = figures.filter(|_| phase.train.keeps_best() && !joins_mean) {
            let averaged = if average_stands_in { state.average.taken() } else { 0 };
            let moment = Moment { phase: phase.step, epoch: state.epoch, averaged };
            state.judge(phase, backbone, moment, figures);
        }
        if average_stands_in {
            state.average.exchange();
        }
        state.average.after_epoch(state.epoch);
        state.gradient_flow.forget();
        if let (Some(plateau), Some(loss)) = (&mut state.plateau, validation_loss) {
            plateau.observe(loss);
        }
        state.ending = match verdict {
            Some(Verdict::Stop) => Some(Ending::StoppedEarly),
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

    /// Saves the state between two epochs, where it is time for it. What else is written after an epoch is written before.
    ///
    /// # Errors
    /// When a libtorch call fails.
    pub fn save(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        let moment = if self.is_over() { SaveMoment::End } else { SaveMoment::Epoch };
        if self.saver.is_due(moment) {
            self.saver.save(&self.state.saved(self.phase, self.backbone)?, session);
        }
        Ok(())
    }

    /// Returns the state, to be handed to other processes, which have trained nothing meanwhile. What was measured of it they measure
    /// together.
    ///
    /// # Errors
    /// As [`Trainer::save`].
    pub fn hand_over(&mut self) -> Result<Handed, Error> {
        self.state.validated = None;
        let saved = self.state.saved(self.phase, self.backbone)?;
        Ok(Handed { saved, is_interrupted: self.state.ending == Some(Ending::Interrupted) })
    }

    /// Takes over the state of another process, and its weights.
    ///
    /// # Errors
    /// When it belongs to another phase or network.
    pub fn take_over(&mut self, Handed { saved, is_interrupted }: Handed) -> Result<(), Error> {
        *self.state = TrainingState::restored(self.phase, self.backbone, saved)?;
        if is_interrupted {
            self.state.ending = Some(Ending::Interrupted);
        }
        Ok(())
    }

    /// Ends the phase because the user asked for it before the loaders of a segment were ready.
    ///
    /// # Errors
    /// As [`Trainer::save`].
    pub fn interrupt(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        self.state.ending = Some(Ending::Interrupted);
        self.save(session)
    }

    /// Ends the phase: puts the average, or the best weights of the run, in place of the last ones where the phase asks for it, and
    /// low-rank updates into their weights.
    /// A mean over epochs is judged here like an epoch. Without loaders it is no model, because batch-norm statistics are
    /// measured on images, and the last weights stay.
    ///
    /// # Errors
    /// When an image can no longer be read.
    pub fn finish(self, loaders: Option<&Loaders>) -> Result<PhaseEnd, Error> {
        let Self { phase, backbone, state, .. } = self;
        let ending = state.ending.unwrap_or(Ending::Complete);
        state.ending = Some(ending);
        let is_average = put_average(phase, backbone, &mut state.average, ending, loaders)?;
        let mut averaged = if is_average { state.average.taken() } else { 0 };
        if is_average || ending == Ending::Interrupted {
            state.validated = None;
        }
        let last = Moment { phase: phase.step, epoch: state.epoch.saturating_sub(1), averaged };
        if let (Averaging::FromEpoch(_), true, true, Some(loaders)) =
            (phase.averaging, is_average, phase.train.keeps_best(), loaders)
            && !loaders.validation.is_empty()
        {
            let batch_size = phase.train.batch_size.get();
            let scored = evaluate::score(backbone, &loaders.validation, batch_size, phase.kind)?;
            let figures = Figures::of(&scored.predictions);
            state.validated = state.judge(phase, backbone, last, figures).then_some(scored);
        }
        let kept = state.best.as_ref().filter(|_| phase.train.keeps_best());
        let kept = kept.map(|best| {
            best.weights.restore();
            averaged = best.moment.averaged;
            (best.moment, best.record(phase.train.metric))
        });
        if kept.as_ref().is_some_and(|&(moment, _)| moment != last) {
            state.validated = None;
        }
        let wise_ft = phase.wise_ft.filter(|_| ending != Ending::Interrupted);
        if let (Some(share), Some(begin)) = (wise_ft, &state.begin) {
            begin.pairs().for_each(|(now, begin)| wise_ft::interpolate(now, begin, share));
            state.validated = None;
        }
        backbone.merge();
        Ok(PhaseEnd { ending, kept: kept.map(|(_, record)| record), wise_ft, averaged })
    }
}

/// Returns the means by which the steps from stage `first` on are taken.
fn spread_of(
    phase: &Phase<'_>,
    backbone: &Backbone,
    state: &TrainingState,
    first: StageId,
    training: &FeatureLoader,
) -> Result<Spread, Error> {
    if !training.share().is_spread() {
        return Ok(Spread::alone());
    }
    let norms = if phase.objective.mode.moves_norms() { backbone.norms(first) } else { Vec::new() };
    Ok(Spread::of(training.team(), phase.reduced(backbone, &state.optimizer, first), norms)?)
}

/// Judges the weights before the first epoch.
fn judge_beginning(
    phase: &Phase<'_>,
    backbone: &mut Backbone,
    state: &mut TrainingState,
    validation: &FeatureLoader,
) -> Result<(), Error> {
    if !phase.train.keeps_best() || validation.is_empty() || state.epoch > 1 || state.pass.is_some() {
        return Ok(());
    }
    let (batch_size, sync_interval) = (phase.train.batch_size.get(), phase.sync_interval);
    let evaluation = Evaluation { batch_size, sync_interval, kind: phase.kind, keep: Keep::Classes };
    let figures = Figures::of(&evaluate::pass(backbone, validation, evaluation)?.predictions);
    if figures.loss.is_finite() {
        let moment = Moment { phase: phase.step, epoch: 0, averaged: 0 };
        state.judge(phase, backbone, moment, figures);
    }
    Ok(())
}

/// Measures the network on the validation images, and notes the figures in the epoch's record.
fn validate(
    phase: &Phase<'_>,
    backbone: &mut Backbone,
    state: &mut TrainingState,
    validation: &FeatureLoader,
    record: &mut EpochRecord,
) -> Result<Figures, Error> {
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
    let figures = Figures::of(predictions);
    record.validation_loss = Some(figures.loss);
    record.validation_accuracy = Some(figures.accuracy);
    record.validation_balanced_accuracy = Some(figures.balanced_accuracy);
    record.validation_f1 = Some(figures.f1);
    state.validated = (keep == Keep::Scores).then_some(scored);
    Ok(figures)
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
