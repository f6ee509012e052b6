//! `finetune-fetch`, the downloader: pretrained weights, single files and what is in an archive, with digests checked.
//!
//! What is there now goes to stdout, progress to stderr. With `--json` stdout has one object a line, errors among them.
//! Exit codes: 0 done, 1 something failed, 2 usage.
//!
//! - `weights`: the files of catalog entries
//! - `data`: public image sets, unpacked into class folders
//! - `archive`: what is in a zip, all of it or nothing
//! - `unzip`, `untar`: they trust no archive; `entry` is what both share, `draft` the folder that is filled first
//! - `there`: what goes to stdout; `progress`: bars and lines on stderr; `digest`: a SHA-256 as an argument

mod archive;
mod data;
mod digest;
mod draft;
mod entry;
mod progress;
mod there;
mod untar;
mod unzip;
mod weights;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use pretrained::Digest;
use pretrained::data_sets;
use pretrained::fetch::{Fetcher, Patience, Request};

use crate::digest::sha256;
use crate::progress::say;
use crate::there::{There, print, print_error};

/// Fetches pretrained weights and other files, and unpacks archives; digests are checked, and what was interrupted is
/// continued.
#[derive(Parser)]
#[command(name = "finetune-fetch", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
    /// Say what is there now as one JSON object a line; errors too
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Task {
    Weights(weights::Arguments),
    Data(data::Arguments),
    /// List the public image sets that are known
    DataSets,
    File(File),
    Unpack(archive::Arguments),
}

/// Fetch one file over HTTP or HTTPS
#[derive(clap::Args)]
struct File {
    /// Its address
    url: String,
    /// Where it goes
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// What its SHA-256 must be, 64 hex digits; without it nothing is continued, because nothing proves that both
    /// halves belong together
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    sha256: Option<String>,
    /// Attempts in a row that bring nothing new before giving up
    #[arg(long, value_name = "COUNT", default_value_t = usual_attempts())]
    attempts: NonZeroU32,
    /// How long the server may be silent
    #[arg(long, value_name = "SECONDS", default_value_t = Patience::default().stall.as_secs())]
    stall: u64,
}

fn main() -> ExitCode {
    let Arguments { task, json } = Arguments::parse();
    let there = match task {
        Task::Weights(arguments) => weights::fetch(&arguments),
        Task::Data(arguments) => vec![data::fetch(&arguments)],
        Task::DataSets => {
            data_sets::all().iter().map(|set| Ok(There::DataSet { set, bytes: set.bytes() })).collect()
        }
        Task::File(arguments) => vec![file(&arguments)],
        Task::Unpack(arguments) => vec![archive::unpack(&arguments)],
    };
    let mut code = ExitCode::SUCCESS;
    for result in there {
        let printed = match result {
            Ok(there) => print(&there, json),
            Err(error) => {
                code = ExitCode::FAILURE;
                print_error(&error, json)
            }
        };
        if let Err(error) = printed {
            say(format!("error: cannot write to stdout: {error}"));
            return ExitCode::FAILURE;
        }
    }
    code
}

fn file(arguments: &File) -> anyhow::Result<There> {
    let request = Request {
        url: arguments.url.clone(),
        to: arguments.to.clone(),
        digest: arguments.sha256.clone().map_or(Digest::None, Digest::Sha256),
        expected_length: None,
    };
    let patience = Patience {
        attempts: arguments.attempts.get(),
        stall: Duration::from_secs(arguments.stall.max(1)),
        ..Patience::default()
    };
    let name = arguments.to.file_name().unwrap_or(arguments.to.as_os_str()).to_string_lossy();
    let mut progress = progress::of_fetch(format!("downloading {name}"));
    Ok(There::File(Fetcher::new(patience).fetch(&request, &mut progress)?))
}

fn usual_attempts() -> NonZeroU32 {
    NonZeroU32::new(Patience::default().attempts).unwrap_or(NonZeroU32::MIN)
}
