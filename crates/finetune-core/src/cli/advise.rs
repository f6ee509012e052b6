//! `finetune advise`: how far back to fine-tune.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use finetune_core::run_folder::RunFolder;
use finetune_core::{Error, advise};

use super::print_hints;
use super::train::listen_for_ctrl_c;
use crate::progress::Progress;

/// What it does, below its options.
const HOW: &str = "A subset of the training images passes through the network once; after every stage a cross-validated linear probe, LogME and the H-score are measured. A fixed rule makes a depth and a rate of the probes' accuracies and the number of images. Nothing is trained and no weights are kept; a page with the evidence is all that is written. finetune.depth = \"auto\" does the same within a run.";

#[derive(Debug, clap::Args)]
#[command(after_help = format!("{} (docs/advise.md)\n\n{HOW}", advise::STANDING))]
pub(super) struct AdviseArguments {
    /// The run's configuration (TOML); its own finetune.depth does not matter.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Overrides a key of the configuration: --set data.images_per_class=20
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Where the page goes; a new folder. Without it: runs/NAME-advise, numbered if that is taken.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Training images to look at, about: as many of each class.
    #[arg(long, value_name = "N", default_value_t = advise::IMAGES, value_parser = at_least_ten)]
    images: usize,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

fn at_least_ten(text: &str) -> Result<usize, String> {
    let images: usize = text.parse().map_err(|error| format!("{error}"))?;
    if images >= 10 { Ok(images) } else { Err("must be at least 10".to_owned()) }
}

pub(super) fn perform(arguments: &AdviseArguments) -> anyhow::Result<()> {
    let interrupt = &listen_for_ctrl_c()?;
    let (config, source) = run_config::read(&arguments.config, &arguments.overrides).map_err(Error::from)?;
    print_hints(&source);
    let run = run_config::resolve(config, source)?;
    let mut progress = Progress::new();
    let record = advise::perform(&run, arguments.images, interrupt, &mut |event| progress.listen(event))?;
    let folder = match &arguments.out {
        Some(path) => RunFolder::at(path)?,
        None => RunFolder::numbered(Path::new("runs"), &format!("{}-advise", run.name))?,
    };
    folder.write_advice(&record)?;
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut out, &record).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        let page = folder.file("report.html");
        writeln!(out, "{}\nreport  {}", report::text::advice(&record), page.display())?;
    }
    Ok(out.flush()?)
}
