//! What differs between a run as it was begun and as it is to be resumed.

use std::collections::BTreeMap;

use run_config::Config;
use toml::{Table, Value};

use crate::difference::{Difference, Effect};
use crate::keys::{BITS, DECIDES, FREE};
use crate::means::{PROCESSES, THREADS};
use crate::{Error, Means};

/// Returns the keys in which two configurations differ, free ones aside.
///
/// # Errors
/// When one cannot be written as TOML.
pub fn differences(before: &Config, now: &Config) -> Result<Vec<Difference>, Error> {
    let (before, now) = (keys(before)?, keys(now)?);
    let all: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let listed = |list: &[&str], key: &str| list.contains(&key);
    let differing = all.into_iter().filter(|key| before.get(*key) != now.get(*key));
    let found = differing.filter(|key| !listed(FREE, key)).map(|key| {
        let effect = if listed(BITS, key) { Effect::Bits } else { Effect::Decides };
        let shown = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), Value::to_string);
        let how = format!("was {}   is {}", shown(before.get(key)), shown(now.get(key)));
        Difference { what: key.clone(), how, effect }
    });
    Ok(found.collect())
}

impl Means {
    /// Returns what a run computes with now that it did not before.
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(now.0.keys()).collect();
        let shown = |value: Option<&String>| {
            let value = value.map_or("unknown", String::as_str);
            // A digest, or what a library says of itself at length.
            value.lines().next().unwrap_or_default().chars().take(60).collect::<String>()
        };
        let differing = names.into_iter().filter(|name| self.0.get(*name) != now.0.get(*name));
        let others = self.processes() != now.processes();
        let found = differing.map(|name| Difference {
            what: name.clone(),
            how: match name.as_str() {
                PROCESSES => format!("was {}   is {}", self.processes(), now.processes()),
                _ => format!("was {}   is {}", shown(self.0.get(name)), shown(now.0.get(name))),
            },
            // Each process has its part of a machine's threads.
            effect: if others && [PROCESSES, THREADS].contains(&name.as_str()) {
                Effect::Processes
            } else {
                Effect::Bits
            },
        });
        found.collect()
    }
}

/// Returns a configuration with those keys of another one that do not decide what is trained.
///
/// # Errors
/// When one cannot be written as TOML.
pub fn with_other_keys(config: &Config, other: &Config) -> Result<Config, Error> {
    let mut changed = table(config)?;
    let mut of_free = table(other)?;
    for key in FREE.iter().chain(BITS) {
        let Some((section, field)) = key.split_once('.') else { continue };
        let value =
            of_free.get_mut(section).and_then(Value::as_table_mut).and_then(|table| table.remove(field));
        let Some(section) = changed.get_mut(section).and_then(Value::as_table_mut) else { continue };
        match value {
            Some(value) => drop(section.insert(field.to_owned(), value)),
            None => drop(section.remove(field)),
        }
    }
    Value::Table(changed).try_into().map_err(|error: toml::de::Error| Error::Serialise(error.to_string()))
}

/// The values of a configuration by key, `train.epochs`.
fn keys(config: &Config) -> Result<BTreeMap<String, Value>, Error> {
    let mut keys = BTreeMap::new();
    for (section, value) in table(config)? {
        let Value::Table(fields) = value else { continue };
        keys.extend(fields.into_iter().map(|(field, value)| (format!("{section}.{field}"), value)));
    }
    // Every list above is one of keys, so that none is compared that is in none.
    debug_assert!(
        keys.keys().all(|key| [DECIDES, BITS, FREE].iter().any(|list| list.contains(&key.as_str())))
    );
    Ok(keys)
}

fn table(config: &Config) -> Result<Table, Error> {
    Table::try_from(config).map_err(|error| Error::Serialise(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(changes: &[&str]) -> Config {
        let base = run_config::parse(
            "[data]\nroot = \"d\"\n[model]\narch = \"lenet5\"\nweights = \"none\"\n[finetune]\ndepth = \"scratch\"\n",
        );
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        run_config::overlay(&base.unwrap(), &changes).unwrap()
    }

    #[test]
    fn what_decides_and_what_changes_bits_is_told_from_what_is_free() {
        let before = config(&[]);
        let free = config(&["run.workers=3", "data.root=elsewhere", "run.name=b", "run.save_seconds=0"]);
        assert!(differences(&before, &free).unwrap().is_empty());
        let now = config(&["train.learning_rate=0.01", "run.threads=2", "train.ema=0.9"]);
        let found = differences(&before, &now).unwrap();
        let named: Vec<(&str, Effect)> =
            found.iter().map(|difference| (difference.what.as_str(), difference.effect)).collect();
        let expected = [
            ("run.threads", Effect::Bits),
            ("train.ema", Effect::Decides),
            ("train.learning_rate", Effect::Decides),
        ];
        assert_eq!(named, expected);
        assert_eq!(found[1].how, "was absent   is 0.9");
        // Another number of processes is accepted, and other threads with it alone.
        let means = |named: &[(&str, &str)]| {
            Means(named.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
        };
        let one = means(&[("threads", "2"), ("device", "cpu")]);
        let two = means(&[("threads", "1"), ("device", "cpu"), ("processes", "2")]);
        let found = one.differences(&two);
        assert_eq!(found[0].how, "was 1   is 2");
        assert!(found.len() == 2 && found.iter().all(|found| found.effect == Effect::Processes));
        let found = one.differences(&means(&[("threads", "1"), ("device", "cpu")]));
        assert!(found.len() == 1 && found[0].effect == Effect::Bits);
        // Free keys can be taken over, and nothing else is.
        let joined = with_other_keys(&now, &free).unwrap();
        assert_eq!((joined.run.workers, joined.train.learning_rate.get()), (3, 0.01));
        assert!(differences(&free, &joined).unwrap().iter().all(|found| found.effect == Effect::Decides));
    }
}
