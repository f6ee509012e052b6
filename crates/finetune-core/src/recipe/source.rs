//! What a run keeps of its source network for the regularizers that pull towards it.

use std::rc::Rc;

use backbone::{Backbone, Mode, StageId, Values};
use features::batches::{Batch, Feed, Preparation, Variation};
use images::Transform;
use records::{Event, Listener, StepName};
use regularize::{CoTuning, CrossEntropy, Mixing, Targets, attention, importance};
use run_config::{HeadPolicy, RegularizeConfig};
use tch::{Kind, Tensor};
use training::freeze::FreezePlan;
use training::penalties::{Attended, OriginalHead, Penalties, SourceWeightsKept};

use super::gather::build;
use super::perform::Work;
use super::plan::{Action, plan};
use crate::Error;

/// Batches over which DELTA measures how much a channel matters, as its authors do.
const ATTENTIVE_BATCHES: usize = 4;

/// What is kept of the source network; nothing where nobody asks for it.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// What the transferred weights were.
    pub(crate) weights: Rc<SourceWeightsKept>,
    /// A whole network of them.
    pub(crate) network: Option<Rc<Backbone>>,
    /// The head that is replaced.
    pub(crate) original: Option<Rc<OriginalHead>>,
    /// What makes probabilities of the original head's logits, as far as its weights tell.
    pub(crate) head_scale: Option<f64>,
}

impl Work<'_> {
    /// Asks the head that is about to be replaced what it sees in each of the new classes.
    pub(super) fn keep_original_head(&mut self, listen: &mut Listener<'_>) -> Result<(), Error> {
        let Some(co_tuning) = self.run.config.regularize.co_tuning else { return Ok(()) };
        let of_weights = self.kept.head_scale.and_then(|scale| scale.try_into().ok());
        let co_tuning = CoTuning { scale: co_tuning.scale.or(of_weights), ..co_tuning };
        self.backbone.to(self.run.device, Kind::Float);
        let original = OriginalHead::copy_of(&self.backbone);
        let feed = self.plain_feed(StageId::INPUT)?;
        let _no_gradient = tch::no_grad_guard();
        let (mut logits, mut labels) = (Vec::new(), Vec::new());
        let (mut done, total) = (0, feed.len() as u64);
        for batch in feed.in_order(&self.backbone, self.run.config.train.batch_size.get()) {
            if self.interrupt.requested() {
                return Err(Error::Interrupted);
            }
            let batch = batch?;
            logits.push(self.backbone.classify(&batch.x, StageId::INPUT, Mode::Evaluate).logits);
            done += u64::try_from(batch.labels.size()[0]).unwrap_or(0);
            labels.push(batch.labels);
            listen(&Event::Prepared { what: "original head", done, total });
        }
        let classes = i64::try_from(self.pictures.classes.len()).unwrap_or(i64::MAX);
        let table = co_tuning.relationship(&Tensor::cat(&logits, 0), &Tensor::cat(&labels, 0), classes);
        self.kept.original = Some(Rc::new(original.relate(&table)));
        Ok(())
    }

    /// Copies what the transferred weights are, and a whole network of them, where they will be asked for.
    pub(super) fn keep_source(&mut self) -> Result<(), Error> {
        let regularize = &self.run.config.regularize;
        if regularize.l2_sp.is_some() || regularize.delta.is_some() {
            let kept = match self.run.config.finetune.head {
                HeadPolicy::New => SourceWeightsKept::of(&self.backbone, self.missing()),
                HeadPolicy::Keep => SourceWeightsKept::with_head(&self.backbone, self.missing()),
            };
            self.kept.weights = Rc::new(kept);
        }
        if let (Some(_), Some(checkpoint)) = (regularize.delta, &self.materials.checkpoint) {
            let mut network = build(self.run, &self.materials.input, Some(checkpoint), Values::Drawn);
            network.load(checkpoint)?;
            network.to(self.run.device, Kind::Float);
            network.freeze_before(network.head_id());
            self.kept.network = Some(Rc::new(network));
        }
        Ok(())
    }

    /// The attention to the channels of every stage that a step trains, all alike where there is no trained head to ask;
    /// nothing when told to stop.
    pub(super) fn attention(
        &self,
        step: StepName,
        listen: &mut Listener<'_>,
    ) -> Result<Option<Vec<(StageId, Tensor)>>, Error> {
        let first_live = self.plan_of(step).first_live;
        let stages = self.kept.compared(&self.backbone, first_live);
        let trained = plan(self.run)
            .iter()
            .any(|step| step.name == StepName::TrainHead && matches!(step.action, Action::Train(_)));
        if stages.is_empty() || !trained {
            return Ok(Some(self.kept.alike(&self.backbone, &self.plan_of(step))));
        }
        let feed = self.plain_feed(first_live)?;
        let size = self.run.config.train.batch_size.get();
        let batches = feed.unmixed(&self.backbone, size, self.run.config.run.seed).take(ATTENTIVE_BATCHES);
        let count = feed.len().div_ceil(size).min(ATTENTIVE_BATCHES) * stages.len();
        let (mut done, total) = (0, count as u64);
        let mut rises: Vec<Option<Tensor>> = stages.iter().map(|_| None).collect();
        for batch in batches {
            let batch = batch?;
            for (&stage, rise) in stages.iter().zip(&mut rises) {
                if self.interrupt.requested() {
                    return Ok(None);
                }
                let here = importance_of(&self.backbone, &batch, first_live, stage);
                *rise = Some(rise.take().map_or(here.shallow_clone(), |sum| sum + &here));
                done += 1;
                listen(&Event::Prepared { what: "channels weighed", done, total });
            }
        }
        // The attention does not change when all rises do by one factor, so their sum is as good as their mean.
        let attended = stages.into_iter().zip(rises);
        Ok(Some(attended.filter_map(|(stage, rise)| Some((stage, attention(&rise?)))).collect()))
    }

    /// The training pictures as they are, for the stages from `cut` on.
    fn plain_feed(&self, cut: StageId) -> Result<Feed, Error> {
        let how = Preparation {
            transform: Transform::evaluation(&self.materials.input)?,
            variation: Variation::Varying, // not worth keeping: seen once
            mixing: Mixing::default(),
            batch_size: self.run.config.train.batch_size.get(),
            workers: self.run.workers,
            keep_bytes: 0,
            cache: None,
            stops: Vec::new(),
            passed: None,
            interrupt: self.interrupt,
        };
        Ok(Feed::new(&self.backbone, cut, &self.pictures.train, how, &mut |_| {})?)
    }
}

