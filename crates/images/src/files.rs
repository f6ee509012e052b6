use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_file::{Decoded, decode_for};

use crate::batches::allocated;
use crate::left_out::LeftOut;
use crate::transform::Scratch;
use crate::workers::{InOrder, Stop};
use crate::{Allocate, Error, Transform, Unreadable, WideImages, folder, list};

/// Image files that were named: one by one, by a folder or by a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The files, in the order in which they were named; those of a folder sorted as TorchVision sorts them.
    pub paths: Vec<PathBuf>,
    /// What looks like data in the folders and is not used.
    pub left_out: Vec<LeftOut>,
}

impl Files {
    /// A list (`.csv`, `.tsv`, `.jsonl`) stands for the files that it names, relative to `root` or else to its folder; a
    /// folder stands for the images in it and in its sub-folders; every other file is taken as it is, whatever its
    /// extension and whether it exists.
    ///
    /// # Errors
    /// [`Error::List`] for a folder that cannot be listed; as for [`crate::DataSet::open`] for a list.
    pub fn below(named: &[PathBuf], root: Option<&Path>) -> Result<Files, Error> {
        let mut files = Files::default();
        for path in named {
            if path.is_dir() {
                files.paths.extend(folder::walk::images(path, &mut files.left_out)?);
            } else if list::is_list(path) {
                files.paths.extend(list::paths(path, root)?);
            } else {
                files.paths.push(path.clone());
            }
        }
        Ok(files)
    }
}

/// Batches straight from files, each read once and not kept, for a data set of any size in little memory. A file that
/// cannot be decoded is reported with its batch, and the rest go on.
pub struct FileBatches<M> {
    batches: InOrder<FileBatch<M>, Scratch>,
}

/// Images as a network reads them, and what became of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct FileBatch<M> {
    /// Normalised values of the readable files, `[N, channels, size, size]` in the transform's layout, and after them what
    /// the memory held when it was given.
    pub pixels: M,
    /// Positions of the readable files among all, `[N]`.
    pub indices: Vec<usize>,
    /// The other files of this batch.
    pub unreadable: Vec<Unreadable>,
    /// Those of the readable ones that have 16 bits.
    pub wide: WideImages,
    /// 3 for RGB, 1 for grayscale.
    pub channels: usize,
    /// Height and width in pixels.
    pub size: usize,
}

impl<M: AsMut<[f32]> + Send + 'static> FileBatches<M> {
    /// Prepares the files in their order, `batch_size` (at least 1) at a time, into memory that the caller gives for each
    /// batch. With 0 workers the calling thread does the work; otherwise each worker prepares whole batches, up to two of
    /// them ahead.
    pub fn new(
        paths: Vec<PathBuf>,
        transform: Transform,
        batch_size: usize,
        workers: usize,
        allocate: Arc<Allocate<M>>,
    ) -> FileBatches<M> {
        let batch_size = batch_size.max(1);
        let count = paths.len().div_ceil(batch_size);
        let work = move |batch: usize, scratch: &mut Scratch, stop: &Stop| {
            let start = batch * batch_size;
            let end = paths.len().min(start.saturating_add(batch_size));
            prepare(&paths[start..end], start, &transform, &*allocate, scratch, stop)
        };
        FileBatches { batches: InOrder::new(count, workers, Arc::new(work)) }
    }

    /// Does something while the workers pause, each after the image it is at: where all cores compute, a core that
    /// prepares images meanwhile holds the others up at every layer.
    pub fn pausing<R>(&self, meanwhile: impl FnOnce() -> R) -> R {
        self.batches.pausing(meanwhile)
    }
}

impl<M: Send + 'static> Iterator for FileBatches<M> {
    type Item = Result<FileBatch<M>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }
}

fn prepare<M: AsMut<[f32]>>(
    paths: &[PathBuf],
    start: usize,
    transform: &Transform,
    allocate: &Allocate<M>,
    scratch: &mut Scratch,
    stop: &Stop,
) -> Result<FileBatch<M>, Error> {
    let mut batch = FileBatch {
        pixels: allocated(allocate, paths.len(), transform)?,
        indices: Vec::new(),
        unreadable: Vec::new(),
        wide: WideImages::default(),
        channels: transform.channels(),
        size: transform.size(),
    };
    for (path, index) in paths.iter().zip(start..) {
        stop.check()?;
        match decode_for(path, transform.decoding()) {
            Ok(Decoded { image, brightest }) => {
                batch.wide.add(brightest, transform.decoding().range);
                let filled = batch.indices.len() * transform.len();
                let pixels = &mut batch.pixels.as_mut()[filled..filled + transform.len()];
                transform.apply_into(&image, 0, 0, scratch, pixels)?;
                batch.indices.push(index);
            }
            Err(reason) => {
                batch.unreadable.push(Unreadable { path: path.clone(), reason: reason.to_string() });
            }
        }
    }
    Ok(batch)
}
