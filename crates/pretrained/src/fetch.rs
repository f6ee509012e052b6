//! Fetching files: resumed where they stopped, verified, and never half there under their own name.
//!
//! A download grows as `NAME.part` and is renamed to `NAME` once its digest is right. A lock file next to it makes
//! other processes that want the same file wait, and then find it done.
//!
//! - [`Fetcher`]: one file over HTTP
//! - [`fetch_weights`], [`fetch_all`]: the files of catalog entries, from wherever they are published
//! - [`Hub`]: files of Hugging Face's hub; [`Token`]: what it knows a user by

mod http;
mod hub;
mod lock;
mod pip;
mod token;
mod weights;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::Serialize;

pub use hub::{FromHub, Hub};
pub use token::Token;
pub use weights::{Source, fetch_all, fetch_weights};

use self::http::{Client, Failure};
use crate::{Digest, Error};
use files::sha256_of_file;

/// Fetches files over HTTP and HTTPS. `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured.
#[derive(Debug)]
pub struct Fetcher {
    client: Client,
    patience: Patience,
}

/// How long to wait for a server, and how often to ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Attempts in a row that bring nothing new before giving up; at least 1.
    pub attempts: u32,
    /// Pause after the first failure; it doubles with each further one, up to [`Patience::longest_pause`].
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long a server may take to accept a connection, to answer, or to send the next bytes.
    pub stall: Duration,
}

/// A file to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its address.
    pub url: String,
    /// Where it goes; folders are created.
    pub to: PathBuf,
    /// What its SHA-256 must be.
    pub digest: Digest,
    /// Its length in bytes, if known: a server that announces another is refused at once.
    pub expected_length: Option<u64>,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// The file.
    pub path: PathBuf,
    /// Its SHA-256, 64 hex digits.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Bytes that an earlier, interrupted download had left; 0 if there were none.
    pub resumed_from: u64,
    /// How it came here.
    pub route: Route,
}

/// How a file came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// It was there already.
    Found,
    /// From a server.
    Server,
    /// Copied from a folder.
    Folder,
    /// Out of a Python package.
    Package,
}

/// What happens during a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another process is fetching the same file; waiting for it.
    Waiting,
    /// The server has answered.
    Started {
        /// Length of the whole file, if the server says.
        total: Option<u64>,
        /// Bytes that are here already.
        resumed_from: u64,
    },
    /// Number of bytes of the file received.
    Received(u64),
    /// An attempt failed; the next follows after a pause.
    Retrying {
        /// Why it failed.
        reason: String,
        /// How long the pause is.
        pause: Duration,
    },
    /// Everything is here; the digest is being computed.
    Verifying,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            stall: Duration::from_secs(30),
        }
    }
}

impl Fetcher {
    /// A fetcher with this patience.
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        Self { client: Client::new(patience.stall), patience }
    }

    /// Fetches a file, unless it is there already with the right digest; a file there with another digest is replaced.
    ///
    /// What an earlier call left in `NAME.part` is continued, unless no digest is known that would prove both halves
    /// to belong together.
    ///
    /// # Errors
    /// [`Error::Fetch`] with the server's status or the reason why the last attempt failed; [`Error::WrongDigest`]
    /// with both digests, after deleting what was fetched; [`Error::Io`].
    pub fn fetch(&self, request: &Request, progress: &mut dyn FnMut(Progress)) -> Result<Fetched, Error> {
        let to = &request.to;
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(files::Error::io("create", folder))?;
        }
        let part = with_suffix(to, ".part");
        let _lock = lock::acquire(&with_suffix(to, ".part.lock"), || progress(Progress::Waiting))?;
        if let Some(found) = already_there(to, &request.digest)? {
            return Ok(found);
        }
        if request.digest == Digest::None {
            remove(&part)?;
        }
        let mut resumed_from = length_of(&part);
        self.download(request, &part, progress)?;
        progress(Progress::Verifying);
        let mut sha256 = sha256_of_file(&part)?;
        if !request.digest.accepts(&sha256) && resumed_from > 0 {
            // The start may stem from another version of the file; it gets no second chance.
            resumed_from = 0;
            remove(&part)?;
            self.download(request, &part, progress)?;
            sha256 = sha256_of_file(&part)?;
        }
        if !request.digest.accepts(&sha256) {
            return Err(refuse(request, &part, sha256));
        }
        let bytes = length_of(&part);
        fs::rename(&part, to).map_err(files::Error::io("create", to))?;
        Ok(Fetched { path: to.clone(), sha256, bytes, resumed_from, route: Route::Server })
    }

    /// Makes `part` whole, in as many attempts as it takes and patience allows.
    fn download(
        &self,
        request: &Request,
        part: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let attempt =
            &mut |progress: &mut dyn FnMut(Progress)| http::attempt(&self.client, request, part, progress);
        self.patiently(attempt, &|| length_of(part), progress).map_err(|failure| match failure {
            Failure::Fatal(error) => error,
            Failure::Again(reason) => Error::Fetch {
                from: request.url.clone(),
                reason: format!("{reason}; run it again to go on from there"),
            },
        })
    }

    /// Attempts something as often as patience allows; attempts after which there is more than before do not count.
    fn patiently<T>(
        &self,
        attempt: Attempt<'_, T>,
        length: &dyn Fn() -> u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<T, Failure> {
        let mut pause = self.patience.first_pause;
        let mut failures = 0;
        loop {
            let before = length();
            let reason = match attempt(progress) {
                Err(Failure::Again(reason)) => reason,
                done => return done,
            };
            if length() >= before.saturating_add(WORTHWHILE) {
                failures = 0;
                pause = self.patience.first_pause;
            }
            failures += 1;
            if failures >= self.patience.attempts {
                return Err(Failure::Again(format!("{reason} (tried {failures} times)")));
            }
            progress(Progress::Retrying { reason, pause });
            thread::sleep(pause);
            pause = (pause * 2).min(self.patience.longest_pause);
        }
    }
}

/// One attempt at something, which may tell how far it is.
type Attempt<'a, T> = &'a mut dyn FnMut(&mut dyn FnMut(Progress)) -> Result<T, Failure>;

/// An attempt that brings this number of bytes counts as a success when failures are counted.
const WORTHWHILE: u64 = 1 << 16;

/// The file at `path`, if it is one and has this digest.
fn already_there(path: &Path, digest: &Digest) -> Result<Option<Fetched>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let sha256 = sha256_of_file(path)?;
    let found = || Fetched {
        path: path.to_path_buf(),
        bytes: length_of(path),
        sha256: sha256.clone(),
        resumed_from: 0,
        route: Route::Found,
    };
    Ok(digest.accepts(&sha256).then(found))
}

/// Deletes what was fetched and says both digests.
fn refuse(request: &Request, part: &Path, found: String) -> Error {
    let error =
        Error::WrongDigest { path: PathBuf::from(&request.url), expected: request.digest.clone(), found };
    match remove(part) {
        Ok(()) => error,
        Err(error) => error,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn length_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(files::Error::io("delete", path)(error).into())
        }
        _ => Ok(()),
    }
}
