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

/// Names in the order of their numbers, if the numbers are 0, 1, 2, ...
pub(super) fn in_order(numbered: Vec<(i64, String)>) -> Option<Vec<String>> {
    let count = numbered.len();
    let ordered: BTreeMap<i64, String> = numbered.into_iter().collect();
    let complete = ordered.len() == count && ordered.keys().copied().eq(0..i64::try_from(count).unwrap_or(0));
    (complete && count > 0).then(|| ordered.into_values().collect())
}

/// Names that stand as JSON in a string of the metadata.
pub(super) fn in_metadata(metadata: &BTreeMap<String, String>) -> Option<Vec<String>> {
    metadata.iter().filter(|(key, _)| is_key(key)).find_map(|(key, text)| {
        let value = serde_json::from_str::<serde_json::Value>(text).ok()?;
        if let Some(list) = value.as_array() {
            return list.iter().map(|name| name.as_str().map(str::to_owned)).collect();
        }
        let entries = value.as_object()?.iter();
        let numbered = entries.map(|(name, value)| match (INDICES.contains(&key.as_str()), value) {
            (true, number) => Some((number.as_i64()?, name.clone())),
            (false, value) => Some((name.parse().ok()?, value.as_str()?.to_owned())),
        });
        in_order(numbered.collect::<Option<_>>()?)
    })
}
