//! `fetch-weights` and `fetch-data` of `machine-commands`, in this workspace.

use anyhow::Result;
use machine_commands::{Caller, fetch_data, fetch_weights};

use crate::setup;
use crate::tools::{self, Tool};
use crate::workspace::Workspace;

/// Builds the downloader when it is asked for.
pub(crate) fn downloader(workspace: &Workspace) -> impl Fn() -> Result<Tool> {
    move || tools::downloader(workspace)
}

/// `cargo xtask` at the root of the workspace.
pub(crate) fn of<'a>(workspace: &Workspace, downloader: &'a dyn Fn() -> Result<Tool>) -> Caller<'a> {
    Caller { name: "cargo xtask", root: workspace.root.clone(), downloader }
}

/// Fetches weights. Those of a configuration are about to be trained from, so that libtorch is set up as well.
pub(crate) fn fetch_weights(workspace: &Workspace, arguments: &fetch_weights::Arguments) -> Result<()> {
    fetch_weights::perform(&of(workspace, &downloader(workspace)), arguments)?;
    if arguments.is_for_config() {
        setup::ensure(workspace)?;
    }
    Ok(())
}

/// Fetches a public image set, or lists them.
pub(crate) fn fetch_data(workspace: &Workspace, arguments: &fetch_data::Arguments) -> Result<()> {
    fetch_data::perform(&of(workspace, &downloader(workspace)), arguments)
}
