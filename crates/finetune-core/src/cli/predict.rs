//! `finetune predict`: a line for each picture.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use finetune_core::predict::{ClassProbability, Passed, Said, Timing, predict};
use finetune_core::{Error, wide_images};
use images::Files;
use report::text::{counted, percent, visible};
use serde::Serialize;

use super::source::{ModelArguments, print_data, tell_unreadable};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Pictures that cannot be read are named on stderr and the rest go on; the exit code is 1 only if none can be read. The last line on stderr says how many pictures passed a second, and where the time went; with --json it is an object too."
)]
pub(super) struct PredictArguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Images, folders that stand for all the images below them, and lists (.csv, .tsv, .jsonl) of images.
    #[arg(value_name = "IMAGE|DIR|LIST", required = true)]
    pictures: Vec<PathBuf>,
    /// What paths in a list are relative to, where that is not its own folder.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How many of the most probable classes to name.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// A JSON object on each line: path, class, probability, top.
    #[arg(long)]
    json: bool,
    /// The scores of all classes too, before softmax.
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
        Files::below(&arguments.pictures, arguments.root.as_deref()).map_err(Error::from)?;
    let began = Instant::now();
    let model = arguments.model.open()?;
    let opened_seconds = began.elapsed().as_secs_f64();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut read = 0u64;
    let top = usize::try_from(arguments.top).unwrap_or(usize::MAX);
    let mut print = |said: &Said<'_>| -> anyhow::Result<()> {
        read += 1;
        let top = said.top(&model.classes, top);
        if arguments.json {
            json(&mut out, said, &top, arguments.logits.then_some(said.logits))?;
        } else {
            text(&mut out, said, &top)?;
        }
        // Whoever reads along gets each line when it is known.
        Ok(out.flush()?)
    };
    let Passed { unreadable, wide, timing } =
        predict::<anyhow::Error>(&model, &paths, arguments.model.pace(), &mut print)?;

    let told: Vec<_> =
        unreadable.iter().map(|file| (file.path.to_string_lossy(), file.reason.as_str())).collect();
    tell_unreadable(told.iter().map(|(path, reason)| (&**path, *reason)));
    if let Some(warning) = wide_images::warning(wide, model.input.range) {
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    print_data(&left_out, Path::new(""), &[]);
    if read == 0 {
        let named: Vec<_> = arguments.pictures.iter().map(|path| path.to_string_lossy()).collect();
        return Err(Error::NothingReadable { what: named.join(", "), count: unreadable.len() }.into());
    }
    let unread = unreadable.len();
    let _ = writeln!(io::stderr(), "{} classified, {unread} unreadable", counted(read, "picture"));
    let ending = Ending { classified: read, unreadable: unread, opened_seconds, timing };
    let last = if arguments.json { serde_json::to_string(&ending)? } else { ending.to_string() };
    let _ = writeln!(io::stderr(), "{last}");
    Ok(())
}

/// The last line.
#[derive(Serialize)]
struct Ending {
    classified: u64,
    unreadable: usize,
    /// Reading the model and making it fast.
    opened_seconds: f64,
    #[serde(flatten)]
    timing: Timing,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timing { waited_seconds: waited, computed_seconds: computed, pictures_per_second } = self.timing;
        if let Some(pace) = pictures_per_second {
            write!(f, "{pace:.1} pictures a second; ")?;
        }
        let opened = self.opened_seconds;
        write!(
            f,
            "{opened:.2} s to open the model, {computed:.2} s computing, {waited:.2} s waiting for pictures"
        )
    }
}

fn json(
    out: &mut impl Write,
    said: &Said<'_>,
    top: &[ClassProbability<'_>],
    logits: Option<&[f32]>,
) -> anyhow::Result<()> {
    let Some(ClassProbability { class, probability }) = top.first() else { return Ok(()) };
    let path = said.path.to_string_lossy();
    serde_json::to_writer(&mut *out, &Line { path: &path, class, probability: *probability, top, logits })
        .map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

fn text(out: &mut impl Write, said: &Said<'_>, top: &[ClassProbability<'_>]) -> anyhow::Result<()> {
    let named = top.iter().map(|entry| format!("{} {}", entry.class, percent(entry.probability)));
    let line = format!("{}: {}", said.path.display(), named.collect::<Vec<_>>().join(", "));
    Ok(writeln!(out, "{}", visible(&line))?)
}
