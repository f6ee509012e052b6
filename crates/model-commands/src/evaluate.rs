//! `finetune evaluate`: a model measured on labelled images.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use images::{Labelled, Origin, Selection, SplitName, is_list};
use predictions::{Row, Writer};
use records::EstimateRecord;
use report::text::{Side, aligned, count, counted, decimal, percent, visible};
use statistics::Confusion;
use trained_model::measure::LabelledPrediction;
use trained_model::measure::{ClassScore, Measured, measure};

use crate::source::{ModelArguments, print_data, print_unreadable};

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "clap would print it as the description of a command")]
#[command(
    after_help = "Classes are matched with the model's by name. Files that cannot be read are reported on stderr and left out."
)]
pub struct EvaluateArguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Labelled images: a folder with a subfolder per class, a folder of such folders (test/, val/, train/), or a list (.csv,
    /// .tsv, .jsonl) with a path and a label in each row.
    #[arg(long, value_name = "DIR|LIST")]
    data: PathBuf,
    /// Folder that paths in the list are relative to; by default the list's own.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Use only these classes of the data.
    #[arg(long, value_name = "CLASS,...", value_delimiter = ',')]
    classes: Vec<String>,
    /// Join classes of the data into one, as data.merge: vehicle=car,truck.
    #[arg(long, value_name = "CLASS=CLASS,...", value_parser = merge)]
    merge: Vec<(String, Vec<String>)>,
    /// TOML file that names images to leave out, as data.exclude.
    #[arg(long, value_name = "FILE")]
    exclude: Option<PathBuf>,
    /// Split to measure on; auto is test/ if there is one, else val/.
    #[arg(long, value_enum, default_value_t = Split::Auto)]
    split: Split,
    /// Also write a CSV file with a row per image: path, label, predicted class, probability of each class.
    #[arg(long, value_name = "FILE.csv")]
    predictions: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// `vehicle=car,truck`
fn merge(written: &str) -> Result<(String, Vec<String>), String> {
    match written.split_once('=') {
        Some((into, members)) if !into.trim().is_empty() && !members.trim().is_empty() => {
            Ok((into.trim().to_owned(), members.split(',').map(|member| member.trim().to_owned()).collect()))
        }
        _ => Err("write it as NEW=OLD,OLD, for example vehicle=car,truck".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Split {
    Auto,
    Test,
    Val,
    Train,
}

/// Measures a model and prints what it found.
///
/// # Errors
/// What the program says and exits with.
pub fn perform(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    let split = match arguments.split {
        Split::Auto => None,
        Split::Test => Some(SplitName::Test),
        Split::Val => Some(SplitName::Validation),
        Split::Train => Some(SplitName::Train),
    };
    let mut merge = BTreeMap::<String, Vec<String>>::new();
    for (into, members) in &arguments.merge {
        merge.entry(into.clone()).or_default().extend_from_slice(members);
    }
    let selection = Selection {
        classes: arguments.classes.clone(),
        merge,
        group: None,
        exclude: arguments.exclude.clone(),
    };
    let path = &arguments.data;
    let origin = match is_list(path) && !path.is_dir() {
        true => Origin::List { list: path, root: arguments.root.as_deref() },
        false => Origin::Folder(path),
    };
    let data = Labelled::open(origin, &selection, split).map_err(features::Error::from)?;
    print_data(&data.left_out, &data.root, &data.remarks);
    if let Some(warning) = trained_on(arguments.model.run(), &data) {
        let _ = writeln!(io::stderr(), "warning: {}", visible(&warning));
    }
    let model = arguments.model.open()?;
    let predictions = arguments.predictions.as_deref();
    let mut predictions = predictions.map(|path| Writer::create(path, &[], &model.classes)).transpose()?;
    let measured = measure::<anyhow::Error>(&model, &data, arguments.model.batching(), &mut |prediction| {
        predictions.as_mut().map_or(Ok(()), |writer| add(writer, prediction))
    });
    if measured.is_err() {
        // A partial file would be in the way of the next attempt.
        predictions.take().into_iter().for_each(Writer::discard);
    }
    let measured = measured?;
    if let Some(predictions) = predictions {
        predictions.finish()?;
    }
    print_unreadable(measured.unreadable.iter().map(|file| (&*file.path, &*file.reason)));
    for warning in &measured.warnings {
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut out, &measured).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", text(&measured))?;
    }
    Ok(out.flush()?)
}

/// What is to be said where a model is measured on images that it may have learned from: on the training split, or on all of a
/// folder whose images the run itself dealt into training and validation.
fn trained_on(run: Option<&Path>, data: &Labelled) -> Option<String> {
    let (config, _) = run_config::read(&run?.join("config.toml"), &[]).ok()?;
    let trained = config.data.root.or(config.data.list)?;
    let is_same = trained.canonicalize().ok()? == data.root.canonicalize().ok()?;
    let has_trained = matches!(data.split, SplitName::Train | SplitName::Whole);
    let of = format!("the run was trained on images of {}", data.root.display());
    (is_same && has_trained).then(|| format!("{of}: on new ones it may be right less often"))
}

/// Adds a row to the file of predictions.
fn add(
    writer: &mut Writer,
    LabelledPrediction { prediction, truth }: LabelledPrediction<'_>,
) -> anyhow::Result<()> {
    let path = &*prediction.path.to_string_lossy();
    let (predicted, probabilities) = (prediction.best(), prediction.probabilities);
    Ok(writer.add(&Row { path, label: truth, predicted, probabilities })?)
}

fn text(measured: &Measured) -> String {
    let Measured { arch, split, images, right, accuracy, balanced_accuracy, loss, data, unreadable, .. } =
        measured;
    let first = format!(
        "{arch} on {data} ({split}): {} accuracy, {} balanced, {} of {} correct, loss {loss:.4}",
        percent(*accuracy),
        percent(*balanced_accuracy),
        count(*right),
        counted(*images, "image")
    );
    let mut out = format!("{}\n", visible(&first));
    out.push_str(&format!(
        "calibration error {} at temperature {}\n",
        percent(measured.calibration_error),
        measured.temperature
    ));
    out.push_str(&report::text::metrics(measured.metrics.as_ref()));
    if !unreadable.is_empty() {
        out.push_str(&format!("{} left out as unreadable\n", counted(unreadable.len() as u64, "file")));
    }
    out.push('\n');
    out.push_str(&per_class(measured));
    out.push('\n');
    out.push_str(&confusion(measured));
    out
}

fn per_class(Measured { classes, metrics, .. }: &Measured) -> String {
    let share = |share: Option<f64>| share.map_or("–".to_owned(), percent);
    let heading = ["class", "images", "correct", "precision", "recall", "F1", "AUROC", "average precision"];
    let heading = heading.map(str::to_owned).to_vec();
    let ranked = |class: &str| metrics.iter().flat_map(|it| &it.classes).find(|of| of.class == class);
    let figure = |figure: Option<EstimateRecord>| figure.map_or("–".to_owned(), |it| decimal(it.value));
    let row = |class: &ClassScore| {
        vec![
            class.class.clone(),
            count(class.images),
            count(class.right),
            share(class.precision),
            share(class.recall),
            figure(ranked(&class.class).map(|of| of.f1)),
            figure(ranked(&class.class).and_then(|of| of.auroc)),
            figure(ranked(&class.class).and_then(|of| of.average_precision)),
        ]
    };
    let rows: Vec<_> = [heading].into_iter().chain(classes.iter().map(row)).collect();
    aligned(&rows, &[Side::Left, Side::Right])
}

/// Most classes that are shown as a matrix.
const WIDEST_MATRIX: usize = 20;
/// Most mistakes that are listed instead.
const LISTED_MISTAKES: usize = 20;

/// The confusion matrix, truth by row and prediction by column; with many classes the most frequent mistakes instead.
fn confusion(measured: &Measured) -> String {
    let name = |class: usize| measured.classes[class].class.clone();
    if measured.classes.len() <= WIDEST_MATRIX {
        let heading = ["truth \\ prediction".to_owned()].into_iter();
        let heading = heading.chain(measured.classes.iter().map(|class| class.class.clone())).collect();
        let row = |(truth, counts): (usize, &Vec<u64>)| {
            [name(truth)].into_iter().chain(counts.iter().map(|&images| count(images))).collect()
        };
        let rows: Vec<Vec<String>> =
            [heading].into_iter().chain(measured.confusion.iter().enumerate().map(row)).collect();
        return aligned(&rows, &[Side::Left, Side::Right]);
    }
    let mistakes = Confusion::from_counts(&measured.confusion, 0).mistakes();
    let heading = ["truth", "prediction", "images"].map(str::to_owned).to_vec();
    let listed = mistakes.iter().take(LISTED_MISTAKES);
    let listed = listed.map(|m| vec![name(m.truth), name(m.prediction), count(m.images)]);
    let rows: Vec<_> = [heading].into_iter().chain(listed).collect();
    aligned(&rows, &[Side::Left, Side::Left, Side::Right])
}
