//! `glyphs`: letters from a command line, written out as an ordinary image folder.
//!
//! What was drawn goes to stdout, progress to stderr. Exit codes: 0 drawn or there already, 1 failed, 2 usage.

mod cli;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::Arguments;

/// How often a plain line is written at most, where stderr is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Result: the letters that are in the folder now.
#[derive(Serialize)]
struct Drawn {
    #[serde(rename = "pictures")]
    images: u64,
    /// Changes with any image.
    content_digest: String,
    /// Folder names of the classes.
    classes: Vec<String>,
    /// Those that look like no Latin letter.
    unshared_with_latin: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match draw(&arguments).and_then(|drawn| print(&arguments, &drawn)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A program that reads JSON finds the reason there; one line for each, and never both.
            if arguments.json {
                let _ = writeln!(io::stdout(), "{}", serde_json::json!({"error": format!("{error:#}")}));
            } else {
                let _ = writeln!(io::stderr(), "error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

fn draw(arguments: &Arguments) -> anyhow::Result<Drawn> {
    let (spec, folder) = (arguments.spec(), &arguments.folder);
    if arguments.replace_outdated && glyphs::remove_outdated(&spec, folder)? {
        let _ = writeln!(io::stderr(), "{} is of another version and is drawn again", folder.display());
    }
    let progress = Progress::new(folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy());
    let manifest = glyphs::ensure(&spec, folder, &|done, total| progress.at(done, total))?;
    let shared = spec.alphabet.shared_with_latin();
    let classes = spec.alphabet.classes();
    Ok(Drawn {
        images: manifest.images,
        content_digest: manifest.content_digest,
        unshared_with_latin: names(classes.iter().filter(|class| !shared.contains(class))),
        classes: names(classes.iter()),
    })
}

fn names<'a>(classes: impl Iterator<Item = &'a glyphs::Class>) -> Vec<String> {
    classes.map(|class| class.folder.clone()).collect()
}

fn print(arguments: &Arguments, drawn: &Drawn) -> anyhow::Result<()> {
    let text = if arguments.json {
        serde_json::to_string(drawn)?
    } else {
        let (images, classes) = (drawn.images, drawn.classes.len());
        format!("{}: {images} letters of {classes} classes", arguments.folder.display())
    };
    writeln!(io::stdout(), "{text}").context("cannot write to stdout")
}

/// Letters being drawn, shown on stderr: a bar on a terminal, now and then a plain line elsewhere.
struct Progress {
    label: String,
    shown: Mutex<Shown>,
}

struct Shown {
    bar: Option<ProgressBar>,
    done: u64,
    last_line: Instant,
}

impl Progress {
    fn new(name: impl AsRef<str>) -> Self {
        let label = format!("drawing {}", name.as_ref());
        let bar = io::stderr().is_terminal().then(|| {
            let style = "  {msg} [{bar:30}] {pos} of {len}, {per_sec}, {eta} left";
            let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
            // It shows itself with the first image, so letters that are there already draw no bar.
            ProgressBar::no_length().with_style(style.progress_chars("=> ")).with_message(label.clone())
        });
        Self { label, shown: Mutex::new(Shown { bar, done: 0, last_line: Instant::now() }) }
    }

    /// Shows the progress; called by several threads, of which one at a time writes.
    fn at(&self, done: u64, total: u64) {
        let Ok(mut shown) = self.shown.try_lock() else { return };
        // Threads overtake one another.
        shown.done = shown.done.max(done);
        if let Some(bar) = &shown.bar {
            bar.set_length(total);
            bar.set_position(shown.done);
        } else if shown.last_line.elapsed() >= LINE_EVERY {
            shown.last_line = Instant::now();
            let (label, done) = (&self.label, shown.done);
            let percent = u128::from(done) * 100 / u128::from(total.max(1));
            let _ = writeln!(io::stderr(), "  {label}: {done} of {total} ({percent}%)");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let shown = self.shown.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(bar) = &shown.bar {
            bar.finish_and_clear();
        }
    }
}
