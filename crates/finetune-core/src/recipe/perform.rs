use std::time::Instant;

use backbone::{Backbone, StageId, Values};
use features::pictures::Pictures;
use pretrained::InputSpec;
use records::{
    Depth, EpochRecord, Event, Interrupt, Listener, LoadRecord, Outcome, PhasePlanRecord, RecipeStepRecord,
    RunRecord, StageRecord, StepName,
};
use run_config::Run;
use tch::Kind;
use training::evaluate::Scored;
use training::freeze::FreezePlan;
use training::{Feeds, precision};
use zoo::source_weights;

use super::frozen;
use super::gather::{Materials, build, freeze_plan};
use super::plan::{Action, plan};
use super::source::Kept;
use crate::Error;
use crate::model_file::Description;
use crate::run_folder::RunFolder;

/// A run that is over.
pub struct Finished {
    /// Everything known about it, but for the digests of files not yet written.
    pub record: RunRecord,
    /// The trained network.
    pub backbone: Backbone,
    /// How its images are prepared.
    pub input: InputSpec,
}

/// Carries out the five steps. With a folder, checkpoints are kept there on the way. The materials let go of the source
/// weights once these are in the network.
///
/// # Errors
/// When training goes out of bounds, a file cannot be read or written, or a frozen stage moved.
pub fn perform(
    run: &Run,
    materials: &mut Materials,
    folder: Option<&RunFolder>,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<Finished, Error> {
    let started = Instant::now();
    let seed = run.config.run.seed;
    run.set_up_libtorch()?;
    let pictures = drawn(run, materials)?;
    let (seconds_before, input) = (materials.seconds, materials.input.clone());
    let mut work = Work::new(run, materials, &pictures, folder, interrupt);
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
            (_, Action::KeepHead) => work.keep_head(listen)?,
            (name, Action::Train(epochs)) => work.train(name, epochs, listen)?,
        };
        // What the run needed from disk was read before the first step, for its sake.
        let before = if planned.name == StepName::Load { seconds_before } else { 0.0 };
        let step = RecipeStepRecord {
            name: planned.name.name().to_owned(),
            what,
            seconds: before + began.elapsed().as_secs_f64(),
        };
        listen(&Event::Ended(&step));
        steps.push(step);
    }
    frozen::check(&mut work.stages, &work.backbone)?;
    let results = work.measure()?;
    let record = RunRecord {
        name: run.name.clone(),
        outcome: if work.interrupted { Outcome::Interrupted } else { Outcome::Finished },
        arch: run.network.name.to_owned(),
        depth: run.depth.to_string(),
        device: device_name(run, work.kind),
        threads: torch_extra::determinism::threads(),
        seed,
        data: pictures.record(),
        load: work.load,
        steps,
        stages: work.stages,
        plan: work.outlines,
        advice: None,
        epochs: work.epochs,
        evaluations: results.evaluations,
        temperature: Some(results.temperature),
        samples: results.samples,
        digests: std::collections::BTreeMap::new(),
        config: String::new(),
        seconds: seconds_before + started.elapsed().as_secs_f64(),
    };
    Ok(Finished { record, backbone: work.backbone, input })
}

/// The pictures of a run: all that were gathered, or so many of each class.
pub(crate) fn drawn(run: &Run, materials: &Materials) -> Result<Pictures, Error> {
    let mut pictures = materials.pictures.clone();
    if let Some(per_class) = run.config.data.images_per_class {
        pictures.train = pictures.train.take_per_class(per_class, run.config.run.seed)?;
    }
    Ok(pictures)
}

/// A run in the middle of its five steps.
pub(super) struct Work<'a> {
    pub(super) run: &'a Run,
    pub(super) materials: &'a mut Materials,
    pub(super) pictures: &'a Pictures,
    pub(super) folder: Option<&'a RunFolder>,
    pub(super) interrupt: &'a Interrupt,
    pub(super) backbone: Backbone,
    pub(super) plan: FreezePlan,
    load: LoadRecord,
    pub(super) kept: Kept,
    pub(super) stages: Vec<StageRecord>,
    pub(super) outlines: Vec<PhasePlanRecord>,
    pub(super) epochs: Vec<EpochRecord>,
    pub(super) steps: u64,
    pub(super) interrupted: bool,
    /// What the network computes in.
    pub(super) kind: Kind,
    /// Training and validation pictures as the stages that were trained last read them.
    pub(super) feeds: Option<Feeds>,
    /// What the network said of the validation pictures at the end of that training, if nothing has changed it since.
    pub(super) validated: Option<Scored>,
}

