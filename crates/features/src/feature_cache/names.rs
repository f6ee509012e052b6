use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names of files of features. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Arc<Mutex<BTreeSet<String>>>);

/// Names of the files that this process has written.
static WRITTEN_HERE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

impl Names {
    /// Adds a name.
    pub(super) fn insert(&self, name: String) {
        self.lock().insert(name);
    }

    /// Holds the names as they are.
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remembers a file as written by this process.
pub(super) fn remember_written(name: String) {
    WRITTEN_HERE.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
}

/// Whether this process wrote a file, and not an earlier run.
pub(super) fn is_written_here(name: &str) -> bool {
    WRITTEN_HERE.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
}
