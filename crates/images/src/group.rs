use std::collections::HashMap;
use std::fmt;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::listing::Item;

/// What says which images belong together, so that a split that this program makes keeps them on one side: all
/// photographs of a patient, all frames of a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum GroupBy {
    /// A column of the list.
    Column(String),
    /// The first capture of a pattern in the path.
    Pattern(Pattern),
}

/// A regular expression with at least one capture.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// As a configuration has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "write { column = \"NAME\" } or { pattern = \"REGEX\" }")]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
}

impl TryFrom<Written> for GroupBy {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written { column: Some(column), pattern: None } => Ok(Self::Column(column)),
            Written { column: None, pattern: Some(pattern) } => pattern.parse().map(Self::Pattern),
            _ => Err("write { column = \"NAME\" } or { pattern = \"REGEX\" }, one of them".to_owned()),
        }
    }
}

impl From<GroupBy> for Written {
    fn from(group: GroupBy) -> Self {
        match group {
            GroupBy::Column(column) => Self { column: Some(column), pattern: None },
            GroupBy::Pattern(pattern) => Self { column: None, pattern: Some(pattern.to_string()) },
        }
    }
}

impl JsonSchema for GroupBy {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "GroupBy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one_key = |key: &str| {
            json_schema!({
                "type": "object",
                "properties": { key: { "type": "string" } },
                "required": [key],
                "additionalProperties": false
            })
        };
        json_schema!({ "oneOf": [one_key("column"), one_key("pattern")] })
    }
}

impl std::str::FromStr for Pattern {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let regex = Regex::new(written).map_err(|error| format!("no regular expression: {error}"))?;
        match regex.captures_len() {
            1 => Err(format!(
                "the pattern {written:?} captures nothing; put parentheses around what names the group"
            )),
            _ => Ok(Self(regex)),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Pattern {
    fn group<'a>(&self, path: &'a str) -> Option<&'a str> {
        Some(self.0.captures(path)?.get(1)?.as_str())
    }

    /// The group of each image. The pattern is matched with the path below the class folder (or as the list writes it);
    /// where it does not match all of these, with the path below the data folder.
    ///
    /// # Errors
    /// [`Error::NoGroup`] with three of the paths that do not match.
    fn groups(&self, items: &[Item]) -> Result<Vec<String>, Error> {
        let of = |path: fn(&Item) -> &str| -> Option<Vec<String>> {
            items.iter().map(|item| self.group(path(item)).map(str::to_owned)).collect()
        };
        let inner = of(|item| &item.inner);
        inner.or_else(|| of(|item| &item.below_root)).ok_or_else(|| {
            let unmatched = items.iter().filter(|item| self.group(&item.below_root).is_none());
            let fewer = items.iter().filter(|item| self.group(&item.inner).is_none());
            let (count, paths): (usize, Vec<&str>) = if unmatched.clone().count() <= fewer.clone().count() {
                (unmatched.clone().count(), unmatched.map(|item| item.below_root.as_str()).take(3).collect())
            } else {
                (fewer.clone().count(), fewer.map(|item| item.inner.as_str()).take(3).collect())
            };
            Error::NoGroup { pattern: self.to_string(), count, examples: paths.join(", ") }
        })
    }
}

/// Groups of images.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// The group of each image by number; `None` for an image that belongs to none.
    pub(crate) of_images: Vec<Option<u32>>,
    /// The name of each group.
    pub(crate) names: Vec<String>,
}

impl Groups {
    /// Finds the group of each image. Without a rule, the list's own column decides where it has one.
    ///
    /// # Errors
    /// As [`Pattern::groups`].
    pub(crate) fn find(by: Option<&GroupBy>, items: &[Item]) -> Result<Groups, Error> {
        let named: Vec<Option<String>> = match by {
            Some(GroupBy::Pattern(pattern)) => pattern.groups(items)?.into_iter().map(Some).collect(),
            Some(GroupBy::Column(_)) | None => items.iter().map(|item| item.group.clone()).collect(),
        };
        let mut groups = Groups::default();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        for name in named {
            let number = name.map(|name| {
                *numbers.entry(name).or_insert_with_key(|name| {
                    groups.names.push(name.clone());
                    u32::try_from(groups.names.len() - 1).unwrap_or(u32::MAX)
                })
            });
            groups.of_images.push(number);
        }
        Ok(groups)
    }

