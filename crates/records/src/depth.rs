use std::fmt;
use std::str::FromStr;

/// `finetune.depth`, not yet applied to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Only what is new: the head, or all of the classifier that it ends where the weights hold features only.
    Head,
    /// The head and the stages before it, so many stages in all that have parameters; the head is not counted.
    Last(usize),
    /// From a stage to the head.
    From(String),
    /// Every stage, starting from the source weights.
    All,
    /// Every stage, starting from random weights.
    Scratch,
    /// As deep as the data bear.
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
