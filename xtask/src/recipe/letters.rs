//! The data: Latin and Cyrillic letters, with faces held out and, the harder split, with whole families held out.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use glyphs::{Alphabet, Manifest, Spec, Split};

use super::configs::Plan;
use crate::progress::{Progress, say};
use crate::workspace::Workspace;

/// A folder of letters that is there.
#[derive(Clone, Debug)]
pub(super) struct Letters {
    /// `latin-faces`.
    pub(super) name: String,
    /// `data/letters/latin-faces`, relative to the workspace.
    pub(super) root: String,
    /// Digest of all its pictures.
    pub(super) digest: String,
}

/// The source task and the target task, drawn with the same faces held out.
pub(super) struct Pair {
    /// `held-out faces`.
    pub(super) name: &'static str,
    pub(super) latin: Letters,
    pub(super) cyrillic: Letters,
}

/// Draws what is not there yet; both alphabets under both splits.
pub(super) fn draw(workspace: &Workspace, plan: &Plan) -> Result<Vec<Pair>> {
    let splits = [
        ("held-out faces", "faces", Split::default()),
        ("held-out families", "families", Split::by_family()),
    ];
    let draw = |alphabet, per_class, short: &str, split: &Split| {
        let spec = Spec {
            train_per_class: per_class,
            validation_per_class: plan.validation_per_class,
            ..Spec::new(alphabet, split.clone())
        };
        let script = if alphabet == Alphabet::Latin { "latin" } else { "cyrillic" };
        ensure(workspace, &format!("{script}-{short}{}", plan.suffix), &spec)
    };
    let pair = |(name, short, split): &(&'static str, &str, Split)| {
        Ok(Pair {
            name,
            latin: draw(Alphabet::Latin, plan.latin_per_class, short, split)?,
            cyrillic: draw(Alphabet::CyrillicCapitals, plan.cyrillic_per_class, short, split)?,
        })
    };
    splits.iter().map(pair).collect()
}

/// The classes that look like no Latin letter: transfer is judged on these.
pub(super) fn unshared() -> Vec<String> {
    let shared = Alphabet::CyrillicCapitals.shared_with_latin();
    let all = Alphabet::CyrillicCapitals.classes().into_iter();
    all.filter(|class| !shared.contains(class)).map(|class| class.folder).collect()
}

fn ensure(workspace: &Workspace, name: &str, spec: &Spec) -> Result<Letters> {
    let root = format!("data/letters/{name}");
    let folder = workspace.root.join(&root);
    remove_outdated(&folder, spec)?;
    let progress = Mutex::new(Progress::pictures(format!("drawing {name}")));
    let most = AtomicU64::new(0);
    let manifest = glyphs::ensure(spec, &folder, &|done, total| {
        let done = most.fetch_max(done, Ordering::Relaxed).max(done);
        // Whoever finds it taken leaves the showing to the other thread.
        if let Ok(mut progress) = progress.try_lock() {
            progress.at_of(done, total);
        }
    })?;
    say(format!("{root}: {} letters", manifest.pictures));
    Ok(Letters { name: name.to_owned(), root, digest: manifest.content_digest })
}

/// Letters that an earlier version of this experiment drew, and nobody touched since, make room for today's.
fn remove_outdated(folder: &Path, spec: &Spec) -> Result<()> {
    if let Some(manifest) = Manifest::read(folder)?
        && manifest.spec_digest != spec.digest()?
        && manifest.matches(folder)?
    {
        say(format!("{} is of another version and is drawn anew", folder.display()));
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_three_classes_are_unshared() {
        let unshared = unshared();
        assert_eq!(unshared.len(), 23);
        assert!(unshared.contains(&"capital-Ж".to_owned()) && !unshared.contains(&"capital-А".to_owned()));
    }

    #[test]
    fn outdated_letters_are_drawn_anew_but_touched_ones_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace { root: root.path().to_owned() };
        let spec = |seed| Spec {
            seed,
            train_per_class: 1,
            validation_per_class: 0,
            test_per_class: 0,
            ..Spec::new(Alphabet::CyrillicCapitals, Split::default())
        };
        let first = ensure(&workspace, "x", &spec(0)).unwrap();
        let second = ensure(&workspace, "x", &spec(1)).unwrap();
        assert_ne!(first.digest, second.digest);
        assert_eq!(ensure(&workspace, "x", &spec(1)).unwrap().digest, second.digest);
        fs::write(root.path().join(&first.root).join("train/capital-Ж/mine.png"), "").unwrap();
        assert!(ensure(&workspace, "x", &spec(0)).is_err());
        assert!(root.path().join(&first.root).join("train/capital-Ж/mine.png").exists());
    }
}
