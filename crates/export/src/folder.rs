//! The folder of an exported model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backbone::digest;
use checkpoint::{Array, Dtype};
use graph::Graph;
use images::Labelled;
use onnx::{Facts, Options, Pixels, Precision};
use serde::Serialize;
use tch::Kind;
use trained_model::model::Model;

use crate::ExportError;
use crate::accuracy::{self, Accuracy};
use crate::calibrate::{self, Seen};
use crate::script::script;

/// What is exported, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The model, on the CPU and not prepared for inference.
    pub model: &'a Model,
    /// A folder that is made, or has no exported model.
    pub folder: &'a Path,
    /// What the file reads.
    pub pixels: Pixels,
    /// What it computes in.
    pub numbers: Numbers,
    /// Images to calibrate on: the intervals of values for 8 bits, and whether they fit float16.
    pub images: &'a [PathBuf],
    /// Labelled images on which 8 bits are measured.
    pub labelled: Option<&'a Labelled>,
    /// How many points of accuracy 8 bits may cost.
    pub max_drop: f64,
    /// Number of decoding threads.
    pub workers: usize,
}

/// Types of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbers {
    /// As trained.
    Float32,
    /// Half as large.
    Float16,
    /// A quarter as large, calibrated on images.
    Int8,
}

/// What was exported: `export.json`.
#[derive(Clone, Debug, Serialize)]
pub struct ExportRecord {
    /// Path of the ONNX file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// SHA-256 of the model that it is of.
    pub model_sha256: String,
    /// TorchVision's name of the network.
    pub arch: String,
    /// Class names in the order of the outputs.
    pub classes: Vec<String>,
    /// Name of the input.
    pub input: &'static str,
    /// What the file reads: `crop`, `image` or `prepared`.
    pub pixels: &'static str,
    /// What it computes in.
    pub precision: Numbers,
    /// Number of images that it was calibrated on; 0 for float32.
    pub calibrated_on: usize,
    /// What 8 bits cost; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
}

/// Largest value of float16 less a reserve for images that were not seen.
const SHORT: f32 = 65_504.0 / 8.0;

/// Writes `model.onnx`, `export.json` and `run.py`. Nothing is overwritten, and no half file is left.
///
/// # Errors
/// When the folder has an exported model, images for calibration are missing, or a file cannot be written.
pub fn export(request: &Request<'_>) -> Result<ExportRecord, ExportError> {
    let Request { model, folder, pixels, numbers, images, labelled, max_drop, workers } = *request;
    let file = folder.join("model.onnx");
    if file.exists() {
        return Err(ExportError::Taken(file));
    }
    let graph = describe(model);
    let seen = match numbers {
        Numbers::Float32 => None,
        Numbers::Float16 | Numbers::Int8 => Some(calibrate::ranges(model, &graph, images, workers)?),
    };
    let calibrated_on = seen.as_ref().map_or(0, |seen| seen.images);
    let weights = weights(model)?;
    let mut accuracy = None;
    let precision = match (numbers, seen) {
        (Numbers::Int8, Some(Seen { ranges, .. })) => {
            let labelled = labelled.ok_or(ExportError::NoImages)?;
            let rounded = onnx::rounded(&graph, &weights, &ranges)?;
            let measured = accuracy::measure(model, &graph, &rounded, &ranges, labelled, workers)?;
            allowed(&measured, max_drop)?;
            accuracy = Some(measured);
            Precision::Int8(ranges)
        }
        (Numbers::Float16, Some(seen)) => {
            fits_short(&graph, &seen)?;
            Precision::Float16
        }
        _ => Precision::Float32,
    };
    let facts = Facts {
        arch: model.network.name.to_owned(),
        classes: model.classes.clone(),
        input: model.input.clone(),
        temperature: model.temperature,
        model_sha256: model.sha256.clone(),
        producer: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let bytes = onnx::write(&graph, &weights, &facts, &Options { pixels, precision })?;
    std::fs::create_dir_all(folder).map_err(files::Error::io("make", folder))?;
    files::write(&file, &bytes)?;
    let record = ExportRecord {
        file: file.display().to_string(),
        bytes: bytes.len() as u64,
        sha256: files::sha256_of_file(&file)?,
        model_sha256: facts.model_sha256,
        arch: facts.arch,
        classes: facts.classes,
        input: pixels.input(),
        pixels: pixels.name(),
        precision: numbers,
        calibrated_on,
        accuracy,
    };
    files::write(&folder.join("run.py"), script(pixels, &model.input))?;
    let json = serde_json::to_string_pretty(&record).unwrap_or_default() + "\n";
    files::write(&folder.join("export.json"), json)?;
    Ok(record)
}

/// What a model computes for its own input.
fn describe(model: &Model) -> Graph {
    let side = i64::from(model.input.crop);
    model.backbone.describe([i64::from(model.input.channels), side, side])
}

fn allowed(measured: &Accuracy, allowed: f64) -> Result<(), ExportError> {
    let Accuracy { images, before, after, .. } = *measured;
    let drop = measured.drop();
    if drop <= allowed {
        return Ok(());
    }
    Err(ExportError::Drop { drop, before: 100.0 * before, after: 100.0 * after, images, allowed })
}

fn fits_short(graph: &Graph, seen: &Seen) -> Result<(), ExportError> {
    for (value, node) in graph.values().zip(graph.nodes()) {
        let Some(range) = seen.ranges.get(value) else { continue };
        let largest = range.least.abs().max(range.most.abs());
        if largest > SHORT {
            return Err(ExportError::Overflow { name: format!("{:?}", node.op), value: largest });
        }
    }
    Ok(())
}

/// The tensors of a model, auxiliary heads left out.
fn weights(model: &Model) -> Result<BTreeMap<String, Array>, ExportError> {
    let mut arrays = BTreeMap::new();
    for variable in model.backbone.variables().all() {
        if variable.tensor.kind() != Kind::Float {
            continue;
        }
        let shape = variable.tensor.size().iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
        arrays.insert(variable.name, Array::new(shape, Dtype::F32, digest::bytes(&variable.tensor)?)?);
    }
    Ok(arrays)
}
