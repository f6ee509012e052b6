//! `finetune compare`: one run under several settings, over several seeds.

use std::num::NonZeroU32;

use clap::ValueEnum;
use finetune_core::compare::{Vary, VaryError, alone, vary};
use records::Outcome;
use run_config::Folds;

use super::arguments::ConfigArguments;
use super::options::{TrainArguments, TrainOptions};
use super::train;

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("config", |config| config.required_unless_present_any(["resume", "join"])),
    after_help = "Each setting is trained once per seed; runs of one seed see the same images and are compared in pairs. --vary regularize adds one technique of [regularize] or [augment] at a time to a run without any, as strong as configured, else as is usual. --vary depth compares with the head alone, or with the first of --depths. --vary images takes the methods of [compare]."
)]
pub(super) struct CompareArguments {
    /// What the runs differ in; without it the settings of [compare], or the run alone
    #[arg(long, value_name = "WHAT")]
    vary: Option<What>,
    /// Compare only these settings with the first: --only mixup,l2_sp
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "vary")]
    only: Vec<String>,
    /// Depths to compare with the first of them (--vary depth): --depths head,last:4,auto
    #[arg(long, value_name = "DEPTHS", value_delimiter = ',')]
    depths: Vec<String>,
    /// Seeds; by default those of [compare], else 0,1,2
    #[arg(long, value_name = "SEEDS", value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Training images per class; by default those of [compare], else all
    #[arg(long, value_name = "COUNTS", value_delimiter = ',')]
    images: Vec<NonZeroU32>,
    /// Run each setting on each of K folds of the training images and count every image once (data.folds)
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(2..))]
    folds: Option<u32>,
    #[command(flatten)]
    config: ConfigArguments,
    #[command(flatten)]
    train: TrainOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Techniques against overfitting
    Regularize,
    /// How far back the network is fine-tuned
    Depth,
    /// The number of training images
    Images,
}

pub(super) fn perform(arguments: &CompareArguments) -> anyhow::Result<Outcome> {
    if !arguments.depths.is_empty() && !matches!(arguments.vary, Some(What::Depth)) {
        return Err(VaryError::DepthsAlone.into());
    }
    let what = arguments.vary.map(|what| match what {
        What::Regularize => Vary::Regularize,
        What::Depth => Vary::Depth(arguments.depths.clone()),
        What::Images => Vary::Images,
    });
    let train = TrainArguments { config: &arguments.config, options: &arguments.train };
    train::perform_changed(train, |config| {
        if what.is_none() {
            alone(config);
        }
        let compare = config.compare.get_or_insert_default();
        if !arguments.seeds.is_empty() {
            compare.seeds.clone_from(&arguments.seeds);
        }
        if let Some(folds) = arguments.folds {
            config.data.folds = Folds::try_from(folds).ok();
        }
        if !arguments.images.is_empty() {
            compare.images_per_class.clone_from(&arguments.images);
        }
        what.as_ref().map_or(Ok(()), |what| Ok(vary(config, what, &arguments.only)?))
    })
}
