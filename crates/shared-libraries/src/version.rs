//! Versions of functions in shared libraries.

use std::cmp::Ordering;
use std::fmt;
use std::path::PathBuf;

use crate::Library;

/// A version of functions, `GLIBC_2.28`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// What it is a version of: `GLIBC`, `GLIBCXX`, `CXXABI`, `GCC`.
    pub family: String,
    /// Its numbers: 2, 28.
    pub numbers: Vec<u32>,
}

impl Version {
    /// Reads `GLIBC_2.28`; `None` for a name without numbers, such as `GLIBC_PRIVATE`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (family, numbers) = name.rsplit_once('_')?;
        let numbers = numbers.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        Some(Self { family: family.to_owned(), numbers })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.numbers.iter().map(ToString::to_string).collect();
        write!(formatter, "{}_{}", self.family, numbers.join("."))
    }
}

/// Versions of one family are ordered by their numbers.
impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.family == other.family).then(|| self.numbers.cmp(&other.numbers))
    }
}

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
    fn versions_of_a_family_compare_by_their_numbers() {
        let version = |name| Version::parse(name).unwrap();
        assert!(
            version("GLIBC_2.4") < version("GLIBC_2.28") && version("GLIBC_2.28") < version("GLIBC_2.28.1")
        );
        assert_eq!(version("GLIBC_2.4").partial_cmp(&version("GLIBCXX_3.4")), None);
        assert_eq!(version("GLIBCXX_3.4.22").to_string(), "GLIBCXX_3.4.22");
        assert_eq!(Version::parse("GLIBC_PRIVATE"), None);
        assert_eq!(Version::parse("libcudart.so.13"), None);
    }

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
