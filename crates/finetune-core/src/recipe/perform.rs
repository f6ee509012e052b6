use std::time::Instant;

use backbone::layers::LinearInit;
use backbone::{Backbone, StageId};
use images::{Augment, ResizedCrop, Transform};
use pretrained::InputSpec;
use report::record::{
    EpochRecord, EvaluationRecord, LoadRecord, Outcome, RecipeStepRecord, RunRecord, StageRecord,
};
use tch::Kind;

use super::gather::{Materials, build, freeze_plan};
use super::plan::{Action, StepName, plan};
use super::samples;
use crate::Error;
use crate::batches::{Feed, Preparation, Variation};
use crate::config::{Checkpoints, TrainConfig};
use crate::event::{Event, Listener};
use crate::freeze::{Depth, FreezePlan};
use crate::interrupt::Interrupt;
use crate::model_file::{self, Description};
use crate::pictures::{Part, Pictures};
use crate::run::Run;
use crate::run_folder::RunFolder;
use crate::train::{self, Ending, Phase, Trained};
use crate::{digest, evaluate};

/// A run that is over.
pub struct Finished {
    /// Everything known about it, but for the digests of files not yet written.
    pub record: RunRecord,
    /// The trained network.
    pub backbone: Backbone,
    /// How its images are prepared.
    pub input: InputSpec,
}

/// Carries out the five steps. With a folder, checkpoints are kept there on the way.
///
/// # Errors
/// When training goes out of bounds, a file cannot be read or written, or a frozen stage moved.
pub fn perform(
    run: &Run,
    materials: &Materials,
    folder: Option<&RunFolder>,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<Finished, Error> {
    let started = Instant::now();
    let seed = run.config.run.seed;
    torch_extra::determinism::fix(seed, run.threads);
    let mut pictures = materials.pictures.clone();
    if let Some(per_class) = run.config.data.images_per_class {
        pictures.train = pictures.train.take_per_class(per_class, seed)?;
    }
    let mut work = Work {
        run,
        materials,
        pictures: &pictures,
        folder,
        interrupt,
        backbone: build(run, &materials.input, materials.checkpoint.as_ref()),
        plan: FreezePlan { first_live: StageId::INPUT, rate_scale: Vec::new() },
        load: LoadRecord { weights: "none".to_owned(), ..LoadRecord::default() },
        stages: Vec::new(),
        epochs: Vec::new(),
        steps: 0,
        interrupted: false,
    };
    let mut steps = Vec::new();
    for planned in plan(run) {
        listen(&Event::Began(planned.name));
        let began = Instant::now();
        let what = match (planned.name, planned.action) {
            _ if work.interrupted => "not begun: the run was interrupted".to_owned(),
            (_, Action::Nothing(because)) => format!("nothing to do: {because}"),
            (_, Action::Load(weights)) => work.load(weights)?,
            (_, Action::Freeze(depth)) => work.freeze(&depth)?,
            (_, Action::ReplaceHead) => work.replace_head(listen)?,
            (name, Action::Train(epochs)) => work.train(name, epochs, listen)?,
        };
        // What the run needed from disk was read before the first step, for its sake.
        let before = if planned.name == StepName::Load { materials.seconds } else { 0.0 };
        let step = RecipeStepRecord {
            name: planned.name.name().to_owned(),
            what,
            seconds: before + began.elapsed().as_secs_f64(),
        };
        listen(&Event::Ended(&step));
        steps.push(step);
    }
    work.check_frozen()?;
    let (evaluations, samples) = work.measure()?;
    let record = RunRecord {
        name: run.name.clone(),
        outcome: if work.interrupted { Outcome::Interrupted } else { Outcome::Finished },
        arch: run.network.name.to_owned(),
        depth: run.depth.to_string(),
        device: device_name(run),
        threads: torch_extra::determinism::threads(),
        seed,
        data: pictures.record(),
        load: work.load,
        steps,
        stages: work.stages,
        epochs: work.epochs,
        evaluations,
        samples,
        digests: std::collections::BTreeMap::new(),
        config: String::new(),
        seconds: materials.seconds + started.elapsed().as_secs_f64(),
    };
    Ok(Finished { record, backbone: work.backbone, input: materials.input.clone() })
}

/// A run in the middle of its five steps.
struct Work<'a> {
    run: &'a Run,
    materials: &'a Materials,
    pictures: &'a Pictures,
    folder: Option<&'a RunFolder>,
    interrupt: &'a Interrupt,
    backbone: Backbone,
    plan: FreezePlan,
    load: LoadRecord,
    stages: Vec<StageRecord>,
    epochs: Vec<EpochRecord>,
    steps: u64,
    interrupted: bool,
}

