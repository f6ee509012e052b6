//! `finetune lr-find`: the learning-rate range test.

use std::time::Instant;

use finetune_core::{advise, recipe};
use records::{Event, Session};
use training::range_test::Sweep;

use super::UsageError;
use super::arguments::{ConfigArguments, Output, print_report};
use super::train::listen_for_ctrl_c;
use progress::Progress;

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("config", |config| config.required(true)),
    after_help = "One step at each learning rate, from a new head on, with everything live that the run ever unfreezes. The suggested learning rate is the smaller of two: that at which the smoothed loss falls fastest, and a tenth of that at which it is lowest. No weights are kept; only a page with the curve is written."
)]
pub(super) struct LrFindArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// The first learning rate.
    #[arg(long, value_name = "RATE", default_value_t = Sweep::default().lowest, value_parser = learning_rate)]
    lowest: f64,
    /// The last learning rate.
    #[arg(long, value_name = "RATE", default_value_t = Sweep::default().highest, value_parser = learning_rate)]
    highest: f64,
    /// Number of learning rates.
    #[arg(long, value_name = "N", default_value_t = Sweep::default().steps, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    steps: u32,
}

fn learning_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if rate > 0.0 && rate.is_finite() { Ok(rate) } else { Err("must be above 0".to_owned()) }
}

pub(super) fn perform(arguments: &LrFindArguments) -> anyhow::Result<()> {
    let sweep = Sweep { lowest: arguments.lowest, highest: arguments.highest, steps: arguments.steps };
    if sweep.lowest >= sweep.highest {
        return Err(UsageError("--lowest must be below --highest").into());
    }
    let interrupt = &listen_for_ctrl_c()?;
    let run = arguments.config.run()?;
    let mut progress = Progress::new();
    let mut listen = |event: &Event<'_>| progress.listen(event);
    let session = &mut Session { interrupt, listener: &mut listen };
    let mut materials = recipe::gather(&run, &::team::Team::alone(), session)?;
    let started = Instant::now();
    let (run, _) = advise::resolve_auto_depth(&run, &materials, session)?;
    let advise_seconds = started.elapsed().as_secs_f64();
    let mut record = recipe::lr_find(&run, &mut materials, sweep, session)?;
    record.seconds += advise_seconds;
    let folder = arguments.config.new_folder(&format!("{}-lr-find", run.name))?;
    report::write_range(&record, folder.path())?;
    let output = if arguments.config.json { Output::Json } else { Output::Text };
    print_report(output, &report::text::range_test(&record), &record, &folder)
}
