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
    /// Chosen by `finetune search`, a race on folds of the training images.
    Search,
}

/// A depth that is none of those.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown depth {0:?}: use \"head\", \"last:N\" (the last N stages before the head), \"from:STAGE\", \"all\", \"scratch\", \"auto\" (as `finetune advise` says) or \"search\" (as `finetune search` finds)"
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
                "search" => Ok(Self::Search),
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
            Self::Search => f.write_str("search"),
        }
    }
}

impl Depth {
    /// How a report names it: `fine-tuned over its last 2 stages`.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Scratch => "trained from scratch".into(),
            Self::Head => "new head only".into(),
            Self::All => "fine-tuned throughout".into(),
            Self::Last(1) => "fine-tuned over its last stage".into(),
            Self::Last(count) => format!("fine-tuned over its last {count} stages"),
            Self::From(stage) => format!("fine-tuned from {stage} on"),
            Self::Auto => "fine-tuned as deep as advised".into(),
            Self::Search => "trained as a search finds best".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_depth_reads_back_and_has_words() {
        for (text, words) in [
            ("scratch", "from scratch"),
            ("head", "head only"),
            ("all", "throughout"),
            ("last:1", "last stage"),
            ("last:2", "last 2 stages"),
            ("from:layer3", "from layer3"),
            ("auto", "as advised"),
            ("search", "as a search finds"),
        ] {
            let depth: Depth = text.parse().unwrap();
            assert_eq!(depth.to_string(), text);
            assert!(depth.in_words().contains(words), "{text}: {}", depth.in_words());
        }
        assert!("last:0".parse::<Depth>().is_err() && "deep".parse::<Depth>().is_err());
    }
}
