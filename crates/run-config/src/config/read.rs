use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::DocumentMut;

use super::error::{ConfigError, Place};
use super::{Config, SettingConfig};

/// Where a configuration came from: kept so that a mistake found later still points at its line.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    text: String,
    overrides: Vec<String>,
    /// The setting of a comparison whose changes are laid over it.
    setting: Option<SettingConfig>,
}

/// Reads a configuration file and lays the `KEY=VALUE` overrides over it, in order.
///
/// A value that is no TOML is taken as a string, so that `finetune.depth=last:2` needs no quotes.
///
/// # Errors
/// [`ConfigError`], with line and column, or the override at fault.
pub fn read(path: &Path, overrides: &[String]) -> Result<(Config, Source), ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_path_buf(), source })?;
    let mut source = Source { path: path.to_path_buf(), text, overrides: Vec::new(), setting: None };
    let mut document: DocumentMut = source
        .text
        .parse()
        .map_err(|error: toml_edit::TomlError| source.wrong_at(error.span(), error.message().to_owned()))?;
    // Overrides may supply what the file lacks, so only the file's own mistakes count before them.
    if let Err(error) = toml::from_str::<Config>(&source.text)
        && (overrides.is_empty() || !error.message().starts_with("missing field"))
    {
        return Err(source.wrong_at(error.span(), explain(error.message())));
    }
    for argument in overrides {
        source.overrides.push(argument.clone());
        apply(&mut document, argument).map_err(|message| source.wrong_set(argument, message))?;
        if let Err(error) = toml::from_str::<Config>(&document.to_string())
            && !error.message().starts_with("missing field")
        {
            return Err(source.wrong_set(argument, explain(error.message())));
        }
    }
    // With overrides laid over it, the document's lines are no longer the file's.
    let in_file = |span: Option<Range<usize>>| span.filter(|_| overrides.is_empty());
    let config = toml::from_str(&document.to_string())
        .map_err(|error| source.wrong_at(in_file(error.span()), explain(error.message())))?;
    Ok((config, source))
}

/// Lays `KEY=VALUE` overrides over a configuration.
///
/// # Errors
/// [`ConfigError`] with the override at fault.
pub fn overlay(config: &Config, overrides: &[String]) -> Result<Config, ConfigError> {
    let mut changed = config.clone();
    for argument in overrides {
        let wrong = |message| ConfigError::Wrong { place: Place::Set(argument.clone()), message };
        let text = toml::to_string(&changed).map_err(|error| wrong(error.to_string()))?;
        let mut document: DocumentMut =
            text.parse().map_err(|error: toml_edit::TomlError| wrong(error.to_string()))?;
        apply(&mut document, argument).map_err(wrong)?;
        changed = toml::from_str(&document.to_string()).map_err(|error| wrong(explain(error.message())))?;
    }
    Ok(changed)
}

impl Source {
    /// As it was, with the changes of a setting laid over it.
    #[must_use]
    pub fn with(&self, setting: &SettingConfig) -> Self {
        Self { setting: Some(setting.clone()), ..self.clone() }
    }

    /// Whether it is here that a key was given: what a setting leaves as it is, the run it is laid over has.
    pub fn gives(&self, key: &str) -> bool {
        self.setting.as_ref().is_none_or(|setting| setting.set.iter().any(|change| sets(change, key)))
    }

