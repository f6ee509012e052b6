//! `finetune predict`: a line for each image.

mod answer;
mod ending;
mod heat_maps;

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use images::{Files, is_list};
use ranged::Share;
use report::text::counted;
use trained_model::predict::{How, PredictError, Prediction, Summary, predict};
use trained_model::views::Views;
use trained_model::wide_images;

use self::answer::{Answer, UNKNOWN};
use self::ending::Ending;
use self::heat_maps::Wanted;
use crate::along::Along;
use crate::source::{ModelArguments, print_data, print_unreadable};
use crate::table::Table;
use crate::training_images::TrainingImages;

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "clap would print it as the description of a command")]
#[command(
    after_help = "Files that cannot be read are reported on stderr, and the others are classified; the exit code is 1 only if none can be read. The last line on stderr is the throughput and where the time went; with --json a JSON object."
)]
pub struct PredictArguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Images, folders of images (with everything below them), and lists of images (.csv, .tsv, .jsonl).
    #[arg(value_name = "IMAGE|DIR|LIST", required_unless_present = "list")]
    images: Vec<PathBuf>,
    /// Text file with a path in each line, or - for stdin.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Folder that paths in a list are relative to; by default that of a .csv, .tsv or .jsonl, else the working directory.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Number of most probable classes to print.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// Answer "unknown" where the most probable class is less probable than this, 0 to 1; the report of a run shows what a
    /// threshold is worth.
    #[arg(long, value_name = "PROBABILITY", value_parser = share)]
    at_least: Option<f64>,
    /// Average probabilities over ten views: the centre and the corners, each also mirrored. It takes ten times as long.
    #[arg(long, conflicts_with = "logits")]
    tta: bool,
    /// Also draw where in each image the evidence for its class lies (Grad-CAM): a PNG each, in this folder.
    #[arg(long, value_name = "DIR")]
    heat_maps: Option<PathBuf>,
    /// Also name the training images most similar to each image.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1000))]
    neighbors: Option<u32>,
    /// Labelled images for --neighbors, in place of the run's.
    #[arg(long, value_name = "DIR", requires = "neighbors")]
    data: Option<PathBuf>,
    /// Also write a CSV file with a row per image: path, class, its probability, the probability of each class. With - it
    /// goes to stdout, in place of the lines.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Print a JSON object per line: path, class, probability, top; with --at-least also unknown, with --heat-maps heat_map,
    /// with --neighbors neighbors.
    #[arg(long)]
    json: bool,
    /// Add the scores of all classes before the softmax (with --json).
    #[arg(long, requires = "json")]
    logits: bool,
}

/// `0.8`
fn share(written: &str) -> Result<f64, String> {
    let number: f64 = written.parse().map_err(|_| "write it as a number, for example 0.8".to_owned())?;
    Share::try_from(number).map(Share::get).map_err(|error| error.to_string())
}