    /// Joins the groups of images that belong together, given by their paths below the data folder; an image without a group
    /// joins those of the others. A joined group has the name and number of the first.
    pub(crate) fn join(&mut self, together: &[Vec<String>], items: &[Item]) {
        let positions: HashMap<&str, usize> =
            items.iter().enumerate().map(|(position, item)| (item.below_root.as_str(), position)).collect();
        for paths in together {
            let members: Vec<usize> =
                paths.iter().filter_map(|path| positions.get(path.as_str()).copied()).collect();
            let Some(&first) = members.first().filter(|_| members.len() > 1) else { continue };
            let known: Vec<u32> = members.iter().filter_map(|&member| self.of_images[member]).collect();
            let group = known.iter().min().copied().unwrap_or_else(|| {
                self.names.push(items[first].below_root.clone());
                u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
            });
            for of_image in &mut self.of_images {
                if of_image.is_some_and(|of_image| known.contains(&of_image)) {
                    *of_image = Some(group);
                }
            }
            members.iter().for_each(|&member| self.of_images[member] = Some(group));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn item(inner: &str) -> Item {
        Item {
            path: PathBuf::from(inner),
            class: "c".to_owned(),
            split: None,
            group: None,
            id: 0,
            inner: inner.to_owned(),
            below_root: format!("c/{inner}"),
            line: None,
        }
    }

    fn pattern(written: &str) -> GroupBy {
        GroupBy::Pattern(written.parse().expect("a pattern"))
    }

    #[test]
    fn the_first_capture_is_the_group() {
        let items = ["p1_a.png", "p2_a.png", "p1_b.png"].map(item);
        let find = |by: Option<&GroupBy>| Groups::find(by, &items).expect("groups");
        let groups = find(Some(&pattern("^([^_]+)_")));
        assert_eq!(groups.of_images, [Some(0), Some(1), Some(0)]);
        assert_eq!(groups.names, ["p1", "p2"]);
        // Below the data folder where it does not match below the class folder.
        assert_eq!(find(Some(&pattern("/(p[0-9])_"))).of_images, [Some(0), Some(1), Some(0)]);
        assert_eq!(find(None).of_images, [None; 3]);
    }

    #[test]
    fn what_belongs_together_is_one_group() {
        let items = ["p1_a.png", "p2_a.png", "p1_b.png", "p3_a.png", "p4_a.png"].map(item);
        let paths = |names: &[&str]| names.iter().map(|name| format!("c/{name}")).collect::<Vec<_>>();
        let together = [paths(&["p3_a.png", "p2_a.png"]), paths(&["p1_b.png", "p4_a.png", "gone.png"])];
        let mut of_none = Groups::find(None, &items).expect("groups");
        of_none.join(&together, &items);
        assert_eq!(of_none.of_images, [None, Some(0), Some(1), Some(0), Some(1)]);
        let mut of_some = Groups::find(Some(&pattern("^([^_]+)_")), &items).expect("groups");
        of_some.join(&together, &items);
        assert_eq!(of_some.of_images, [Some(0), Some(1), Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn what_does_not_match_is_shown_and_what_captures_nothing_refused() {
        let items = ["p1_a.png", "x.png", "y.png", "z.png", "w.png"].map(item);
        let message = Groups::find(Some(&pattern("^([^_]+)_")), &items).expect_err("no match").to_string();
        assert!(message.contains('4') && message.contains("x.png, "), "{message}");
        assert!("^p".parse::<Pattern>().expect_err("no capture").contains("parentheses"));
        assert!("(".parse::<Pattern>().is_err());
    }
}
