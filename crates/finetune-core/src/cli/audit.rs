//! `finetune audit`: what is wrong with the data.

use std::fs;
use std::path::{Path, PathBuf};

use finetune_core::{Error, audit};
use run_config::Run;
use run_folder::{FolderError, RunFolder};

use super::arguments::{ConfigArguments, Output, print_report, run_of};
use super::resume::{ResumeOptions, at_stop, finished_already, hint};
use super::train::listen_for_ctrl_c;
use progress::Progress;

/// How it works, for the end of `--help`.
const METHOD: &str = "Reads the images as the run would and passes them through the network once; the run finds these features. Looks for files that cannot be read, copies within and across splits, labels that are likely wrong, and images unlike all others. Writes a page, audit.json and, with --fix, exclude.toml for data.exclude. Nothing is moved, deleted or trained (docs/audit.md).";

#[derive(Debug, clap::Args)]
#[command(mut_arg("config", |config| config.required_unless_present("resume")), after_help = METHOD)]
pub(super) struct AuditArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Write exclude.toml: active for what is certain, proposals commented out.
    #[arg(long)]
    fix: bool,
    /// Look at the labels of test images too.
    #[arg(long)]
    with_test: bool,
    #[command(flatten)]
    resume: ResumeOptions,
}

pub(super) fn perform(arguments: &AuditArguments) -> anyhow::Result<()> {
    let interrupt = &listen_for_ctrl_c()?;
    let AuditArguments { config, resume, fix, with_test } = arguments;
    let begun = resume.folder(config.out());
    if let Some(path) = begun.filter(|path| path.join("audit.json").is_file()) {
        finished_already(&RunFolder::of_another(path));
        return Ok(());
    }
    let run = match begun.filter(|_| !config.is_given()) {
        Some(path) => run_of(&path.join(CONFIG), config.overrides(), |_| Ok::<_, Error>(()))?,
        None => config.run()?,
    };
    let path = begun.or(config.out());
    let path = path.map_or_else(|| PathBuf::from("runs").join(format!("{}-audit", run.name)), Path::to_owned);
    let folder = match begun {
        Some(path) => same_configuration(path, &run)?,
        None => resume.folder_to_begin(Some(&path)).unwrap_or_else(|| RunFolder::at(&path))?,
    };
    // It is there while the audit is under way.
    folder.write_named_config(&run.config, &run.name)?;
    match begun {
        Some(path) => hint(format!("finetune audit --resume {}", path.display())),
        None => at_stop("an audit that is stopped leaves nothing".to_owned()),
    }
    let mut progress = Progress::new();
    let done = audit::perform(&run, *with_test, interrupt, &mut |event| progress.listen(event));
    let (record, list) = done.inspect_err(|_| forget(&folder, begun))?;
    folder.write_audit(&record, fix.then_some(list.text.as_str()))?;
    let _ = fs::remove_file(folder.file(CONFIG));
    let mut text = report::text::audit(&record);
    if *fix {
        let file = folder.file("exclude.toml");
        text.push_str(&report::text::audit_fix(&file, list.excluded, list.together, list.proposed));
    }
    let output = if config.json { Output::Json } else { Output::Text };
    print_report(output, &text, &record, &folder)
}

const CONFIG: &str = "config.toml";

/// Returns the folder of an audit that was cut off, where it is one of this configuration.
fn same_configuration(path: &Path, run: &Run) -> anyhow::Result<RunFolder> {
    let folder = RunFolder::of_another(path);
    let before = fs::read_to_string(folder.file(CONFIG)).ok().and_then(|text| run_config::parse(&text).ok());
    match before {
        Some(before) => run_state::same_configuration(path, &before, &run.config)?,
        None => {
            return Err(FolderError::NothingToResume {
                path: path.to_owned(),
                why: "no audit was begun there",
            }
            .into());
        }
    }
    Ok(folder)
}

/// Removes the folder of an audit that failed, unless an earlier process began it.
fn forget(folder: &RunFolder, begun: Option<&Path>) {
    if begun.is_none() {
        let _ = fs::remove_file(folder.file(CONFIG));
        folder.forget_if_empty();
    }
}
