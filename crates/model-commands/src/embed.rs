//! `finetune embed`: the features of images, as a file that other programs read.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use backbone::{Mode, StageId};
use checkpoint::Dtype;
use checkpoint::safetensors_file::{self, ArrayView};
use images::{Allocate, FileBatches, Files, Transform};
use report::text::counted;
use tch::{Kind, Tensor};
use trained_model::model::Model;

use crate::projector;
use crate::source::{ModelArguments, print_data, print_unreadable};

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "clap would print it as the description of a command")]
#[command(
    after_help = "FILE.npy holds float32 [images, features], with the paths in FILE.txt, a line each. FILE.safetensors holds `features` and in its metadata `paths`, a JSON list. FILE.csv has a row for each image: path, then the features."
)]
pub struct EmbedArguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Images, folders of images (with everything below them), and lists of images (.csv, .tsv, .jsonl).
    #[arg(value_name = "IMAGE|DIR|LIST", required = true)]
    images: Vec<PathBuf>,
    /// Folder that paths in a list are relative to; by default the list's own.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Stage whose output, pooled, is the features; by default what the head reads.
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// File to write: .npy, .safetensors or .csv.
    #[arg(long, value_name = "FILE", required_unless_present = "projector")]
    out: Option<PathBuf>,
    /// Folder to write for TensorBoard's projector: `tensorboard --logdir DIR` opens it.
    #[arg(long, value_name = "DIR")]
    projector: Option<PathBuf>,
}

/// Features of images.
struct Features {
    /// `[images, width]`.
    values: Vec<f32>,
    width: usize,
    paths: Vec<String>,
}

/// Writes the features of each image.
///
/// # Errors
/// What the program says and exits with.
pub fn perform(arguments: &EmbedArguments) -> anyhow::Result<()> {
    if let Some(out) =
        arguments.out.as_deref().filter(|out| !["npy", "safetensors", "csv"].contains(&form(out)))
    {
        bail!("{}: name a file that ends in .npy, .safetensors or .csv", out.display());
    }
    let Files { paths, left_out } =
        Files::below(&arguments.images, arguments.root.as_deref()).map_err(features::Error::from)?;
    let model = arguments.model.open()?;
    let stage = arguments.stage.as_deref().map(|name| model.backbone.stage(name)).transpose()?;
    if stage == Some(model.backbone.head_id()) {
        bail!("the head gives scores and no features; name a stage before it, or none");
    }
    let (features, unreadable) = features_of(&model, stage, paths, &arguments.model)?;
    let reasons = unreadable.iter().map(|file| (file.path.to_string_lossy(), file.reason.as_str()));
    let reasons: Vec<_> = reasons.collect();
    print_unreadable(reasons.iter().map(|(path, reason)| (&**path, *reason)));
    print_data(&left_out, Path::new(""), &[]);
    if features.paths.is_empty() {
        bail!("none of the {} can be read", counted(unreadable.len() as u64, "image"));
    }
    let (images, width) = (counted(features.paths.len() as u64, "image"), features.width);
    let said = |place: &Path| {
        writeln!(io::stdout(), "wrote {}: {width} features of each of {images}", place.display())
    };
    if let Some(out) = arguments.out.as_deref() {
        write(&features, &model, out)?;
        said(out)?;
    }
    if let Some(folder) = arguments.projector.as_deref() {
        projector::write(folder, &features.values, width, &features.paths)?;
        said(folder)?;
    }
    Ok(())
}

fn form(out: &Path) -> &str {
    out.extension().and_then(|form| form.to_str()).unwrap_or_default()
}

fn write(features: &Features, model: &Model, out: &Path) -> anyhow::Result<()> {
    match form(out) {
        "npy" => {
            files::write(out, npy(features))?;
            files::write(&out.with_extension("txt"), features.paths.join("\n") + "\n")?;
        }
        "csv" => files::write(out, csv_of(features)?)?,
        _ => safetensors(features, model, out)?,
    }
    Ok(())
}