impl Work<'_> {
    /// Step 1.
    fn load(&mut self, weights: Option<String>) -> Result<String, Error> {
        let name = self.run.network.name;
        let input = &self.materials.input;
        let prepared = format!(
            "pictures are resized to {} and cropped to {} ({})",
            input.resize, input.crop, self.materials.input_from
        );
        let (Some(weights), Some(checkpoint)) = (weights, &self.materials.checkpoint) else {
            return Ok(format!("built {name} with random weights; {prepared}"));
        };
        let report = self.backbone.load(checkpoint)?;
        tracing::info!(file = %checkpoint.path.display(), sha256 = checkpoint.sha256, "loaded source weights");
        let wrong = report.wrong_shape.iter();
        self.load = LoadRecord {
            weights,
            sha256: checkpoint.sha256.clone(),
            loaded: report.loaded.len() as u64,
            missing: report.missing.clone(),
            unused: report.unused.clone(),
            wrong_shape: wrong.map(|w| format!("{}: {:?}, {:?}", w.name, w.file, w.network)).collect(),
        };
        let differences = match report.differences() {
            none if none.is_empty() => "all of them".to_owned(),
            some => some,
        };
        let Self { load, .. } = self;
        Ok(format!(
            "built {name} and loaded {} tensors from {}, {differences}; {prepared}",
            load.loaded, load.weights
        ))
    }

    /// Step 2.
    fn freeze(&mut self, depth: &Depth) -> Result<String, Error> {
        self.plan = freeze_plan(self.run, &self.backbone)?;
        let live: Vec<_> = self.backbone.ids().filter(|&id| id >= self.plan.first_live).collect();
        let names: Vec<_> = live
            .iter()
            .filter(|&&id| !self.backbone.roots(id).is_empty())
            .map(|&id| self.backbone.name(id))
            .collect();
        let count = |ids: &[StageId]| ids.iter().map(|&id| self.backbone.parameter_count(id)).sum::<u64>();
        let all: Vec<_> = self.backbone.ids().collect();
        let frozen = count(&all) - count(&live);
        Ok(match depth {
            Depth::Scratch => "froze nothing: the whole network is trained from random weights".to_owned(),
            _ => {
                format!("will train {}; {frozen} of {} parameters stay frozen", names.join(", "), count(&all))
            }
        })
    }

    /// Step 3.
    fn replace_head(&mut self, listen: &mut Listener<'_>) -> Result<String, Error> {
        let before = self.backbone.head().classes;
        let classes = self.pictures.classes.len();
        let init = match self.run.depth {
            Depth::Scratch => self.backbone.head().init,
            _ => LinearInit::TorchDefault,
        };
        self.backbone.replace_head(i64::try_from(classes).unwrap_or(i64::MAX), init);
        self.backbone.to(self.run.device, Kind::Float);
        self.stages = self.stage_records()?;
        listen(&Event::Stages(&self.stages));
        let head = self.backbone.head();
        Ok(format!(
            "put a fresh {} for {classes} classes ({} features each) in place of the one for {before}",
            head.root, head.features
        ))
    }

    /// Steps 4 and 5.
    fn train(&mut self, step: StepName, epochs: u32, listen: &mut Listener<'_>) -> Result<String, Error> {
        let head_only = FreezePlan::head_only(&self.backbone);
        let plan = if step == StepName::TrainHead { head_only } else { self.plan.clone() };
        self.backbone.freeze_before(plan.first_live);
        let (feed, validation) = match self.feeds(plan.first_live, listen) {
            Ok(feeds) => feeds,
            Err(Error::Interrupted) => {
                self.interrupted = true;
                return Ok("interrupted before it began".to_owned());
            }
            Err(error) => return Err(error),
        };
        let kept = feed.kept_bytes();
        tracing::info!(step = step.name(), cut = self.backbone.name(feed.cut()), kept_bytes = ?kept, "batches are ready");
        let phase = Phase {
            step,
            plan: &plan,
            epochs: enough_epochs(epochs, &self.run.config.train, feed.len()),
            train: &self.run.config.train,
            regularize: &self.run.config.regularize,
            seed: self.run.config.run.seed,
            steps_before: self.steps,
        };
        let (run, folder, materials, pictures) = (self.run, self.folder, self.materials, self.pictures);
        let checkpoint = |backbone: &Backbone, name: &str| match folder {
            Some(folder) => {
                let description = description(materials, pictures);
                model_file::save(backbone, &description, &folder.checkpoints()?.join(name)).map(|_| ())
            }
            None => Ok(()),
        };
        let mut after_epoch = |backbone: &Backbone| {
            let each = run.config.run.checkpoints == Checkpoints::Epochs && step == StepName::FineTune;
            if each { checkpoint(backbone, "last.safetensors") } else { Ok(()) }
        };
        let trained = train::train(
            &phase,
            &self.backbone,
            &feed,
            &validation,
            self.interrupt,
            &mut after_epoch,
            listen,
        )?;
        if run.config.run.checkpoints != Checkpoints::None {
            checkpoint(&self.backbone, &format!("{step}.safetensors"))?;
        }
        self.steps += trained.steps;
        self.interrupted = trained.ending == Ending::Interrupted;
        let told = tell(&trained, &self.backbone, plan.first_live, kept);
        self.epochs.extend(trained.epochs);
        Ok(told)
    }

    /// Training and validation pictures as the stages from `cut` on read them.
    fn feeds(&self, cut: StageId, listen: &mut Listener<'_>) -> Result<(Feed, Feed), Error> {
        let augment = &self.run.config.augment;
        let input = &self.materials.input;
        let varies = augment.horizontal_flip > 0.0 || augment.resized_crop.is_some();
        let training = Augment {
            seed: self.run.config.run.seed,
            horizontal_flip: augment.horizontal_flip,
            resized_crop: augment
                .resized_crop
                .map(|crop| ResizedCrop { scale: crop.scale, ratio: crop.ratio }),
            ..Augment::default()
        };
        let variation = if varies { Variation::Varying } else { Variation::Fixed };
        let limit = self.run.config.run.features_mib.saturating_mul(1 << 20);
        let preparation = |transform, variation, keep_bytes| Preparation {
            transform,
            variation,
            workers: self.run.workers,
            keep_bytes,
            interrupt: self.interrupt,
        };
        let train = preparation(Transform::training(input, &training)?, variation, limit);
        let feed = Feed::new(&self.backbone, cut, &self.pictures.train, train, listen)?;
        let left = limit - feed.kept_bytes().unwrap_or(0);
        let fixed = preparation(Transform::evaluation(input)?, Variation::Fixed, left);
        let validation = Feed::new(&self.backbone, cut, &self.pictures.validation, fixed, listen)?;
        Ok((feed, validation))
    }

    fn stage_records(&self) -> Result<Vec<StageRecord>, Error> {
        let record = |id: StageId| {
            let digest = digest::stage(&self.backbone, id)?;
            let rate_scale = self.plan.rate_scale[id.index()];
            Ok(StageRecord {
                name: self.backbone.name(id).to_owned(),
                parameters: self.backbone.parameter_count(id),
                live: id >= self.plan.first_live,
                rate_scale,
                digest_before: digest.clone(),
                digest_after: digest,
            })
        };
        self.backbone.ids().map(record).collect()
    }

    /// Notes what every stage has become. A frozen one must be what it was, buffers included.
    fn check_frozen(&mut self) -> Result<(), Error> {
        for (stage, id) in self.stages.iter_mut().zip(self.backbone.ids()) {
            stage.digest_after = digest::stage(&self.backbone, id)?;
            if !stage.live && stage.digest_after != stage.digest_before {
                return Err(Error::FrozenStageMoved { stage: stage.name.clone() });
            }
        }
        Ok(())
    }

    /// The final measurements, and a few pictures from the last split measured. The test split is looked at here for
    /// the first and only time, and not after an interruption.
    fn measure(&self) -> Result<(Vec<EvaluationRecord>, Vec<report::record::SampleRecord>), Error> {
        let parts = [("validation", &self.pictures.validation), ("test", &self.pictures.test)];
        let mut records = Vec::new();
        let mut samples = Vec::new();
        for (split, part) in parts {
            if part.is_empty() || (self.interrupted && split == "test") {
                continue;
            }
            let said = self.predict(part)?;
            records.push(said.measure(split, self.pictures.classes.len(), &self.pictures.groups));
            samples = samples::choose(part, &said)?;
        }
        Ok((records, samples))
    }

    fn predict(&self, part: &Part) -> Result<evaluate::Predictions, Error> {
        let how = Preparation {
            transform: Transform::evaluation(&self.materials.input)?,
            variation: Variation::Varying, // seen once: nothing to keep
            workers: self.run.workers,
            keep_bytes: 0,
            interrupt: self.interrupt,
        };
        let feed = Feed::new(&self.backbone, StageId::INPUT, part, how, &mut |_| {})?;
        evaluate::predict(&self.backbone, &feed, self.run.config.train.batch_size)
    }
}

