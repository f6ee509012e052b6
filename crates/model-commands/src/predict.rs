//! `finetune predict`: a line for each image.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use images::Files;
use ranged::Share;
use report::text::{counted, percent, visible};
use serde::Serialize;
use trained_model::predict::{ClassProbability, PredictError, Prediction, Summary, Timing, predict};
use trained_model::wide_images;

use crate::source::{ModelArguments, print_data, print_unreadable};
use crate::table::Table;

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "clap would print it as the description of a command")]
#[command(
    after_help = "Files that cannot be read are reported on stderr, and the others are classified; the exit code is 1 only if none can be read. The last line on stderr is the throughput and where the time went; with --json a JSON object."
)]
pub struct PredictArguments {
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
    /// Answer "unknown" where the most probable class is less probable than this, 0 to 1; the report of a run shows what a
    /// threshold is worth.
    #[arg(long, value_name = "PROBABILITY", value_parser = share)]
    at_least: Option<f64>,
    /// Also write a CSV file with a row per image: path, class, its probability, the probability of each class.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Print a JSON object per line: path, class, probability, top; with --at-least also unknown.
    #[arg(long)]
    json: bool,
    /// Add the scores of all classes before the softmax (with --json).
    #[arg(long, requires = "json")]
    logits: bool,
}

/// What is printed in place of a class that is not probable enough.
const UNKNOWN: &str = "unknown";

/// `0.8`
fn share(written: &str) -> Result<f64, String> {
    let number: f64 = written.parse().map_err(|_| "write it as a number, for example 0.8".to_owned())?;
    Share::try_from(number).map(Share::get).map_err(|error| error.to_string())
}

#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    class: &'a str,
    probability: f64,
    /// With `--at-least`: whether the probability is below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<bool>,
    top: &'a [ClassProbability<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    logits: Option<&'a [f32]>,
}

/// Prints a prediction for each image.
///
/// # Errors
/// What the program says and exits with.
pub fn perform(arguments: &PredictArguments) -> anyhow::Result<()> {
    let Files { paths, left_out } =
        Files::below(&arguments.images, arguments.root.as_deref()).map_err(features::Error::from)?;
    let began = Instant::now();
    let model = arguments.model.open()?;
    let opened_seconds = began.elapsed().as_secs_f64();
    let mut out = BufWriter::new(io::stdout().lock());
    warn_of_class(arguments.at_least, &model.classes);
    let mut table = arguments.csv.as_deref().map(|path| Table::create(path, &model.classes)).transpose()?;
    let (mut read, mut unknown) = (0u64, 0u64);
    let top = usize::try_from(arguments.top).unwrap_or(usize::MAX);
    let mut print = |prediction: &Prediction<'_>| -> anyhow::Result<()> {
        read += 1;
        let answer = Answer {
            prediction,
            top: &prediction.top(&model.classes, top),
            unknown: arguments.at_least.map(|least| prediction.probabilities[prediction.best()] < least),
        };
        unknown += u64::from(answer.unknown == Some(true));
        if let Some(table) = &mut table {
            table.add(prediction, answer.class())?;
        }
        if arguments.json {
            answer.json(&mut out, arguments.logits.then_some(prediction.logits))?;
        } else {
            answer.text(&mut out)?;
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
    table.map_or(Ok(()), Table::finish)?;
    let unread = unreadable.len();
    let unknown = arguments.at_least.map(|_| unknown);
    let unsure = unknown.map_or_else(String::new, |images| format!("{images} of them unknown, "));
    let _ = writeln!(io::stderr(), "{} classified, {unsure}{unread} unreadable", counted(read, "image"));
    let ending = Ending { classified: read, unknown, unreadable: unread, opened_seconds, timing };
    let last = if arguments.json { serde_json::to_string(&ending)? } else { ending.to_string() };
    let _ = writeln!(io::stderr(), "{last}");
    Ok(())
}

/// The last line on stderr.
#[derive(Serialize)]
struct Ending {
    classified: u64,
    /// With `--at-least`: images of these below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<u64>,
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

/// Says that a class is named as what is printed for images below the threshold.
fn warn_of_class(at_least: Option<f64>, classes: &[String]) {
    if at_least.is_some() && classes.iter().any(|class| class == UNKNOWN) {
        let _ = writeln!(
            io::stderr(),
            "warning: the model has a class \"{UNKNOWN}\", and --at-least prints the same for an image that is not probable enough; --json tells them apart by its key `unknown`"
        );
    }
}

/// What is printed for an image.
struct Answer<'a> {
    prediction: &'a Prediction<'a>,
    /// The most probable classes.
    top: &'a [ClassProbability<'a>],
    /// Whether the most probable class is below the threshold; `None` without one.
    unknown: Option<bool>,
}

impl Answer<'_> {
    /// Name of the most probable class, or that it is unknown.
    fn class(&self) -> &str {
        let best = self.top.first().map_or("", |best| best.class);
        if self.unknown == Some(true) { UNKNOWN } else { best }
    }

    fn json(&self, out: &mut impl Write, logits: Option<&[f32]>) -> anyhow::Result<()> {
        let &Self { prediction, top, unknown } = self;
        let Some(&ClassProbability { probability, .. }) = top.first() else { return Ok(()) };
        let class = self.class();
        let path = &*prediction.path.to_string_lossy();
        serde_json::to_writer(&mut *out, &Line { path, class, probability, unknown, top, logits })
            .map_err(io::Error::from)?;
        Ok(writeln!(out)?)
    }

    fn text(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let &Self { prediction, top, unknown } = self;
        let named = |entry: &ClassProbability<'_>| format!("{} {}", entry.class, percent(entry.probability));
        let named = match top.first().filter(|_| unknown == Some(true)) {
            Some(best) => format!("{UNKNOWN} {}", percent(best.probability)),
            None => top.iter().map(named).collect::<Vec<_>>().join(", "),
        };
        let line = format!("{}: {named}", prediction.path.display());
        Ok(writeln!(out, "{}", visible(&line))?)
    }
}
