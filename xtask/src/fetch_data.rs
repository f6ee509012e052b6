#[derive(clap::Args)]
pub(crate) struct Arguments {}
pub(crate) fn command(_w: &crate::workspace::Workspace, _a: &Arguments) -> anyhow::Result<()> { Ok(()) }
