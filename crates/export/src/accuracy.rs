//! What 8 bits cost: accuracy of the model and of the file that was written, on labelled images.

use std::path::PathBuf;

use backbone::{Mode, StageId};
use images::{Labelled, Transform};
use onnx::Pixels;
use serde::Serialize;
use tch::Tensor;
use trained_model::model::Model;

use crate::ExportError;
use crate::feed::{Pair, at_once, for_file, for_model};
use crate::runtime::Runtime;

/// Accuracy of a model as it was trained, and of its file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Number of labelled images.
    pub images: usize,
    /// Share of correct answers as trained, in `0..=1`.
    pub before: f64,
    /// The same by the file, in `0..=1`.
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

/// Measures both on labelled images, whose classes are matched with the model's by name.
///
/// # Errors
/// When the file cannot be run, no class is one of the model's, or no image can be read.
pub fn measure(
    runtime: &Runtime,
    model: &Model,
    pixels: Pixels,
    data: &Labelled,
) -> Result<Accuracy, ExportError> {
    let class = |label: usize| model.classes.iter().position(|class| *class == data.classes[label]);
    let known = data.samples.iter().filter_map(|sample| Some((sample.path.clone(), class(sample.label)?)));
    let (paths, labels): (Vec<PathBuf>, Vec<usize>) = known.unzip();
    if paths.is_empty() && !data.samples.is_empty() {
        let (theirs, known) = (data.classes.join(", "), model.classes.join(", "));
        return Err(ExportError::UnknownClasses { data: data.root.clone(), theirs, known });
    }
    let transform = Transform::evaluation(&model.input)?;
    let _no_gradient = tch::no_grad_guard();
    let answers =
        |logits: Tensor| -> Result<Vec<i64>, ExportError> { Ok(Vec::try_from(logits.f_argmax(1, false)?)?) };
    let mut counts = [0usize; 4];
    let step = at_once(pixels);
    for (paths, labels) in paths.chunks(step).zip(labels.chunks(step)) {
        let read = |path: &PathBuf| Pair::read(path, &transform, pixels);
        let there = paths.iter().zip(labels).filter_map(|(path, label)| Some((read(path)?, *label)));
        let (pairs, labels): (Vec<Pair>, Vec<usize>) = there.unzip();
        if pairs.is_empty() {
            continue;
        }
        let x = for_model(model, &pairs)?;
        let before = answers(model.backbone.classify(&x, StageId::INPUT, Mode::Evaluate).logits)?;
        let after = answers(runtime.run(for_file(model, pixels, &pairs)?)?.logits)?;
        for ((label, before), after) in labels.iter().zip(before).zip(after) {
            let label = i64::try_from(*label).unwrap_or(-1);
            let facts = [true, before == label, after == label, before == after];
            counts.iter_mut().zip(facts).for_each(|(count, fact)| *count += usize::from(fact));
        }
    }
    let [images, before, after, same] = counts;
    if images == 0 {
        return Err(ExportError::NoImages);
    }
    let [before, after, same] = [before, after, same].map(|count| count as f64 / images as f64);
    Ok(Accuracy { images, before, after, same })
}
