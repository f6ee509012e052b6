//! Files of Hugging Face's hub, or of a mirror of it.
//!
//! | question                                  | answer                                                                |
//! |-------------------------------------------|-----------------------------------------------------------------------|
//! | `HEAD OWNER/NAME/resolve/REV/FILE`        | `X-Repo-Commit`; of a large file `X-Linked-Etag`, its SHA-256, and `X-Linked-Size` |
//! | `GET OWNER/NAME/resolve/COMMIT/FILE`      | a redirect to the server that has the bytes, which gets no token      |
//! | `GET api/models/OWNER/NAME/revision/REV`  | JSON: `cardData.license`, `siblings[].rfilename`                      |
//! | `GET OWNER/NAME/resolve/COMMIT/config.json`, `preprocessor_config.json` | how images are prepared (`preparation.rs`) |
//!
//! A renamed repository answers with a redirect to a path on the same server. A refusal has a word in `X-Error-Code`.
//!
//! Source: `file_download.py`, `utils/_http.py` and `hf_api.py` in huggingface_hub.

mod info;
mod preparation;
mod refusal;

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};

use ureq::Body;
use ureq::http::{Method, Response, header};

use self::info::Info;
use self::refusal::Refusal;
use super::http::{Failure, may_pass};
use super::token::{Credentials, origin};
use super::weights::Source;
use super::{Fetched, Fetcher, Progress, Request, Route, Token, already_there, pip};
use crate::hub::{HubFile, HubRecord, hub_cache, is_commit, is_hex, resolve_in};
use crate::{Digest, Error, InputSpec};

/// Hugging Face's hub, or a server that answers as it does.
#[derive(Debug)]
pub struct Hub {
    fetcher: Fetcher,
    endpoint: String,
    offline: bool,
}

/// A file of the hub that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct FromHub {
    /// Its name at its commit, which always means the same bytes.
    pub name: HubFile,
    /// The licence in the card of the model, in the hub's words; `None` where none is stated.
    pub licence: Option<String>,
    /// The file.
    pub file: Fetched,
}

/// Where the hub is.
const ENDPOINT: &str = "https://huggingface.co";
/// Redirects on one server before giving up.
const MOST_REDIRECTS: usize = 5;
/// Bytes that a description may have.
const MOST_BYTES: u64 = 16 << 20;

impl Hub {
    /// The hub at an address. A token goes to that server alone, and only over HTTPS or to this machine.
    ///
    /// # Errors
    /// [`Error::Fetch`] for an address that is none, or has a name or password in it.
    pub fn new(mut fetcher: Fetcher, endpoint: &str, token: Option<Token>) -> Result<Self, Error> {
        let is_plain =
            origin(endpoint).is_some_and(|origin| origin.starts_with("http") && !origin.contains('@'));
        if !is_plain {
            return Err(Error::Fetch {
                from: "HF_ENDPOINT".to_owned(),
                reason: "it must be an address https://SERVER, without a name and a password".to_owned(),
            });
        }
        fetcher.client.credentials = token.and_then(|token| Credentials::new(endpoint, token));
        Ok(Self { fetcher, endpoint: endpoint.trim_end_matches('/').to_owned(), offline: false })
    }

