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

use crate::accuracy::{self, Accuracy};
use crate::calibrate::{self, Seen};
use crate::check::{Checked, check};
use crate::runtime::Runtime;
use crate::script::script;
use crate::{ExportError, Numbers};

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
    /// Labelled images on which the file is checked and 8 bits are measured.
    pub labelled: Option<&'a Labelled>,
    /// Whether the file is compared with the model.
    pub checked: bool,
    /// How many points of accuracy 8 bits may cost.
    pub max_drop: f64,
    /// Number of decoding threads.
    pub workers: usize,
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
    /// How the file compares with the model; absent for 8 bits, which are judged by their accuracy, and where it was not asked
    /// for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Checked>,
}

/// Largest value of float16 less a reserve for images that were not seen.
const SHORT: f32 = 65_504.0 / 8.0;

/// Writes `model.onnx`, `export.json` and `run.py`. Nothing is overwritten; a file that is refused or broken off is not left.
///
/// # Errors
/// When the folder has an exported model, images for calibration are missing, a file cannot be written, or the written file is
/// not the model.
pub fn export(request: &Request<'_>) -> Result<ExportRecord, ExportError> {
    let Request { model, folder, pixels, numbers, images, workers, .. } = *request;
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
    let precision = match (numbers, seen) {
        (Numbers::Int8, Some(Seen { ranges, .. })) => Precision::Int8(ranges),
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
    let bytes = onnx::write(&graph, &weights(model)?, &facts, &Options { pixels, precision })?;
    let Written { accuracy, check } = placed(request, &file, &bytes).inspect_err(|_| {
        // Nothing of ours is in it; of others' it is not removed.
        let _ = std::fs::remove_dir(folder);
    })?;
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
        check,
    };
    files::write(&folder.join("run.py"), script(pixels, &model.input))?;
    let json = serde_json::to_string_pretty(&record).unwrap_or_default() + "\n";
    files::write(&folder.join("export.json"), json)?;
    Ok(record)
}

/// What was found of a file.
struct Written {
    accuracy: Option<Accuracy>,
    check: Option<Checked>,
}

/// Writes the file under another name, reads it back, compares it with the model, and puts it in its place.
fn placed(request: &Request<'_>, file: &Path, bytes: &[u8]) -> Result<Written, ExportError> {
    let &Request { model, folder, pixels, numbers, labelled, checked, max_drop, .. } = request;
    std::fs::create_dir_all(folder).map_err(files::Error::io("make", folder))?;
    let draft = tempfile::NamedTempFile::new_in(folder).map_err(files::Error::io("write", file))?;
    files::write(draft.path(), bytes)?;
    let mut written = Written { accuracy: None, check: None };
    if numbers == Numbers::Int8 {
        let labelled = labelled.ok_or(ExportError::NoImages)?;
        let measured = accuracy::measure(&Runtime::open(draft.path())?, model, pixels, labelled)?;
        allowed(&measured, max_drop)?;
        written.accuracy = Some(measured);
    } else if checked {
        written.check = Some(check(&Runtime::open(draft.path())?, model, pixels, numbers, labelled)?);
    }
    draft.persist(file).map_err(|error| files::Error::io("write", file)(error.error))?;
    Ok(written)
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
