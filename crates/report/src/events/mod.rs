//! TensorBoard event files.
//!
//! An event file is a sequence of framed records (TFRecord), each a protocol buffer. The first names the format's
//! version, the others carry scalars. Source of both: `tensorflow/core/lib/io/record_writer.cc` and
//! `tensorflow/core/util/event.proto`.
//!
//! - [`EventWriter`]: writes one file
//! - [`write_run`]: a whole run, training and validation beside each other
//! - [`read`]: the events of a file, every checksum verified
//! - [`message`]: the messages themselves
//! - `frame`: the framing around them

mod frame;
pub mod message;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message as _;

use crate::Error;
use crate::record::{EpochRecord, RunRecord};
use message::{Event, What};

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
    /// `SECONDS` is the time of creation since 1970, which keeps the files of a folder in order. The name tells
    /// neither machine nor process. An existing file is never written over.
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

    /// Hands everything recorded so far to the system, so that a TensorBoard that is looking on can see it.
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

/// Writes loss, accuracy and learning rate of every epoch as `dir/train` and `dir/validation`.
///
/// Two folders make two runs for TensorBoard, which it draws into the same chart under the tags `loss` and
/// `accuracy`; `learning_rate` is in `train`. Steps are epochs, counted from 1 through both phases. The folder
/// `validation` is written only when there is something to write.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_run(run: &RunRecord, dir: &Path) -> Result<(), Error> {
    // The record tells how long each epoch took, not when: the last one counts as just finished.
    let mut wall_time = seconds_since_1970() - run.epochs.iter().map(time_taken).sum::<f64>();
    let mut train = EventWriter::create(&dir.join("train"))?;
    let mut validation = None;
    for (step, epoch) in (1..).zip(&run.epochs) {
        wall_time += time_taken(epoch);
        train.scalar("loss", step, epoch.train_loss, wall_time)?;
        train.scalar("accuracy", step, epoch.train_accuracy, wall_time)?;
        train.scalar("learning_rate", step, epoch.learning_rate, wall_time)?;
        for (tag, value) in [("loss", epoch.validation_loss), ("accuracy", epoch.validation_accuracy)] {
            let Some(value) = value else { continue };
            let writer = match &mut validation {
                Some(writer) => writer,
                None => validation.insert(EventWriter::create(&dir.join("validation"))?),
            };
            writer.scalar(tag, step, value, wall_time)?;
        }
    }
    train.flush()?;
    validation.iter_mut().try_for_each(EventWriter::flush)
}

/// All events of a file, in order.
///
/// # Errors
/// [`Error::Read`] when the file cannot be read; [`Error::Malformed`] when a record is cut short, fails a checksum
/// or is no event.
pub fn read(path: &Path) -> Result<Vec<Event>, Error> {
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let malformed = |record, problem: String| Error::Malformed { path: path.to_owned(), record, problem };
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let record = events.len() + 1;
        let payload = frame::read(&mut rest).map_err(|problem| malformed(record, problem.to_string()))?;
        events.push(Event::decode(payload).map_err(|e| malformed(record, format!("is no event ({e})")))?);
    }
    Ok(events)
}

fn time_taken(epoch: &EpochRecord) -> f64 {
    if epoch.seconds.is_finite() { epoch.seconds } else { 0.0 }
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
