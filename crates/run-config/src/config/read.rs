use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, Deserializer};
use toml_edit::{DocumentMut, InlineTable, Item, TableLike};

use super::error::ConfigError;
use super::legacy::{self, Found};
use super::source::{Source, is_within, wrong_set};
use super::{Config, tagged};

/// Reads a configuration file and lays the `KEY=VALUE` overrides over it, in order.
///
/// A value that is no TOML is taken as a string, so that `finetune.depth=last:2` needs no quotes.
///
/// # Errors
/// [`ConfigError`], with line and column, or the override at fault.
pub fn read(path: &Path, overrides: &[String]) -> Result<(Config, Source), ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_path_buf(), source })?;
    let mut source = Source::new(path, text);
    let mut document: DocumentMut = source
        .text()
        .parse()
        .map_err(|error: toml_edit::TomlError| source.wrong_at(error.span(), error.message().to_owned()))?;
    let mut parsed = Parsed::of(source.text());
    // Overrides may supply what the file lacks, so only the file's own mistakes count before them.
    if let Err(error) = &parsed.config
        && (overrides.is_empty() || !lacks_something(error))
    {
        return Err(source.misread(error.span(), &explain(error.message())));
    }
    for argument in overrides {
        source.add_override(argument);
        apply(&mut document, argument).map_err(|message| wrong_set(argument, message))?;
        parsed = Parsed::of(&document.to_string());
        if let Err(error) = &parsed.config
            && !lacks_something(error)
        {
            return Err(wrong_set(argument, explain(error.message())));
        }
    }
    // With overrides laid over it, the document's lines are not the file's.
    let config = parsed.config.map_err(|error| source.wrong_at(None, explain(error.message())))?;
    if let Some(remark) = parsed.found.ineffective.first() {
        return Err(source.ineffective(remark));
    }
    let settings = config.compare.as_ref().map_or(&[][..], |compare| compare.settings.as_slice());
    source.collect_hints(&parsed.found.hints, settings);
    Ok((config, source))
}

/// Reads the text of a configuration, such as a run folder's `config.toml`, in today's form or that of before 0.2.
///
/// # Errors
/// With the text's line and column.
pub fn parse(text: &str) -> Result<Config, toml::de::Error> {
    Parsed::of(text).config
}

/// Lays `KEY=VALUE` overrides over a configuration.
///
/// # Errors
/// [`ConfigError`] with the override at fault.
pub fn overlay(config: &Config, overrides: &[String]) -> Result<Config, ConfigError> {
    lay_over(config, overrides)
        .map_err(|wrong| wrong_set(overrides.get(wrong.change).map_or("", String::as_str), wrong.message))
}

/// A change that cannot be laid over a configuration.
pub(crate) struct WrongChange {
    /// Its number.
    pub(crate) change: usize,
    /// What is wrong with it.
    pub(crate) message: String,
}

pub(crate) fn lay_over(config: &Config, changes: &[String]) -> Result<Config, WrongChange> {
    let mut ineffective = Vec::new();
    let mut changed = config.clone();
    let whole = |error: String| WrongChange { change: 0, message: error };
    let text = toml::to_string(&changed).map_err(|error| whole(error.to_string()))?;
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| whole(error.to_string()))?;
    for (change, argument) in changes.iter().enumerate() {
        let wrong = |message| WrongChange { change, message };
        apply(&mut document, argument).map_err(wrong)?;
        let parsed = Parsed::of(&document.to_string());
        changed = parsed.config.map_err(|error| wrong(explain(error.message())))?;
        ineffective = parsed.found.ineffective;
    }
    match ineffective.first() {
        None => Ok(changed),
        Some(legacy::Remark { key, message }) => {
            let change = changes.iter().rposition(|change| is_within(change, key)).unwrap_or(0);
            Err(WrongChange { change, message: format!("{key}: {message}") })
        }
    }
}

/// A text, and what of it is in the form of an earlier version.
struct Parsed {
    found: Found,
    config: Result<Config, toml::de::Error>,
}

impl Parsed {
    fn of(text: &str) -> Self {
        match DeTable::parse(text) {
            Ok(mut document) => {
                let found = legacy::modernize(document.get_mut());
                Self { found, config: Config::deserialize(Deserializer::from(document)) }
            }
            Err(error) => Self { found: Found::default(), config: Err(error) },
        }
    }
}

/// Whether a required key is all that is wrong.
fn lacks_something(error: &toml::de::Error) -> bool {
    error.message().starts_with("missing field")
}

/// Puts one `KEY=VALUE` into the document.
fn apply(document: &mut DocumentMut, argument: &str) -> Result<(), String> {
    let (key, value) = argument
        .split_once('=')
        .ok_or_else(|| "write it as KEY=VALUE, for example train.epochs=3".to_owned())?;
    let value: toml_edit::Value = value.trim().parse().unwrap_or_else(|_| value.trim().into());
    let parts: Vec<&str> = key.trim().split('.').collect();
    let Some((last, tables)) = parts.split_last() else { return Err("the key is empty".to_owned()) };
    let mut table = document.as_table_mut() as &mut dyn TableLike;
    for (depth, part) in tables.iter().enumerate() {
        let key = tables[..=depth].join(".");
        let item = table.entry(part).or_insert(Item::None);
        if legacy::is_choice(&key) {
            spell_out(item, &key);
        }
        if item.is_none() {
            *item = toml_edit::table();
        }
        table = item.as_table_like_mut().ok_or_else(|| format!("{part} is a value, not a table"))?;
    }
    table.insert(last, Item::Value(value));
    Ok(())
}

/// Makes a table of a choice that is written as its name, or left to its default, so that a number can be put into it.
fn spell_out(item: &mut Item, key: &str) {
    let name = match item.as_str() {
        Some(name) => Some(name.to_owned()),
        None if item.is_none() => legacy::usual_choice(key).map(str::to_owned),
        None => None,
    };
    if let Some(name) = name {
        let mut table = InlineTable::new();
        table.insert(tagged::NAME, name.into());
        *item = Item::Value(table.into());
    }
}

/// serde's message in this program's words, with the nearest known key where a key is unknown.
fn explain(message: &str) -> String {
    if let Some((key, number)) = message.split_once("invalid value: integer `")
        && let Some((number, expected)) = number.split_once('`')
        && expected.contains("nonzero")
    {
        return format!("{key}must be at least 1, and this is {number}");
    }
    let unknown = ["unknown field", "unknown variant"].iter().filter_map(|what| message.find(what)).min();
    let mut quoted = message[unknown.unwrap_or(0)..].split('`').skip(1).step_by(2);
    let (Some(_), Some(unknown)) = (unknown, quoted.next()) else { return message.to_owned() };
    let nearest =
        quoted.max_by(|a, b| strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown)));
    match nearest {
        Some(nearest) if strsim::jaro_winkler(nearest, unknown) > 0.7 => {
            format!("{message}; did you mean `{nearest}`?")
        }
        _ => message.to_owned(),
    }
}
