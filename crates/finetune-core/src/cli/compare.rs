//! `finetune compare`: one run under several settings, over several seeds.

use clap::ValueEnum;
use finetune_core::grid::{Vary, VaryError, vary};
use records::Outcome;

use super::train::{self, TrainArguments};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Every run is trained once per seed; runs of one seed see the same images, and are compared pair by pair. --vary regularize lays one technique of [regularize] or [augment] at a time over the run without any, as strong as the configuration has it or else as is usual. --vary depth compares with the head alone, or with the first of --depths. --vary images takes the methods of [compare]."
)]
pub(super) struct CompareArguments {
    /// What the runs differ in.
    #[arg(long, value_name = "WHAT")]
    vary: What,
    /// Only these settings, by name, beside the one they are compared with: --only mixup,l2_sp
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// With --vary depth, the depths to compare, the first of them with the others: --depths head,last:4,auto
    #[arg(long, value_name = "DEPTHS", value_delimiter = ',')]
    depths: Vec<String>,
    /// The seeds; without it those of [compare], or 0,1,2.
    #[arg(long, value_name = "SEEDS", value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Training images of each class; without it those of [compare], or all.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',')]
    images: Vec<u32>,
    #[command(flatten)]
    train: TrainArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Techniques against overfitting.
    Regularize,
    /// How far back the network is trained.
    Depth,
    /// How many training images there are.
    Images,
}

pub(super) fn perform(arguments: &CompareArguments) -> anyhow::Result<Outcome> {
    if !arguments.depths.is_empty() && !matches!(arguments.vary, What::Depth) {
        return Err(VaryError::DepthsAlone.into());
    }
    let what = match arguments.vary {
        What::Regularize => Vary::Regularize,
        What::Depth => Vary::Depth(arguments.depths.clone()),
        What::Images => Vary::Images,
    };
    train::perform_changed(&arguments.train, |config| {
        let compare = config.compare.get_or_insert_default();
        if !arguments.seeds.is_empty() {
            compare.seeds.clone_from(&arguments.seeds);
        }
        if !arguments.images.is_empty() {
            compare.images_per_class.clone_from(&arguments.images);
        }
        Ok(vary(config, &what, &arguments.only)?)
    })
}
