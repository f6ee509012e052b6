//! Steps 4 and 5: the phases of training, set up from the configuration.

use std::num::NonZeroU32;

use backbone::{Backbone, Mode, StageId};
use features::batches::{Feed, Passed, Preparation, Stop, Variation};
use features::feature_cache::Cached;
use features::feature_key::feature_cache;
use features::keeping::{self, Keeping};
use features::pictures::Pictures;
use images::Transform;
use records::{Depth, EpochRecord, Event, Interrupt, Listener, PhasePlanRecord, StepName};
use regularize::{CrossEntropy, Mixing};
use run_config::{BatchNormPolicy, Cache, Checkpoints, ClassWeights, Config, Run};
use tch::{Kind, Tensor};
use training::average::Averaging;
use training::freeze::FreezePlan;
use training::objective::{Objective, balanced_weights};
use training::outline::outline;
use training::penalties::Penalties;
use training::{self, Ending, Feeds, Phase, Trained, enough_epochs, readings};

use super::perform::{Work, description};
use super::plan::{Action, plan};
use crate::Error;
use crate::model_file;
use crate::recipe::Materials;

impl Work<'_> {
    /// Steps 4 and 5.
    pub(super) fn train(
        &mut self,
        step: StepName,
        epochs: u32,
        listen: &mut Listener<'_>,
    ) -> Result<String, Error> {
        let plan = self.plan_of(step);
        let (run, folder, pictures) = (self.run, self.folder, self.pictures);
        let interrupt = self.interrupt;
        if self.steps == 0 && plan.first_live_in(&self.backbone, 1) > StageId::INPUT {
            keeping::unkept(&run.config).into_iter().for_each(|note| listen(&Event::Note(note)));
        }
        let Some(attention) = self.attention(step, listen)? else {
            self.interrupted = true;
            return Ok("interrupted before it began".to_owned());
        };
        let penalties = self.kept.penalties(&run.config.regularize, attention);
        let materials = &*self.materials;
        let phase = Phase {
            steps_before: self.steps,
            kind: self.kind,
            ..phase(run, pictures, step, epochs, &plan, penalties)
        };
        let checkpoint = |backbone: &Backbone, name: &str| match folder {
            Some(folder) => {
                let path = folder.checkpoints()?.join(name);
                model_file::save(backbone, &description(materials, pictures), &path)?;
                Ok::<_, Error>(Some(path))
            }
            None => Ok(None),
        };
        // A checkpoint that finds no room costs nobody the training: it goes on, and the last good one stays.
        let try_checkpoint = |backbone: &Backbone, name: &str, listen: &mut Listener<'_>| {
            if let Err(error) = checkpoint(backbone, name) {
                listen(&Event::Warning(format!("{error}; the training goes on without this checkpoint")));
            }
        };
        let mut after_epoch = |backbone: &Backbone, listen: &mut Listener<'_>| {
            if run.config.run.checkpoints == Checkpoints::Epochs && step == StepName::FineTune {
                try_checkpoint(backbone, "last.safetensors", listen);
            }
        };
        let all_epochs = phase.epochs;
        let cuts = self.cuts(step, &plan, all_epochs);
        let mut feeds = self.feeds.take();
        let mut make =
            |backbone: &Backbone, cut: StageId, before: Option<Feeds>, listen: &mut Listener<'_>| {
                let stops = cuts.iter().copied().filter(|&stop| stop < cut).collect();
                let place = Place { backbone, cut, epochs: all_epochs, stops };
                make_feeds(run, materials, pictures, interrupt, place, before, listen)
            };
        let trained = training::train(
            &phase,
            &mut self.backbone,
            (&mut feeds, &mut make),
            interrupt,
            &mut after_epoch,
            listen,
        );
        let mut trained = match trained {
            // What was good before the numbers ran away is worth keeping, whatever else is kept.
            Err(training::Error::Diverged { phase, epoch, step, loss, origin, .. }) => {
                let kept = checkpoint(&self.backbone, "last-good.safetensors").unwrap_or_else(|error| {
                    listen(&Event::Warning(error.to_string()));
                    None
                });
                return Err(training::Error::Diverged { phase, epoch, step, loss, origin, kept }.into());
            }
            trained => trained?,
        };
        if run.config.run.checkpoints != Checkpoints::None && trained.steps > 0 {
            try_checkpoint(&self.backbone, &format!("{step}.safetensors"), listen);
        }
        self.steps += trained.steps;
        self.feeds = feeds;
        self.validated = trained.validated.take();
        self.interrupted = trained.ending == Ending::Interrupted;
        let told = tell(&trained, &self.backbone, plan.first_live, phase.averaging);
        self.epochs.extend(trained.epochs);
        Ok(told)
    }

    /// What each of the training steps is going to do.
    pub(super) fn outline(&self) -> Vec<PhasePlanRecord> {
        let planned = plan(self.run).into_iter();
        let outlines = planned.filter_map(|step| match step.action {
            Action::Train(epochs) => {
                let train = &self.run.config.train;
                let images = self.pictures.train.len();
                let epochs = enough_epochs(epochs, train, images);
                let policies = (train, self.run.config.finetune.batch_norm);
                Some(outline(step.name, &self.backbone, &self.plan_of(step.name), policies, (epochs, images)))
            }
            _ => None,
        });
        outlines.collect()
    }

    /// The stages at which training begins in this training step or in the one after it, the last stage first. Not those of
    /// the latter if it shows other views of the pictures.
    fn cuts(&self, step: StepName, this: &FreezePlan, epochs: u32) -> Vec<StageId> {
        let mut cuts = this.cuts(&self.backbone, epochs);
        let next = plan(self.run).into_iter().find_map(|planned| match (planned.name, planned.action) {
            (StepName::FineTune, Action::Train(epochs)) if step == StepName::TrainHead => Some(epochs),
            _ => None,
        });
        if let Some(next) = next {
            let next = enough_epochs(next, &self.run.config.train, self.pictures.train.len());
            if variation(self.run, next) == variation(self.run, epochs) {
                cuts.extend(self.plan_of(StepName::FineTune).cuts(&self.backbone, next));
            }
        }
        cuts.dedup();
        cuts
    }

    /// What a training step thaws.
    pub(super) fn plan_of(&self, step: StepName) -> FreezePlan {
        match step {
            StepName::TrainHead => FreezePlan::head_only(&self.backbone),
            _ => self.plan.clone(),
        }
    }
}

