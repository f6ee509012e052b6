//! TensorBoard event files.
//!
//! An event file is a sequence of framed records (TFRecord), each a protocol buffer. The first names the format's
//! version, the others carry scalars and images. Source of both: `tensorflow/core/lib/io/record_writer.cc` and
//! `tensorflow/core/util/event.proto`.
//!
//! - [`EventWriter`]: writes one file
//! - [`write_run`]: a run, with training and validation in the same charts; [`write_comparison`]: a comparison and its runs;
//!   [`write_advice`]: the evidence of advice
//! - [`read`]: the events of a file, every checksum verified
//! - [`message`]: the messages themselves
//! - `run`, `comparison`: a run or a comparison as events
//! - `frame`: the framing of the records

mod comparison;
mod frame;
pub mod message;
mod run;

pub use comparison::write_comparison;
pub use run::{write_advice, write_run};

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message as _;

use crate::Error;
use crate::html::png_size;
use message::{Event, Image, What};

/// The version that TensorBoard expects in the first event.
const VERSION: &str = "brain.Event:2";

/// Writes one event file.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    out: BufWriter<File>,
}

impl EventWriter {
    /// Creates `events.out.tfevents.SECONDS.finetune` in the folder `dir`, which is created where missing.
    ///
    /// `SECONDS` is the time of creation since 1970, which keeps the files of a folder in order. The name reveals
    /// neither machine nor process. An existing file is never overwritten.
    ///
    /// # Errors
    /// [`Error::Write`] when the folder or the file cannot be created.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        let now = seconds_since_1970();
        fs::create_dir_all(dir).map_err(|source| Error::Write { path: dir.to_owned(), source })?;
        let (path, file) = create_new(dir, now as u64)?;
        let mut writer = Self { path, out: BufWriter::new(file) };
        writer.event(&Event { wall_time: now, step: 0, what: Some(What::FileVersion(VERSION.into())) })?;
        Ok(writer)
    }

    /// The file being written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records `value` under `tag` at `step`. `wall_time` is in seconds since 1970.
    ///
    /// # Errors
    /// [`Error::Write`] when the file system refuses.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64, wall_time: f64) -> Result<(), Error> {
        self.event(&Event::scalar(tag, step, value, wall_time))
    }

    /// Records a PNG under `tag` at `step`. `wall_time` is in seconds since 1970.
    ///
    /// # Errors
    /// [`Error::NotPng`] when it is not a PNG, [`Error::Write`] when the file system refuses.
    pub fn image(&mut self, tag: &str, step: u64, png: Vec<u8>, wall_time: f64) -> Result<(), Error> {
        let size = png_size(&png).map(|size| size.map(i32::try_from));
        let Some([Ok(width), Ok(height)]) = size else {
            return Err(Error::NotPng { tag: tag.to_owned() });
        };
        // The colour type of the header: 0 is gray, 2 RGB, 6 RGBA.
        let colorspace = match png.get(25) {
            Some(0) => 1,
            Some(6) => 4,
            _ => 3,
        };
        let image = Image { height, width, colorspace, encoded_image_string: png };
        self.event(&Event::image(tag, step, image, wall_time))
    }

    /// Passes everything recorded so far to the system, so that a running TensorBoard shows it.
    ///
    /// # Errors
    /// [`Error::Write`] when the file system refuses.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    fn event(&mut self, event: &Event) -> Result<(), Error> {
        frame::write(&mut self.out, &event.encode_to_vec())
            .map_err(|source| Error::Write { path: self.path.clone(), source })
    }
}

/// All events of a file, in order.
///
/// # Errors
/// [`Error::Read`] when the file cannot be read; [`Error::Malformed`] when a record is cut short, fails a checksum
/// or is not an event.
pub fn read(path: &Path) -> Result<Vec<Event>, Error> {
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let malformed = |record, problem: String| Error::Malformed { path: path.to_owned(), record, problem };
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let record = events.len() + 1;
        let payload = frame::read(&mut rest).map_err(|problem| malformed(record, problem.to_string()))?;
        events.push(Event::decode(payload).map_err(|e| malformed(record, format!("is not an event ({e})")))?);
    }
    Ok(events)
}

/// Creates the file for `seconds`, or for the next second whose name is still free.
fn create_new(dir: &Path, seconds: u64) -> Result<(PathBuf, File), Error> {
    let mut second = seconds;
    loop {
        let path = dir.join(format!("events.out.tfevents.{second:010}.finetune"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => second += 1,
            Err(source) => return Err(Error::Write { path, source }),
        }
    }
}

fn seconds_since_1970() -> f64 {
    // A clock set before 1970 is no reason to lose the figures.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
