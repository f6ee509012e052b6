//! `finetune lr-find`: the learning-rate range test.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use finetune_core::run_folder::RunFolder;
use finetune_core::{Error, advise, recipe};
use records::{Event, Session};
use training::range_test::Sweep;

use super::Misused;
use super::print_hints;
use super::train::listen_for_ctrl_c;
use crate::progress::Progress;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "One step at each learning rate, from a new head on, with everything live that the run ever unfreezes. The suggested learning rate is the smaller of two: that at which the smoothed loss falls fastest, and a tenth of that at which it is lowest. No weights are kept; only a page with the curve is written."
)]
pub(super) struct LrFindArguments {
    /// The run's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Overrides a key of the configuration: --set train.batch_size=16
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Where the page goes; a new folder. Without it: runs/NAME-lr-find, numbered if that is taken.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The first learning rate.
    #[arg(long, value_name = "RATE", default_value_t = Sweep::default().lowest, value_parser = learning_rate)]
    lowest: f64,
    /// The last learning rate.
    #[arg(long, value_name = "RATE", default_value_t = Sweep::default().highest, value_parser = learning_rate)]
    highest: f64,
    /// Number of learning rates.
    #[arg(long, value_name = "N", default_value_t = Sweep::default().steps, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    steps: u32,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

fn learning_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if rate > 0.0 && rate.is_finite() { Ok(rate) } else { Err("must be above 0".to_owned()) }
}

pub(super) fn perform(arguments: &LrFindArguments) -> anyhow::Result<()> {
    let sweep = Sweep { lowest: arguments.lowest, highest: arguments.highest, steps: arguments.steps };
    if sweep.lowest >= sweep.highest {
        return Err(Misused("--lowest must be below --highest").into());
    }
    let interrupt = &listen_for_ctrl_c()?;
    let (config, source) = run_config::read(&arguments.config, &arguments.overrides).map_err(Error::from)?;
    print_hints(&source);
    let run = run_config::resolve(config, source)?;
    let mut progress = Progress::new();
    let mut listen = |event: &Event<'_>| progress.listen(event);
    let session = &mut Session { interrupt, listener: &mut listen };
    let mut materials = recipe::gather(&run, session)?;
    let asked = Instant::now();
    let (run, _) = advise::decide(&run, &materials, session.interrupt, session.listener)?;
    let advised = asked.elapsed().as_secs_f64();
    let mut record = recipe::lr_find(&run, &mut materials, sweep, session)?;
    record.seconds += advised;
    let folder = match &arguments.out {
        Some(path) => RunFolder::at(path)?,
        None => RunFolder::numbered(Path::new("runs"), &format!("{}-lr-find", run.name))?,
    };
    report::write_range(&record, folder.path())?;
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut out, &record).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        let page = folder.file("report.html");
        writeln!(out, "{}\nreport  {}", report::text::range_test(&record), page.display())?;
    }
    Ok(out.flush()?)
}