impl Kept {
    /// The penalties of a training step.
    pub(crate) fn penalties(
        &self,
        regularize: &RegularizeConfig,
        attention: Vec<(StageId, Tensor)>,
    ) -> Penalties {
        let delta = regularize.delta.zip(self.network.as_ref()).map(|(delta, network)| {
            let (network, sourced) = (Rc::clone(network), Rc::clone(&self.weights));
            (delta, Attended { network, sourced, attention })
        });
        Penalties {
            l1: (regularize.l1.get() > 0.0).then_some((regularize.l1.get(), regularize.decay)),
            l2_sp: regularize.l2_sp.map(|l2_sp| (l2_sp, Rc::clone(&self.weights))),
            delta,
            shrinkage: regularize.spectral_shrinkage,
            co_tuning: regularize.co_tuning.zip(self.original.as_ref().map(Rc::clone)),
        }
    }

    /// The stages whose outputs DELTA compares: those that are trained, have something to train and come from the source.
    fn compared(&self, backbone: &Backbone, first_live: StageId) -> Vec<StageId> {
        let live = backbone.ids().filter(|&id| id >= first_live && id < backbone.first_new());
        live.filter(|&id| self.network.is_some() && !backbone.roots(id).is_empty()).collect()
    }

    /// The same attention to every channel.
    pub(super) fn alike(&self, backbone: &Backbone, plan: &FreezePlan) -> Vec<(StageId, Tensor)> {
        let stages = self.compared(backbone, plan.first_live).into_iter();
        let (device, kind) = backbone.placement();
        let share = |stage: StageId| {
            let channels = backbone.stages().get(stage.index()).map_or(1, |stage| stage.channels);
            (stage, Tensor::ones([channels], (kind, device)) / channels as f64)
        };
        stages.map(share).collect()
    }
}

/// How much the loss of a batch, which is the input of stage `from`, rises without each channel of a stage's output.
fn importance_of(backbone: &Backbone, batch: &Batch, from: StageId, stage: StageId) -> Tensor {
    let _no_gradient = tch::no_grad_guard();
    let next = backbone.ids().find(|&id| id > stage).unwrap_or(backbone.head_id());
    let features = backbone.forward(&batch.x, from..next, Mode::Evaluate);
    importance(&features, |features| {
        let logits = backbone.classify(features, next, Mode::Evaluate).logits;
        CrossEntropy::default().of(&logits, &Targets::Labels(batch.labels.shallow_clone()))
    })
}
