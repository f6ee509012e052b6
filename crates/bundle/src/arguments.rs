//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Puts finetune and all that it needs into a folder and an archive
#[derive(Debug, Parser)]
#[command(name = "bundle", version)]
pub(crate) struct Arguments {
    /// The finetune binary, linked with the run path $ORIGIN/../lib
    #[arg(long, value_name = "FILE")]
    pub(crate) program: PathBuf,
    /// The downloader's binary
    #[arg(long, value_name = "FILE")]
    pub(crate) downloader: PathBuf,
    /// libtorch's folder
    #[arg(long, value_name = "DIR")]
    pub(crate) libtorch: PathBuf,
    /// Whether it is to find a GPU
    #[arg(long, value_enum)]
    pub(crate) variant: Variant,
    /// The workspace, of which configurations, guide and licences come along
    #[arg(long, value_name = "DIR")]
    pub(crate) root: PathBuf,
    /// What `cargo metadata` says of the workspace, for this platform
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: PathBuf,
    /// The folder in which the bundle appears
    #[arg(long, value_name = "DIR")]
    pub(crate) into: PathBuf,
    /// Compression, 1 to 22
    #[arg(long, value_name = "LEVEL", default_value_t = 12, value_parser = clap::value_parser!(i32).range(1..=22))]
    pub(crate) level: i32,
    /// What the tools print is one JSON object a line; there is no other form
    #[arg(long, hide = true)]
    pub(crate) json: bool,
}

/// Which libtorch a bundle has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    Cpu,
    Cuda,
}

impl Variant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}
