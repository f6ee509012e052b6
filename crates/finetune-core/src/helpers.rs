//! Further processes that share the work of a comparison or a search through its folder.

use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

/// How often the results of helpers are read.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Further processes that take part in a comparison or a search.
///
/// Processes, not threads: libtorch draws random numbers, for dropout among others, from one generator for the whole
/// process, and the same seed must give the same bytes however many work.
pub struct Helpers<'a> {
    count: usize,
    command: &'a dyn Fn(&Path) -> Command,
}

impl<'a> Helpers<'a> {
    /// `count` helpers; `command` builds the program that joins the work in a folder. A helper should end when its stdin
    /// does: then this process is gone.
    #[must_use]
    pub fn new(count: usize, command: &'a dyn Fn(&Path) -> Command) -> Self {
        Self { count, command }
    }

    /// Number of helpers.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Starts them, but never more than `most`.
    pub(crate) fn start(&self, folder: &Path, most: usize) -> io::Result<Running> {
        let start = |_| (self.command)(folder).stdin(std::process::Stdio::piped()).spawn();
        let children: io::Result<Vec<Child>> = (0..self.count.min(most)).map(start).collect();
        Ok(Running(children?))
    }
}

/// Running helpers, which are stopped when this is dropped.
pub(crate) struct Running(Vec<Child>);

impl Running {
    /// Returns whether one of them is still at work.
    pub(crate) fn any(&mut self) -> io::Result<bool> {
        while let Some(helper) = self.0.last_mut() {
            if helper.try_wait()?.is_none() {
                return Ok(true);
            }
            self.0.pop();
        }
        Ok(false)
    }

    /// Waits until the last of them has ended, and calls `poll` from time to time.
    pub(crate) fn wait<E>(
        &mut self,
        failed: fn(io::Error) -> E,
        mut poll: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        while self.any().map_err(failed)? {
            poll()?;
            thread::sleep(POLL_INTERVAL);
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
