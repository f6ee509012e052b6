//! Images as the network reads them, batch by batch.

use std::path::PathBuf;
use std::sync::Arc;

use images::{Allocate, FileBatches, Transform};
use tch::Tensor;
use trained_model::model::Model;

use crate::ExportError;

/// Images in a batch.
const BATCH: usize = 8;

/// What is done with a batch: places of the files that could be read among all, and their values
/// `[N, channels, side, side]`.
pub(crate) type Act<'a> = dyn FnMut(&[usize], &Tensor) -> Result<(), ExportError> + 'a;

/// Calls a function for each batch of files.
pub(crate) fn each_batch(
    model: &Model,
    paths: &[PathBuf],
    workers: usize,
    act: &mut Act<'_>,
) -> Result<(), ExportError> {
    let transform = Transform::evaluation(&model.input)?;
    let values = transform.channels() * transform.size() * transform.size();
    let allocate: Arc<Allocate<Vec<f32>>> = Arc::new(|shape, _| Ok(vec![0.0; shape.iter().product()]));
    for batch in FileBatches::new(paths.to_vec(), transform, BATCH, workers, allocate) {
        let batch = batch?;
        let count = batch.indices.len();
        if count == 0 {
            continue;
        }
        let shape = [count, batch.channels, batch.size, batch.size].map(|extent| extent as i64);
        act(&batch.indices, &Tensor::from_slice(&batch.pixels[..count * values]).view(shape))?;
    }
    Ok(())
}
