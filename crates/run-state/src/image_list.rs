//! The images of a run, by their content.

use std::collections::BTreeSet;
use std::fmt::Write;

use features::dataset::{DecodedDataset, ImageSubset};
use sha2::{Digest, Sha256};

/// The images of a run: a line for each, of its split, class, SHA-256, identity and group, and last its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageList(String);

impl ImageList {
    /// Lists the images of a data set, those that could not be read included.
    #[must_use]
    pub fn of(images: &DecodedDataset) -> Self {
        let mut list = String::new();
        let splits = [("train", &images.train), ("validation", &images.validation), ("test", &images.test)];
        for (split, ImageSubset { store, indices }) in splits {
            let (samples, digests) = (store.samples(), store.sha256s());
            for &index in indices {
                let known = samples.get(index as usize).zip(digests.get(index as usize));
                let Some((sample, sha256)) = known else { continue };
                let class = images.classes.get(sample.label).map_or("", String::as_str);
                let (id, group) = (sample.id, sample.group.map_or(-1, i64::from));
                let path = sample.path.strip_prefix(&images.root).unwrap_or(&sample.path);
                let (digest, path) = (hex::encode(sha256), one_line(&path.to_string_lossy()));
                let _ = writeln!(list, "{split}\t{class:?}\t{digest}\t{id:016x}\t{group}\t{path}");
            }
        }
        for file in &images.unreadable {
            let path = file.path.strip_prefix(&images.root).unwrap_or(&file.path);
            let path = one_line(&path.to_string_lossy());
            let _ = writeln!(list, "unreadable\t\t\t\t\t{path}");
        }
        Self(list)
    }

    /// Returns a list as it was written.
    #[must_use]
    pub fn read(text: String) -> Self {
        Self(text)
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 of all but the paths: where the images lie does not matter.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for line in self.0.lines() {
            digest.update(without_path(line).as_bytes());
            digest.update(b"\n");
        }
        hex::encode(digest.finalize())
    }

    /// Returns how another list differs from this one, in a few words; `None` where it does not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.digest() == other.digest() {
            return None;
        }
        let known = |list: &Self| list.0.lines().map(|line| without_path(line).to_owned()).collect();
        let (before, now): (BTreeSet<String>, BTreeSet<String>) = (known(self), known(other));
        let same = before.intersection(&now).count();
        let lines = other.0.lines().filter(|line| !before.contains(without_path(line)));
        let gone = self.0.lines().filter(|line| !now.contains(without_path(line)));
        let first = lines.chain(gone).next().and_then(|line| line.rsplit('\t').next());
        let first = first.unwrap_or("their order").to_owned();
        Some(format!("{same} of {} are the same; the first other one: {first}", before.len()))
    }
}

fn without_path(line: &str) -> &str {
    line.rsplit_once('\t').map_or(line, |(known, _)| known)
}

fn one_line(path: &str) -> String {
    path.replace(['\t', '\n', '\r'], "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_images_lie_does_not_matter_and_the_first_other_one_is_named() {
        let list = |lines: &[&str]| ImageList::read(lines.iter().map(|line| format!("{line}\n")).collect());
        let before = list(&["train\t\"a\"\t01\t1\t-1\ta/1.png", "train\t\"b\"\t02\t2\t-1\tb/2.png"]);
        let moved = list(&["train\t\"a\"\t01\t1\t-1\tx/1.png", "train\t\"b\"\t02\t2\t-1\tx/2.png"]);
        assert_eq!(before.difference(&moved), None);
        let changed = list(&["train\t\"a\"\t01\t1\t-1\ta/1.png", "train\t\"b\"\t03\t2\t-1\tb/2.png"]);
        let found = before.difference(&changed).unwrap();
        assert!(found.contains("1 of 2") && found.contains("b/2.png"), "{found}");
        let removed = list(&["train\t\"a\"\t01\t1\t-1\ta/1.png"]);
        let found = before.difference(&removed).unwrap();
        assert!(found.contains("1 of 2") && found.contains("b/2.png"), "{found}");
    }
}