/// Prints a prediction for each image.
///
/// # Errors
/// What the program says and exits with.
pub fn perform(arguments: &PredictArguments) -> anyhow::Result<()> {
    let to_stdout = arguments.csv.as_deref() == Some(Path::new("-"));
    if to_stdout && arguments.json {
        bail!("--csv - and --json both write to stdout; name a file");
    }
    let Files { paths, left_out } = files_of(arguments)?;
    let began = Instant::now();
    let mut model = arguments.model.open()?;
    let opened_seconds = began.elapsed().as_secs_f64();
    let views = if arguments.tta { Views::several(&model.input) } else { Views::one(&model.input) };
    let views = views.map_err(features::Error::from)?;
    let batching = arguments.model.batching();
    let training = match arguments.neighbors {
        Some(_) => {
            Some(TrainingImages::open(&model, arguments.model.run(), arguments.data.as_deref(), batching)?)
        }
        None => None,
    };
    warn_of_class(arguments.at_least, &model.classes);
    let mut table = arguments.csv.as_deref().map(|path| Table::create(path, &model.classes)).transpose()?;
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut read, mut unknown, mut mapped) = (0u64, 0u64, Vec::new());
    let top = usize::try_from(arguments.top).unwrap_or(usize::MAX);
    let mut along = Along::new("classified", paths.len());
    let mut print = |prediction: &Prediction<'_>| -> anyhow::Result<()> {
        read += 1;
        let heat_map = arguments
            .heat_maps
            .as_deref()
            .map(|folder| heat_maps::file(folder, prediction.index, prediction.path));
        let count = arguments.neighbors.map_or(0, |count| count as usize);
        let similar = match &training {
            Some(training) => {
                Some(training.neighbors.nearest(prediction.features, Some(prediction.path), count)?)
            }
            None => None,
        };
        let answer = Answer {
            prediction,
            top: &prediction.top(&model.classes, top),
            unknown: arguments.at_least.map(|least| prediction.probabilities[prediction.best()] < least),
            heat_map: heat_map.as_deref(),
            neighbors: similar.as_deref(),
        };
        unknown += u64::from(answer.unknown == Some(true));
        if heat_map.is_some() {
            let class = i64::try_from(prediction.best()).unwrap_or(0);
            mapped.push(Wanted { index: prediction.index, class });
        }
        if let Some(table) = &mut table {
            table.add(prediction, answer.class())?;
        }
        match (arguments.json, to_stdout) {
            (true, _) => answer.json(&mut out, arguments.logits.then_some(prediction.logits))?,
            (false, true) => {}
            (false, false) => answer.text(&mut out)?,
        }
        along.step(1);
        // A reader of the pipe gets each line at once.
        Ok(out.flush()?)
    };
    let how = How { batching, views: &views, features: training.is_some() };
    let Summary { unreadable, wide, timing } = predict::<anyhow::Error>(&model, &paths, &how, &mut print)?;
    drop(along);

    let reasons: Vec<_> =
        unreadable.iter().map(|file| (file.path.to_string_lossy(), file.reason.as_str())).collect();
    print_unreadable(reasons.iter().map(|(path, reason)| (&**path, *reason)));
    if let Some(warning) = wide_images::warning(wide, model.input.range) {
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    print_data(&left_out, Path::new(""), &[]);
    if read == 0 {
        let named = arguments.images.iter().chain(&arguments.list).map(|path| path.to_string_lossy());
        let (source_name, count) = (named.collect::<Vec<_>>().join(", "), unreadable.len());
        return Err(PredictError::NothingReadable { source_name, count }.into());
    }
    drop(out);
    table.map_or(Ok(()), Table::finish)?;
    if let Some(folder) = &arguments.heat_maps {
        heat_maps::draw(&mut model, &paths, &mapped, folder)?;
    }
    let unread = unreadable.len();
    let unknown = arguments.at_least.map(|_| unknown);
    let unsure = unknown.map_or_else(String::new, |images| format!("{images} of them unknown, "));
    let _ = writeln!(io::stderr(), "{} classified, {unsure}{unread} unreadable", counted(read, "image"));
    let ending = Ending { classified: read, unknown, unreadable: unread, opened_seconds, timing };
    let last = if arguments.json { serde_json::to_string(&ending)? } else { ending.to_string() };
    let _ = writeln!(io::stderr(), "{last}");
    Ok(())
}

/// The files that are named on the command line and in a list.
fn files_of(arguments: &PredictArguments) -> anyhow::Result<Files> {
    let dash = Path::new("-");
    if arguments.images.iter().any(|image| image == dash) && !dash.exists() {
        anyhow::bail!("- is no image; for names from standard input: --list -");
    }
    let root = arguments.root.as_deref();
    let mut named = arguments.images.clone();
    named.extend(arguments.list.clone().filter(|list| is_list(list)));
    let mut files = Files::below(&named, root).map_err(features::Error::from)?;
    if let Some(list) = arguments.list.as_deref().filter(|list| !is_list(list)) {
        let text = match list == dash {
            true => io::read_to_string(io::stdin()),
            false => std::fs::read_to_string(list),
        };
        let text = text.with_context(|| format!("cannot read {}", list.display()))?;
        let lines = text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line));
        let paths = lines.filter(|line| !line.is_empty());
        files.paths.extend(paths.map(|line| root.map_or_else(|| line.into(), |root| root.join(line))));
    }
    Ok(files)
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
