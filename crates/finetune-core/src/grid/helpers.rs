use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use crate::Error;

/// How often the results of helpers are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Further processes that take part in a grid.
///
/// Processes, not threads: libtorch draws random numbers, for dropout among others, from one generator for the whole
/// process, and the same seed must give the same bytes however many work.
pub struct Helpers<'a> {
    count: usize,
    command: &'a dyn Fn(&Path) -> Command,
}

impl<'a> Helpers<'a> {
    /// So many helpers; `command` makes the program that [joins](super::join) the grid in a folder. A helper should
    /// end when its stdin does, for then this process is gone.
    #[must_use]
    pub fn new(count: usize, command: &'a dyn Fn(&Path) -> Command) -> Self {
        Self { count, command }
    }

    /// Starts them, but never more than could have a cell.
    pub(super) fn start(self, folder: &Path, cells: usize) -> Result<Working, Error> {
        let count = self.count.min(cells.saturating_sub(1));
        let start = |_| (self.command)(folder).stdin(std::process::Stdio::piped()).spawn();
        let children: io::Result<Vec<Child>> = (0..count).map(start).collect();
        Ok(Working(children.map_err(Error::Helper)?))
    }
}

/// Helpers at work.
pub(super) struct Working(Vec<Child>);

impl Working {
    /// Waits until the last of them has gone, and calls `look` from time to time.
    pub(super) fn wait(&mut self, mut look: impl FnMut() -> Result<(), Error>) -> Result<(), Error> {
        while let Some(helper) = self.0.last_mut() {
            if helper.try_wait().map_err(Error::Helper)?.is_some() {
                self.0.pop();
            } else {
                look()?;
                thread::sleep(LOOK);
            }
        }
        Ok(())
    }
}

impl Drop for Working {
    /// When this process fails, its helpers are told to stop.
    fn drop(&mut self) {
        for helper in &mut self.0 {
            drop(helper.stdin.take());
            let _ = helper.wait();
        }
    }
}
