//! Paths in a configuration: `~` is the home folder, `$NAME` and `${NAME}` are variables of the environment, and what is
//! relative is so to the folder that the program was started in.

use std::env;
use std::path::{Path, PathBuf};

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A path.
pub(super) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(optional_text(from)?.map(PathBuf::from))
}

/// A name or a path.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    expanded(&String::deserialize(from)?).map_err(D::Error::custom)
}

/// A name or a path.
pub(super) fn optional_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(from)?
        .map(|written| expanded(&written).map_err(D::Error::custom))
        .transpose()
}

fn expanded(written: &str) -> Result<String, String> {
    match shellexpand::full(written) {
        Ok(expanded) => Ok(expanded.into_owned()),
        // A dollar may be part of a name.
        Err(_) if Path::new(written).exists() => Ok(written.to_owned()),
        Err(error) if error.cause == env::VarError::NotPresent => {
            Err(format!("the variable {} of the environment is not set", error.var_name))
        }
        Err(error) => Err(format!("the variable {} of the environment: {}", error.var_name, error.cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::expanded;

    #[test]
    fn home_and_variables_are_filled_in() {
        let home = std::env::var("HOME").expect("a home");
        assert_eq!(expanded("~/images"), Ok(format!("{home}/images")));
        assert_eq!(expanded("$HOME/a/${HOME}"), Ok(format!("{home}/a/{home}")));
        for plain in ["data/dogs_cats", "a~b", "none", "IMAGENET1K_V1", "/~"] {
            assert_eq!(expanded(plain), Ok(plain.to_owned()));
        }
        let message = expanded("$NO_SUCH_VARIABLE_ANYWHERE/a").expect_err("not set");
        assert!(message.contains("NO_SUCH_VARIABLE_ANYWHERE"), "{message}");
    }
}
