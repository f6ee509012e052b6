//! Progress on stderr: a bar on a terminal, now and then a plain line elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use pretrained::fetch::Progress as Event;

/// How often a plain line is written at most.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The bars that are shown at the moment, one below the other.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// One long transfer being watched.
pub(crate) struct Progress {
    label: String,
    total: Option<u64>,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    /// Counts bytes; `total` is unknown when the other side does not say.
    pub(crate) fn new(label: impl Into<String>, total: Option<u64>) -> Self {
        let label = label.into();
        let bar = stderr().is_terminal().then(|| bar(&label, total));
        Self { label, total, bar, last_line: Instant::now() }
    }

    /// `done` of the total is there.
    pub(crate) fn at(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            write(&format!("  {}", line(&self.label, done, self.total)));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A message: what is done or why. It stands above the bars.
pub(crate) fn say(message: impl AsRef<str>) {
    BARS.suspend(|| write(message.as_ref()));
}

/// Nobody may be listening any more; that is no reason to stop.
fn write(message: &str) {
    let _ = writeln!(stderr(), "{message}");
}

/// Shows the events of one fetch.
pub(crate) fn of_fetch(label: impl Into<String>) -> impl FnMut(Event) + Send {
    let label = label.into();
    let mut watched: Option<Progress> = None;
    move |event| match event {
        Event::Waiting => say(format!("{label}: another process is at it; waiting")),
        Event::Started { total, resumed_from } => {
            if resumed_from > 0 {
                say(format!("{label}: going on after {}", HumanBytes(resumed_from)));
            }
            watched = Some(Progress::new(label.as_str(), total));
        }
        Event::Received(done) => {
            if let Some(progress) = &mut watched {
                progress.at(done);
            }
        }
        Event::Retrying { reason, pause } => {
            watched = None;
            say(format!("{label}: {reason}; trying again in {} s", pause.as_secs()));
        }
        Event::Verifying => watched = None,
    }
}

fn bar(label: &str, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => {
            "  {msg} [{bar:30}] {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left"
        }
        None => "  {msg} {spinner} {binary_bytes}, {binary_bytes_per_sec}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = BARS.add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
    bar.set_style(style.progress_chars("=> "));
    bar.with_message(label.to_owned())
}

fn line(label: &str, done: u64, total: Option<u64>) -> String {
    match total {
        Some(total) if total > 0 => {
            let percent = u128::from(done) * 100 / u128::from(total);
            format!("{label}: {} of {} ({percent}%)", HumanBytes(done), HumanBytes(total))
        }
        _ => format!("{label}: {}", HumanBytes(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_gives_the_share_where_the_total_is_known() {
        let torch = |done, total| line("torch", done, total);
        assert_eq!(torch(3 << 20, Some(12 << 20)), "torch: 3.00 MiB of 12.00 MiB (25%)");
        assert_eq!(torch(3 << 20, None), "torch: 3.00 MiB");
        assert_eq!(torch(0, Some(0)), "torch: 0 B");
    }
}
