//! `finetune audit`: what is wrong with the data.

use std::path::{Path, PathBuf};

use finetune_core::audit;
use finetune_core::run_folder::{FolderError, RunFolder};

use super::arguments::{ConfigArguments, Output, print_report};
use super::train::listen_for_ctrl_c;
use crate::progress::Progress;

/// How it works, for the end of `--help`.
const METHOD: &str = "Reads the images as the run would and passes them through the network once; the run finds these features. Looks for files that cannot be read, copies within and across splits, labels that are likely wrong, and images unlike all others. Writes a page, audit.json and, with --fix, exclude.toml for data.exclude. Nothing is moved, deleted or trained (docs/audit.md).";

#[derive(Debug, clap::Args)]
#[command(after_help = METHOD)]
pub(super) struct AuditArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Write exclude.toml: active for what is certain, proposals commented out.
    #[arg(long)]
    fix: bool,
    /// Look at the labels of test images too.
    #[arg(long)]
    with_test: bool,
}

pub(super) fn perform(arguments: &AuditArguments) -> anyhow::Result<()> {
    let interrupt = &listen_for_ctrl_c()?;
    let run = arguments.config.run()?;
    let path = arguments
        .config
        .out()
        .map_or_else(|| PathBuf::from("runs").join(format!("{}-audit", run.name)), Path::to_owned);
    if !RunFolder::is_free(&path) {
        return Err(FolderError::Taken(path).into());
    }
    let mut progress = Progress::new();
    let (record, fix) =
        audit::perform(&run, arguments.with_test, interrupt, &mut |event| progress.listen(event))?;
    let folder = RunFolder::at(&path)?;
    folder.write_audit(&record, arguments.fix.then_some(fix.text.as_str()))?;
    let mut text = report::text::audit(&record);
    if arguments.fix {
        let list = folder.file("exclude.toml");
        text.push_str(&report::text::audit_fix(&list, fix.excluded, fix.together, fix.proposed));
    }
    let output = if arguments.config.json { Output::Json } else { Output::Text };
    print_report(output, &text, &record, &folder)
}
