//! A trained model as `model.safetensors`: tensors under TorchVision's names, and metadata with what is needed to use it.

use std::collections::BTreeMap;
use std::path::Path;

use backbone::{Backbone, Ending, digest};
use checkpoint::Dtype;
use checkpoint::safetensors_file::{self, ArrayView};
use pretrained::InputSpec;
use serde_json::{Map, Value, json};
use tch::Kind;
use zoo::source_weights::metadata;

/// Why a model cannot be saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] checkpoint::Error),
    /// The values of a tensor cannot be read from the device.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A tensor of a type that is not saved.
    #[error("cannot write the model: {0:?} tensors are not saved")]
    UnsupportedKind(Kind),
}

/// Name of a model's file in the folder of its run.
pub const MODEL_FILE: &str = "model.safetensors";

/// Metadata of a model file.
#[derive(Clone, Debug)]
pub struct Description<'a> {
    /// Class names in label order.
    pub classes: &'a [String],
    /// Preparation of images.
    pub input: &'a InputSpec,
    /// SHA-256 of the weights it started from; empty when there were none.
    pub source_sha256: &'a str,
    /// The name of those weights by which anybody finds the same bytes, where they have one.
    pub source_name: Option<&'a str>,
    /// Licence of those weights, where it is known.
    pub licence: Option<&'a str>,
    /// Temperature by which logits are divided before the softmax, above 0; `None` where none was fitted.
    pub temperature: Option<f64>,
}

/// Writes the model and returns the file's SHA-256 in hexadecimal. The same model gives the same bytes. Auxiliary heads, which
/// only training uses, are left out, and low-rank updates are in their weights.
///
/// # Errors
/// [`SaveError`] when the file cannot be written; none is left then.
pub fn save(backbone: &Backbone, description: &Description<'_>, path: &Path) -> Result<String, SaveError> {
    let mut arrays = Vec::new();
    for variable in backbone.merged_variables() {
        if backbone.aux().any(|(_, aux)| variable.lies_below(aux.root)) {
            continue;
        }
        let shape: Vec<usize> =
            variable.tensor.size().iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
        let dtype = dtype(variable.tensor.kind())?;
        arrays.push((variable.name, shape, dtype, digest::bytes(&variable.tensor)?));
    }
    let views = arrays
        .iter()
        .map(|(name, shape, dtype, data)| (name.as_str(), ArrayView { shape, dtype: *dtype, data }));
    Ok(safetensors_file::write(path, views, &describe(backbone, description))?)
}

/// The metadata of the file.
fn describe(backbone: &Backbone, description: &Description<'_>) -> BTreeMap<String, String> {
    let classes = json!(description.classes).to_string();
    let arguments = arguments(backbone, description.input).to_string();
    let input = json!(description.input).to_string();
    let Ending { cut, taps } = backbone.ending();
    let cut = cut.map(|cut| (metadata::CUT, cut));
    let taps = (!taps.is_empty()).then(|| (metadata::TAPS, json!(taps).to_string()));
    let temperature = description.temperature.map(|value| (metadata::TEMPERATURE, value.to_string()));
    let source_name = description.source_name.map(|name| (metadata::SOURCE_NAME, name.to_owned()));
    let licence = description.licence.map(|licence| (metadata::LICENCE, licence.to_owned()));
    [
        (metadata::FORMAT, "pt".to_owned()),
        (metadata::ARCH, backbone.arch().to_owned()),
        (metadata::ARGUMENTS, arguments),
        (metadata::CLASSES, classes),
        (metadata::INPUT, input),
        (metadata::SOURCE, description.source_sha256.to_owned()),
    ]
    .into_iter()
    .chain(cut)
    .chain(taps)
    .chain(temperature)
    .chain(source_name)
    .chain(licence)
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// Arguments of TorchVision's constructor that build the network that these tensors fit.
fn arguments(backbone: &Backbone, input: &InputSpec) -> Value {
    let mut arguments = Map::new();
    arguments.insert("num_classes".to_owned(), backbone.head().classes.into());
    let variables = backbone.variables();
    if variables.all().iter().any(|variable| variables.refit(&variable.name).is_some()) {
        // There are as many positions as such an image has patches.
        arguments.insert("image_size".to_owned(), input.crop.into());
    }
    let more = zoo::network(backbone.arch()).map_or(&[][..], |network| network.arguments);
    arguments.extend(more.iter().map(|&(name, value)| (name.to_owned(), value.into())));
    arguments.into()
}

fn dtype(kind: Kind) -> Result<Dtype, SaveError> {
    match kind {
        Kind::Float => Ok(Dtype::F32),
        Kind::Double => Ok(Dtype::F64),
        Kind::Half => Ok(Dtype::F16),
        Kind::BFloat16 => Ok(Dtype::Bf16),
        Kind::Int64 => Ok(Dtype::I64),
        other => Err(SaveError::UnsupportedKind(other)),
    }
}
