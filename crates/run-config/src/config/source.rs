use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Item, TableLike, Value};

use super::SettingConfig;
use super::error::{ConfigError, Place};
use super::legacy;

/// Where a configuration came from: kept so that a mistake found later still points at its line.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    text: String,
    overrides: Vec<String>,
    /// The setting of a comparison whose changes are laid over it.
    setting: Option<SettingConfig>,
    hints: Vec<String>,
}

impl Source {
    /// Returns the source of a configuration with this text; mistakes are said to be in the file of this path.
    #[must_use]
    pub fn new(path: &Path, text: String) -> Self {
        Self { path: path.to_path_buf(), text, overrides: Vec::new(), setting: None, hints: Vec::new() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn add_override(&mut self, argument: &str) {
        self.overrides.push(argument.to_owned());
    }

    /// Returns the source with the changes of a setting laid over it.
    #[must_use]
    pub fn with_setting(&self, setting: &SettingConfig) -> Self {
        Self { setting: Some(setting.clone()), ..self.clone() }
    }

    /// Whether a key was given here: what a setting does not change, it inherits from the run that it is laid over.
    #[must_use]
    pub fn gives(&self, key: &str) -> bool {
        self.setting.as_ref().is_none_or(|setting| setting.set.iter().any(|change| sets(change, key)))
    }

    /// Returns the name of the file without its ending: a run's name when the configuration gives none.
    #[must_use]
    pub fn stem(&self) -> String {
        self.path.file_stem().map_or_else(|| "run".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Returns the folder of the file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Returns what could be written better, each with its place: forms of an earlier version.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// A mistake in the value of a dotted key, `"finetune.depth"`, at the place where it was given.
    #[must_use]
    pub fn wrong(&self, key: &str, message: impl Into<String>) -> ConfigError {
        let message = format!("{key}: {}", message.into());
        if let Some(SettingConfig { set, .. }) = &self.setting
            && let Some(change) = responsible(set, key)
        {
            return self.wrong_change(change, message);
        }
        let message = self.in_setting(message);
        match responsible(&self.overrides, key) {
            Some(argument) => wrong_set(&self.overrides[argument], message),
            None => self.wrong_at(self.span(key), message),
        }
    }

    /// A mistake in a change of the setting.
    pub(crate) fn wrong_change(&self, change: usize, message: String) -> ConfigError {
        let message = self.in_setting(message);
        let Some(SettingConfig { name, set }) = &self.setting else { return self.wrong_at(None, message) };
        let Some(argument) = set.get(change) else { return self.wrong_at(None, message) };
        match self.span_of_change(name, change, argument) {
            Some(span) => self.wrong_at(Some(span), message),
            None => wrong_set(argument, message),
        }
    }

    /// A table of the old form without effect.
    pub(super) fn ineffective(&self, remark: &legacy::Remark) -> ConfigError {
        match self.overrides.iter().rev().find(|argument| is_within(argument, &remark.key)) {
            Some(argument) => wrong_set(argument, format!("{}: {}", remark.key, remark.message)),
            None => self.wrong(&remark.key, remark.message.as_str()),
        }
    }

    /// Collects the hints on forms of an earlier version: in the file, in overrides and in settings.
    pub(super) fn collect_hints(&mut self, found: &[legacy::Remark], settings: &[SettingConfig]) {
        let mut hints = Vec::new();
        for remark in found {
            if let Some(span) = self.exact_span(&remark.key) {
                hints.push(self.wrong_at(Some(span), remark.message.clone()));
            }
        }
        for argument in &self.overrides {
            hints.extend(legacy::hint(argument).map(|hint| wrong_set(argument, hint)));
        }
        for SettingConfig { name, set } in settings {
            for (index, change) in set.iter().enumerate() {
                let Some(hint) = legacy::hint(change) else { continue };
                hints.push(self.wrong_at(self.span_of_change(name, index, change), hint));
            }
        }
        self.hints = hints.iter().map(ToString::to_string).collect();
    }

    /// What serde says of the file's text, with the key where it says none.
    pub(super) fn misread(&self, span: Option<Range<usize>>, message: &str) -> ConfigError {
        let at = span.clone().and_then(|span| self.key_at(&span));
        let Some(key) = at else { return self.wrong_at(span, message.to_owned()) };
        // The numbers of a choice are read as a whole, and the message begins with the one at fault.
        let today = legacy::key_of_today(&key);
        let choice = [&*today, today.rsplit_once('.').map_or("", |(table, _)| table)]
            .into_iter()
            .find(|key| legacy::is_choice(key));
        if let Some(choice) = choice
            && let Some((number, said)) = message.split_once(": ")
            && let key = format!("{choice}.{number}")
            && let Some((key, span)) = self.written(&key)
        {
            return self.wrong_at(Some(span), format!("{key}: {said}"));
        }
        self.wrong_at(span, format!("{key}: {message}"))
    }

    pub(super) fn wrong_at(&self, span: Option<Range<usize>>, message: String) -> ConfigError {
        let place = match span {
            None => Place::Whole(self.path.clone()),
            Some(span) => {
                let before = &self.text[..self.text.floor_char_boundary(span.start)];
                let line_start = before.rfind('\n').map_or(0, |end| end + 1);
                Place::File {
                    path: self.path.clone(),
                    line: before.matches('\n').count() + 1,
                    column: before[line_start..].chars().count() + 1,
                }
            }
        };
        ConfigError::Wrong { place, message }
    }

    fn in_setting(&self, message: String) -> String {
        match &self.setting {
            Some(setting) => format!("{message} (in the setting {:?})", setting.name),
            None => message,
        }
    }

    /// The bytes of a change of a setting, where the file has it: the settings of `finetune compare` are in none.
    fn span_of_change(&self, name: &str, place: usize, change: &str) -> Option<Range<usize>> {
        let document = toml_edit::Document::parse(self.text.as_str()).ok()?;
        let settings = document.get("compare")?.get("setting")?.as_array_of_tables()?;
        let named = |table: &&toml_edit::Table| table.get("name").and_then(|it| it.as_str()) == Some(name);
        let value = settings.iter().find(named)?.get("set")?.as_array()?.get(place)?;
        value.span().filter(|_| value.as_str() == Some(change))
    }

    /// The bytes of the value of a key, or of the innermost table around it that the file has.
    fn span(&self, key: &str) -> Option<Range<usize>> {
        self.written(key).map(|(_, span)| span).or_else(|| self.innermost(key).map(|found| found.span))
    }

    /// A key as the file writes it, in the form of today or an older one, and the bytes of its value.
    fn written(&self, key: &str) -> Option<(String, Range<usize>)> {
        let spellings = std::iter::once(key.to_owned()).chain(legacy::old_keys(key));
        spellings.into_iter().find_map(|key| self.exact_span(&key).map(|span| (key, span)))
    }

    fn exact_span(&self, key: &str) -> Option<Range<usize>> {
        self.innermost(key).filter(|found| found.whole).map(|found| found.span)
    }

    fn innermost(&self, key: &str) -> Option<Innermost> {
        let document = toml_edit::Document::parse(self.text.as_str()).ok()?;
        let mut found = None;
        let mut table: Option<&dyn TableLike> = Some(document.as_table());
        let mut rest = Some(key);
        while let Some(dotted) = rest {
            let (part, after) =
                dotted.split_once('.').map_or((dotted, None), |(part, rest)| (part, Some(rest)));
            // The names of stages and classes may have dots of their own.
            let entire = table.and_then(|table| table.get(dotted));
            let Some(item) = entire.or_else(|| table.and_then(|table| table.get(part))) else { break };
            rest = if entire.is_some() { None } else { after };
            if let Some(span) = item.span() {
                found = Some(Innermost { span, whole: rest.is_none() });
            }
            table = item.as_table_like();
            if table.is_none() {
                break;
            }
        }
        found
    }

    /// The innermost key whose value has these bytes in it.
    fn key_at(&self, span: &Range<usize>) -> Option<String> {
        let document = toml_edit::Document::parse(self.text.as_str()).ok()?;
        key_within(document.as_table(), "", span)
    }
}

/// How far a dotted key leads in a file.
struct Innermost {
    span: Range<usize>,
    /// Whether it is the key's own value.
    whole: bool,
}

fn key_within(table: &dyn TableLike, prefix: &str, span: &Range<usize>) -> Option<String> {
    table.iter().find_map(|(name, item)| {
        let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        let contains = |value: &Value| {
            value.span().is_some_and(|value| value.start <= span.start && span.end <= value.end)
        };
        match item {
            Item::Table(table) => key_within(table, &key, span),
            Item::ArrayOfTables(tables) => tables.iter().find_map(|table| key_within(table, &key, span)),
            Item::Value(Value::InlineTable(inner)) if item.as_value().is_some_and(contains) => {
                Some(key_within(inner, &key, span).unwrap_or(key))
            }
            Item::Value(value) if contains(value) => Some(key),
            _ => None,
        }
    })
}

/// A mistake in an override.
pub(super) fn wrong_set(argument: &str, message: String) -> ConfigError {
    ConfigError::Wrong { place: Place::Set(argument.to_owned()), message }
}

/// Returns the index of the `KEY=VALUE` that gave a key its value: the last one of this key, of a table around it, or else of
/// a key within it.
fn responsible(changes: &[String], key: &str) -> Option<usize> {
    let today = legacy::key_of_today(key);
    let whole = changes.iter().rposition(|change| sets(change, key));
    whole.or_else(|| {
        changes.iter().rposition(|change| lies_within(&legacy::key_of_today(given(change)), &today))
    })
}

/// Whether a `KEY=VALUE` gives a value to this key, or to a table around it.
fn sets(argument: &str, key: &str) -> bool {
    let given = legacy::key_of_today(given(argument));
    let key = legacy::key_of_today(key);
    lies_within(&key, &given)
}

/// Whether a `KEY=VALUE` gives a value to this key, or to one in its table.
pub(super) fn is_within(argument: &str, key: &str) -> bool {
    lies_within(given(argument), key)
}

/// Whether a key is this one, or one in its table.
fn lies_within(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn given(argument: &str) -> &str {
    argument.split('=').next().unwrap_or_default().trim()
}
