//! `finetune advise`: how far back to fine-tune.

use finetune_core::advise;
use records::{Event, Session};

use super::arguments::{ConfigArguments, Output, print_report};
use super::train::listen_for_ctrl_c;
use progress::Progress;

/// How it works, for the end of `--help`.
const METHOD: &str = "A subset of the training images passes through the network once; after every stage a linear probe is measured on images that were left out. A fixed rule turns the probes' accuracies and the number of images into a depth and a learning rate, or into an earlier end of the network. Nothing is trained and no weights are kept; only a page with the evidence is written. finetune.depth = \"auto\" does the same within a run.";

#[derive(Debug, clap::Args)]
#[command(mut_arg("config", |config| config.required(true)), after_help = format!("{} (docs/search.md)\n\n{METHOD}", advise::STANDING))]
pub(super) struct AdviseArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Approximate number of training images to measure on, equally many of each class.
    #[arg(long, value_name = "N", default_value_t = advise::IMAGES, value_parser = at_least_ten)]
    images: usize,
    /// Also compute LogME and the H-score of every stage. The rule does not use them
    #[arg(long)]
    scores: bool,
}

fn at_least_ten(text: &str) -> Result<usize, String> {
    let images: usize = text.parse().map_err(|error| format!("{error}"))?;
    if images >= 10 { Ok(images) } else { Err("must be at least 10".to_owned()) }
}

pub(super) fn perform(arguments: &AdviseArguments) -> anyhow::Result<()> {
    let interrupt = &listen_for_ctrl_c()?;
    let run = arguments.config.run()?;
    let mut progress = Progress::new();
    let mut listen = |event: &Event<'_>| progress.listen(event);
    let session = &mut Session { interrupt, listener: &mut listen };
    let record = advise::perform(&run, arguments.images, arguments.scores, session)?;
    let folder = arguments.config.new_folder(&format!("{}-advise", run.name))?;
    folder.write_advice(&record)?;
    let output = if arguments.config.json { Output::Json } else { Output::Text };
    print_report(output, &report::text::advice(&record), &record, &folder)
}
