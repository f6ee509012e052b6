//! The command line, and the [`Spec`] it stands for.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use glyphs::{Alphabet, Family, Spec, Split, Variation};

/// Draws letters from embedded fonts into an image folder: FOLDER/train/CLASS/*.png, and so for val and test
///
/// Whole faces are held back, so that training, validation and test never show the same one. The same arguments give
/// the same bytes on every machine. A folder that is there already is left as it is if it holds the same images, else refused.
#[derive(Debug, Parser)]
#[command(name = "glyphs", version)]
pub(crate) struct Arguments {
    /// The letters
    #[arg(value_parser = alphabets())]
    alphabet: Alphabet,
    /// The folder to draw
    pub(crate) folder: PathBuf,
    /// Images of each letter in train/
    #[arg(long, value_name = "COUNT", default_value_t = usual().train_per_class)]
    train: u32,
    /// Images of each letter in val/; with 0 there is no such folder
    #[arg(long, value_name = "COUNT", default_value_t = usual().validation_per_class)]
    validation: u32,
    /// Images of each letter in test/; with 0 there is no such folder
    #[arg(long, value_name = "COUNT", default_value_t = usual().test_per_class)]
    test: u32,
    /// Width and height of an image in pixels, 16 to 256
    #[arg(long, value_name = "PIXELS", default_value_t = usual().size)]
    size: u32,
    /// Chooses the variation of each image
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Upright, centred and clean letters, without variation
    #[arg(long)]
    plain: bool,
    /// Replace letters that other arguments or an earlier version drew, if they are unchanged since
    #[arg(long)]
    pub(crate) replace_outdated: bool,
    /// Print the result, or the error, as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    faces: Faces,
    #[command(flatten)]
    families: Families,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Single faces held back")]
struct Faces {
    /// Faces held back for the test
    #[arg(long, value_name = "COUNT", default_value_t = 8, conflicts_with = "by_family")]
    test_faces: usize,
    /// Faces held back for validation
    #[arg(long, value_name = "COUNT", default_value_t = 4, conflicts_with = "by_family")]
    validation_faces: usize,
    /// Which faces
    #[arg(long, value_name = "SEED", default_value_t = 0, conflicts_with = "by_family")]
    split_seed: u64,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Whole families held back")]
struct Families {
    /// Hold back whole families of faces: the harder question
    #[arg(long)]
    by_family: bool,
    /// Families held back for the test, with commas between them [default: dejavu-sans-mono,new-computer-modern]
    #[arg(long, value_delimiter = ',', value_name = "FAMILIES", value_parser = family, requires = "by_family")]
    test_families: Option<Vec<Family>>,
    /// Families held back for validation [default: libertinus-serif]
    #[arg(long, value_delimiter = ',', value_name = "FAMILIES", value_parser = family, requires = "by_family")]
    validation_families: Option<Vec<Family>>,
}

impl Arguments {
    /// What is to be drawn.
    pub(crate) fn spec(&self) -> Spec {
        Spec {
            size: self.size,
            train_per_class: self.train,
            validation_per_class: self.validation,
            test_per_class: self.test,
            seed: self.seed,
            variation: if self.plain { Variation::none() } else { Variation::default() },
            ..Spec::new(self.alphabet, self.split())
        }
    }

    fn split(&self) -> Split {
        let Faces { test_faces, validation_faces, split_seed } = self.faces;
        let Families { by_family, test_families, validation_families } = &self.families;
        match Split::by_family() {
            Split::ByFamily { test, validation } if *by_family => Split::ByFamily {
                test: test_families.clone().unwrap_or(test),
                validation: validation_families.clone().unwrap_or(validation),
            },
            _ => Split::ByFace { test: test_faces, validation: validation_faces, seed: split_seed },
        }
    }
}

/// The usual spec, for the defaults.
fn usual() -> Spec {
    Spec::new(Alphabet::Latin, Split::default())
}

fn alphabets() -> impl TypedValueParser<Value = Alphabet> {
    let known = |name: &str| Alphabet::ALL.into_iter().find(|alphabet| alphabet.name() == name);
    PossibleValuesParser::new(Alphabet::ALL.map(Alphabet::name))
        .try_map(move |name| known(&name).ok_or("no such alphabet"))
}

fn family(wanted: &str) -> Result<Family, String> {
    let name = |family: Family| family.name().to_lowercase().replace(' ', "-");
    let found = Family::ALL.into_iter().find(|family| name(*family) == wanted);
    found.ok_or_else(|| format!("the families are {}", Family::ALL.map(name).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(arguments: &str) -> Spec {
        let words = ["glyphs", "latin", "x"].into_iter().chain(arguments.split_whitespace());
        Arguments::try_parse_from(words).unwrap().spec()
    }

    #[test]
    fn without_arguments_it_is_the_usual_spec() {
        assert_eq!(spec(""), usual());
        assert_eq!(spec("--by-family"), Spec::new(Alphabet::Latin, Split::by_family()));
    }

    #[test]
    fn every_argument_reaches_the_spec() {
        let expected = Spec {
            size: 32,
            train_per_class: 1,
            validation_per_class: 2,
            test_per_class: 3,
            seed: 4,
            variation: Variation::none(),
            ..Spec::new(Alphabet::Latin, Split::ByFace { test: 5, validation: 6, seed: 7 })
        };
        let counts = "--train 1 --validation 2 --test 3 --seed 4 --size 32 --plain";
        assert_eq!(spec(&format!("{counts} --test-faces 5 --validation-faces 6 --split-seed 7")), expected);
        let test = vec![Family::DejavuSans, Family::DejavuSerif];
        let split = Split::ByFamily { test, validation: vec![Family::LibertinusSerif] };
        let expected = Spec { split, ..expected };
        assert_eq!(spec(&format!("{counts} --by-family --test-families dejavu-sans,dejavu-serif")), expected);
    }

    #[test]
    fn faces_and_families_are_not_mixed_up() {
        for wrong in
            ["--by-family --test-faces 3", "--test-families dejavu-sans", "--by-family --test-families x"]
        {
            let words = ["glyphs", "latin", "x"].into_iter().chain(wrong.split_whitespace());
            assert!(Arguments::try_parse_from(words).is_err(), "{wrong}");
        }
    }
}
