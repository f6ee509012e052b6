//! The letters of a task, and the folder name of each.

use serde::{Deserialize, Serialize};

/// A set of letters: the classes of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// A to Z and a to z: 52 classes.
    Latin,
    /// The 33 capitals of the Russian alphabet, Ё among them.
    CyrillicCapitals,
}

/// One letter of an alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The letter as a character.
    pub letter: char,
    /// Its folder: `capital-A`, `small-a`, `capital-Ж`. No two of an alphabet differ by case alone.
    pub folder: String,
}

/// The Cyrillic capitals which a Latin typeface already holds under another name, in class order.
const SHARED_WITH_LATIN: [char; 10] = ['А', 'В', 'Е', 'М', 'Н', 'О', 'Р', 'С', 'Т', 'Х'];

impl Alphabet {
    /// Every alphabet there is.
    pub const ALL: [Alphabet; 2] = [Alphabet::Latin, Alphabet::CyrillicCapitals];

    /// The classes, in the order of their folders' names (by code point: Ё, U+0401, stands before А, U+0410), which is
    /// the order a reader of image folders gives them.
    #[must_use]
    pub fn classes(self) -> Vec<Class> {
        let capital = |letter| Class { letter, folder: format!("capital-{letter}") };
        let small = |letter| Class { letter, folder: format!("small-{letter}") };
        match self {
            Alphabet::Latin => ('A'..='Z').map(capital).chain(('a'..='z').map(small)).collect(),
            Alphabet::CyrillicCapitals => std::iter::once('Ё').chain('А'..='Я').map(capital).collect(),
        }
    }

    /// The classes of this alphabet which are drawn exactly like a letter of [`Alphabet::Latin`]. A network trained on
    /// Latin has seen them already, so transfer is judged on the others.
    #[must_use]
    pub fn shared_with_latin(self) -> Vec<Class> {
        let shared = |class: &Class| match self {
            Alphabet::Latin => true,
            Alphabet::CyrillicCapitals => SHARED_WITH_LATIN.contains(&class.letter),
        };
        self.classes().into_iter().filter(shared).collect()
    }

    /// The name used in a spec and a manifest: `latin`, `cyrillic-capitals`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Alphabet::Latin => "latin",
            Alphabet::CyrillicCapitals => "cyrillic-capitals",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn folders_are_sorted_and_unique_without_case() {
        for (alphabet, count) in [(Alphabet::Latin, 52), (Alphabet::CyrillicCapitals, 33)] {
            let folders: Vec<_> = alphabet.classes().into_iter().map(|class| class.folder).collect();
            assert_eq!(folders.len(), count);
            assert!(folders.is_sorted());
            let folded: HashSet<_> = folders.iter().map(|folder| folder.to_lowercase()).collect();
            assert_eq!(folded.len(), count);
        }
    }
}
