use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `finetune.depth`, not yet applied to a network; written as a string, `"last:2"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Depth {
    /// Only what is new: the head, or all of the classifier that it ends where the weights hold features only.
    #[default]
    Head,
    /// The head and the stages before it, this many stages in all that have parameters; the head is not counted.
    Last(usize),
    /// From a stage to the head.
    From(String),
    /// Every stage, starting from the source weights.
    All,
    /// Every stage, starting from random weights.
    Scratch,
    /// Chosen by `finetune advise` from the training images.
    Auto,
}

/// A depth that is none of those.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown depth {0:?}: use \"head\", \"last:N\" (the last N stages before the head), \"from:STAGE\", \"all\", \"scratch\" or \"auto\" (as `finetune advise` says)"
)]
pub struct UnknownDepth(String);

impl FromStr for Depth {
    type Err = UnknownDepth;

    fn from_str(text: &str) -> Result<Self, UnknownDepth> {
        let unknown = || UnknownDepth(text.to_owned());
        match text.split_once(':') {
            None => match text {
                "head" => Ok(Self::Head),
                "all" => Ok(Self::All),
                "scratch" => Ok(Self::Scratch),
                "auto" => Ok(Self::Auto),
                _ => Err(unknown()),
            },
            Some(("last", count)) => match count.parse() {
                Ok(count) if count > 0 => Ok(Self::Last(count)),
                _ => Err(unknown()),
            },
            Some(("from", stage)) if !stage.is_empty() => Ok(Self::From(stage.to_owned())),
            Some(_) => Err(unknown()),
        }
    }
}

impl TryFrom<String> for Depth {
    type Error = UnknownDepth;

    fn try_from(text: String) -> Result<Self, UnknownDepth> {
        text.parse()
    }
}

impl From<Depth> for String {
    fn from(depth: Depth) -> String {
        depth.to_string()
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Last(count) => write!(f, "last:{count}"),
            Self::From(stage) => write!(f, "from:{stage}"),
            Self::All => f.write_str("all"),
            Self::Scratch => f.write_str("scratch"),
            Self::Auto => f.write_str("auto"),
        }
    }
}
