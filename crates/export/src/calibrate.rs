//! Intervals of values over images.

use std::path::PathBuf;

use backbone::interpreter;
use graph::{Graph, Value};
use onnx::{Range, Ranges};
use tch::Tensor;
use trained_model::model::Model;

use crate::ExportError;
use crate::batches::each_batch;

/// What images showed.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Intervals of values.
    pub ranges: Ranges,
    /// Number of images that were read.
    pub images: usize,
}

/// Returns the smallest and largest of each value of the graph over images.
///
/// # Errors
/// When the images cannot be prepared, or none can be read.
pub fn ranges(model: &Model, graph: &Graph, paths: &[PathBuf], workers: usize) -> Result<Seen, ExportError> {
    let weights = interpreter::weights(&model.backbone);
    let mut seen = Seen { ranges: Ranges::default(), images: 0 };
    each_batch(model, paths, workers, &mut |indices, x| {
        let mut through = |value: Value, tensor: Tensor| {
            let of = |tensor: Tensor| tensor.double_value(&[]) as f32;
            seen.ranges.see(value, Range { least: of(tensor.min()), most: of(tensor.max()) });
            tensor
        };
        let _logits = tch::no_grad(|| interpreter::run_through(graph, &weights, x, &mut through));
        seen.images += indices.len();
        Ok(())
    })?;
    if seen.images == 0 { Err(ExportError::NoImages) } else { Ok(seen) }
}
