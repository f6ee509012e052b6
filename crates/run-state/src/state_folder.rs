use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use records::{Event, Session};
use training::Tensors;

use crate::state_file::{self, EXTENSION, Snapshot};
use crate::{Begun, Error, RunState, VERSION};

/// Number of states that are kept: the newest, and one to fall back on.
const KEPT: usize = 2;

/// The folder `state/` in that of a run. One process has it at a time, for as long as this value lives.
///
/// | file | what |
/// |---|---|
/// | `begun.json`, `config.toml` | how the run was begun; written first |
/// | `images.tsv` | the images of the run |
/// | `LINES-HASH.safetensors` | a state, and how many lines `metrics.jsonl` had |
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    /// Locked; on a file system without locks it is not.
    _lock: File,
}

/// A state that was found.
#[derive(Debug)]
pub struct Found {
    /// Its numbers.
    pub state: RunState,
    /// Its tensors.
    pub tensors: Tensors,
}

const LOCK: &str = "lock";
const BEGUN: &str = "begun.json";
const CONFIG: &str = "config.toml";
const IMAGES: &str = "images.tsv";

impl StateFolder {
    /// Path of the folder of a run's states.
    #[must_use]
    pub fn path_in(run: &Path) -> PathBuf {
        run.join("state")
    }

    /// Whether a run that was begun can be resumed from its folder.
    #[must_use]
    pub fn is_in(run: &Path) -> bool {
        Self::path_in(run).join(CONFIG).is_file()
    }

    /// Takes the folder of a run's states, created if need be.
    ///
    /// # Errors
    /// [`Error::StillRunning`] when another process has it, and when it cannot be created.
    pub fn take(run: &Path) -> Result<Self, Error> {
        let path = Self::path_in(run);
        fs::create_dir_all(&path).map_err(files::Error::io("create", &path))?;
        let file = path.join(LOCK);
        let opened = File::options().create(true).write(true).truncate(false).open(&file);
        let lock = opened.map_err(files::Error::io("write", &file))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Error::StillRunning(run.to_path_buf())),
            _ => Ok(Self { path, _lock: lock }),
        }
    }

    /// Returns the same folder, by the path that a run's folder has now: the working directory may have changed.
    #[must_use]
    pub fn reached_from(self, run: &Path) -> Self {
        Self { path: Self::path_in(run), ..self }
    }

    /// Writes down how the run was begun.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(&self, begun: &Begun, config: &str) -> Result<(), Error> {
        let text =
            serde_json::to_string_pretty(begun).map_err(|error| Error::Serialise(error.to_string()))?;
        files::write(&self.path.join(BEGUN), text + "\n")?;
        Ok(files::write(&self.path.join(CONFIG), config)?)
    }

    /// Returns how the run was begun.
    ///
    /// # Errors
    /// When it cannot be read, or another version wrote it.
    pub fn begun(&self) -> Result<Begun, Error> {
        let path = self.path.join(BEGUN);
        let text = fs::read_to_string(&path).map_err(files::Error::io("read", &path))?;
        let begun: Begun = serde_json::from_str(&text)
            .map_err(|error| Error::Damaged { path: path.clone(), problem: error.to_string() })?;
        if begun.version != VERSION {
            return Err(Error::OtherVersion { path, found: begun.version });
        }
        Ok(begun)
    }

    /// Path of the configuration that the run was begun with.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// Writes the list of images.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_images(&self, list: &str) -> Result<(), Error> {
        Ok(files::write(&self.path.join(IMAGES), list)?)
    }

    /// Returns the list of images, as far as there is one.
    #[must_use]
    pub fn images(&self) -> String {
        fs::read_to_string(self.path.join(IMAGES)).unwrap_or_default()
    }

    /// Path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the newest state that is whole and counts no more lines of `metrics.jsonl` than there are; `None` where there is
    /// none, and the run begins again. One that is of no use is reported and removed.
    ///
    /// # Errors
    /// [`Error::OtherVersion`].
    pub fn newest(&self, lines: u64, session: &mut Session<'_>) -> Result<Option<Found>, Error> {
        self.sweep();
        for path in states(&self.path) {
            let problem = match state_file::read(&path) {
                Ok((state, tensors)) => {
                    let counted = state.progress.as_ref().map_or(0, |progress| progress.lines);
                    if counted <= lines {
                        return Ok(Some(Found { state, tensors }));
                    }
                    format!("metrics.jsonl has {lines} lines, and {} counts {counted}", path.display())
                }
                Err(error @ Error::OtherVersion { .. }) => return Err(error),
                Err(error) => error.to_string(),
            };
            session.emit(&Event::Warning(format!("{problem}; an older state is used")));
            let _ = fs::remove_file(path);
        }
        Ok(None)
    }

    /// Removes the states of a finished run, or what a process that was killed while it removed them left. Those that another
    /// process holds stay with it.
    pub fn clear(run: &Path) {
        if Self::path_in(run).is_dir()
            && let Ok(states) = Self::take(run)
        {
            states.remove();
        }
    }

    /// Removes the folder: the run is finished.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }

    /// Removes what a killed process was writing.
    fn sweep(&self) {
        let run = self.path.parent().unwrap_or(&self.path);
        for folder in [&self.path, run, &run.join("checkpoints")] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(files::DRAFT_PREFIX) {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }
}

/// Writes a state into the folder of a run's states and returns its path; the oldest makes room for it. Where the disk has no room,
/// the oldest is given up before another one stands.
///
/// # Errors
/// When it cannot be written; at least one of those before stays.
pub(crate) fn put(folder: &Path, snapshot: &Snapshot) -> Result<PathBuf, Error> {
    let written = snapshot.write(folder).or_else(|error| {
        let states = states(folder);
        let oldest = states.last().filter(|_| states.len() >= KEPT);
        let has_room = oldest.is_some_and(|oldest| fs::remove_file(oldest).is_ok());
        if has_room { snapshot.write(folder) } else { Err(error) }
    })?;
    let mut others = states(folder);
    others.retain(|path| *path != written);
    for old in others.into_iter().skip(KEPT - 1) {
        let _ = fs::remove_file(old);
    }
    Ok(written)
}

/// Returns the states, the newest first.
fn states(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_state = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        path.extension().is_some_and(|extension| extension == EXTENSION)
            && !name.starts_with(files::DRAFT_PREFIX)
    };
    let number = |path: &PathBuf| {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let number = stem.split('-').next().and_then(|lines| lines.parse::<u64>().ok());
        (number, fs::metadata(path).and_then(|about| about.modified()).ok())
    };
    let mut states: Vec<PathBuf> = entries.filter(is_state).collect();
    states.sort_by_cached_key(|path| std::cmp::Reverse(number(path)));
    states
}
