use std::collections::HashMap;
use std::path::{Path, PathBuf};

use images::Store;

/// An image of one split, by its file.
struct Copy<'a> {
    path: &'a Path,
    label: usize,
}

/// A split that is measured with.
pub(super) struct Split<'a> {
    pub(super) name: &'static str,
    pub(super) store: &'a Store,
}

/// The command that says more of copies, as sentences name it.
pub const SEE_AUDIT: &str = "finetune audit";

/// Says which images are in the data more than once where that harms: in two splits of which one is measured with, or under two
/// labels. Images are the same if their files are, byte for byte. One sentence for each kind,
/// with the count and a pair.
pub(super) fn sentences(train: &Store, others: &[Split<'_>], classes: &[String], root: &Path) -> Vec<String> {
    let mut first: HashMap<[u8; 32], Copy<'_>> = HashMap::new();
    let mut contradictions = Contradictions::default();
    let mut sentences = Vec::new();
    let below = |path: &Path| -> PathBuf { path.strip_prefix(root).unwrap_or(path).to_owned() };
    for (sample, sha256) in train.samples().iter().zip(train.sha256s()) {
        let copy = Copy { path: &sample.path, label: sample.label };
        contradictions.compare(first.get(sha256), &copy);
        first.entry(*sha256).or_insert(copy);
    }
    let trained: HashMap<[u8; 32], &Path> = first.iter().map(|(sha256, copy)| (*sha256, copy.path)).collect();
    let mut leaks = Vec::new();
    let mut pair = None;
    let mut measured: HashMap<[u8; 32], (&str, &Path)> = HashMap::new();
    for Split { name: split, store } in others {
        let mut copies = 0usize;
        let twice = store.samples().iter().zip(store.sha256s()).filter_map(|(sample, sha256)| {
            let (before, path) = *measured.get(sha256)?;
            Some((before, [below(&sample.path), below(path)]))
        });
        let twice: Vec<(&str, [PathBuf; 2])> = twice.collect();
        if let Some((before, [one, other])) = twice.first() {
            sentences.push(format!(
                "{} of {} {split} images are {before} images too ({} is {}): what was chosen on the one is measured on the other; {SEE_AUDIT} lists them",
                twice.len(),
                store.samples().len(),
                one.display(),
                other.display()
            ));
        }
        let own = store.samples().iter().zip(store.sha256s());
        measured.extend(own.map(|(sample, sha256)| (*sha256, (*split, sample.path.as_path()))));
        for (sample, sha256) in store.samples().iter().zip(store.sha256s()) {
            if let Some(path) = trained.get(sha256) {
                copies += 1;
                pair.get_or_insert_with(|| [below(&sample.path), below(path)]);
            }
            let copy = Copy { path: &sample.path, label: sample.label };
            contradictions.compare(first.get(sha256), &copy);
            first.entry(*sha256).or_insert(copy);
        }
        if copies > 0 {
            leaks.push(format!("{copies} of {} {split}", store.samples().len()));
        }
    }
    if let Some([one, other]) = pair {
        sentences.push(format!(
            "{} images are training images too ({} is {}), and the accuracy on them will look better than it is; {SEE_AUDIT} finds edited copies as well",
            leaks.join(" and "),
            one.display(),
            other.display()
        ));
    }
    if let Some((one, other)) = &contradictions.pair {
        let class = |copy: &Found| classes.get(copy.label).map_or("", String::as_str).to_owned();
        sentences.push(format!(
            "{} image(s) are in the data under two labels ({} as {:?}, {} as {:?}); one of each pair is wrong, and {SEE_AUDIT} lists them",
            contradictions.count,
            below(&one.path).display(),
            class(one),
            below(&other.path).display(),
            class(other)
        ));
    }
    sentences
}

/// Images under two labels.
#[derive(Default)]
struct Contradictions {
    count: usize,
    pair: Option<(Found, Found)>,
}

struct Found {
    path: PathBuf,
    label: usize,
}

impl Contradictions {
    fn compare(&mut self, earlier: Option<&Copy<'_>>, copy: &Copy<'_>) {
        let Some(earlier) = earlier.filter(|earlier| earlier.label != copy.label) else { return };
        self.count += 1;
        let found = |copy: &Copy<'_>| Found { path: copy.path.to_owned(), label: copy.label };
        self.pair.get_or_insert_with(|| (found(earlier), found(copy)));
    }
}
