//! Names of classes in label order, where a file gives them under a key that training scripts use for it.

use std::collections::BTreeMap;

/// Keys of a list of names, or of a dictionary from numbers to names.
const LISTS: [&str; 9] = [
    "classes",
    "class_names",
    "classnames",
    "names",
    "labels",
    "categories",
    "idx_to_class",
    "id2label",
    "CLASSES",
];
/// Keys of a dictionary from names to numbers.
const INDICES: [&str; 4] = ["class_to_idx", "label2id", "class_to_index", "class_indices"];

/// Whether names of classes may stand under a key.
pub(super) fn is_key(key: &str) -> bool {
    LISTS.contains(&key) || INDICES.contains(&key)
}

/// Names of classes that a file gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    /// In label order.
    pub(super) names: Option<Vec<String>>,
    /// Why there are some that cannot be put into label order.
    pub(super) wrong: Option<String>,
}

/// Names in the order of their numbers, if the numbers are 0, 1, 2, ... `key` is where they stand, for the message.
pub(super) fn in_order(key: &str, numbered: Vec<(i64, String)>) -> Classes {
    let count = numbered.len();
    let ordered: BTreeMap<i64, String> = numbered.into_iter().collect();
    let first = ordered.keys().next().copied().unwrap_or(0);
    let last = ordered.keys().next_back().copied().unwrap_or(0);
    let wrong = match () {
        () if count == 0 => return Classes::default(),
        () if ordered.len() < count => format!("its {key} gives two classes the same number"),
        () if first != 0 => {
            format!("its {key} numbers the classes from {first}, and the outputs of a head count from 0")
        }
        () if usize::try_from(last).ok() != Some(count - 1) => {
            format!("its {key} numbers {count} classes from 0 to {last}, with gaps")
        }
        () => return Classes { names: Some(ordered.into_values().collect()), wrong: None },
    };
    Classes { names: None, wrong: Some(wrong) }
}

/// Names that stand as JSON in a string of the metadata.
pub(super) fn in_metadata(metadata: &BTreeMap<String, String>) -> Classes {
    let found = metadata.iter().filter(|(key, _)| is_key(key)).find_map(|(key, text)| {
        let value = serde_json::from_str::<serde_json::Value>(text).ok()?;
        if let Some(list) = value.as_array() {
            let names = list.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>()?;
            return Some(Classes { names: Some(names), wrong: None });
        }
        let entries = value.as_object()?.iter();
        let numbered = entries.map(|(name, value)| match (INDICES.contains(&key.as_str()), value) {
            (true, number) => Some((number.as_i64()?, name.clone())),
            (false, value) => Some((name.parse().ok()?, value.as_str()?.to_owned())),
        });
        Some(in_order(key, numbered.collect::<Option<_>>()?))
    });
    found.unwrap_or_default()
}
