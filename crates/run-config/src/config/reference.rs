//! The page `docs/configuration.md`, made from the JSON Schema.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::fields::fields;
use super::{
    AugmentConfig, CompareConfig, DataConfig, FinetuneConfig, ModelConfig, RegularizeConfig, RunConfig,
    SearchConfig, TrainConfig, schema, tagged,
};

const INTRODUCTION: &str = "\
<!-- Made from the types in crates/run-config: finetune config --reference > docs/configuration.md -->

# Every key of a configuration

A run is one TOML file. Only `data.root` (or `data.list`), `model.arch` and `model.weights` are required; everything else has
the default below. `finetune config --show FILE` prints a configuration with all of them filled in, and a run's folder keeps
them as `config.toml`. A key that is not on this page is refused with its line, and so are numbers out of range and keys that
contradict each other. Any key can be changed for one run: `--set train.epochs=10`.

A dash means that the key is absent. A table inside another one (`regularize.l2_sp`) is there when it is named, be it empty,
and then has the numbers below.

Paths are relative to the folder that the program is started in; `~` is the home folder, and `$NAME` and `${NAME}` are
variables of the environment.

Editors with TOML support (taplo, Even Better TOML) complete and check these keys with the line
`#:schema ./configs/schema.json` at the top of a file; `finetune config --schema` prints that schema.

![The tables of a configuration and the steps that read them](figures/configuration.svg)
";

/// A table of the page.
struct Section {
    key: &'static str,
    fields: &'static [&'static str],
}

fn sections() -> [Section; 9] {
    [
        Section { key: "data", fields: fields::<DataConfig>() },
        Section { key: "model", fields: fields::<ModelConfig>() },
        Section { key: "finetune", fields: fields::<FinetuneConfig>() },
        Section { key: "train", fields: fields::<TrainConfig>() },
        Section { key: "augment", fields: fields::<AugmentConfig>() },
        Section { key: "regularize", fields: fields::<RegularizeConfig>() },
        Section { key: "run", fields: fields::<RunConfig>() },
        Section { key: "search", fields: fields::<SearchConfig>() },
        Section { key: "compare", fields: fields::<CompareConfig>() },
    ]
}

/// Returns the keys of all tables with a dot before the last word, such as `train.epochs`.
pub fn keys() -> impl Iterator<Item = String> {
    sections()
        .into_iter()
        .flat_map(|table| table.fields.iter().map(move |field| format!("{}.{field}", table.key)))
}

/// Returns the page.
#[must_use]
pub fn reference() -> String {
    let schema = schema::described();
    let mut page = INTRODUCTION.to_owned();
    for Section { key, fields } in sections() {
        let table = &schema["properties"][key];
        let about = text(table, "description");
        let about = about.strip_prefix(&format!("`[{key}]`: ")).unwrap_or(&about).to_owned();
        let _ = write!(page, "\n## `[{key}]`\n\n{}\n{HEADER}", sentence(&about));
        let mut choices = String::new();
        for field in fields {
            let property = &table["properties"][field];
            let key = format!("{key}.{field}");
            let required =
                table["required"].as_array().is_some_and(|keys| keys.contains(&Value::from(*field)));
            row(&mut page, &key, property, required);
            match variants(property) {
                Some(variants) => choice(&mut choices, &key, variants),
                None => rows_below(&mut page, &key, property),
            }
        }
        page.push_str(&choices);
    }
    page
}

const HEADER: &str = "\n| key | default | values | what it says |\n|---|---|---|---|\n";

/// The keys of a table inside a table.
fn rows_below(page: &mut String, key: &str, table: &Value) {
    for (field, property) in table["properties"].as_object().into_iter().flatten() {
        row(page, &format!("{key}.{field}"), property, false);
    }
}

/// The numbers of each variant of a choice, in a table of their own.
fn choice(page: &mut String, key: &str, variants: Vec<&Map<String, Value>>) {
    let mut rows = String::new();
    for variant in variants {
        let name = shown(&variant["properties"][tagged::NAME]["const"]);
        for (number, property) in variant["properties"].as_object().into_iter().flatten() {
            if number != tagged::NAME {
                let (default, values) = (default_of(property, false), values(property));
                let about = text(property, "description");
                let _ = writeln!(rows, "| `{name}` | `{number}` | {default} | {values} | {about} |");
            }
        }
    }
    let last = key.rsplit('.').next().unwrap_or(key);
    let _ = write!(
        page,
        "\nNumbers of `{key}`, written in its table, `{last} = {{ name = ..., NUMBER = ... }}`:\n\n\
         | name | number | default | values | what it says |\n|---|---|---|---|---|\n{rows}"
    );
}

fn row(page: &mut String, key: &str, property: &Value, required: bool) {
    let mut about = text(property, "description");
    for form in forms(property) {
        let (name, description) = (&form["const"], text(form, "description"));
        let name = if name.is_null() { &form["properties"][tagged::NAME]["const"] } else { name };
        // One word says no more than the name does.
        if !name.is_null() && description.contains(' ') {
            let _ = write!(about, " `{}`: {}", shown(name), lower(&description));
        }
    }
    let _ =
        writeln!(page, "| `{key}` | {} | {} | {about} |", default_of(property, required), values(property));
}

