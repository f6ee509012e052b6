//! The training loop: one phase of it, either of the two training steps of the recipe.

pub mod optimizer;
pub mod schedule;

use std::time::Instant;

use backbone::{Backbone, Mode, Output, Variable};
use regularize::{EarlyStopping, Verdict, cross_entropy};
use report::record::{EpochRecord, StepRecord};
use tch::{Kind, Tensor};

use crate::Error;
use crate::batches::Feed;
use crate::config::{RegularizeConfig, TrainConfig};
use crate::evaluate;
use crate::event::{Event, Listener};
use crate::freeze::FreezePlan;
use crate::interrupt::Interrupt;
use crate::recipe::StepName;
use optimizer::Optimizer;

/// One training step of the recipe.
pub struct Phase<'a> {
    /// `train-head` or `fine-tune`.
    pub step: StepName,
    /// What is frozen, and how gently the rest is trained.
    pub plan: &'a FreezePlan,
    /// How often every training picture is seen.
    pub epochs: u32,
    /// The loop's numbers.
    pub train: &'a TrainConfig,
    /// Against overfitting.
    pub regularize: &'a RegularizeConfig,
    /// Decides the order of pictures.
    pub seed: u64,
    /// Optimizer steps taken before this phase.
    pub steps_before: u64,
}

/// What came of a phase.
#[derive(Debug)]
pub struct Trained {
    /// Its epochs, the last one perhaps cut short.
    pub epochs: Vec<EpochRecord>,
    /// Optimizer steps taken.
    pub steps: u64,
    /// How it ended.
    pub ending: Ending,
}

/// How a phase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs were run.
    Complete,
    /// Validation did not improve any more; the best epoch's weights are back.
    StoppedEarly {
        /// The epoch whose weights are kept, from 1.
        best: u32,
    },
    /// The user stopped it; the weights are the last ones.
    Interrupted,
}

/// Trains the live stages. `after_epoch` is called with the network after each whole epoch.
///
/// # Errors
/// [`Error::Diverged`] when the loss is no longer a number, with the weights of the last whole epoch put back.
pub fn train(
    phase: &Phase<'_>,
    backbone: &Backbone,
    feed: &Feed,
    validation: &Feed,
    interrupt: &Interrupt,
    after_epoch: &mut dyn FnMut(&Backbone) -> Result<(), Error>,
    listen: &mut Listener<'_>,
) -> Result<Trained, Error> {
    let mut optimizer = Optimizer::new(backbone, phase.plan, phase.train, phase.regularize);
    let mut watch = EarlyStopping::new(phase.regularize.early_stopping);
    let mut best: Option<(u32, Snapshot)> = None;
    let mut trained = Trained { epochs: Vec::new(), steps: 0, ending: Ending::Complete };
    for epoch in 1..=phase.epochs {
        let good = Snapshot::take(backbone, phase.plan);
        let record = match one_epoch(
            phase,
            epoch,
            backbone,
            feed,
            &mut optimizer,
            interrupt,
            &mut trained.steps,
            listen,
        ) {
            Ok(record) => record,
            Err(error) => {
                good.restore();
                return Err(error);
            }
        };
        let Some(mut record) = record else {
            trained.ending = Ending::Interrupted;
            break;
        };
        let started = Instant::now();
        if !validation.is_empty() {
            let said = evaluate::predict(backbone, validation, phase.train.batch_size)?;
            record.validation_loss = Some(said.loss());
            record.validation_accuracy = Some(said.accuracy());
        }
        record.seconds += started.elapsed().as_secs_f64();
        listen(&Event::Epoch { record: &record, epochs: phase.epochs });
        let verdict = record.validation_loss.map(|loss| watch.observe(loss));
        trained.epochs.push(record);
        after_epoch(backbone)?;
        let stops = phase.regularize.early_stopping.is_some();
        match verdict {
            Some(Verdict::Best) if stops => best = Some((epoch, Snapshot::take(backbone, phase.plan))),
            Some(Verdict::Stop) => break,
            _ => {}
        }
        if interrupt.requested() {
            trained.ending = Ending::Interrupted;
            break;
        }
    }
    if let Some((epoch, snapshot)) = best.filter(|_| trained.ending == Ending::Complete) {
        snapshot.restore();
        trained.ending = Ending::StoppedEarly { best: epoch };
    }
    Ok(trained)
}

