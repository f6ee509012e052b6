//! `finetune config`: a configuration with every default, the JSON Schema, the reference of all keys.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use finetune_core::Error;

use super::arguments::run_of;

#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["show", "schema", "reference"]))]
pub(super) struct PrintArguments {
    /// Check a configuration (TOML) and print it with every default, as TOML that can be run.
    #[arg(long, value_name = "FILE")]
    show: Option<PathBuf>,
    /// Override a key of the configuration: --set train.optimizer=sgd
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "show")]
    overrides: Vec<String>,
    /// Print the JSON Schema of configurations, for editors with TOML support.
    #[arg(long)]
    schema: bool,
    /// Print the reference of all keys in Markdown: docs/configuration.md.
    #[arg(long)]
    reference: bool,
}

/// Prints what was asked for.
pub(super) fn perform(arguments: &PrintArguments) -> anyhow::Result<()> {
    let text = match &arguments.show {
        Some(path) => {
            let run = run_of(path, &arguments.overrides, |_| Ok::<_, Error>(()))?;
            toml::to_string(&run.config).context("cannot write the configuration as TOML")?
        }
        None if arguments.schema => serde_json::to_string_pretty(&run_config::schema())? + "\n",
        None => run_config::reference(),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
