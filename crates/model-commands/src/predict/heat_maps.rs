//! Heat maps of images that were classified: a PNG each.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, bail};
use images::{Shown, Transform};
use trained_model::evidence::shown;
use trained_model::model::Model;

use crate::along::Along;

/// An image and the class that its evidence is for.
pub(super) struct Wanted {
    /// Place among all files.
    pub(super) index: usize,
    /// Index of the class.
    pub(super) class: i64,
}

/// Images explained at once: all their features are in memory.
const AT_ONCE: usize = 4;
/// Longest side of a map.
const SIDE: u32 = 512;

/// Returns the file for the map of an image: its place among all, and its name.
pub(super) fn file(folder: &Path, index: usize, image: &Path) -> PathBuf {
    let stem = image.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    folder.join(format!("{:06}-{stem}.png", index + 1))
}

/// Draws the maps. Each image is read again, so that memory does not grow with their number.
pub(super) fn draw(
    model: &mut Model,
    paths: &[PathBuf],
    wanted: &[Wanted],
    folder: &Path,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let transform = Transform::evaluation(&model.input).map_err(features::Error::from)?;
    let mut along = Along::new("heat maps", wanted.len());
    for wanted in wanted.chunks(AT_ONCE) {
        let images = read(paths, wanted, &transform);
        // A file that has gone since it was classified has no map.
        let there = wanted.iter().zip(images).filter_map(|(wanted, image)| Some((wanted, image?)));
        let (there, images): (Vec<&Wanted>, Vec<Shown>) = there.unzip();
        let classes: Vec<i64> = there.iter().map(|wanted| wanted.class).collect();
        if images.is_empty() {
            continue;
        }
        let Some(found) = model.evidence(&images, &classes, SIDE)? else {
            bail!(
                "{} has no stage whose output has positions, so there are no heat maps",
                model.network.name
            );
        };
        for (wanted, evidence) in there.iter().zip(found) {
            files::write(&file(folder, wanted.index, &paths[wanted.index]), evidence.png)?;
        }
        along.step(wanted.len());
    }
    Ok(())
}

/// Reads some images at once.
fn read(paths: &[PathBuf], wanted: &[Wanted], transform: &Transform) -> Vec<Option<Shown>> {
    thread::scope(|scope| {
        let reading: Vec<_> =
            wanted.iter().map(|wanted| scope.spawn(|| shown(&paths[wanted.index], transform))).collect();
        reading.into_iter().map(|thread| thread.join().unwrap_or(None)).collect()
    })
}
