//! Tests of the whole system: each starts the `finetune` program as a user does and looks at what it prints, writes and
//! exits with. Nothing here links libtorch.

mod advise;
mod audit;
mod bad_input;
mod bad_weights;
mod bundled;
mod cached_features;
mod cases;
mod claims;
mod command_line;
mod comparison;
mod data_in;
mod divergence;
mod end_to_end;
mod endings;
mod evidence;
mod export;
mod facts;
mod features_out;
mod folds;
mod front_door;
mod gpus;
mod head_solvers;
mod heads;
mod hub_weights;
mod json_keys;
mod keep;
mod keys;
mod killed;
mod leases;
mod no_room;
mod policies;
mod prediction;
mod preparation;
mod public_sets;
mod real_photos;
mod regularizers;
mod resume;
mod search;
mod serving;
mod team_failures;
mod team_resume;
mod together;
mod torchrun;
mod transformers;

#[path = "../torchvision/generator.rs"]
mod generator;
#[path = "../torchvision/pth.rs"]
mod pth;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
