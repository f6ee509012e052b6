//! `finetune completions`: what a shell needs to complete commands and options, and the manual page.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Command, ValueEnum};
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "For bash: finetune completions bash > ~/.local/share/bash-completion/completions/finetune. For the manual: finetune completions man ~/.local/share/man/man1"
)]
pub(super) struct CompletionsArguments {
    /// Shell, or man for the manual page.
    #[arg(value_enum)]
    form: Form,
    /// With man: write the pages of all commands into this folder, in place of printing the first.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
    Man,
}

pub(super) fn perform(arguments: &CompletionsArguments, mut command: Command) -> anyhow::Result<()> {
    let shell = match arguments.form {
        Form::Bash => Shell::Bash,
        Form::Elvish => Shell::Elvish,
        Form::Fish => Shell::Fish,
        Form::Powershell => Shell::PowerShell,
        Form::Zsh => Shell::Zsh,
        Form::Man => {
            if let Some(folder) = &arguments.folder {
                std::fs::create_dir_all(folder)
                    .and_then(|()| clap_mangen::generate_to(command, folder))
                    .with_context(|| format!("cannot write to {}", folder.display()))?;
                return Ok(());
            }
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            return Ok(io::stdout().write_all(&page)?);
        }
    };
    // The generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "finetune", &mut script);
    Ok(io::stdout().write_all(&script)?)
}
