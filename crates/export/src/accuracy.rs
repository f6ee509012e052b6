//! What 8 bits cost: accuracy before and after, on labelled images.

use std::collections::BTreeMap;
use std::path::PathBuf;

use backbone::interpreter;
use checkpoint::Array;
use graph::{Graph, Value};
use images::Labelled;
use onnx::{Bytes, Ranges, Rounded};
use serde::Serialize;
use tch::Tensor;
use trained_model::model::Model;

use crate::ExportError;
use crate::batches::each_batch;

/// Accuracy of a model as it was trained and in 8 bits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Number of labelled images.
    pub images: usize,
    /// Share of correct answers as trained, in `0..=1`.
    pub before: f64,
    /// The same in 8 bits, in `0..=1`.
    pub after: f64,
    /// Share of images with the same answer, in `0..=1`.
    pub same: f64,
}

impl Accuracy {
    /// Accuracy that was lost, in percentage points; below 0 where it rose.
    #[must_use]
    pub fn drop(&self) -> f64 {
        100.0 * (self.before - self.after)
    }
}

/// Measures both on labelled images, whose classes are matched with the model's by name: values and weights are rounded as the
/// file's 8 bits round them.
///
/// # Errors
/// When images cannot be prepared, or none has a class of the model.
pub fn measure(
    model: &Model,
    graph: &Graph,
    rounded: &Rounded,
    ranges: &Ranges,
    data: &Labelled,
    workers: usize,
) -> Result<Accuracy, ExportError> {
    let class = |label: usize| model.classes.iter().position(|class| *class == data.classes[label]);
    let known = data.samples.iter().filter_map(|sample| Some((sample.path.clone(), class(sample.label)?)));
    let (paths, labels): (Vec<PathBuf>, Vec<usize>) = known.unzip();
    let weights = interpreter::weights(&model.backbone);
    let short = tensors(&rounded.weights)?;
    let bytes: BTreeMap<Value, Bytes> =
        graph.values().filter_map(|value| Some((value, ranges.bytes(graph, value)?))).collect();
    let mut through = |value: Value, x: Tensor| match bytes.get(&value) {
        Some(Bytes { step, zero }) => {
            let (step, zero) = (f64::from(*step), f64::from(*zero));
            (((x / step).round() + zero).clamp(0.0, 255.0) - zero) * step
        }
        None => x,
    };
    let mut counts = [0usize; 4];
    each_batch(model, &paths, workers, &mut |indices, x| {
        let answers = |logits: Tensor| Vec::<i64>::try_from(logits.argmax(1, false));
        let before = answers(tch::no_grad(|| interpreter::run(graph, &weights, x)))?;
        let after = tch::no_grad(|| interpreter::run_through(&rounded.graph, &short, x, &mut through));
        for ((&index, before), after) in indices.iter().zip(before).zip(answers(after)?) {
            let label = i64::try_from(labels[index]).unwrap_or(-1);
            let facts = [true, before == label, after == label, before == after];
            counts.iter_mut().zip(facts).for_each(|(count, fact)| *count += usize::from(fact));
        }
        Ok(())
    })?;
    let [images, before, after, same] = counts;
    if images == 0 {
        return Err(ExportError::NoImages);
    }
    let [before, after, same] = [before, after, same].map(|count| count as f64 / images as f64);
    Ok(Accuracy { images, before, after, same })
}

fn tensors(arrays: &BTreeMap<String, Array>) -> Result<BTreeMap<String, Tensor>, ExportError> {
    let tensor = |array: &Array| -> Result<Tensor, ExportError> {
        let shape: Vec<i64> = array.shape.iter().map(|&extent| extent as i64).collect();
        Ok(Tensor::from_slice(&array.to_f32()?).view(shape.as_slice()))
    };
    arrays.iter().map(|(name, array)| Ok((name.clone(), tensor(array)?))).collect()
}
