//! Tests of the repository itself: its guide, its crates and its sources. They need neither the program nor libtorch.

mod guide;
mod modules;
mod sources;
mod structure;
mod torch_line;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