/// The tables of a choice, each with its name.
fn variants(property: &Value) -> Option<Vec<&Map<String, Value>>> {
    let named = forms(property).filter_map(Value::as_object);
    let named: Vec<_> = named
        .filter(|form| form.get("properties").is_some_and(|it| !it[tagged::NAME]["const"].is_null()))
        .collect();
    (!named.is_empty()).then_some(named)
}

fn forms(property: &Value) -> impl Iterator<Item = &Value> {
    ["oneOf", "anyOf"].into_iter().filter_map(|keyword| property[keyword].as_array()).flatten()
}

/// The default in TOML.
fn default_of(property: &Value, required: bool) -> String {
    let default = &property["default"];
    match default {
        _ if required => "required".to_owned(),
        Value::Null => "–".to_owned(),
        // A choice is written as its name.
        Value::Object(choice) if choice.contains_key(tagged::NAME) => {
            format!("`{}`", shown(&choice[tagged::NAME]))
        }
        default => format!("`{}`", shown(default)),
    }
}

/// A value in TOML.
fn shown(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}

/// The values that a schema allows, in words.
fn values(property: &Value) -> String {
    let mut constants: Vec<String> = constants(property).map(shown).collect();
    let number = forms(property).find(|form| form["type"] == "number");
    let kind = match property["type"].as_str() {
        _ if number.is_some() => number.map_or_else(String::new, |number| range(number, "")),
        _ if forms(property).any(|form| form["pattern"].is_string()) => return patterns(property),
        _ if property["enum"].as_array().is_some_and(|values| values.len() > 9) => range(property, "odd"),
        _ if variants(property).is_some() || constants.len() > 1 => String::new(),
        Some("boolean") => {
            constants = vec!["true".to_owned(), "false".to_owned()];
            String::new()
        }
        Some("integer") => range(property, "whole"),
        Some("number") => {
            let limits = range(property, "");
            if limits.is_empty() { "any number".to_owned() } else { limits }
        }
        Some("array") => match property["items"]["type"].as_str() {
            Some("object") => "tables".to_owned(),
            _ if property["maxItems"] == 2 => format!("two, each {}", values(&property["items"])),
            _ => format!("a list: {}", values(&property["items"])),
        },
        Some("object") => "a table".to_owned(),
        Some("string") => "text".to_owned(),
        _ => "a table".to_owned(),
    };
    if !kind.is_empty() && constants.len() > 9 {
        return kind;
    }
    let mut values: Vec<String> = constants.into_iter().map(|constant| format!("`{constant}`")).collect();
    values.extend((!kind.is_empty()).then_some(kind));
    if forms(property).any(|form| form["type"] == "object" && variants(property).is_none()) {
        values.push("a table".to_owned());
        values.dedup();
    }
    values.join(", ")
}

/// The words of a string, and the beginnings of its other forms.
fn patterns(property: &Value) -> String {
    let words = constants(property).map(|word| format!("`{}`", shown(word)));
    let others = forms(property).filter_map(|form| form["pattern"].as_str()).filter_map(|pattern| {
        let beginning = pattern.strip_prefix('^')?.split(':').next()?;
        Some(format!("`\"{beginning}:...\"`"))
    });
    words.chain(others).collect::<Vec<_>>().join(", ")
}

fn constants(property: &Value) -> impl Iterator<Item = &Value> {
    let own = property["enum"].as_array().into_iter().flatten();
    let of_forms = forms(property).flat_map(|form| {
        form["enum"].as_array().into_iter().flatten().chain(Some(&form["const"]).filter(|it| !it.is_null()))
    });
    own.chain(of_forms)
}

/// The limits of a number, in words.
fn range(property: &Value, kind: &str) -> String {
    let limit = |keyword: &str| property[keyword].as_f64().map(|limit| limit.to_string());
    let limits = match (limit("minimum"), limit("maximum")) {
        (Some(least), Some(most)) => vec![format!("{least} to {most}")],
        (least, most) => {
            let limits = [
                ("above", limit("exclusiveMinimum")),
                ("at least", least),
                ("below", limit("exclusiveMaximum")),
                ("at most", most),
            ];
            let words = |(word, limit): (&str, Option<String>)| limit.map(|limit| format!("{word} {limit}"));
            limits.into_iter().filter_map(words).collect()
        }
    };
    [kind.to_owned()].into_iter().filter(|kind| !kind.is_empty()).chain(limits).collect::<Vec<_>>().join(", ")
}

fn text(schema: &Value, keyword: &str) -> String {
    schema[keyword].as_str().unwrap_or_default().replace('|', "\\|")
}

/// A sentence that goes on after a colon.
fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    let rest = letters.as_str();
    // Abbreviations and names keep their capitals.
    let is_name = rest.chars().next().is_some_and(char::is_uppercase) || sentence.starts_with("Adam");
    if is_name { sentence.to_owned() } else { first + rest }
}

/// Words that begin with a capital and end with a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let whole = first + letters.as_str();
    if whole.ends_with('.') { whole } else { whole + "." }
}
