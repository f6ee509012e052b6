/// A split of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SplitName {
    /// What a model is trained on.
    Train,
    /// What choices are made by.
    Validation,
    /// What a finished model is measured on.
    Test,
    /// The data has no splits: all of it.
    Whole,
}

/// Names of the splits in the folders and lists of the world: Roboflow and Ultralytics write `valid`, Hugging Face
/// `validation`, Keras and Kaggle `training_set` and the like.
const WORDS: [(SplitName, &[&str]); 3] = [
    (SplitName::Train, &["train", "training", "trainval"]),
    (
        SplitName::Validation,
        &["val", "valid", "validate", "validation", "dev", "development", "eval", "evaluation"],
    ),
    (SplitName::Test, &["test", "testing"]),
];

/// Words around a split's name that mean nothing.
const FILLERS: [&str; 11] =
    ["set", "data", "dataset", "split", "images", "image", "img", "imgs", "pictures", "photos", "seg"];

impl SplitName {
    /// The word for it: `train`, `validation`, `test` or `all`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::Whole => "all",
        }
    }

    /// The split that a folder's name or a cell of a `split` column means: `train`, `Valid`, `dev`, `training_set`,
    /// `seg_test`, in any capitals; `None` for every other word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<SplitName> {
        let lower = word.trim().to_lowercase();
        let mut words =
            lower.split(['_', '-', ' ', '.']).filter(|part| !part.is_empty() && !FILLERS.contains(part));
        match (words.next(), words.next()) {
            (Some(one), None) => Self::of_bare_word(one),
            _ => None,
        }
    }

    fn of_bare_word(word: &str) -> Option<SplitName> {
        // COCO and its like: train2017.
        let word = word.strip_suffix(|last: char| last.is_ascii_digit()).map_or(word, |_| {
            let bare = word.trim_end_matches(|last: char| last.is_ascii_digit());
            if word.len() - bare.len() == 4 { bare } else { word }
        });
        let bare = FILLERS.iter().find_map(|filler| word.strip_suffix(filler)).unwrap_or(word);
        WORDS
            .iter()
            .find(|(_, words)| words.contains(&word) || words.contains(&bare))
            .map(|(split, _)| *split)
    }

    /// The words that mean a split, for messages.
    pub(crate) fn words() -> String {
        let each = WORDS.iter().map(|(split, words)| format!("{} ({})", split.name(), words.join(", ")));
        each.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_exporters_mean_splits_and_classes_do_not() {
        let train = [
            "train",
            "Train",
            "TRAINING",
            "training_set",
            "train-images",
            "trainset",
            "seg_train",
            "trainval",
            "train2017",
        ];
        let validation = ["val", "valid", "Validation", "dev", "EVAL", "validation set", "val.images"];
        let test = ["test", "testing", "Test_Data", "testset", " test "];
        for (split, words) in [(SplitName::Train, &train[..]), (SplitName::Validation, &validation)] {
            for word in words {
                assert_eq!(SplitName::of_word(word), Some(split), "{word}");
            }
        }
        for word in test {
            assert_eq!(SplitName::of_word(word), Some(SplitName::Test), "{word}");
        }
        for class in
            ["trains", "cat", "set", "", "images", "test tube", "protest", "invalid", "train_station", "val2"]
        {
            assert_eq!(SplitName::of_word(class), None, "{class}");
        }
    }
}
