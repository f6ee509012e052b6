//! What the downloader prints: lines or JSON on stdout.

use std::io::{self, Write};
use std::path::PathBuf;

use indicatif::DecimalBytes;
use pretrained::data_sets::DataSet;
use pretrained::fetch::{Fetched, Route};
use serde::Serialize;

use crate::progress::say;

/// What is there now.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum There {
    Weights {
        arch: String,
        name: String,
        licence: String,
        #[serde(flatten)]
        file: Fetched,
    },
    OfHub {
        hub: String,
        licence: Option<String>,
        #[serde(flatten)]
        file: Fetched,
    },
    File(Fetched),
    Data {
        folder: PathBuf,
        route: Route,
    },
    DataSet {
        #[serde(flatten)]
        set: &'static DataSet,
        bytes: u64,
    },
    Unpacked {
        into: PathBuf,
        files: usize,
    },
}

pub(crate) fn print(there: &There, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, there)?;
        return writeln!(out);
    }
    match there {
        There::Weights { arch, name, licence, file } => {
            writeln!(
                out,
                "{arch} {name}  {}  ({}; licence {licence})",
                file.path.display(),
                in_words(file.route)
            )
        }
        There::OfHub { hub, licence, file } => {
            let licence = licence.as_deref().unwrap_or("not stated");
            writeln!(out, "{hub}  {}  ({}; licence {licence})", file.path.display(), in_words(file.route))
        }
        There::File(file) => writeln!(out, "{}  ({})", file.path.display(), in_words(file.route)),
        There::Data { folder, route } => writeln!(out, "{}  ({})", folder.display(), in_words(*route)),
        There::DataSet { set, bytes } => {
            writeln!(out, "{}  {}, {} images, {}", set.name, set.title, set.images, DecimalBytes(*bytes))
        }
        There::Unpacked { into, files } => writeln!(out, "{}: {files} files", into.display()),
    }
}

pub(crate) fn print_error(error: &anyhow::Error, json: bool) -> io::Result<()> {
    let message = format!("{error:#}");
    if json {
        return writeln!(io::stdout(), "{}", serde_json::json!({ "error": message }));
    }
    say(format!("error: {message}"));
    Ok(())
}

fn in_words(route: Route) -> &'static str {
    match route {
        Route::Found => "was there",
        Route::Server => "downloaded",
        Route::Folder => "copied",
        Route::Package => "from its package",
    }
}
