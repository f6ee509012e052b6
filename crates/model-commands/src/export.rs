//! `finetune export`: a trained model as files that other programs run.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use export::accuracy::Accuracy;
use export::check::Checked;
use export::{ExportRecord, Numbers, Request, export};
use images::{Labelled, Origin, Sample, Selection, SplitName};
use onnx::Pixels;
use report::text::{count, percent, visible};
use tch::Device;
use trained_model::model::{Model, ModelSource};

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "clap would print it as the description of a command")]
pub struct ExportArguments {
    /// Folder of the run.
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// What the file reads: crop, a square of bytes; image, a whole image of any size; prepared, normalised values.
    #[arg(long, value_enum, default_value_t = Form::Crop)]
    pixels: Form,
    /// What it computes in.
    #[arg(long, value_enum, default_value_t = Precision::Float32)]
    precision: Precision,
    /// Labelled images: the file is checked on those of test/ or val/, fp16 and int8 are calibrated on those of train/; without
    /// train/ on every second image, and measured on the others. By default the run's data.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Points of accuracy that int8 may cost; where it costs more nothing is written, and the exit code is 1.
    #[arg(long, value_name = "POINTS", default_value_t = 1.0, allow_negative_numbers = true)]
    max_drop: f64,
    /// Do not compare the file with the model.
    #[arg(long)]
    unchecked: bool,
    /// Folder to write to; by default export in the folder of the run.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print export.json.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Crop,
    Image,
    Prepared,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Precision {
    Float32,
    Fp16,
    Int8,
}

/// Most images that 8 bits are calibrated on.
const CALIBRATION: usize = 200;

/// Writes the files of an exported model and prints which.
///
/// # Errors
/// What the program says and exits with.
pub fn perform(arguments: &ExportArguments) -> anyhow::Result<()> {
    torch_extra::determinism::fix(0, 0);
    let model = Model::open(&ModelSource::Run(arguments.run.clone()), Device::Cpu)?;
    let folder = arguments.out.clone().unwrap_or_else(|| arguments.run.join("export"));
    let numbers = match arguments.precision {
        Precision::Float32 => Numbers::Float32,
        Precision::Fp16 => Numbers::Float16,
        Precision::Int8 => Numbers::Int8,
    };
    // Without the run's data a float32 file is checked on made-up images.
    let labelled = match numbers {
        Numbers::Float32 if arguments.unchecked => None,
        Numbers::Float32 if arguments.data.is_none() => labelled(arguments).ok(),
        _ => Some(labelled(arguments)?),
    };
    let is_calibrated = numbers != Numbers::Float32;
    let images = labelled.as_ref().filter(|_| is_calibrated).map_or_else(Vec::new, calibration);
    let record = export(&Request {
        model: &model,
        folder: &folder,
        pixels: match arguments.pixels {
            Form::Crop => Pixels::Crop,
            Form::Image => Pixels::Image,
            Form::Prepared => Pixels::Prepared,
        },
        numbers,
        images: &images,
        labelled: labelled.as_ref().map(|data| &data.measured),
        checked: !arguments.unchecked,
        max_drop: arguments.max_drop,
        workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    })?;
    let mut out = io::stdout().lock();
    match arguments.json {
        true => {
            serde_json::to_writer(&mut out, &record).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        false => text(&record).lines().try_for_each(|line| writeln!(out, "{}", visible(line)))?,
    }
    Ok(out.flush()?)
}

/// The labelled images of a data folder.
struct Data {
    /// Those to calibrate on.
    trained: Labelled,
    /// Those to measure on.
    measured: Labelled,
}

fn labelled(arguments: &ExportArguments) -> anyhow::Result<Data> {
    let root = match &arguments.data {
        Some(folder) => folder.clone(),
        None => data_root(&arguments.run)?,
    };
    let open = |split| Labelled::open(Origin::Folder(&root), &Selection::default(), split);
    let measured = open(None).or_else(|_| open(Some(SplitName::Train))).map_err(features::Error::from)?;
    Ok(match open(Some(SplitName::Train)) {
        Ok(trained) if trained.samples != measured.samples => Data { trained, measured },
        _ => halves(measured),
    })
}

/// Every second image to calibrate on, and the others to measure on; both on all where there are too few.
fn halves(all: Labelled) -> Data {
    let half = |first: usize| {
        let samples: Vec<Sample> = all.samples.iter().skip(first).step_by(2).cloned().collect();
        if samples.is_empty() { all.clone() } else { Labelled { samples, ..all.clone() } }
    };
    Data { trained: half(0), measured: half(1) }
}

/// Images spread evenly over all classes.
fn calibration(data: &Data) -> Vec<PathBuf> {
    let samples = &data.trained.samples;
    let every = samples.len().div_ceil(CALIBRATION).max(1);
    samples.iter().step_by(every).map(|sample| sample.path.clone()).collect()
}

/// The data folder of a run.
fn data_root(run: &std::path::Path) -> anyhow::Result<PathBuf> {
    let (config, _) = run_config::read(&run.join("config.toml"), &[])?;
    config.data.root.ok_or_else(|| anyhow::anyhow!("the run names no data folder; name one with --data"))
}

fn text(record: &ExportRecord) -> String {
    let ExportRecord { file, bytes, classes, input, .. } = record;
    let megabytes = *bytes as f64 / 1e6;
    let what = match record.pixels {
        "image" => "a whole image of bytes",
        "prepared" => "normalised values",
        _ => "squares of bytes",
    };
    let wrote = format!(
        "wrote {file} ({megabytes:.1} MB; input {input}: {what}; {} classes)",
        count(classes.len() as u64)
    );
    let accuracy = record.accuracy.iter().map(|Accuracy { images, before, after, same }| {
        format!(
            "accuracy on {} images: {} as trained, {} in 8 bits; the same answer for {}",
            count(*images as u64),
            percent(*before),
            percent(*after),
            percent(*same)
        )
    });
    let check = record.check.iter().map(|Checked { images, made_up, same, apart, .. }| {
        let what = if *made_up { "made-up images (the run's are not there; --data names some)" } else { "images" };
        format!("read back and run on {images} {what}: the same answer for {same}, scores apart by {apart:.0e} of the largest")
    });
    std::iter::once(wrote).chain(accuracy).chain(check).collect::<Vec<_>>().join("\n")
}
