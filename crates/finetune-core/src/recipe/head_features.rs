use features::dataset::ImageSubset;
use features::feature_key::feature_cache;
use features::loader::{FeatureLoader, LaterCut, Preparation, Variation};
use images::Transform;
use records::{Depth, Event, Session};
use run_config::{Cache, Run};
use tch::{Device, Kind, Tensor};
use training::freeze::FreezePlan;

use super::freeze::freeze;
use super::gather::Materials;
use super::head::head;
use super::load::load;
use super::loaders::variation;
use super::plan::plan;
use super::step::Inputs;
use crate::Error;

/// Returns the features of the training, validation and test images as the head reads them, `[N, D]`, float32, on the CPU;
/// `None` for an empty split. They are found where a run of this configuration would find them, and computed and cached as it
/// would compute them, with the input of the first stage that it trains.
///
/// # Errors
/// When weights do not fit, an image can no longer be read, or on interruption.
pub fn head_features(
    run: &Run,
    materials: &Materials,
    session: &mut Session<'_>,
) -> Result<[Option<Tensor>; 3], Error> {
    run.set_up_libtorch()?;
    let plan = plan(run);
    let images = &materials.pictures;
    let inputs = &Inputs { run, materials, images, plan: &plan, folder: None };
    let loaded = load(inputs, materials.checkpoint.clone())?.made;
    let frozen = freeze(inputs, loaded)?.made;
    let mut quiet = |_: &Event<'_>| {};
    let prepared =
        head(inputs, frozen, &mut Session { interrupt: session.interrupt, listener: &mut quiet })?.made;
    let mut backbone = prepared.backbone;
    let cut = FreezePlan::head_only(&backbone).first_live;
    backbone.freeze_before(cut);
    backbone.prepare_inference(backbone::StageId::INPUT..cut, prepared.kind);
    let memory = match run.config.run.cache {
        Cache::Off => 0,
        Cache::On | Cache::Memory => run.config.run.features_mib.saturating_mul(1 << 20),
    };
    let cached = |stage| feature_cache(run, &materials.input, &backbone, stage);
    let first_live = prepared.plan.first_live;
    // What a run with a head phase keeps in passing.
    let goes_back =
        !matches!(run.depth(), Depth::Head | Depth::Scratch) && run.config.finetune.head_epochs > 0;
    let is_later = goes_back && first_live > backbone::StageId::INPUT && first_live < cut;
    let of = |part: &ImageSubset, session: &mut Session<'_>| -> Result<Option<Tensor>, Error> {
        if part.is_empty() {
            return Ok(None);
        }
        let later =
            if is_later { vec![LaterCut { stage: first_live, cache: cached(first_live)? }] } else { vec![] };
        let transform = Transform::evaluation(&materials.input)?;
        let batch_size = run.config.train.batch_size.get();
        let how = Preparation {
            variation: Variation::Fixed,
            memory_bytes: memory,
            cache: cached(cut)?,
            later_cuts: if variation(run, 1) == Variation::Fixed { later } else { vec![] },
            ..Preparation::once(transform, batch_size, run.workers, session.interrupt)
        };
        let loader = FeatureLoader::new(&backbone, cut, part, how, session.listener)?;
        let _no_gradient = tch::no_grad_guard();
        let mut rows = Vec::new();
        for batch in loader.in_order(&backbone, batch_size) {
            if session.interrupted() {
                return Err(Error::Interrupted);
            }
            let x = batch?.x;
            let pooled =
                if x.dim() == 4 { x.f_mean_dim([2i64, 3].as_slice(), false, Kind::Float)? } else { x };
            rows.push(pooled.f_flatten(1, -1)?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?);
        }
        Ok(Some(Tensor::f_cat(&rows, 0)?))
    };
    Ok([of(&images.train, session)?, of(&images.validation, session)?, of(&images.test, session)?])
}
