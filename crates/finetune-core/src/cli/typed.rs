//! What a newcomer types in place of `--config FILE` and `--set KEY=VALUE`.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Adds the way out to an error of the command line, where it is one of these.
pub(super) fn with_hint(mut error: clap::Error) -> clap::Error {
    let typed = |kind| match error.get(kind) {
        Some(ContextValue::String(typed)) => typed.clone(),
        _ => String::new(),
    };
    let hint = match error.kind() {
        ErrorKind::InvalidSubcommand => of_command(&typed(ContextKind::InvalidSubcommand)),
        ErrorKind::UnknownArgument => of_option(&typed(ContextKind::InvalidArg)),
        _ => None,
    };
    if let Some(hint) = hint {
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::SuggestedArg);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

fn of_command(typed: &str) -> Option<String> {
    if typed.ends_with(".toml") {
        return Some(format!("a configuration is given as: finetune --config {typed}"));
    }
    let is_training = ["train", "fit", "finetune", "fine-tune", "run"].contains(&typed);
    is_training.then(|| "training has no word of its own: finetune --config FILE".to_owned())
}

/// The keys of that name, from the reference of all keys.
fn of_option(typed: &str) -> Option<String> {
    let name = typed.strip_prefix("--")?.replace('-', "_");
    let name = match name.as_str() {
        "lr" => "learning_rate",
        "model" => "arch",
        name => name,
    };
    let keys: Vec<String> = run_config::keys()
        .filter(|key| key.rsplit('.').next() == Some(name))
        .map(|key| format!("--set {key}=VALUE"))
        .collect();
    (!keys.is_empty()).then(|| format!("keys of the configuration are given as: {}", keys.join(", ")))
}