/// A training step of so many epochs, or more where so few images make too few steps; the first of the run.
pub(super) fn phase<'a>(
    run: &'a Run,
    pictures: &Pictures,
    step: StepName,
    epochs: u32,
    plan: &'a FreezePlan,
    penalties: Penalties,
) -> Phase<'a> {
    let config = &run.config;
    // The step `train-head` before a fine-tune step only prepares that.
    let main = step == StepName::FineTune || run.depth == Depth::Head;
    Phase {
        step,
        plan,
        epochs: enough_epochs(epochs, &config.train, pictures.train.len()),
        images: pictures.train.len(),
        objective: Objective {
            mode: mode_of(config.finetune.batch_norm),
            cross_entropy: CrossEntropy {
                smoothing: config.regularize.label_smoothing,
                class_weights: class_weights(run, pictures),
            },
            penalties,
        },
        train: &config.train,
        regularize: &config.regularize,
        batch_norm: config.finetune.batch_norm,
        kind: Kind::Float,
        averaging: if main { Averaging::of(&config.train) } else { Averaging::None },
        seed: config.run.seed,
        steps_before: 0,
        read_every: readings::every(run.device),
    }
}

/// How the live stages run while training.
pub(crate) fn mode_of(batch_norm: BatchNormPolicy) -> Mode {
    match batch_norm {
        BatchNormPolicy::Train => Mode::Train,
        BatchNormPolicy::Frozen => Mode::TrainFixedNorm,
    }
}

/// The weight of each class, `[classes]`, where they are not all alike.
fn class_weights(run: &Run, pictures: &Pictures) -> Option<Tensor> {
    let weights: Vec<f64> = match run.config.train.class_weights.as_ref()? {
        ClassWeights::Balanced => balanced_weights(&pictures.train.labels(), pictures.classes.len()),
        ClassWeights::PerClass(weights) => {
            pictures.classes.iter().map(|class| weights.get(class).copied().unwrap_or(1.0)).collect()
        }
    };
    Some(Tensor::from_slice(&weights).to_device(run.device).to_kind(Kind::Float))
}

/// Training and validation pictures for the stages from a cut on.
pub(super) struct Place<'a> {
    pub(super) backbone: &'a Backbone,
    pub(super) cut: StageId,
    /// Of the training step.
    pub(super) epochs: u32,
    /// Where training begins later, the nearest stage first.
    pub(super) stops: Vec<StageId>,
}

/// Whether the training pictures look the same in each of so many epochs.
fn variation(run: &Run, epochs: u32) -> Variation {
    let Config { augment, regularize, run: asked, .. } = &run.config;
    let mixes = regularize.mixing().varies();
    // More views than epochs show the same as a view for each epoch, and what is mixed is another mixture each time.
    match NonZeroU32::new(augment.views.min(epochs)) {
        _ if !mixes && !augment.changes(asked.seed).varies() => Variation::Fixed,
        _ if mixes => Variation::Varying,
        Some(views) => Variation::Views(views),
        None => Variation::Varying,
    }
}

