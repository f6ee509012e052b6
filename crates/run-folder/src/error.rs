use std::path::{Path, PathBuf};

/// Why the folder of a run cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something is there already.
    #[error("{} exists already and is not overwritten; {}choose another folder with --out, or remove it", .0.display(), resuming(.0))]
    Taken(PathBuf),
    /// No run, comparison or search that can be resumed.
    #[error("{} holds no run that can be resumed: {why}", path.display())]
    NothingToResume {
        /// The folder.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// A comparison of another configuration.
    #[error("{} does not hold a comparison of this configuration; resume with the configuration and options it was begun with, or begin a new one with --out", .0.display())]
    OtherComparison(PathBuf),
    /// A search of another configuration.
    #[error("{} does not hold a search of this configuration; resume with the configuration and options it was begun with (the budget may differ), or begin a new one with --out", .0.display())]
    OtherSearch(PathBuf),
    /// Another process carries out the comparison or search.
    #[error("{} is still being worked on; wait for it, or stop it first", .0.display())]
    StillRunning(PathBuf),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// Predictions could not be written.
    #[error(transparent)]
    Predictions(#[from] predictions::Error),
    /// The report could not be written.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// A record could not be turned into JSON or TOML.
    #[error("cannot write the {what}: {message}")]
    Serialise {
        /// What was to be written.
        what: &'static str,
        /// The serialiser's message.
        message: String,
    },
}

impl FolderError {
    /// Returns a function for `map_err` on writing to `path`.
    pub fn write(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| files::Error { action: "write", path, source }.into()
    }
}

/// What else can be done with a folder whose run has not ended.
fn resuming(path: &Path) -> String {
    let is_unfinished = path.join("config.toml").is_file() && !path.join("summary.json").is_file();
    if is_unfinished { format!("go on with it by --resume {}, ", path.display()) } else { String::new() }
}