    /// The name of the file without its ending: a run's name when the configuration gives none.
    #[must_use]
    pub fn stem(&self) -> String {
        self.path.file_stem().map_or_else(|| "run".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// The folder of the file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// A mistake in the value of a dotted key, `"finetune.depth"`, at the place where it was given.
    #[must_use]
    pub fn wrong(&self, key: &str, message: impl Into<String>) -> ConfigError {
        let mut message = format!("{key}: {}", message.into());
        if let Some(SettingConfig { name, set }) = &self.setting {
            message = format!("{message} (in the setting {name:?})");
            if let Some(place) = set.iter().rposition(|change| sets(change, key)) {
                return match self.span_of_change(name, place, &set[place]) {
                    Some(span) => self.wrong_at(Some(span), message),
                    None => self.wrong_set(&set[place], message),
                };
            }
        }
        match self.overrides.iter().rev().find(|argument| sets(argument, key)) {
            Some(argument) => self.wrong_set(argument, message),
            None => self.wrong_at(self.span(key), message),
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
        let document = toml_edit::Document::parse(self.text.as_str()).ok()?;
        let mut span = None;
        let mut table: Option<&dyn toml_edit::TableLike> = Some(document.as_table());
        let mut rest = Some(key);
        while let Some(dotted) = rest {
            let (part, after) =
                dotted.split_once('.').map_or((dotted, None), |(part, rest)| (part, Some(rest)));
            // The names of stages and classes may have dots of their own.
            let whole = table.and_then(|table| table.get(dotted));
            let Some(item) = whole.or_else(|| table.and_then(|table| table.get(part))) else { break };
            span = item.span().or(span);
            (table, rest) = (item.as_table_like(), if whole.is_some() { None } else { after });
        }
        span
    }

    fn wrong_at(&self, span: Option<Range<usize>>, message: String) -> ConfigError {
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

    fn wrong_set(&self, argument: &str, message: String) -> ConfigError {
        ConfigError::Wrong { place: Place::Set(argument.to_owned()), message }
    }
}

/// Whether a `KEY=VALUE` gives a value to this key, or to a table around it.
fn sets(argument: &str, key: &str) -> bool {
    let given = argument.split('=').next().unwrap_or_default().trim();
    given == key || key.strip_prefix(given).is_some_and(|rest| rest.starts_with('.'))
}

/// Puts one `KEY=VALUE` into the document.
fn apply(document: &mut DocumentMut, argument: &str) -> Result<(), String> {
    let (key, value) = argument
        .split_once('=')
        .ok_or_else(|| "write it as KEY=VALUE, for example train.epochs=3".to_owned())?;
    let value: toml_edit::Value = value.trim().parse().unwrap_or_else(|_| value.trim().into());
    let parts: Vec<&str> = key.trim().split('.').collect();
    let Some((last, tables)) = parts.split_last() else { return Err("the key is empty".to_owned()) };
    let mut table = document.as_table_mut() as &mut dyn toml_edit::TableLike;
    for part in tables {
        table = table
            .entry(part)
            .or_insert_with(toml_edit::table)
            .as_table_like_mut()
            .ok_or_else(|| format!("{part} is a value, not a table"))?;
    }
    table.insert(last, toml_edit::Item::Value(value));
    Ok(())
}

/// serde's message, with the nearest known key where a key is unknown.
fn explain(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let is_unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let (true, Some(unknown)) = (is_unknown, quoted.next()) else { return message.to_owned() };
    let nearest =
        quoted.max_by(|a, b| strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown)));
    match nearest {
        Some(nearest) if strsim::jaro_winkler(nearest, unknown) > 0.7 => {
            format!("{message}; did you mean `{nearest}`?")
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "[data]\nroot = \"d\"\n[model]\narch = \"resnet18\"\nweights = \"none\"\n[train]\nepochs = 3\n";

    fn read_text(text: &str, overrides: &[&str]) -> Result<(Config, Source), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, text).unwrap();
        let overrides: Vec<String> = overrides.iter().map(|&o| o.to_owned()).collect();
        let shown = format!("{}/", folder.path().display());
        read(&path, &overrides).map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn an_unknown_key_names_line_column_and_neighbour() {
        let message = read_text(&GOOD.replace("epochs", "epoch"), &[]).unwrap_err();
        assert!(message.starts_with("c.toml:7:1: "), "{message}");
        assert!(message.contains("did you mean `epochs`?"), "{message}");
    }

    #[test]
    fn a_wrong_type_and_broken_syntax_point_at_their_place() {
        let message = read_text(&GOOD.replace("epochs = 3", "epochs = \"three\""), &[]).unwrap_err();
        assert!(message.starts_with("c.toml:7:10: ") && message.contains("three"), "{message}");
        let message = read_text(&GOOD.replace("[model]", "[model"), &[]).unwrap_err();
        assert!(message.starts_with("c.toml:3:"), "{message}");
    }

    #[test]
    fn overrides_win_take_bare_strings_and_answer_for_themselves() {
        let (config, source) = read_text(GOOD, &["train.epochs=9", "finetune.depth=last:2"]).unwrap();
        assert_eq!((config.train.epochs, config.finetune.depth.as_str()), (9, "last:2"));
        assert!(
            source.wrong("finetune.depth", "no").to_string().starts_with("--set finetune.depth=last:2: ")
        );
        let message = read_text(GOOD, &["train.epoch=9"]).unwrap_err();
        assert!(message.starts_with("--set train.epoch=9: ") && message.contains("`epochs`"), "{message}");
        assert!(read_text(GOOD, &["train.epochs"]).unwrap_err().contains("KEY=VALUE"));
    }

    #[test]
    fn an_override_may_supply_what_the_file_lacks() {
        let text = GOOD.replace("root = \"d\"\n", "");
        let (config, source) = read_text(&text, &[]).unwrap();
        let message = crate::config::check(&config, &source).unwrap_err().to_string();
        assert!(message.contains("c.toml:1:1: data.root") && message.contains("data.list"), "{message}");
        assert_eq!(
            read_text(&text, &["data.root=elsewhere"]).unwrap().0.data.root,
            Some(PathBuf::from("elsewhere"))
        );
        let message = read_text(&text.replace("arch = \"resnet18\"\n", ""), &[]).unwrap_err();
        assert!(message.contains("missing field `arch`"), "{message}");
    }

    #[test]
    fn groups_and_paths_are_checked_where_they_are_written() {
        for (line, says) in [
            ("group = { pattern = \"^p\" }", "parentheses"),
            ("group = { column = \"a\", pattern = \"(b)\" }", "one of them"),
            ("group = { colum = \"a\" }", "did you mean `column`?"),
            ("exclude = \"$NO_SUCH_VARIABLE_ANYWHERE/x\"", "is not set"),
        ] {
            let message = read_text(&GOOD.replace("[model]", &format!("{line}\n[model]")), &[]).unwrap_err();
            assert!(message.starts_with("c.toml:3:") && message.contains(says), "{message}");
        }
        let (config, _) =
            read_text(&GOOD.replace("[model]", "group = { pattern = \"(.)\" }\n[model]"), &[]).unwrap();
        assert_eq!(toml::from_str::<Config>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn a_later_mistake_still_finds_its_line() {
        let (_, source) = read_text(GOOD, &[]).unwrap();
        let message = source.wrong("model.arch", "unknown").to_string();
        assert!(message.contains("c.toml:4:8: model.arch: unknown"), "{message}");
    }

    #[test]
    fn what_is_written_back_reads_the_same() {
        let (config, _) = read_text(GOOD, &[]).unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }
}
