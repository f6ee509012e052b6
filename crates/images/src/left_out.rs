use std::path::{Path, PathBuf};

/// A file or folder in a data folder that is not used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The file or folder.
    pub path: PathBuf,
    /// Why it is not used.
    pub reason: Reason,
}

/// Why a file or folder is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// A hidden file or folder, a companion or a cache of another program.
    NoData,
    /// An image outside the class folders, which has no class.
    Loose,
    /// An image in a format that is not read, with an article.
    Format(&'static str),
    /// A link that leads back to a folder above it.
    Circle,
    /// A folder next to the splits whose name is not that of a split.
    NoSplit,
    /// A folder with the name of a split, but without class folders.
    NoClasses,
    /// A class folder without an image, in a split that is not trained on.
    Empty,
    /// An image that the list in its folder does not name.
    Unlisted,
}

impl LeftOut {
    pub(crate) fn new(path: impl Into<PathBuf>, reason: Reason) -> LeftOut {
        LeftOut { path: path.into(), reason }
    }
}

/// Says in one sentence what is not used and why, each reason with its number and first example below `root`; `None`
/// where everything is used. Lower-case, without a full stop.
#[must_use]
pub fn left_out_sentence(left_out: &[LeftOut], root: &Path) -> Option<String> {
    let mut reasons: Vec<Reason> = left_out.iter().map(|entry| entry.reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let parts = reasons.into_iter().map(|reason| {
        let mut paths: Vec<&Path> = left_out
            .iter()
            .filter(|entry| entry.reason == reason)
            .map(|entry| entry.path.as_path())
            .collect();
        paths.sort_unstable();
        let first = paths[0].strip_prefix(root).unwrap_or(paths[0]).display();
        let (one, many) = words(reason);
        match paths.len() {
            1 => format!("{one} ({first})"),
            count => format!("{count} {many} (first {first})"),
        }
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| format!("left out: {}", parts.join("; ")))
}

/// Returns the words for one and for several.
fn words(reason: Reason) -> (String, String) {
    let pair = |one: &str, many: &str| (one.to_owned(), many.to_owned());
    match reason {
        Reason::NoData => pair("1 hidden or system file", "hidden or system files and folders"),
        Reason::Loose => {
            pair("1 image outside the class folders", "images outside the class folders, without a class")
        }
        Reason::Format(what) => (
            format!("{what}, which is not read: save it as JPEG or PNG"),
            format!("files of which each is {what}, which are not read: save them as JPEG or PNG"),
        ),
        Reason::Circle => pair("1 link that leads in a circle", "links that lead in a circle"),
        Reason::NoSplit => {
            pair("1 folder whose name is not that of a split", "folders whose names are not those of splits")
        }
        Reason::NoClasses => pair("1 split without class folders", "splits without class folders"),
        Reason::Empty => pair("1 class folder without images", "class folders without images"),
        Reason::Unlisted => pair("1 image that the list does not name", "images that the list does not name"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_number_and_first_example() {
        let root = Path::new("data");
        assert_eq!(left_out_sentence(&[], root), None);
        let left_out = [
            LeftOut::new("data/loose.png", Reason::Loose),
            LeftOut::new("data/b/.git", Reason::NoData),
            LeftOut::new("data/a/Thumbs.db", Reason::NoData),
            LeftOut::new("data/a/x.heic", Reason::Format("a HEIC photograph")),
        ];
        let sentence = left_out_sentence(&left_out, root).expect("a sentence");
        for part in [
            "2 hidden",
            "first a/Thumbs.db",
            "1 image outside",
            "(loose.png)",
            "a HEIC photograph, which",
            "a/x.heic",
        ] {
            assert!(sentence.contains(part), "{sentence}");
        }
    }
}
