use std::collections::BTreeMap;

use backbone::Backbone;
use predictions::Predictions;
use pretrained::InputSpec;
use records::{Outcome, RunRecord, Session, StepName};
use run_config::Run;
use tch::Kind;
use training::precision;

use super::chosen_images::images_of;
use super::course::Course;
use super::freeze::freeze;
use super::frozen_proof;
use super::gather::{Materials, model_description};
use super::head::head;
use super::load::{ending_record, load};
use super::measure::measure;
use super::plan::plan;
use super::step::{Inputs, Steps};
use super::trained::Trained;
use super::training::train;
use crate::Error;
use run_folder::RunFolder;
use trained_model::model_file::Description;

/// A run that is over.
pub struct Finished {
    /// Everything known about it, but for the digests of files not yet written.
    pub record: RunRecord,
    /// The trained network.
    pub backbone: Backbone,
    /// How its images are prepared.
    pub input: InputSpec,
    /// Predictions for the images of the last split measured: those of the test, or of the fold that was held out.
    pub predictions: Option<Predictions>,
}

/// Carries out the five steps, each with what the one before it made, and measures the model. With a folder, checkpoints are
/// kept there on the way. The source weights are moved out of the materials into the network. A course that an earlier process
/// began is gone on with: what it trained is not trained again.
///
/// # Errors
/// When training diverges, a file cannot be read or written, or a frozen stage changed.
pub fn perform(
    run: &Run,
    materials: &mut Materials,
    folder: Option<&RunFolder>,
    mut course: Course<'_>,
    session: &mut Session<'_>,
) -> Result<Finished, Error> {
    run.set_up_libtorch()?;
    let checkpoint = materials.checkpoint.take();
    let (images, plan) = (images_of(run, &materials.images)?, plan(run));
    let inputs = &Inputs { run, materials, images: &images, plan: &plan, folder, kind: course.kind() };
    course.clock.before += materials.seconds;
    let mut steps = Steps::new(materials.seconds);

    let loaded = steps.perform(StepName::Load, session, |_| load(inputs, checkpoint))?;
    let frozen = steps.perform(StepName::Freeze, session, |_| freeze(inputs, loaded))?;
    let prepared = steps.perform(StepName::Head, session, |session| head(inputs, frozen, session))?;
    let mut trained = Trained::new(prepared);
    steps.records.iter_mut().for_each(|record| course.continue_record(record));
    course.lay_over(&mut trained)?;
    for step in [StepName::TrainHead, StepName::FineTune] {
        if let Some(record) = course.ended(step) {
            steps.add(step, record, session);
            continue;
        }
        steps.spent_before(course.seconds_in(step));
        course.steps.clone_from(&steps.records);
        trained =
            steps.perform(step, session, |session| train(inputs, trained, step, &mut course, session))?;
    }
    frozen_proof::check(&mut trained.prepared.stages, &trained.prepared.backbone)?;
    let measured = measure(inputs, &mut trained, session)?;

    let Trained { prepared, state, kept, head_fit, .. } = trained;
    let record = RunRecord {
        name: run.name.clone(),
        outcome: if measured.interrupted { Outcome::Interrupted } else { Outcome::Finished },
        arch: run.network.name.to_owned(),
        depth: run.depth().to_string(),
        device: device_name(run, prepared.kind),
        threads: torch_extra::determinism::threads(),
        processes: u32::try_from(run.processes).unwrap_or(u32::MAX),
        seed: run.config.run.seed,
        data: images.record(),
        load: prepared.load,
        ending: ending_record(&prepared.backbone),
        head_fit,
        steps: steps.records,
        stages: prepared.stages,
        plan: prepared.phases,
        decisions: run.decisions.clone(),
        advice: None,
        kept,
        search: None,
        epochs: state.map_or_else(Vec::new, |state| state.epochs),
        evaluations: measured.evaluations,
        temperature: Some(measured.temperature),
        samples: measured.samples,
        digests: BTreeMap::new(),
        config: String::new(),
        inexact: Vec::new(),
        seconds: course.clock.seconds(),
    };
    Ok(Finished {
        record,
        backbone: prepared.backbone,
        input: materials.input.clone(),
        predictions: measured.predictions,
    })
}

impl Finished {
    /// Returns what the model file says of the trained network.
    #[must_use]
    pub fn description<'a>(&self, materials: &'a Materials) -> Description<'a> {
        let temperature = self.record.temperature.as_ref().and_then(|temperature| temperature.value);
        Description { temperature, ..model_description(materials, &materials.images) }
    }
}

fn device_name(run: &Run, kind: Kind) -> String {
    let device = torch_extra::cuda::short_name(run.device);
    if kind == Kind::Float { device } else { format!("{device}, {}", precision::name(kind)) }
}