/// Training and validation pictures as the stages from a cut on read them. What the feeds before them kept for it goes on
/// being kept.
pub(super) fn make_feeds(
    run: &Run,
    materials: &Materials,
    pictures: &Pictures,
    interrupt: &Interrupt,
    place: Place<'_>,
    before: Option<Feeds>,
    listen: &mut Listener<'_>,
) -> Result<Feeds, features::Error> {
    let Place { backbone, cut, epochs, stops } = place;
    let (passed, of_validation): (Option<Passed>, Option<Passed>) = match before {
        Some((feed, validation)) => (feed.pass_on(cut), validation.pass_on(cut)),
        None => (None, None),
    };
    let (augment, input) = (&run.config.augment, &materials.input);
    let (training, mixing) = (augment.changes(run.config.run.seed), run.config.regularize.mixing());
    let variation = variation(run, epochs);
    let limit = match run.config.run.cache {
        Cache::Off => 0,
        Cache::On | Cache::Memory => run.config.run.features_mib.saturating_mul(1 << 20),
    };
    let views = if variation == Variation::Varying { 0 } else { variation.count() };
    let shown = pictures.train.len() as u64 * u64::from(views) + pictures.validation.len() as u64;
    // What was kept in passing was told then.
    if views > 0 && passed.is_none() {
        let keeping = |cut| Keeping::of(backbone, cut, input, &run.config.run, shown);
        keeping(cut).into_iter().for_each(|keeping| listen(&Event::Note(keeping.to_string())));
        for &stop in &stops {
            let name = backbone.name(stop);
            if let Some(keeping) = keeping(stop) {
                listen(&Event::Note(format!("in passing, for when {name} is trained: {keeping}")));
            }
        }
    }
    let cache = feature_cache(run, input, backbone, cut)?;
    let caches = stops
        .into_iter()
        .map(|stage| Ok((stage, feature_cache(run, input, backbone, stage)?)))
        .collect::<Result<Vec<_>, features::Error>>()?;
    let preparation = |transform, variation, mixing, keep_bytes, passed| {
        let of_view = |cache: &Option<Cached>| {
            cache.as_ref().map(|cached| match variation {
                Variation::Fixed => cached.clone(),
                _ => cached.and(format!("{training:?}").as_bytes()),
            })
        };
        Preparation {
            transform,
            variation,
            mixing,
            batch_size: run.config.train.batch_size,
            workers: run.workers,
            keep_bytes,
            cache: of_view(&cache),
            stops: caches
                .iter()
                .map(|(stage, cache)| Stop { stage: *stage, cache: of_view(cache) })
                .collect(),
            passed,
            interrupt,
        }
    };
    let train = preparation(Transform::training(input, &training)?, variation, mixing, limit, passed);
    let feed = Feed::new(backbone, cut, &pictures.train, train, listen)?;
    // What did not fit into memory and is mapped from disk counts as well.
    let left = limit.saturating_sub(feed.held_bytes());
    let fixed = Transform::evaluation(input)?;
    // Pixels are not kept: they are made from the pictures as fast as they are read, and are four times as large.
    let room = if cut == StageId::INPUT { 0 } else { left };
    let fixed = preparation(fixed, Variation::Fixed, Mixing::default(), room, of_validation);
    let validation = Feed::new(backbone, cut, &pictures.validation, fixed, listen)?;
    keeping::found(feed.found_earlier() + validation.found_earlier(), shown)
        .into_iter()
        .for_each(|note| listen(&Event::Note(note)));
    Ok((feed, validation))
}

/// What of the time of these epochs nothing could be computed in, because the pictures were not prepared yet.
fn waited(epochs: &[EpochRecord]) -> String {
    if epochs.is_empty() {
        return String::new();
    }
    let sum = |of: fn(&EpochRecord) -> f64| epochs.iter().map(of).sum::<f64>();
    let (waited, all) = (sum(|epoch| epoch.waited_seconds), sum(|epoch| epoch.seconds));
    format!(", {:.1}% of the time waiting for pictures", 100.0 * waited / all.max(f64::MIN_POSITIVE))
}

fn tell(trained: &Trained, backbone: &Backbone, first_live: StageId, averaging: Averaging) -> String {
    if trained.steps == 0 && trained.ending == Ending::Interrupted {
        return "interrupted before it began".to_owned();
    }
    let what = if first_live == backbone.head_id() {
        "the head".to_owned()
    } else {
        format!("everything from {} on", backbone.name(first_live))
    };
    let input = match trained.kept_bytes {
        Some(bytes) if first_live > StageId::INPUT => {
            format!(
                " on features kept from one pass through the frozen stages ({} MiB)",
                bytes.div_ceil(1 << 20)
            )
        }
        Some(_) => String::new(),
        None => waited(&trained.epochs),
    };
    let count = trained.epochs.len();
    let ending = match trained.ending {
        Ending::Complete => String::new(),
        Ending::StoppedEarly { best } => {
            format!("; kept the weights of epoch {best}, the lowest validation loss")
        }
        Ending::Interrupted => "; interrupted".to_owned(),
    };
    let average = match (averaging, trained.averaged) {
        (Averaging::Exponential(decay), 1..) => {
            format!("; the model is the moving average of the weights, decay {decay}")
        }
        (Averaging::FromEpoch(from), count @ 1..) => {
            format!("; the model is the mean of the weights after {count} epoch(s), from epoch {from} on")
        }
        _ => String::new(),
    };
    format!("trained {what} for {count} epoch(s), {} steps{input}{ending}{average}", trained.steps)
}