/// One pass over the training pictures; `None` when it was interrupted on the way.
#[expect(
    clippy::too_many_arguments,
    reason = "the loop's parts are separate things, and a struct for them would be a god trainer"
)]
fn one_epoch(
    phase: &Phase<'_>,
    epoch: u32,
    backbone: &Backbone,
    feed: &Feed,
    optimizer: &mut Optimizer,
    interrupt: &Interrupt,
    steps: &mut u64,
    listen: &mut Listener<'_>,
) -> Result<Option<EpochRecord>, Error> {
    let started = Instant::now();
    let per_epoch = feed.len().div_ceil(phase.train.batch_size) as u64;
    let all_steps = per_epoch * u64::from(phase.epochs);
    let (mut loss_sum, mut right, mut seen) = (0.0, 0i64, 0i64);
    let mut rate = phase.train.learning_rate;
    let batches = feed.shuffled(backbone, phase.train.batch_size, phase.seed, epoch);
    for (batch, done) in batches.zip(1..) {
        let batch = batch?;
        let count = batch.labels.size()[0];
        let output = backbone.classify(&batch.x, feed.cut(), Mode::Train);
        let loss = total_loss(&output, &batch.labels, phase.regularize.label_smoothing);
        let value = loss.double_value(&[]);
        *steps += 1;
        let step = phase.steps_before + *steps;
        if !value.is_finite() {
            return Err(Error::Diverged { phase: phase.step.name().to_owned(), epoch, step, loss: value });
        }
        rate = schedule::rate(phase.train.schedule, phase.train.learning_rate, *steps - 1, all_steps);
        optimizer.zero_gradients();
        loss.backward();
        optimizer.step(rate);

        loss_sum += value * count as f64;
        seen += count;
        right += output.logits.argmax(-1, false).eq_tensor(&batch.labels).sum(Kind::Int64).int64_value(&[]);
        let record = StepRecord {
            phase: phase.step.name().to_owned(),
            epoch,
            step,
            loss: value,
            learning_rate: rate,
            images: u32::try_from(count).unwrap_or(u32::MAX),
        };
        listen(&Event::Stepped { record: &record, done, total: per_epoch, epochs: phase.epochs });
        if interrupt.requested() && done < per_epoch {
            return Ok(None);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Some(EpochRecord {
        phase: phase.step.name().to_owned(),
        epoch,
        train_loss: loss_sum / seen as f64,
        train_accuracy: right as f64 / seen as f64,
        validation_loss: None,
        validation_accuracy: None,
        learning_rate: rate,
        images_per_second: seen as f64 / seconds,
        seconds,
    }))
}

/// Cross-entropy of the logits, plus that of each auxiliary head by its weight.
fn total_loss(output: &Output, labels: &Tensor, smoothing: f64) -> Tensor {
    let main = cross_entropy(&output.logits, labels, smoothing);
    output
        .aux
        .iter()
        .fold(main, |sum, (logits, weight)| sum + cross_entropy(logits, labels, smoothing) * *weight)
}

/// Copies of everything a phase may change.
struct Snapshot(Vec<(Variable, Tensor)>);

impl Snapshot {
    fn take(backbone: &Backbone, plan: &FreezePlan) -> Self {
        let live = backbone.ids().filter(|&id| id >= plan.first_live);
        let variables = live.flat_map(|id| backbone.stage_variables(id));
        Self(
            variables
                .map(|variable| {
                    let copy = variable.tensor.detach().copy();
                    (variable, copy)
                })
                .collect(),
        )
    }

    fn restore(self) {
        tch::no_grad(|| {
            for (mut variable, copy) in self.0 {
                variable.tensor.copy_(&copy);
            }
        });
    }
}
