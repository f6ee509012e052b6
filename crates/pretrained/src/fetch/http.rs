//! One attempt to bring a `.part` file to its full length, or to get an answer to a question.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::{Method, Response, StatusCode, header};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, RequestBuilder};

use super::token::{Credentials, is_loopback};
use super::{Progress, Request, length_of, remove};
use crate::{Digest, Error};
use files::sha256_of_file;

/// Why an attempt brought no whole file.
pub(super) enum Failure {
    /// Another attempt may do better.
    Again(String),
    /// It will not.
    Fatal(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

impl From<files::Error> for Failure {
    fn from(error: files::Error) -> Self {
        Self::Fatal(error.into())
    }
}

/// An HTTP client, and what it shows to one server.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    pub(super) credentials: Option<Credentials>,
}

impl Client {
    /// A client that gives up on a server which is silent for `stall`.
    pub(super) fn new(stall: Duration) -> Self {
        Self { agent: agent(stall), credentials: None }
    }

    /// Asks once, and follows no redirect: a status that is not successful is an answer, too.
    pub(super) fn ask(&self, method: &Method, url: &str) -> Result<Response<Body>, Failure> {
        let call = if method == Method::HEAD { self.agent.head(url) } else { self.agent.get(url) };
        answer(self.prepared(call, url).config().max_redirects(0).build(), url)
    }

    fn prepared(&self, call: RequestBuilder<WithoutBody>, url: &str) -> RequestBuilder<WithoutBody> {
        let authorization = self.credentials.as_ref().and_then(|credentials| credentials.header(url));
        let call = match authorization {
            Some(header) => call.header(header::AUTHORIZATION, header),
            None => call,
        };
        // A proxy's loopback is another machine's.
        if is_loopback(url) { call.config().proxy(None).build() } else { call }
    }
}

fn agent(stall: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        // Compressed on the way, the bytes of a range would not be those of the file.
        .accept_encoding("identity")
        // A token is for one host: no redirect to another gets it.
        .redirect_auth_headers(RedirectAuthHeaders::Never)
        .timeout_resolve(Some(stall))
        .timeout_connect(Some(stall))
        .timeout_send_request(Some(stall))
        .timeout_recv_response(Some(stall))
        .timeout_per_read(Some(stall))
        .build()
        .into()
}

/// Asks for what `part` lacks and appends it.
pub(super) fn attempt(
    client: &Client,
    request: &Request,
    part: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failure> {
    let mut have = length_of(part);
    if request.expected_length.is_some_and(|whole| have > whole) {
        remove(part)?;
        have = 0;
    }
    if have > 0 && request.expected_length == Some(have) {
        return Ok(());
    }
    let response = send(client, request, have)?;
    let (resumed_from, total) = match response.status() {
        StatusCode::OK => (0, content_length(&response)),
        StatusCode::PARTIAL_CONTENT => match content_range(&response) {
            Some((Some(start), total)) if start == have => (have, total),
            range => {
                remove(part)?;
                return Err(Failure::Again(format!(
                    "asked for the bytes from {have}, the server sent {range:?}"
                )));
            }
        },
        StatusCode::RANGE_NOT_SATISFIABLE => return nothing_left(&response, request, part, have),
        status => return Err(refused(request, status)),
    };
    if let (Some(expected), Some(total)) = (request.expected_length, total)
        && expected != total
    {
        return Err(fatal(request, format!("the server announces {total} bytes, not {expected}")));
    }
    progress(Progress::Started { total, resumed_from });
    let received = append(response, part, resumed_from, progress)?;
    match total {
        Some(total) if received < total => {
            Err(Failure::Again(format!("the connection ended after {received} of {total} bytes")))
        }
        _ => Ok(()),
    }
}

fn send(client: &Client, request: &Request, have: u64) -> Result<Response<Body>, Failure> {
    let mut call = client.prepared(client.agent.get(&request.url), &request.url);
    if have > 0 {
        call = call.header(header::RANGE, format!("bytes={have}-"));
    }
    answer(call, &request.url)
}

fn answer(call: RequestBuilder<WithoutBody>, url: &str) -> Result<Response<Body>, Failure> {
    call.call().map_err(|error| match error {
        ureq::Error::Timeout(_)
        | ureq::Error::Io(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::Protocol(_) => Failure::Again(error.to_string()),
        error => Failure::Fatal(Error::Fetch { from: url.to_owned(), reason: error.to_string() }),
    })
}

fn fatal(request: &Request, reason: String) -> Failure {
    Failure::Fatal(Error::Fetch { from: request.url.clone(), reason })
}

fn refused(request: &Request, status: StatusCode) -> Failure {
    let reason = format!("the server answers {status}");
    if may_pass(status) { Failure::Again(reason) } else { fatal(request, reason) }
}

/// Whether the same question may be answered otherwise a little later.
pub(super) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::REQUEST_TIMEOUT
        || status == StatusCode::TOO_MANY_REQUESTS
}

/// The server has nothing behind what is here: either `part` is whole, or it is not the start of this file.
fn nothing_left(response: &Response<Body>, request: &Request, part: &Path, have: u64) -> Result<(), Failure> {
    let whole = match (&request.digest, content_range(response)) {
        (Digest::None, Some((None, Some(total)))) => total == have,
        (Digest::None, _) => false,
        (digest, _) => have > 0 && digest.accepts(&sha256_of_file(part).map_err(Error::from)?),
    };
    if whole {
        return Ok(());
    }
    remove(part)?;
    Err(Failure::Again(format!("the server has fewer than the {have} bytes that were here; starting over")))
}

/// Streams the body behind the first `from` bytes of `part`; returns the length of `part`.
fn append(
    response: Response<Body>,
    part: &Path,
    from: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, Failure> {
    let mut file = open_part(part, from).map_err(files::Error::io("write", part))?;
    let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
    let mut buffer = vec![0; 1 << 16];
    let mut length = from;
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => return Ok(length),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Failure::Again(format!("the connection broke after {length} bytes: {error}")));
            }
        };
        file.write_all(&buffer[..count]).map_err(files::Error::io("write", part))?;
        length += count as u64;
        progress(Progress::Received(length));
    }
}

fn open_part(part: &Path, from: u64) -> io::Result<File> {
    let mut options = File::options();
    let file = match from {
        0 => options.create(true).write(true).truncate(true).open(part)?,
        _ => options.append(true).open(part)?,
    };
    Ok(file)
}

fn content_length(response: &Response<Body>) -> Option<u64> {
    let value = response.headers().get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.trim().parse().ok()
}

/// First byte and total length of `bytes START-END/TOTAL`; `*` for either gives `None`.
fn content_range(response: &Response<Body>) -> Option<(Option<u64>, Option<u64>)> {
    let value = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-').and_then(|(start, _)| start.trim().parse().ok());
    Some((start, total.trim().parse().ok()))
}
