//! A folder of letters, all of it or none of it.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use files::FolderDraft;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::manifest::{Entry, content_digest};
use crate::split::shuffled;
use crate::{Alphabet, Class, Error, Face, Manifest, Partition, Spec, draw, faces};

/// Writes what `spec` describes as an image folder: `dir/train/CLASS/FACE-NUMBER.png`, and so for `val` and `test`.
///
/// Images are 8-bit grayscale PNGs, white on black. Every class shows every face of its part equally often (to within
/// one). An image depends on the spec's seed, its part, class and number, and not on how many others there are.
///
/// All is written to another folder next to `dir` and renamed at the end, so a half-drawn folder never has its
/// name; on an error what was written is removed. `progress` gets the images done and their total, from several
/// threads at once, so the first number may now and then go back by a few.
///
/// # Errors
///
/// [`Error::Occupied`] if anything at all is at `dir`; [`Error::Spec`] for a spec that cannot be drawn; [`Error::Io`].
pub fn write(spec: &Spec, dir: &Path, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Manifest, Error> {
    let faces = faces()?;
    let partition = spec.check(&faces)?;
    refuse_occupied(dir)?;
    let draft = FolderDraft::next_to(dir)?;
    let classes = spec.alphabet.classes();
    let entries = write_images(spec, &plan(spec, &partition, &classes), draft.path(), progress)?;
    let manifest = describe(spec, &partition, entries);
    manifest.write(draft.path())?;
    move_into_place(draft, dir)?;
    Ok(manifest)
}

/// [`write()`], unless the folder is there already, drawn from the same spec and unchanged since; then it is kept.
///
/// # Errors
///
/// As [`write()`]; [`Error::Occupied`] also for a folder drawn from another spec, or changed since.
pub fn ensure(spec: &Spec, dir: &Path, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Manifest, Error> {
    let Some(manifest) = Manifest::read(dir)? else {
        return write(spec, dir, progress);
    };
    if manifest.spec_digest != spec.digest()? {
        return Err(occupied(dir, "the letters here were drawn from another spec"));
    }
    if !manifest.matches(dir)? {
        return Err(occupied(dir, "the letters here were changed since they were drawn"));
    }
    Ok(manifest)
}

/// Deletes the letters at `dir` if they were drawn from another spec and nobody touched them since; whether it did.
///
/// Before [`ensure`] it makes room for today's letters where an earlier version drew others.
///
/// # Errors
///
/// [`Error::Spec`] for a spec that cannot be drawn; [`Error::Manifest`] for a manifest that is none; [`Error::Io`].
pub fn remove_outdated(spec: &Spec, dir: &Path) -> Result<bool, Error> {
    let Some(manifest) = Manifest::read(dir)? else { return Ok(false) };
    if manifest.spec_digest == spec.digest()? || !manifest.matches(dir)? {
        return Ok(false);
    }
    fs::remove_dir_all(dir).map_err(files::Error::io("remove the outdated letters", dir))?;
    Ok(true)
}

/// An image to draw.
struct Sample<'a> {
    part: &'static str,
    class: &'a Class,
    face: &'a Face,
    number: u32,
}

impl Sample<'_> {
    /// Path from the folder, with `/`.
    fn path(&self) -> String {
        format!("{}/{}/{}-{:05}.png", self.part, self.class.folder, self.face.slug(), self.number)
    }

    fn seed(&self, spec: &Spec) -> [u8; 32] {
        Sha256::new()
            .chain_update(class_salt(spec.seed, spec.alphabet, self.part, self.class))
            .chain_update(self.number.to_le_bytes())
            .finalize()
            .into()
    }
}

/// All images of all parts. Each class goes through the faces in an order of its own, so that a few images per class
/// do not all show the same face.
fn plan<'a>(spec: &Spec, partition: &Partition<'a>, classes: &'a [Class]) -> Vec<Sample<'a>> {
    let counts = [spec.train_per_class, spec.validation_per_class, spec.test_per_class];
    let mut samples = Vec::new();
    for ((part, faces), count) in partition.parts().into_iter().zip(counts) {
        for class in classes {
            let order = shuffled(faces.to_vec(), &class_salt(spec.seed, spec.alphabet, part, class));
            let faces = order.into_iter().cycle();
            samples.extend((0..count).zip(faces).map(|(number, face)| Sample { part, class, face, number }));
        }
    }
    samples
}

fn class_salt(seed: u64, alphabet: Alphabet, part: &str, class: &Class) -> Vec<u8> {
    format!("{seed}/{}/{part}/{}/", alphabet.name(), class.folder).into_bytes()
}

fn write_images(
    spec: &Spec,
    samples: &[Sample<'_>],
    draft: &Path,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<Entry>, Error> {
    for folder in samples.iter().map(|p| draft.join(p.part).join(&p.class.folder)).collect::<BTreeSet<_>>() {
        fs::create_dir_all(&folder).map_err(files::Error::io("create the folder", &folder))?;
    }
    let done = AtomicU64::new(0);
    let write_one = |sample: &Sample<'_>| {
        let path = sample.path();
        let file = draft.join(&path);
        let image = draw(sample.face, sample.class.letter, spec.size, &spec.variation, sample.seed(spec))?;
        let png = image.to_png().map_err(|source| Error::Encode { path: file.clone(), source })?;
        fs::write(&file, &png).map_err(files::Error::io("write the image", &file))?;
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, samples.len() as u64);
        Ok((path, Sha256::digest(&png).into()))
    };
    samples.par_iter().map(write_one).collect()
}

fn describe(spec: &Spec, partition: &Partition<'_>, entries: Vec<Entry>) -> Manifest {
    let names = |faces: &[&Face]| faces.iter().map(|face| face.name.clone()).collect();
    Manifest {
        spec_digest: spec.digest_with(partition),
        images: entries.len() as u64,
        content_digest: content_digest(entries),
        train_faces: names(&partition.train),
        validation_faces: names(&partition.validation),
        test_faces: names(&partition.test),
        spec: spec.clone(),
    }
}

fn refuse_occupied(dir: &Path) -> Result<(), Error> {
    // A link that leads nowhere is something too.
    match fs::symlink_metadata(dir) {
        Ok(_) => Err(occupied(dir, "something is there already")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(files::Error::io("examine", dir)(error).into()),
    }
}

/// Renames the finished draft. On Unix this cannot overwrite a folder that has anything in it, even one made a moment ago.
fn move_into_place(draft: FolderDraft, dir: &Path) -> Result<(), Error> {
    refuse_occupied(dir)?;
    draft.publish().map_err(|error| match error.source.kind() {
        ErrorKind::AlreadyExists => occupied(dir, "something was put there while the letters were drawn"),
        _ => error.into(),
    })
}

fn occupied(dir: &Path, reason: &str) -> Error {
    Error::Occupied { dir: dir.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Split;

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let spec = Spec {
            train_per_class: 2,
            validation_per_class: 0,
            test_per_class: 1,
            ..Spec::new(Alphabet::CyrillicCapitals, Split::default())
        };
        let drawn = [1, 2, 7].map(|threads| {
            let dir = temp.path().join(threads.to_string());
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| write(&spec, &dir, &|_, _| {})).unwrap()
        });
        assert_eq!(drawn[0].images, 33 * 3);
        assert_eq!((&drawn[0], &drawn[0]), (&drawn[1], &drawn[2]));
    }
}
