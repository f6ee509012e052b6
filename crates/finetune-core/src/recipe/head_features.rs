use audit::{AuditedImage, Features, Frozen};
use backbone::StageId;
use features::loader::Variation;
use records::{Depth, Event, Session};
use run_config::Run;
use training::freeze::FreezePlan;

use super::freeze::freeze;
use super::gather::Materials;
use super::head::head;
use super::load::load;
use super::loaders::variation;
use super::plan::plan;
use super::step::Inputs;
use crate::Error;

/// Returns the features of images as the head reads them in this run.
///
/// # Errors
/// When weights do not fit, an image can no longer be read, or on interruption.
pub(crate) fn head_features(
    run: &Run,
    materials: &Materials,
    images: &[AuditedImage],
    session: &mut Session<'_>,
) -> Result<Features, Error> {
    run.set_up_libtorch()?;
    let inputs =
        &Inputs { run, materials, images: &materials.images, plan: &plan(run), folder: None, kind: None };
    let frozen = freeze(inputs, load(inputs, materials.checkpoint.clone())?.made)?.made;
    let quiet = &mut Session { interrupt: session.interrupt, listener: &mut |_: &Event<'_>| {} };
    let prepared = head(inputs, frozen, quiet)?.made;
    let (mut backbone, first_live) = (prepared.backbone, prepared.plan.first_live);
    let cut = FreezePlan::head_only(&backbone).first_live;
    backbone.freeze_before(cut);
    backbone.prepare_inference(StageId::INPUT..cut, prepared.kind);
    let goes_back =
        !matches!(run.depth(), Depth::Head | Depth::Scratch) && run.config.finetune.head_epochs > 0;
    let keeps = goes_back && first_live > StageId::INPUT && variation(run, 1) == Variation::Fixed;
    let later = (keeps && first_live < cut).then_some(first_live);
    let frozen = Frozen { backbone: &backbone, input: &materials.input, cut, later };
    Ok(frozen.features(run, &materials.images, images, session)?)
}
