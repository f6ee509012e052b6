//! Paths of the keys in JSON that programs read, against a list of them.

use std::collections::BTreeSet;

use serde_json::Value;

/// Returns the paths of all keys of a value, `cells[].seed`. The keys of objects called as one of `named_freely` are names of
/// classes, stages or files: `*` stands for them.
pub(crate) fn key_paths(value: &Value, named_freely: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(value, "", named_freely, &mut found);
    found
}

fn collect(value: &Value, path: &str, named_freely: &[&str], found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let own = path.rsplit('.').next().unwrap_or(path);
            for (key, value) in object {
                let key = if named_freely.contains(&own) { "*" } else { key };
                let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                found.insert(path.clone());
                collect(value, &path, named_freely, found);
            }
        }
        Value::Array(values) => {
            values.iter().for_each(|value| collect(value, &format!("{path}[]"), named_freely, found));
        }
        _ => {}
    }
}

/// Asserts that the keys of these outputs are those of a list: a line each, the output's name and the path.
pub(crate) fn assert_listed(outputs: &[(&str, BTreeSet<String>)], list: &str, file: &str) {
    let found: Vec<String> =
        outputs.iter().flat_map(|(name, keys)| keys.iter().map(move |key| format!("{name} {key}"))).collect();
    let missing: Vec<&str> = list.lines().filter(|line| !found.iter().any(|key| key == line)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "keys that programs read are gone");
    let added: Vec<&String> = found.iter().filter(|key| !list.lines().any(|line| line == *key)).collect();
    assert_eq!(added, Vec::<&String>::new(), "add these to {file}");
}
