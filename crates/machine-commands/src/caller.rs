//! The program that a command is part of.

use std::path::PathBuf;

use anyhow::Result;

use crate::tool::{self, Tool};

/// The program that a command is part of.
pub struct Caller<'a> {
    /// How it is called, for messages: `cargo xtask` or `finetune`.
    pub name: &'static str,
    /// Folder with `weights/`, `data/` and the configuration; empty for the current one.
    pub root: PathBuf,
    /// Returns the downloader.
    pub downloader: &'a dyn Fn() -> Result<Tool>,
}

impl Caller<'static> {
    /// `finetune` itself, in the current folder, with the downloader that lies next to it.
    #[must_use]
    pub fn finetune() -> Self {
        Self { name: "finetune", root: PathBuf::new(), downloader: &tool::downloader_nearby }
    }
}