/// What a model file says of a model trained from these materials.
#[must_use]
pub fn description<'a>(materials: &'a Materials, pictures: &'a Pictures) -> Description<'a> {
    Description {
        classes: &pictures.classes,
        input: &materials.input,
        source_sha256: materials.checkpoint.as_ref().map_or("", |checkpoint| &checkpoint.sha256),
    }
}

/// The epochs asked for, or more where so few images make too few steps.
fn enough_epochs(epochs: u32, train: &TrainConfig, images: usize) -> u32 {
    let steps_per_epoch = images.div_ceil(train.batch_size).max(1) as u64;
    let needed = train.min_steps.div_ceil(steps_per_epoch);
    epochs.max(u32::try_from(needed).unwrap_or(u32::MAX))
}

fn tell(trained: &Trained, backbone: &Backbone, first_live: StageId, kept: Option<u64>) -> String {
    let what = if first_live == backbone.head_id() {
        "the head".to_owned()
    } else {
        format!("everything from {} on", backbone.name(first_live))
    };
    let input = match kept {
        Some(bytes) if first_live > StageId::INPUT => {
            format!(
                " on features kept from one pass through the frozen stages ({} MiB)",
                bytes.div_ceil(1 << 20)
            )
        }
        _ => String::new(),
    };
    let count = trained.epochs.len();
    let ending = match trained.ending {
        Ending::Complete => String::new(),
        Ending::StoppedEarly { best } => {
            format!("; kept the weights of epoch {best}, the lowest validation loss")
        }
        Ending::Interrupted => "; interrupted".to_owned(),
    };
    format!("trained {what} for {count} epoch(s), {} steps{input}{ending}", trained.steps)
}

fn device_name(run: &Run) -> String {
    match run.device {
        tch::Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}
