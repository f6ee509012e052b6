//! A run left alone, stopped at a moment, and resumed.

use std::collections::BTreeMap;
use std::rc::Rc;

use backbone::{Backbone, digest};
use records::{EpochRecord, Event, Interrupt, Session, StepName, StepRecord};
use regularize::CrossEntropy;
use tch::{Kind, Tensor};

use crate::random_run::{Images, RandomRun};
use training::average::Averaging;
use training::evaluate::score;
use training::freeze::FreezePlan;
use training::objective::{Objective, mode_of};
use training::penalties::{Attention, OriginalHead, SourceWeights, saved_attention};
use training::{
    Phase, PhaseEnd, SaveMoment, SaveState, SavedTraining, SourceReference, Trainer, TrainingNumbers,
    TrainingState,
};

/// What came of a run.
#[derive(Default)]
pub(crate) struct Trained {
    /// Steps as they were emitted.
    pub(crate) steps: Vec<StepRecord>,
    /// Epochs, without times.
    pub(crate) epochs: Vec<EpochRecord>,
    /// How the phases ended, the last of them.
    pub(crate) ends: Option<PhaseEnd>,
    /// Digests of all stages, and of the head that Co-Tuning trains along.
    pub(crate) digests: Vec<String>,
    /// Scores of the validation images.
    pub(crate) validation: Vec<f32>,
}

/// A moment at which the state could be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) save: SaveMoment,
    pub(crate) phase: String,
    pub(crate) epoch: u32,
    pub(crate) steps: u64,
}

/// A saved state as bytes.
pub(crate) struct Kept {
    numbers: String,
    tensors: BTreeMap<String, (Vec<i64>, Kind, Vec<u8>)>,
}

impl Kept {
    fn of(saved: &SavedTraining) -> Self {
        let bytes = |tensor: &Tensor| (tensor.size(), tensor.kind(), digest::bytes(tensor).unwrap());
        Self {
            numbers: serde_json::to_string(&saved.numbers).unwrap(),
            tensors: saved.tensors.iter().map(|(name, tensor)| (name.clone(), bytes(tensor))).collect(),
        }
    }

    pub(crate) fn numbers(&self) -> TrainingNumbers {
        serde_json::from_str(&self.numbers).unwrap()
    }

    fn read(&self) -> SavedTraining {
        let tensor = |(size, kind, bytes): &(Vec<i64>, Kind, Vec<u8>)| {
            Tensor::f_from_data_size(bytes, size, *kind).unwrap()
        };
        let tensors = self.tensors.iter().map(|(name, kept)| (name.clone(), tensor(kept))).collect();
        SavedTraining { numbers: self.numbers(), tensors }
    }
}

/// Keeps the state of one moment, and stops the run there.
struct Stopper {
    interrupt: Interrupt,
    stop: Option<usize>,
    asked: std::cell::Cell<SaveMoment>,
    moments: Vec<Moment>,
    kept: Option<Kept>,
}

impl SaveState for Stopper {
    fn is_due(&self, moment: SaveMoment) -> bool {
        self.asked.set(moment);
        self.kept.is_none()
    }

    fn save(&mut self, saved: &SavedTraining, _: &mut Session<'_>) {
        if self.stop == Some(self.moments.len()) {
            self.kept = Some(Kept::of(saved));
            self.interrupt.request();
        }
        let TrainingNumbers { phase, epoch, steps, .. } = saved.numbers.clone();
        self.moments.push(Moment { save: self.asked.get(), phase, epoch, steps });
    }
}

impl RandomRun {
    pub(crate) fn left_alone(&self, images: &Images) -> (Trained, Vec<Moment>) {
        let (trained, stopper) = self.perform(images, None, None);
        (trained.unwrap(), stopper.moments)
    }

    pub(crate) fn stopped(&self, images: &Images, stop: usize) -> Kept {
        let (trained, stopper) = self.perform(images, Some(stop), None);
        assert!(trained.is_none());
        stopper.kept.unwrap()
    }

    pub(crate) fn resumed(&self, images: &Images, kept: &Kept) -> Trained {
        self.perform(images, None, Some(kept.read())).0.unwrap()
    }

