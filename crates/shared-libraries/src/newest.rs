//! The newest version that any of many files asks for.

use std::path::PathBuf;

use crate::{Library, Version};

/// The newest version that a set of files asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// The version.
    pub version: Version,
    /// The first file that asks for it.
    pub asked_by: PathBuf,
}

/// Returns the newest version of a family that any of these files asks for; `None` if none asks for one.
#[must_use]
pub fn newest(family: &str, libraries: &[Library]) -> Option<Newest> {
    let mut found: Option<Newest> = None;
    for library in libraries {
        for version in library.asks.iter().filter(|version| version.family == family) {
            if found.as_ref().is_none_or(|found| *version > found.version) {
                found = Some(Newest { version: version.clone(), asked_by: library.path.clone() });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_has_the_file_that_asks_for_it() {
        let library = |path: &str, asks: &[&str]| Library {
            path: path.into(),
            asks: asks.iter().filter_map(|name| Version::parse(name)).collect(),
            ..Library::default()
        };
        let libraries = [
            library("a", &["GLIBC_2.4", "GLIBCXX_3.4"]),
            library("b", &["GLIBC_2.28"]),
            library("c", &["GLIBC_2.28"]),
        ];
        let found = newest("GLIBC", &libraries).unwrap();
        assert_eq!((found.version.to_string().as_str(), found.asked_by), ("GLIBC_2.28", PathBuf::from("b")));
        assert_eq!(newest("CXXABI", &libraries), None);
    }
}
