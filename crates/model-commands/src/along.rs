//! How far a command is: a bar where stderr is a terminal and stdout is not, else a line now and then.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use progress::Progress;
use records::Event;
use report::text::count;

/// Progress over images.
pub(crate) struct Along {
    what: &'static str,
    total: u64,
    done: u64,
    began: Instant,
    said: Instant,
    bar: Option<Progress>,
}

/// Time between two lines.
const SILENCE: Duration = Duration::from_secs(10);

impl Along {
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        let is_watched = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let (total, now) = (total as u64, Instant::now());
        Self { what, total, done: 0, began: now, said: now, bar: is_watched.then(Progress::new) }
    }

    /// Counts images.
    pub(crate) fn step(&mut self, images: usize) {
        self.done += images as u64;
        let Self { what, total, done, .. } = *self;
        if let Some(bar) = &mut self.bar {
            bar.listen(&Event::Prepared { what, done, total });
        } else if self.said.elapsed() >= SILENCE {
            self.said = Instant::now();
            let per_second = done as f64 / self.began.elapsed().as_secs_f64();
            let (done, total) = (count(done), count(total));
            let _ = writeln!(io::stderr(), "{what}: {done} of {total} images, {per_second:.1} a second");
        }
    }
}