    /// Goes through both phases, from a saved state where there is one; `None` where it was stopped.
    fn perform(
        &self,
        images: &Images,
        stop: Option<usize>,
        mut saved: Option<SavedTraining>,
    ) -> (Option<Trained>, Stopper) {
        let interrupt = Interrupt::default();
        let mut stopper = Stopper {
            interrupt: interrupt.clone(),
            stop,
            asked: std::cell::Cell::new(SaveMoment::Step),
            moments: Vec::new(),
            kept: None,
        };
        let mut backbone = self.network();
        let source = self.source(&backbone);
        let (mut steps, mut end, mut state, mut validation) = (Vec::new(), None, None, Vec::new());
        let begun = saved.as_ref().map(|saved| saved.numbers.phase.clone());
        let phases = [(StepName::TrainHead, self.epochs[0]), (StepName::FineTune, self.epochs[1])];
        let of_run = phases.into_iter().filter(|&(_, epochs)| epochs > 0);
        for (step, epochs) in
            of_run.skip_while(|(step, _)| begun.as_ref().is_some_and(|begun| begun != step.name()))
        {
            let plan = match step {
                StepName::TrainHead => FreezePlan::head_only(&backbone),
                _ => FreezePlan::of(&backbone, &self.finetune.depth, &self.finetune).unwrap(),
            };
            let attention = match &saved {
                Some(saved) => saved_attention(&backbone, &saved.tensors),
                None => attention(&source, &backbone, &plan),
            };
            let phase = self.phase(step, epochs, &plan, &source, attention);
            plan.apply(&mut backbone);
            let mut now = match (saved.take(), state.take()) {
                (Some(saved), _) => TrainingState::restored(&phase, &backbone, saved).unwrap(),
                (None, None) => TrainingState::new(&phase),
                (None, Some(before)) => TrainingState::next(before, &phase),
            };
            let mut listen = |event: &Event<'_>| {
                if let Event::Stepped { record, .. } = event {
                    steps.push((*record).clone());
                }
            };
            let session = &mut Session { interrupt: &interrupt, listener: &mut listen };
            let segments = now.segments_left(&phase, &backbone);
            let mut trainer = Trainer::new(&phase, &mut backbone, &mut now, &mut stopper);
            let mut last = None;
            for segment in segments {
                trainer.unfreeze(&segment);
                let loaders = last.insert(self.loaders(trainer.backbone(), segment.cut, images));
                while trainer.epoch(&segment, loaders, session).unwrap() {
                    trainer.save(session).unwrap();
                }
                if trainer.is_over() {
                    break;
                }
            }
            if interrupt.requested() {
                return (None, stopper);
            }
            let loaders = last.unwrap();
            end = Some(trainer.finish(Some(&loaders)).unwrap());
            validation = match now.validated.take() {
                Some(scored) => scored.logits,
                None => score(&mut backbone, &loaders.validation, 4, self.kind).unwrap().logits,
            };
            state = Some(now);
        }
        let mut digests = digest::stages(&backbone, backbone.ids()).unwrap();
        let original = source.penalties(&self.regularize, Vec::new()).trainables(1.0, |_| 0.0);
        digests.extend(original.iter().map(|trained| hex(&trained.value)));
        let epochs =
            state.map_or_else(Vec::new, |state| state.epochs.into_iter().map(without_times).collect());
        (Some(Trained { steps, epochs, ends: end, digests, validation }), stopper)
    }

    fn source(&self, backbone: &Backbone) -> SourceReference {
        let relationship = Tensor::from_slice(&[0.8f32, 0.2, 0.3, 0.7]).view([2, 2]);
        let original =
            self.regularize.co_tuning.map(|_| Rc::new(OriginalHead::copy_of(backbone).relate(&relationship)));
        let network = self.regularize.delta.map(|_| {
            let mut network = self.network();
            network.freeze_before(network.head_id());
            Rc::new(network)
        });
        SourceReference {
            weights: Rc::new(SourceWeights::of(backbone, &[])),
            network,
            original_head: original,
        }
    }

    fn phase<'a>(
        &'a self,
        step: StepName,
        epochs: u32,
        plan: &'a FreezePlan,
        source: &SourceReference,
        attention: Vec<Attention>,
    ) -> Phase<'a> {
        let main = step == StepName::FineTune;
        let class_weights = self.weighted.then(|| Tensor::from_slice(&[0.5f32, 2.0]));
        let smoothing = self.regularize.label_smoothing.get();
        Phase {
            step,
            plan,
            epochs,
            images: 13,
            objective: Objective {
                mode: mode_of(self.finetune.batch_norm),
                cross_entropy: CrossEntropy { smoothing, class_weights },
                penalties: source.penalties(&self.regularize, attention),
            },
            train: &self.train,
            regularize: &self.regularize,
            batch_norm: self.finetune.batch_norm,
            averaging: if main { Averaging::of(&self.train) } else { Averaging::None },
            begins_trained: self.begins_trained,
            wise_ft: self.finetune.wise_ft.filter(|_| main).map(run_config::PositiveShare::get),
            kind: self.kind,
            seed: self.seed,
            sync_interval: self.sync_interval,
        }
    }
}

/// Attention that the weights of the moment decide, as that of the recipe: no later ones give it again.
fn attention(source: &SourceReference, backbone: &Backbone, plan: &FreezePlan) -> Vec<Attention> {
    let mut attention = source.uniform_attention(backbone, plan);
    for Attention { stage, weights } in &mut attention {
        let head = backbone.parameters(backbone.head_id());
        let sum =
            head.iter().map(|variable| variable.tensor.abs().sum(Kind::Float).double_value(&[])).sum::<f64>();
        let channels = Tensor::arange(weights.numel() as i64, (Kind::Float, weights.device()));
        *weights = ((channels + stage.index() as i64) * sum).sin().softmax(0, Kind::Float);
    }
    attention
}

fn hex(tensor: &Tensor) -> String {
    digest::bytes(tensor).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn without_times(epoch: EpochRecord) -> EpochRecord {
    EpochRecord { images_per_second: 0.0, seconds: 0.0, waited_seconds: 0.0, ..epoch }
}
