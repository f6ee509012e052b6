//! `finetune predict`: a line for each image.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use finetune_core::predict::{ClassProbability, PredictError, Prediction, Summary, Timing, predict};
use finetune_core::{Error, wide_images};
use images::Files;
use report::text::{counted, percent, visible};
use serde::Serialize;

use super::source::{ModelArguments, print_data, print_unreadable};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Files that cannot be read are reported on stderr, and the others are classified; the exit code is 1 only if none can be read. The last line on stderr is the throughput and where the time went; with --json a JSON object."
)]
pub(super) struct PredictArguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Images, folders of images (with everything below them), and lists of images (.csv, .tsv, .jsonl).
    #[arg(value_name = "IMAGE|DIR|LIST", required = true)]
    images: Vec<PathBuf>,
    /// Folder that paths in a list are relative to; by default the list's own.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Number of most probable classes to print.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// Print a JSON object per line: path, class, probability, top.
    #[arg(long)]
    json: bool,
    /// Add the scores of all classes before the softmax (with --json).
    #[arg(long, requires = "json")]
    logits: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    class: &'a str,
    probability: f64,
    top: &'a [ClassProbability<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    logits: Option<&'a [f32]>,
}

pub(super) fn perform(arguments: &PredictArguments) -> anyhow::Result<()> {
    let Files { paths, left_out } =
        Files::below(&arguments.images, arguments.root.as_deref()).map_err(Error::from)?;
    let began = Instant::now();
    let model = arguments.model.open()?;
    let opened_seconds = began.elapsed().as_secs_f64();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut read = 0u64;
    let top = usize::try_from(arguments.top).unwrap_or(usize::MAX);
    let mut print = |prediction: &Prediction<'_>| -> anyhow::Result<()> {
        read += 1;
        let top = prediction.top(&model.classes, top);
        if arguments.json {
            json(&mut out, prediction, &top, arguments.logits.then_some(prediction.logits))?;
        } else {
            text(&mut out, prediction, &top)?;
        }
        // A reader of the pipe gets each line at once.
        Ok(out.flush()?)
    };
    let Summary { unreadable, wide, timing } =
        predict::<anyhow::Error>(&model, &paths, arguments.model.batching(), &mut print)?;

    let reasons: Vec<_> =
        unreadable.iter().map(|file| (file.path.to_string_lossy(), file.reason.as_str())).collect();
    print_unreadable(reasons.iter().map(|(path, reason)| (&**path, *reason)));
    if let Some(warning) = wide_images::warning(wide, model.input.range) {
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    print_data(&left_out, Path::new(""), &[]);
    if read == 0 {
        let named: Vec<_> = arguments.images.iter().map(|path| path.to_string_lossy()).collect();
        let (source_name, count) = (named.join(", "), unreadable.len());
        return Err(PredictError::NothingReadable { source_name, count }.into());
    }
    let unread = unreadable.len();
    let _ = writeln!(io::stderr(), "{} classified, {unread} unreadable", counted(read, "image"));
    let ending = Ending { classified: read, unreadable: unread, opened_seconds, timing };
    let last = if arguments.json { serde_json::to_string(&ending)? } else { ending.to_string() };
    let _ = writeln!(io::stderr(), "{last}");
    Ok(())
}

/// The last line on stderr.
#[derive(Serialize)]
struct Ending {
    classified: u64,
    unreadable: usize,
    /// Seconds to read the model and prepare it.
    opened_seconds: f64,
    #[serde(flatten)]
    timing: Timing,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timing { waited_seconds: waited, computed_seconds: computed, pictures_per_second } = self.timing;
        if let Some(throughput) = pictures_per_second {
            write!(f, "{throughput:.1} images a second; ")?;
        }
        let opened = self.opened_seconds;
        write!(
            f,
            "{opened:.2} s to open the model, {computed:.2} s computing, {waited:.2} s waiting for images"
        )
    }
}

fn json(
    out: &mut impl Write,
    prediction: &Prediction<'_>,
    top: &[ClassProbability<'_>],
    logits: Option<&[f32]>,
) -> anyhow::Result<()> {
    let Some(ClassProbability { class, probability }) = top.first() else { return Ok(()) };
    let path = prediction.path.to_string_lossy();
    serde_json::to_writer(&mut *out, &Line { path: &path, class, probability: *probability, top, logits })
        .map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

fn text(
    out: &mut impl Write,
    prediction: &Prediction<'_>,
    top: &[ClassProbability<'_>],
) -> anyhow::Result<()> {
    let named = top.iter().map(|entry| format!("{} {}", entry.class, percent(entry.probability)));
    let line = format!("{}: {}", prediction.path.display(), named.collect::<Vec<_>>().join(", "));
    Ok(writeln!(out, "{}", visible(&line))?)
}
