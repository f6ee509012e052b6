//! `finetune completions`: what a shell needs to complete commands and options, and the manual page.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Command;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap_complete::Shell;

const NAME: &str = "finetune";
const FORMS: [&str; 6] = ["bash", "elvish", "fish", "powershell", "zsh", "man"];

#[derive(Debug, clap::Args)]
#[command(
    after_help = "For bash: finetune completions bash > ~/.local/share/bash-completion/completions/finetune. For the manual: finetune completions man ~/.local/share/man/man1"
)]
pub(super) struct CompletionsArguments {
    /// Shell, or man for the manual page.
    #[arg(value_parser = PossibleValuesParser::new(FORMS).map(|form| Form(form.parse().ok())))]
    form: Form,
    /// Write into this folder, under the name that belongs there, in place of printing; with man the pages of all commands.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// The shell; none for the manual.
#[derive(Clone, Copy, Debug)]
struct Form(Option<Shell>);

pub(super) fn perform(arguments: &CompletionsArguments, mut command: Command) -> anyhow::Result<()> {
    let Form(shell) = arguments.form;
    if let Some(folder) = &arguments.folder {
        return std::fs::create_dir_all(folder)
            .and_then(|()| match shell {
                Some(shell) => clap_complete::generate_to(shell, &mut command, NAME, folder).map(drop),
                None => clap_mangen::generate_to(command, folder),
            })
            .with_context(|| format!("cannot write to {}", folder.display()));
    }
    // The generator of completions panics where it cannot write.
    let mut text = Vec::new();
    match shell {
        Some(shell) => clap_complete::generate(shell, &mut command, NAME, &mut text),
        None => clap_mangen::Man::new(command).render(&mut text)?,
    }
    Ok(io::stdout().write_all(&text)?)
}
