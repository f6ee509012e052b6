//! Versions of functions in shared libraries.

use std::cmp::Ordering;
use std::fmt;

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
}