    /// The hub as the variables of Hugging Face's own programs say: `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// As [`Hub::new`]; for a token that is none.
    pub fn from_environment(fetcher: Fetcher) -> Result<Self, Error> {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let token = set("HF_TOKEN").map(|text| {
            Token::new(&text).ok_or_else(|| Error::Fetch {
                from: "HF_TOKEN".to_owned(),
                reason: "it has letters that no token has".to_owned(),
            })
        });
        let endpoint = set("HF_ENDPOINT");
        let hub = Self::new(fetcher, endpoint.as_deref().unwrap_or(ENDPOINT), token.transpose()?)?;
        let offline = set("HF_HUB_OFFLINE")
            .is_some_and(|value| ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str()));
        Ok(Self { offline, ..hub })
    }

    /// Makes sure that a file is on this machine.
    ///
    /// What was fetched for a revision before is used, in `into` or in the cache of Hugging Face's own programs, and nothing is
    /// asked. Otherwise it is fetched to `into`, its SHA-256 compared with the one that the hub or the mirror states.
    ///
    /// # Errors
    /// [`Error::Fetch`] with the reason in words; [`Error::WrongDigest`]; [`Error::Damaged`] for a mirror's record that is none;
    /// [`Error::Io`].
    pub fn fetch(
        &self,
        file: &HubFile,
        source: &Source,
        into: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<FromHub, Error> {
        if let Some(found) = there(file, into)? {
            return Ok(found);
        }
        let (record, fetched) = match source {
            Source::Origin => {
                let (url, record) = self.ask(file, progress)?;
                let request = request(file, &record, url, into);
                let fetched = self.fetcher.fetch(&request, progress)?;
                (record, fetched)
            }
            Source::Url(mirror) => {
                let from = file.mirrored_record(mirror);
                let record = HubRecord::parse(&self.text(file, &from, progress)?, Path::new(&from))?;
                let request = request(file, &record, file.at(&record.commit).mirrored(mirror), into);
                let fetched = self.fetcher.fetch(&request, progress)?;
                (record, fetched)
            }
            Source::Folder(folder) => copy(file, folder, into)?,
        };
        let name = file.at(&record.commit);
        for path in [name.record_path(into), file.record_path(into)] {
            files::write(&path, record.text())?;
        }
        Ok(FromHub { name, licence: record.licence, file: fetched })
    }

    /// Asks the hub for what it says of a file, and for the address of its bytes.
    fn ask(&self, file: &HubFile, progress: &mut dyn FnMut(Progress)) -> Result<(String, HubRecord), Error> {
        let failed = |reason: String| Error::Fetch { from: file.to_string(), reason };
        if self.offline {
            return Err(failed(
                "it is not on this machine, and HF_HUB_OFFLINE forbids to ask for it".to_owned(),
            ));
        }
        let (url, response) = self.answer(file, &Method::HEAD, file.url(&self.endpoint), progress)?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let has_metadata = response.status().is_redirection() && header(LINKED_ETAG).is_some();
        if !response.status().is_success() && !has_metadata {
            let refusal = Refusal { file, endpoint: &self.endpoint, has_token: self.has_token() };
            let code = header("x-error-code");
            return Err(failed(match refusal.is_of_file(response.status(), code) {
                true => refusal.without_file(self.info(file, progress).as_ref()),
                false => refusal.in_words(response.status(), code, header("x-error-message")),
            }));
        }
        let Some(commit) = header("x-repo-commit").filter(|commit| is_commit(commit)) else {
            return Err(failed(format!(
                "{} does not answer as the hub does: it names no commit",
                self.endpoint
            )));
        };
        let etag = header(LINKED_ETAG).or_else(|| header(header::ETAG.as_str())).unwrap_or_default();
        let sha256 = etag.trim_start_matches("W/").trim_matches('"').to_owned();
        if !is_hex(&sha256, 64) {
            return Err(failed(
                "the hub states no SHA-256 of it, as it does of large files; download it, and name the file itself".to_owned(),
            ));
        }
        let length = header("x-linked-size")
            .or_else(|| header(header::CONTENT_LENGTH.as_str()).filter(|_| response.status().is_success()));
        let bytes = length.and_then(|length| length.trim().parse().ok());
        let named = |revision: &HubFile| format!("/resolve/{}/", revision.encoded_revision());
        let pinned = file.at(commit);
        let url = url.replacen(&named(file), &named(&pinned), 1);
        let commit = commit.to_owned();
        let licence = self.info(&pinned, progress).and_then(|info| info.licence());
        let input = self.input(&pinned, progress);
        Ok((url, HubRecord { commit, sha256, bytes, licence, input }))
    }

    /// How images are prepared for the weights, where timm or transformers say so next to them.
    fn input(&self, file: &HubFile, progress: &mut dyn FnMut(Progress)) -> Option<InputSpec> {
        let mut read = |name: &str| self.text(file, &file.sibling(name)?.url(&self.endpoint), progress).ok();
        let of_timm = read("config.json").and_then(|json| preparation::of_timm(&json));
        of_timm.or_else(|| preparation::of_transformers(&read("preprocessor_config.json")?))
    }

    /// What the hub says of the repository; `None` where it does not.
    fn info(&self, file: &HubFile, progress: &mut dyn FnMut(Progress)) -> Option<Info> {
        let text = self.text(file, &file.info_url(&self.endpoint), progress).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// The text at an address.
    fn text(&self, file: &HubFile, url: &str, progress: &mut dyn FnMut(Progress)) -> Result<String, Error> {
        let failed =
            |reason: String| Error::Fetch { from: file.to_string(), reason: format!("{url}: {reason}") };
        let (_, mut response) = self.answer(file, &Method::GET, url.to_owned(), progress)?;
        if !response.status().is_success() {
            return Err(failed(format!("the server answers {}", response.status())));
        }
        let body = response.body_mut().with_config().limit(MOST_BYTES).read_to_string();
        body.map_err(|error| failed(error.to_string()))
    }

    /// Asks as often as patience allows. Redirects are followed on the same server; the answer comes with the address that gave it.
    fn answer(
        &self,
        file: &HubFile,
        method: &Method,
        mut url: String,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(String, Response<Body>), Error> {
        for _ in 0..=MOST_REDIRECTS {
            let response = self.answer_once(file, method, &url, progress)?;
            let target = response.headers().get(header::LOCATION).and_then(|target| target.to_str().ok());
            let next = target.and_then(|target| on_same_server(&url, target));
            match next {
                Some(next)
                    if response.status().is_redirection()
                        && !response.headers().contains_key(LINKED_ETAG) =>
                {
                    url = next;
                }
                _ => return Ok((url, response)),
            }
        }
        let reason = format!("{} sends from one address to the next", self.endpoint);
        Err(Error::Fetch { from: file.to_string(), reason })
    }

    fn answer_once(
        &self,
        file: &HubFile,
        method: &Method,
        url: &str,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Response<Body>, Error> {
        let attempt = &mut |_: &mut dyn FnMut(Progress)| {
            let response = self.fetcher.client.ask(method, url)?;
            match response.status() {
                status if may_pass(status) => Err(Failure::Again(format!("the server answers {status}"))),
                _ => Ok(response),
            }
        };
        self.fetcher.patiently(attempt, &|| 0, progress).map_err(|failure| match failure {
            Failure::Fatal(error) => error,
            Failure::Again(reason) => Error::Fetch {
                from: file.to_string(),
                reason: format!(
                    "{url}: {reason}; without a network, fetch it on another machine and name its folder of weights with --from"
                ),
            },
        })
    }

    fn has_token(&self) -> bool {
        self.fetcher.client.credentials.is_some()
    }
}

const LINKED_ETAG: &str = "x-linked-etag";

/// The file, if an earlier call or Hugging Face's own programs brought it, and it is whole.
fn there(file: &HubFile, into: &Path) -> Result<Option<FromHub>, Error> {
    // A record that is none is replaced, as a file with the wrong digest is.
    let found = resolve_in(file, &[into.to_path_buf()], hub_cache().as_deref()).ok().flatten();
    let Some(found) = found else { return Ok(None) };
    let fetched = already_there(&found.path, &Digest::Sha256(found.record.sha256.clone()))?;
    let name = file.at(&found.record.commit);
    Ok(fetched.map(|fetched| FromHub { name, licence: found.record.licence, file: fetched }))
}

fn request(file: &HubFile, record: &HubRecord, url: String, into: &Path) -> Request {
    Request {
        url,
        to: file.at(&record.commit).path(into),
        digest: Digest::Sha256(record.sha256.clone()),
        expected_length: record.bytes,
    }
}

/// Copies the file out of a folder of weights, or a copy of the cache of Hugging Face's own programs.
fn copy(file: &HubFile, folder: &Path, into: &Path) -> Result<(HubRecord, Fetched), Error> {
    let folders = [folder.to_path_buf()];
    let found = resolve_in(file, &folders, Some(folder))?.ok_or_else(|| Error::Fetch {
        from: file.to_string(),
        reason: format!(
            "{} has neither {} and the file that it names, nor the file in the layout of Hugging Face's cache",
            folder.display(),
            file.record_path(Path::new("")).display()
        ),
    })?;
    let digest = Digest::Sha256(found.record.sha256.clone());
    let to: PathBuf = file.at(&found.record.commit).path(into);
    let mut from = File::open(&found.path).map_err(files::Error::io("open", &found.path))?;
    pip::copy_checked(&mut from, &digest, &found.path, &to)?;
    let copied = already_there(&to, &digest)?.ok_or_else(|| Error::Fetch {
        from: found.path.display().to_string(),
        reason: "the copy changed meanwhile".to_owned(),
    })?;
    Ok((found.record, Fetched { route: Route::Folder, ..copied }))
}

/// Where a redirect leads, if that is on the same server.
fn on_same_server(url: &str, target: &str) -> Option<String> {
    let here = origin(url)?;
    if target.starts_with('/') && !target.starts_with("//") {
        return Some(format!("{here}{target}"));
    }
    (origin(target)? == here).then(|| target.to_owned())
}
