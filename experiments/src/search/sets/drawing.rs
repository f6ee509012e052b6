//! The images of a set as paths: those of the test, and those that a seed draws for training.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::About;

/// A split of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::search) enum Split {
    Train,
    Test,
}

impl Split {
    /// The name of its folder, and in a list.
    pub(in crate::search) fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

/// The images of each class of a split.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::search) struct Images {
    /// Names of the classes, sorted.
    pub(in crate::search) classes: Vec<String>,
    /// Paths from the folder of the set, for each class, sorted.
    pub(in crate::search) paths: Vec<Vec<PathBuf>>,
}

impl Images {
    /// All images of a split.
    pub(in crate::search) fn of(folder: &Path, split: Split) -> Result<Self> {
        let mut classes = names(&folder.join(split.name()))?;
        classes.sort();
        let of_class = |class: &String| {
            let inside = Path::new(split.name()).join(class);
            let mut paths: Vec<PathBuf> =
                names(&folder.join(&inside))?.into_iter().map(|name| inside.join(name)).collect();
            paths.sort();
            ensure!(!paths.is_empty(), "{} is empty", folder.join(&inside).display());
            Ok(paths)
        };
        let paths = classes.iter().map(of_class).collect::<Result<_>>()?;
        Ok(Self { classes, paths })
    }

    /// The first images of each class in the order of this seed, or all where there are fewer. More images of the same seed
    /// contain the fewer.
    pub(in crate::search) fn drawn(&self, per_class: usize, seed: u64) -> Self {
        let draw = |paths: &Vec<PathBuf>| {
            let mut order: Vec<(Vec<u8>, &PathBuf)> =
                paths.iter().map(|path| (key(seed, path), path)).collect();
            order.sort();
            let mut drawn: Vec<PathBuf> =
                order.into_iter().take(per_class).map(|(_, path)| path.clone()).collect();
            drawn.sort();
            drawn
        };
        Self { classes: self.classes.clone(), paths: self.paths.iter().map(draw).collect() }
    }

    /// The images of fold `number` of `folds`, and all others; folds hold every class alike.
    pub(in crate::search) fn fold(&self, number: usize, folds: usize, seed: u64) -> Fold {
        let part = |held: bool| {
            let of = |paths: &Vec<PathBuf>| {
                let mut order: Vec<&PathBuf> = paths.iter().collect();
                order.sort_by_key(|path| key(seed ^ FOLDS, path));
                let chosen =
                    order.into_iter().enumerate().filter(|(place, _)| (place % folds == number) == held);
                let mut chosen: Vec<PathBuf> = chosen.map(|(_, path)| path.clone()).collect();
                chosen.sort();
                chosen
            };
            Self { classes: self.classes.clone(), paths: self.paths.iter().map(of).collect() }
        };
        Fold { rest: part(false), held: part(true) }
    }

    /// Number of images.
    pub(in crate::search) fn count(&self) -> usize {
        self.paths.iter().map(Vec::len).sum()
    }

    /// Rows `path,label,split` of a list, without a header.
    pub(in crate::search) fn rows(&self, split: Split) -> String {
        let mut rows = String::new();
        for (class, paths) in self.classes.iter().zip(&self.paths) {
            for path in paths {
                let path = path.display().to_string().replace('"', "\"\"");
                rows += &format!("\"{path}\",\"{}\",{}\n", class.replace('"', "\"\""), split.name());
            }
        }
        rows
    }
}

/// A fold of cross-validation.
pub(in crate::search) struct Fold {
    pub(in crate::search) rest: Images,
    pub(in crate::search) held: Images,
}

/// Separates the order of folds from that of drawing.
const FOLDS: u64 = 0xF01D_0000_0000_0000;

/// What a finished folder holds.
pub(super) fn about(folder: &Path) -> Result<About> {
    let mut all = Sha256::new();
    let mut count = |split| -> Result<Vec<u64>> {
        let images = Images::of(folder, split)?;
        for path in images.paths.iter().flatten() {
            all.update(path.display().to_string());
            let bytes =
                fs::read(folder.join(path)).with_context(|| format!("cannot read {}", path.display()))?;
            all.update(Sha256::digest(bytes));
        }
        Ok(images.paths.iter().map(|paths| paths.len() as u64).collect())
    };
    let (train, test) = (count(Split::Train)?, count(Split::Test)?);
    ensure!(train.len() == test.len() && train.len() > 1, "train and test differ in classes");
    Ok(About { digest: hex::encode(all.finalize()), train, test })
}

/// Names in an order that depends on nothing but themselves and is not theirs.
pub(super) fn shuffled_by_name(mut names: Vec<String>) -> Vec<String> {
    names.sort_by_cached_key(|name| Sha256::digest(name).to_vec());
    names
}

fn key(seed: u64, path: &Path) -> Vec<u8> {
    Sha256::digest(format!("{seed}/{}", path.display())).to_vec()
}

/// Names of what is in a folder, hidden ones aside.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: Vec<String> = names.collect::<Result<_>>()?;
    Ok(names.into_iter().filter(|name| !name.starts_with('.')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(counts: &[usize]) -> Images {
        let of = |(class, &count): (usize, &usize)| {
            (0..count).map(|number| PathBuf::from(format!("train/{class}/{number:03}.png"))).collect()
        };
        Images {
            classes: (0..counts.len()).map(|class| class.to_string()).collect(),
            paths: counts.iter().enumerate().map(of).collect(),
        }
    }

    #[test]
    fn a_seed_redraws_the_images_and_more_contain_the_fewer() {
        let all = images(&[50, 7]);
        let [five, twenty, other] = [(5, 0), (20, 0), (20, 1)].map(|(count, seed)| all.drawn(count, seed));
        assert_eq!((five.count(), twenty.count()), (10, 27));
        assert!(five.paths[0].iter().all(|path| twenty.paths[0].contains(path)));
        assert_ne!(twenty.paths[0], other.paths[0]);
        assert!(twenty.paths[0].is_sorted());
    }

    #[test]
    fn every_image_is_held_out_by_one_fold() {
        let all = images(&[10, 11]);
        let mut held = 0;
        for number in 0..5 {
            let fold = all.fold(number, 5, 3);
            assert_eq!(fold.rest.count() + fold.held.count(), 21);
            assert!(fold.held.paths.iter().all(|paths| paths.len() >= 2));
            held += fold.held.count();
        }
        assert_eq!(held, 21);
    }

    #[test]
    fn a_list_quotes_what_has_commas() {
        let one = Images { classes: vec!["a, b".into()], paths: vec![vec!["train/a, b/1.png".into()]] };
        assert_eq!(one.rows(Split::Test), "\"train/a, b/1.png\",\"a, b\",test\n");
    }
}
