//! Predictions of a model for image files, batch by batch, in bounded memory.

mod error;
mod files;
mod prediction;
mod steady;

use std::path::PathBuf;

use backbone::StageId;
use features::loader::host_memory;
use images::{FileBatches, Layout, WideImages};
use run_config::Switch;
use training::evaluate;

pub use self::error::PredictError;
use self::files::{Asked, Files};
pub use self::prediction::{Batching, ClassProbability, How, Prediction, Summary, Timing};
use self::steady::{Alternation, Throughput};
use crate::model::Model;

/// Runs the model over the files in their order and calls `on_prediction` for each image. Files that are not readable images
/// are left out and returned.
///
/// # Errors
/// [`PredictError`] when a libtorch call fails or the scores of an image are not finite, and any error of `on_prediction`.
pub fn predict<E: From<PredictError>>(
    model: &Model,
    paths: &[PathBuf],
    how: &How<'_>,
    on_prediction: &mut dyn FnMut(&Prediction<'_>) -> Result<(), E>,
) -> Result<Summary, E> {
    let &How { batching, views, features } = how;
    let transform = views.transform().clone();
    let transform = if batching.reduced_decoding == Switch::On { transform.reducing() } else { transform };
    // A matrix product of another height may sum in another order: every batch of several has the full height.
    let rows = if paths.len() > batching.batch_size { batching.batch_size } else { 0 };
    let layout = match model.backbone.prepared_kind() {
        Some(_) => Layout::ChannelsLast,
        None => Layout::ChannelsFirst,
    };
    let device = model.backbone.placement().0;
    let (paths_of, transform) = (paths.to_vec(), transform.laid(layout));
    let allocate = host_memory(device, rows);
    let mut files = Files {
        model,
        paths,
        rows,
        batches: FileBatches::new(paths_of, transform, batching.batch_size, batching.workers, allocate),
        views,
        features,
        alternation: Alternation::on(device),
        throughput: Throughput::over(paths.len().div_ceil(batching.batch_size.max(1))),
        asked: Asked::nothing(),
        summary: Summary { unreadable: Vec::new(), wide: WideImages::default(), timing: Timing::default() },
        on_prediction,
    };
    let cut = if features { model.backbone.head_id() } else { StageId::INPUT };
    evaluate::classify(&model.backbone, cut, 1, &mut files)?;
    let Files { mut summary, throughput, .. } = files;
    summary.timing.pictures_per_second = throughput.per_second;
    Ok(summary)
}
