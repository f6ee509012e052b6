//! `finetune search`: a race between ways to train, on folds of the training images.

use std::path::PathBuf;

use finetune_core::search;
use ranged::{NotNegative, OutOfRange, Positive};
use records::{Depth, Event, Session};
use run_config::Config;
use run_folder::{Metrics, RunFolder};

use super::arguments::{ConfigArguments, Output, print_report, run_of};
use super::joined::{joined, search_helpers};
use super::resume::{ResumeOptions, hint};
use super::train::listen_for_ctrl_c;
use progress::Progress;

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("config", |config| config.required_unless_present_any(["resume", "join"])),
    after_help = "Linear classifiers on every stage, the head, and deeper and deeper training at several learning rates race on folds of the training images; validation and test images are never read. What cannot win is dropped; of what cannot be told apart the cheaper is taken. The folder gets search.json, a page with the race, and chosen.toml, the configuration to run. finetune.depth = \"search\" does the same before a run and goes on with it. docs/search.md says how searches fared."
)]
pub(super) struct SearchArguments {
    /// How much it may cost, in final runs that train everything; by default search.budget
    #[arg(long, value_name = "RUNS", conflicts_with = "minutes", value_parser = number::<NotNegative>)]
    budget: Option<NotNegative>,
    /// Networks that race with one another, each at every depth: resnet50, or resnet50:IMAGENET1K_V1, or a name, a colon and a file; by
    /// default search.archs, else model.arch alone
    #[arg(long, value_name = "ARCH[:WEIGHTS]", value_delimiter = ',')]
    archs: Vec<String>,
    /// How many minutes it may take, in place of the budget
    #[arg(long, value_name = "MINUTES", value_parser = number::<Positive>)]
    minutes: Option<Positive>,
    /// Take part in the search that another process carries out in DIR, from this machine or another one that shares the folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "resume"])]
    join: Option<PathBuf>,
    #[command(flatten)]
    resume: ResumeOptions,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) fn perform(arguments: &SearchArguments) -> anyhow::Result<()> {
    let interrupt = &listen_for_ctrl_c()?;
    let SearchArguments { budget, minutes, .. } = *arguments;
    let resumed = arguments.resume.folder(arguments.config.out());
    let change = |config: &mut Config| {
        config.finetune.depth = Depth::Search;
        config.compare = None;
        let search = config.search.get_or_insert_default();
        search.budget = budget.unwrap_or(search.budget);
        if !arguments.archs.is_empty() {
            search.archs.clone_from(&arguments.archs);
        }
        search.minutes = minutes.or(search.minutes.filter(|_| budget.is_none()));
        anyhow::Ok(())
    };
    let known = resumed.or(arguments.join.as_deref());
    let run = match known.filter(|_| !arguments.config.is_given()) {
        Some(path) => run_of(&path.join("config.toml"), arguments.config.overrides(), change)?,
        None => arguments.config.changed_run(change)?,
    };
    if let Some(folder) = &arguments.join {
        let jobs = search_helpers(&run).count() + 1;
        return joined(folder, interrupt, |session| Ok(search::join(&run, folder, jobs, session)?));
    }
    let (folder, mut metrics) = match resumed {
        Some(path) => {
            let folder = RunFolder::resumed_search(path, &run.config)?;
            let metrics = Metrics::reopen(&folder)?;
            (folder, metrics)
        }
        None => {
            let folder = match arguments.resume.folder_to_begin(arguments.config.out()) {
                Some(folder) => folder?,
                None => arguments.config.new_folder(&format!("{}-search", run.name))?,
            };
            let metrics = Metrics::create(&folder)?;
            (folder, metrics)
        }
    };
    hint(format!("finetune search --resume {}", folder.path().display()));
    let mut progress = Progress::new();
    let mut listen = |event: &Event<'_>| {
        progress.listen(event);
        metrics.listen(event);
    };
    let session = &mut Session { interrupt, listener: &mut listen };
    let done = search::gather(&run, session).map_err(anyhow::Error::from).and_then(|materials| {
        let helpers = search_helpers(&run);
        folder.write_named_config(&search::shared_by(&run, &helpers).config, &run.name)?;
        Ok(search::perform(&run, &materials, &folder, &helpers, session)?)
    });
    metrics.finish()?;
    let record = done.inspect_err(|_| folder.forget_if_empty())?;
    let output = if arguments.config.json { Output::Json } else { Output::Text };
    let text = report::text::search(&record);
    let chosen = folder.file("chosen.toml");
    print_report(
        output,
        &format!("{}\nrun     finetune --config {}", text.trim_end(), chosen.display()),
        &record,
        &folder,
    )
}

/// Reads a number within its range.
fn number<T: TryFrom<f64, Error = OutOfRange>>(text: &str) -> Result<T, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    T::try_from(number).map_err(|error| error.to_string())
}
