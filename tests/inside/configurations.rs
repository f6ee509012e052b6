//! The configurations of the repository can be carried out, and the reference page names every key there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use run_config::{Config, Method};
use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_configuration_of_the_repository_can_be_resolved() {
    let mut paths = vec![root().join("dogs_cats.toml")];
    for folder in ["configs", "configs/claims"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml")));
    }
    assert!(paths.len() > 8);
    for path in paths {
        let (config, source) = run_config::read(&path, &[]).unwrap_or_else(|error| panic!("{error}"));
        let compare = config.compare.clone();
        let run = run_config::resolve(config, source).unwrap_or_else(|error| panic!("{error}"));
        for setting in compare.iter().flat_map(|compare| &compare.settings) {
            run.with_overrides(setting)
                .unwrap_or_else(|error| panic!("{}: {}: {error}", path.display(), setting.name));
        }
        // Methods other than scratch start from weights.
        let methods = compare.iter().flat_map(|compare| &compare.methods);
        let transfers = methods.filter(|method| **method != Method::Scratch).count() > 0;
        let settings = compare.is_some_and(|compare| !compare.settings.is_empty());
        assert!(!transfers || settings || run.weights.is_some(), "{}", path.display());
    }
    // The same would see a network, a stage and a key that there are not.
    for set in ["model.arch=lenet6", "finetune.rates={layer9=1}", "train.step.every=2"] {
        let read = run_config::read(&root().join("dogs_cats.toml"), &[set.to_owned()]);
        assert!(
            read.is_err() || read.is_ok_and(|(config, source)| run_config::resolve(config, source).is_err()),
            "{set}"
        );
    }
}

/// What must be there.
const REQUIRED: &str = "[data]\nroot = \"d\"\n[model]\narch = \"a\"\nweights = \"w\"\n";

#[test]
fn the_reference_of_keys_has_each_of_them_with_its_default() {
    let Keys { keys, tables } = Keys::of_the_configuration();
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: BTreeMap<&str, &str> = rows
        .map(|row| {
            let mut cells = row.split(" | ");
            (cells.next().unwrap().trim_end_matches('`'), cells.next().unwrap().trim_matches('`'))
        })
        .collect();
    let documented: BTreeSet<&str> = rows.keys().copied().collect();
    let known: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    let missing: Vec<_> = known.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&known).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not in the page: {missing:?}; not a key: {unknown:?}");
    let defaults = defaults(&tables);
    for (key, shown) in rows {
        match defaults.get(key) {
            Some(_) if shown == "required" => {}
            Some(value) => {
                let shown = format!("shown = {shown}").parse::<toml::Table>();
                let shown = shown.unwrap_or_else(|error| panic!("{key}: {error}"));
                assert_eq!(shown["shown"], *value, "{key}");
            }
            None => assert!(["–", "required"].contains(&shown), "{key} has no default {shown}"),
        }
    }
}

/// Values of all keys that have one when nothing but what is required, and every table that may be empty, is in the file.
fn defaults(tables: &[String]) -> BTreeMap<String, toml::Value> {
    let mut text = REQUIRED.to_owned();
    for table in tables {
        let longer = format!("{text}[{table}]\n");
        if toml::from_str::<Config>(&longer).is_ok() {
            text = longer;
        }
    }
    let config: Config = toml::from_str(&text).unwrap();
    let mut values = BTreeMap::new();
    leaves("", toml::Value::try_from(config).unwrap(), &mut values);
    values
}

fn leaves(prefix: &str, value: toml::Value, values: &mut BTreeMap<String, toml::Value>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                leaves(&joined(prefix, &key), value, values);
            }
        }
        value => {
            values.insert(prefix.to_owned(), value);
        }
    }
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// Names of all keys, optional ones too.
#[derive(Default)]
struct Keys {
    /// Keys with a value: `train.sgd.momentum`.
    keys: Vec<String>,
    /// Keys with keys below them: `train.sgd`.
    tables: Vec<String>,
}

impl Keys {
    /// Keys that the type of a configuration reads. Serde tells them itself: a structure names its fields when it is read.
    fn of_the_configuration() -> Self {
        let mut keys = Self::default();
        keys.walk(&mut Vec::new());
        assert!(keys.keys.len() > 90, "{:?}", keys.keys);
        keys
    }

    fn walk(&mut self, path: &mut Vec<&'static str>) {
        let mut fields = None;
        // It always fails: nothing is read to its end.
        Config::deserialize(Tracer { path, fields: &mut fields }).expect_err("no value is ever given");
        match fields {
            None => self.keys.push(path.join(".")),
            Some(fields) => {
                self.tables.extend((!path.is_empty()).then(|| path.join(".")));
                for field in fields {
                    path.push(field);
                    self.walk(path);
                    path.pop();
                }
            }
        }
    }
}

/// Gives a type nothing but the way to one of its keys, and notes the fields of the structure at its end, if it is one.
struct Tracer<'a> {
    path: &'a [&'static str],
    fields: &'a mut Option<&'static [&'static str]>,
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.path.split_first() {
            Some((first, rest)) => visitor
                .visit_map(OneField { name: Some(first), value: Tracer { path: rest, fields: self.fields } }),
            None => {
                *self.fields = Some(fields);
                Err(Error::custom("the end of the way"))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("a value"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map enum identifier ignored_any
    }
}

/// A structure with one field.
struct OneField<'a> {
    name: Option<&'static str>,
    value: Tracer<'a>,
}

impl<'de> MapAccess<'de> for OneField<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let name = self.name.take();
        name.map(|name| {
            let name: StrDeserializer<'_, Error> = name.into_deserializer();
            seed.deserialize(name)
        })
        .transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(Tracer { path: self.value.path, fields: self.value.fields })
    }
}
