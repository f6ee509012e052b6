//! Progress on stderr: a bar on a terminal, now and then a plain line elsewhere.

use std::io::{IsTerminal, stderr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use pretrained::fetch::Progress as Event;

/// How often a plain line is written at most.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The bars that are shown at the moment, one below the other.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// What is counted.
#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    Pictures,
}

/// One long piece of work being watched.
pub(crate) struct Progress {
    label: String,
    unit: Unit,
    total: Option<u64>,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    /// Watches a transfer; `total` is unknown when the other side does not say.
    pub(crate) fn bytes(label: impl Into<String>, total: Option<u64>) -> Self {
        Self::new(label.into(), Unit::Bytes, total)
    }

    /// Watches pictures being drawn.
    pub(crate) fn pictures(label: impl Into<String>) -> Self {
        Self::new(label.into(), Unit::Pictures, None)
    }

    fn new(label: String, unit: Unit, total: Option<u64>) -> Self {
        let bar = stderr().is_terminal().then(|| bar(&label, unit, total));
        Self { label, unit, total, bar, last_line: Instant::now() }
    }

    /// `done` of the total is there.
    pub(crate) fn at(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            anstream::eprintln!("  {}", line(&self.label, self.unit, done, self.total));
        }
    }

    /// Like [`Progress::at`], with a total that has become known.
    pub(crate) fn at_of(&mut self, done: u64, total: u64) {
        if self.total != Some(total) {
            self.total = Some(total);
            if let Some(bar) = &self.bar {
                bar.set_length(total);
                bar.set_style(style(self.unit, self.total));
            }
        }
        self.at(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A message of a command: what it does or why. It stands above the bars.
pub(crate) fn say(message: impl AsRef<str>) {
    BARS.suspend(|| anstream::eprintln!("{}", message.as_ref()));
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
            watched = Some(Progress::bytes(label.as_str(), total));
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

fn bar(label: &str, unit: Unit, total: Option<u64>) -> ProgressBar {
    let bar = BARS.add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
    bar.set_style(style(unit, total));
    bar.with_message(label.to_owned())
}

fn style(unit: Unit, total: Option<u64>) -> ProgressStyle {
    let template = match (unit, total) {
        (Unit::Bytes, Some(_)) => {
            "  {msg} [{bar:30}] {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left"
        }
        (Unit::Bytes, None) => "  {msg} {spinner} {binary_bytes}, {binary_bytes_per_sec}",
        (Unit::Pictures, Some(_)) => "  {msg} [{bar:30}] {pos} of {len}, {per_sec}, {eta} left",
        (Unit::Pictures, None) => "  {msg} {spinner} {pos}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

fn line(label: &str, unit: Unit, done: u64, total: Option<u64>) -> String {
    let count = |value| match unit {
        Unit::Bytes => HumanBytes(value).to_string(),
        Unit::Pictures => value.to_string(),
    };
    match total {
        Some(total) if total > 0 => {
            let percent = u128::from(done) * 100 / u128::from(total);
            format!("{label}: {} of {} ({percent}%)", count(done), count(total))
        }
        _ => format!("{label}: {}", count(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_gives_the_share_where_the_total_is_known() {
        let torch = |done, total| line("torch", Unit::Bytes, done, total);
        assert_eq!(torch(3 << 20, Some(12 << 20)), "torch: 3.00 MiB of 12.00 MiB (25%)");
        assert_eq!(torch(3 << 20, None), "torch: 3.00 MiB");
        assert_eq!(torch(0, Some(0)), "torch: 0 B");
        assert_eq!(line("letters", Unit::Pictures, 5, Some(10)), "letters: 5 of 10 (50%)");
    }
}
