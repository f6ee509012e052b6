use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use super::CompareError;

/// How often the results of helpers are read.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Further processes that take part in a comparison.
///
/// Processes, not threads: libtorch draws random numbers, for dropout among others, from one generator for the whole
/// process, and the same seed must give the same bytes however many work.
pub struct Helpers<'a> {
    count: usize,
    command: &'a dyn Fn(&Path) -> Command,
}

impl<'a> Helpers<'a> {
    /// `count` helpers; `command` builds the program that [joins](super::join) the comparison in a folder. A helper
    /// should end when its stdin does: then this process is gone.
    #[must_use]
    pub fn new(count: usize, command: &'a dyn Fn(&Path) -> Command) -> Self {
        Self { count, command }
    }

    /// Starts them, but never more than there are other cells.
    pub(super) fn start(self, folder: &Path, cells: usize) -> Result<Running, CompareError> {
        let count = self.count.min(cells.saturating_sub(1));
        let start = |_| (self.command)(folder).stdin(std::process::Stdio::piped()).spawn();
        let children: io::Result<Vec<Child>> = (0..count).map(start).collect();
        Ok(Running(children.map_err(CompareError::Helper)?))
    }
}

/// Running helpers, which are stopped when this is dropped.
pub(super) struct Running(Vec<Child>);

impl Running {
    /// Waits until the last of them has ended, and calls `poll` from time to time.
    pub(super) fn wait(
        &mut self,
        mut poll: impl FnMut() -> Result<(), CompareError>,
    ) -> Result<(), CompareError> {
        while let Some(helper) = self.0.last_mut() {
            if helper.try_wait().map_err(CompareError::Helper)?.is_some() {
                self.0.pop();
            } else {
                poll()?;
                thread::sleep(POLL_INTERVAL);
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    /// Closes the stdin of each helper, which stops it, and waits for it.
    fn drop(&mut self) {
        for helper in &mut self.0 {
            drop(helper.stdin.take());
            let _ = helper.wait();
        }
    }
}
