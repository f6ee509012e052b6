//! Training on some of the training images and asking about the others: the cell of a search. Nothing is saved or measured.

use backbone::{Backbone, Snapshot, StageId};
use features::loader::{FeatureLoader, Variation};
use records::{Session, StepName};
use regularize::wise_ft;
use run_config::Run;
use tch::Kind;
use training::evaluate;
use training::{Loaders, enough_epochs};

use super::chosen_images::images_of;
use super::course::Course;
use super::freeze::freeze;
use super::gather::Materials;
use super::head::head;
use super::load::load;
use super::loaders::{Request, loaders, variation};
use super::plan::{Training, plan};
use super::step::Inputs;
use super::trained::Trained;
use super::training::train;
use crate::Error;

/// Logits of a fold's images, by the fine-tuned weights and by averages of them.
pub(crate) struct OutOfFold {
    /// By the trained network, row by row, `[N, classes]`.
    pub trained: Vec<f32>,
    /// By the weights at each share asked for of the way from those that fine-tuning began with.
    pub averages: Vec<Vec<f32>>,
}

/// Trains a run on its training images and returns the logits of its validation images in their order. The weights of the
/// end are asked, never those of an epoch that was chosen on these images. `shares` asks for averages of weights (WiSE-FT).
///
/// # Errors
/// As [`perform`](super::perform()); [`Error::Interrupted`] where it was interrupted.
pub(crate) fn out_of_fold(
    run: &Run,
    materials: &mut Materials,
    shares: &[f64],
    session: &mut Session<'_>,
) -> Result<OutOfFold, Error> {
    run.set_up_libtorch()?;
    let checkpoint = materials.checkpoint.take();
    let (images, recipe) = (images_of(run, &materials.images)?, plan(run));
    let inputs = &Inputs { run, materials, images: &images, plan: &recipe, folder: None, kind: None };
    let course = &mut Course::unsaved();
    let loaded = load(inputs, checkpoint)?.made;
    let frozen = freeze(inputs, loaded)?.made;
    let mut trained = Trained::new(head(inputs, frozen, session)?.made);
    trained = train(inputs, trained, StepName::TrainHead, course, session)?.made;
    let first_live = trained.prepared.plan.first_live;
    let begin = (!shares.is_empty()).then(|| Snapshot::take(&trained.prepared.backbone, first_live));
    trained = train(inputs, trained, StepName::FineTune, course, session)?.made;
    let Trained { prepared, loaders: Some(Loaders { validation, .. }), interrupted: false, .. } =
        &mut trained
    else {
        return Err(Error::Interrupted);
    };
    let asked =
        Asked { feed: validation, batch_size: run.config.train.batch_size.get(), kind: prepared.kind };
    let mut out = OutOfFold { trained: asked.logits(&mut prepared.backbone)?, averages: Vec::new() };
    if let Some(begin) = begin {
        let end = Snapshot::take(&prepared.backbone, first_live);
        for &share in shares {
            end.restore();
            for (weights, begin) in begin.pairs() {
                wise_ft::interpolate(weights, begin, share);
            }
            out.averages.push(asked.logits(&mut prepared.backbone)?);
        }
    }
    Ok(out)
}

/// Computes what the frozen stages of a run and of all shallower ones make of all training images, once, so that every fold
/// finds it in the cache. Nothing where images vary or nothing is cached on disk.
///
/// # Errors
/// When an image can no longer be read, and on interruption.
pub(crate) fn keep_features(
    run: &Run,
    materials: &Materials,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let Training::Epochs(epochs) = plan(run).fine_tune else { return Ok(()) };
    let mut materials = materials.clone();
    let epochs = enough_epochs(epochs, &run.config.train, materials.images.train.len());
    if run.config.run.cache != run_config::Cache::On || variation(run, epochs) != Variation::Fixed {
        return Ok(());
    }
    run.set_up_libtorch()?;
    let checkpoint = materials.checkpoint.take();
    let (images, recipe) = (images_of(run, &materials.images)?, plan(run));
    let inputs =
        &Inputs { run, materials: &materials, images: &images, plan: &recipe, folder: None, kind: None };
    let silent = &mut Session { interrupt: session.interrupt, listener: &mut |_| {} };
    let frozen = freeze(inputs, load(inputs, checkpoint)?.made)?.made;
    let mut prepared = head(inputs, frozen, silent)?.made;
    let (first, head_id) = (prepared.plan.first_live, prepared.backbone.first_new());
    prepared.backbone.freeze_before(head_id);
    prepared.backbone.prepare_inference(StageId::INPUT..head_id, prepared.kind);
    let backbone = &prepared.backbone;
    let between = |id: &StageId| *id >= first && *id < head_id && !backbone.roots(*id).is_empty();
    let later_cuts = backbone.ids().rev().filter(between).collect();
    let request = Request { backbone, cut: head_id, epochs, later_cuts };
    loaders(inputs, &request, None, session)?;
    Ok(())
}

/// Images whose logits are asked for.
struct Asked<'a> {
    feed: &'a FeatureLoader,
    batch_size: usize,
    kind: Kind,
}

impl Asked<'_> {
    fn logits(&self, backbone: &mut Backbone) -> Result<Vec<f32>, Error> {
        Ok(evaluate::score(backbone, self.feed, self.batch_size, self.kind)?.logits)
    }
}
