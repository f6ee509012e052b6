//! `finetune lr-find`: the learning-rate range test.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use finetune_core::run_folder::RunFolder;
use finetune_core::{Error, recipe};
use training::range_test::Sweep;

use super::Misused;
use super::print_hints;
use super::train::listen_for_ctrl_c;
use crate::progress::Progress;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "One step at each rate, from a fresh head on, with everything live that the run ever thaws. The suggested rate is the smaller of two: that at which the smoothed loss falls fastest, and a tenth of that at which it is lowest. No weights are kept; a page with the curve is all that is written."
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
    /// The first rate.
    #[arg(long, value_name = "RATE", default_value_t = Sweep::default().lowest, value_parser = rate)]
    lowest: f64,
    /// The last rate.
    #[arg(long, value_name = "RATE", default_value_t = Sweep::default().highest, value_parser = rate)]
    highest: f64,
    /// How many rates.
    #[arg(long, value_name = "N", default_value_t = Sweep::default().steps, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    steps: u32,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
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
    let mut listen = |event: &records::Event<'_>| progress.listen(event);
    let mut materials = recipe::gather(&run, interrupt, &mut listen)?;
    let record = recipe::lr_find(&run, &mut materials, sweep, interrupt, &mut listen)?;
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