impl<'a> Work<'a> {
    /// At the beginning, with the network as it is built.
    pub(super) fn new(
        run: &'a Run,
        materials: &'a mut Materials,
        pictures: &'a Pictures,
        folder: Option<&'a RunFolder>,
        interrupt: &'a Interrupt,
    ) -> Self {
        let backbone = build(run, &materials.input, materials.checkpoint.as_deref(), Values::Drawn);
        Self {
            run,
            materials,
            pictures,
            folder,
            interrupt,
            plan: FreezePlan::head_only(&backbone),
            backbone,
            load: LoadRecord { weights: "none".to_owned(), ..LoadRecord::default() },
            kept: Kept::default(),
            stages: Vec::new(),
            outlines: Vec::new(),
            epochs: Vec::new(),
            steps: 0,
            interrupted: false,
            kind: Kind::Float,
            feeds: None,
            validated: None,
        }
    }

    /// Step 1.
    pub(super) fn load(&mut self, weights: Option<String>) -> Result<String, Error> {
        let name = self.run.network.name;
        let input = &self.materials.input;
        let prepared = format!("pictures are {input} ({})", self.materials.input_from);
        let (Some(weights), Some(checkpoint)) = (weights, self.materials.checkpoint.clone()) else {
            return Ok(format!("built {name} with random weights; {prepared}"));
        };
        let report = self.backbone.load(&checkpoint)?;
        let (network, named) = (self.run.network, self.run.weights.as_ref());
        self.kept.head_scale = Some(source_weights::head_scale(network, named, &checkpoint));
        if self.run.config.regularize.delta.is_none() {
            self.materials.checkpoint = None;
        }
        tracing::info!(file = %checkpoint.path.display(), sha256 = checkpoint.sha256, "loaded source weights");
        let wrong = report.wrong_shape.iter();
        self.load = LoadRecord {
            weights,
            sha256: checkpoint.sha256.clone(),
            loaded: report.loaded.len() as u64,
            missing: report.missing.clone(),
            unused: report.unused.iter().chain(&checkpoint.unwrapped.unused).cloned().collect(),
            wrong_shape: wrong.map(|w| format!("{}: {:?}, {:?}", w.name, w.file, w.network)).collect(),
        };
        let differences = match report.differences() {
            none if none.is_empty() => "all of them".to_owned(),
            some => some,
        };
        let unwrapped = match source_weights::describe_unwrapping(&checkpoint) {
            none if none.is_empty() => none,
            some => format!(" ({some})"),
        };
        // The file's arrays, and what was made of them to look at.
        drop(checkpoint);
        torch_extra::memory::give_back();
        let Self { load, .. } = self;
        Ok(format!(
            "built {name} and loaded {} tensors from {}, {differences}{unwrapped}; {prepared}",
            load.loaded, load.weights
        ))
    }

    /// Step 2.
    pub(super) fn freeze(&mut self, depth: &Depth) -> Result<String, Error> {
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

    /// What the file of source weights lacked.
    pub(super) fn missing(&self) -> &[String] {
        &self.load.missing
    }
}

impl Finished {
    /// What a model file says of the trained network.
    #[must_use]
    pub fn description<'a>(&self, materials: &'a Materials) -> Description<'a> {
        let temperature = self.record.temperature.as_ref().and_then(|temperature| temperature.value);
        Description { temperature, ..description(materials, &materials.pictures) }
    }
}

/// What a model file says of a network that is not yet measured.
#[must_use]
pub(super) fn description<'a>(materials: &'a Materials, pictures: &'a Pictures) -> Description<'a> {
    Description {
        classes: &pictures.classes,
        input: &materials.input,
        source_sha256: materials.source_sha256.as_deref().unwrap_or_default(),
        temperature: None,
    }
}

fn device_name(run: &Run, kind: Kind) -> String {
    let device = match run.device {
        tch::Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    };
    if kind == Kind::Float { device } else { format!("{device}, {}", precision::name(kind)) }
}