fn features_of(
    model: &Model,
    stage: Option<StageId>,
    paths: Vec<PathBuf>,
    arguments: &ModelArguments,
) -> anyhow::Result<(Features, Vec<images::Unreadable>)> {
    let transform = Transform::evaluation(&model.input).map_err(features::Error::from)?;
    let values = transform.channels() * transform.size() * transform.size();
    let allocate: Arc<Allocate<Vec<f32>>> = Arc::new(|shape, _| Ok(vec![0.0; shape.iter().product()]));
    let batching = arguments.batching();
    let (batch_size, workers) = (batching.batch_size, batching.workers);
    let names: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let mut all = Features { values: Vec::new(), width: 0, paths: Vec::new() };
    let mut unreadable = Vec::new();
    for batch in FileBatches::new(paths, transform, batch_size, workers, allocate) {
        let mut batch = batch.map_err(features::Error::from)?;
        unreadable.append(&mut batch.unreadable);
        let count = batch.indices.len();
        if count == 0 {
            continue;
        }
        let shape = [count, batch.channels, batch.size, batch.size].map(|extent| extent as i64);
        let x = Tensor::from_slice(&batch.pixels[..count * values]).view(shape);
        let x = x.to_device(model.backbone.placement().0);
        let rows =
            tch::no_grad(|| vectors(model, stage, &x)).to_kind(Kind::Float).to_device(tch::Device::Cpu);
        all.width = usize::try_from(rows.size()[1]).unwrap_or(0);
        all.values.extend(Vec::<f32>::try_from(rows.flatten(0, -1))?);
        all.paths.extend(batch.indices.iter().map(|&index| names[index].clone()));
    }
    Ok((all, unreadable))
}

/// `[N, features]`.
fn vectors(model: &Model, stage: Option<StageId>, x: &Tensor) -> Tensor {
    let backbone = &model.backbone;
    let range = StageId::INPUT..backbone.head_id();
    let taps: Vec<StageId> = stage.into_iter().collect();
    let (output, tapped) = backbone.forward_collect(x, range, &taps, Mode::Evaluate);
    match (stage, tapped.first()) {
        (Some(stage), Some(output)) => backbone.stages()[stage.index()].pool.vectors(output),
        _ => backbone.head().input(&output),
    }
}

/// NumPy's format, version 1.0: a header that ends at a multiple of 64 bytes, then the values.
fn npy(features: &Features) -> Vec<u8> {
    let Features { values, width, paths } = features;
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {width}), }}", paths.len());
    let padding = 63 - (10 + header.len()) % 64;
    let header = format!("{header}{}\n", " ".repeat(padding));
    let length = u16::try_from(header.len()).unwrap_or(u16::MAX).to_le_bytes();
    let mut bytes = [&b"\x93NUMPY\x01\x00"[..], &length, header.as_bytes()].concat();
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

fn csv_of(features: &Features) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = (0..features.width).map(|index| format!("feature_{index}"));
    writer.write_record(std::iter::once("path".to_owned()).chain(columns))?;
    for (path, row) in features.paths.iter().zip(features.values.chunks(features.width.max(1))) {
        writer.write_record(std::iter::once(path.clone()).chain(row.iter().map(f32::to_string)))?;
    }
    Ok(writer.into_inner()?)
}

fn safetensors(features: &Features, model: &Model, path: &Path) -> anyhow::Result<()> {
    let shape = [features.paths.len(), features.width];
    let bytes: Vec<u8> = features.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = ArrayView { shape: &shape, dtype: Dtype::F32, data: &bytes };
    let metadata = BTreeMap::from([
        ("arch".to_owned(), model.network.name.to_owned()),
        ("model_sha256".to_owned(), model.sha256.clone()),
        ("paths".to_owned(), serde_json::to_string(&features.paths)?),
    ]);
    safetensors_file::write(path, [("features", view)], &metadata)?;
    Ok(())
}
