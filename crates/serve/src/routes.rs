//! The four routes.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, EXPECT, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use images::Shown;
use tokio::sync::Semaphore;
use tokio::time::{timeout, timeout_at};

use crate::admission;
use crate::answerer::{About, Answerer};
use crate::compute::{Computer, Wanted};
use crate::limits::Limits;
use crate::page::Page;
use crate::prepare::prepare;
use crate::refusal::Refusal;
use crate::status::Status;

/// What requests are answered with.
pub(crate) struct Routes {
    about: About,
    page: Page,
    computer: Computer,
    status: Arc<Status>,
    limits: Limits,
    /// A permit for each image that may be in here.
    queue: Semaphore,
    /// A permit for each KiB of bodies.
    bodies: Semaphore,
    /// A permit for each image that may be decoded.
    decoders: Arc<Semaphore>,
}

const KIB: usize = 1 << 10;
/// Time for the rest of a body that is of no use.
const LONGEST_DISCARD: Duration = Duration::from_secs(1);
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

impl Routes {
    /// Starts the thread of the model, which ends with the routes.
    pub(crate) fn new(answerer: impl Answerer, limits: Limits) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (about, status) = (answerer.about(), Arc::<Status>::default());
        let (computer, thread) = Computer::start(answerer, limits.queue, Arc::clone(&status))?;
        let routes = Self {
            page: Page::of(&about),
            about,
            computer,
            status,
            limits,
            queue: Semaphore::new(limits.queue),
            bodies: Semaphore::new(limits.bodies / KIB),
            decoders: Arc::new(Semaphore::new(limits.decoders.max(1))),
        };
        Ok((routes, thread))
    }

    /// Says from now on that nothing new is wanted.
    pub(crate) fn ends(&self) {
        self.status.ends();
    }

    pub(crate) async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let route = match admission::check(request.method(), request.headers()) {
            Ok(()) => route(request.method(), request.uri().path()),
            Err(refusal) => Err(refusal),
        };
        let response = match route {
            Ok(Route::Page) => self.page(),
            Ok(Route::Status) => self.report(),
            Ok(Route::Image(wanted)) => {
                let is_asking = request.headers().contains_key(EXPECT);
                let mut body = request.into_body();
                let response = match self.image(&mut body, wanted).await {
                    Ok(json) => json_response(StatusCode::OK, json),
                    Err(refusal) => {
                        if !is_asking {
                            discard(body, 4 * self.limits.body).await;
                        }
                        refused(&refusal)
                    }
                };
                self.status.responded(response.status());
                response
            }
            Err(refusal) => refused(&refusal),
        };
        hardened(response)
    }

    fn page(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.page.html.clone()));
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, html);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, self.page.policy.clone());
        response
    }

    fn report(&self) -> Response<Full<Bytes>> {
        let status = match self.status.is_ready() {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        json_response(status, serde_json::to_vec(&self.status.report(&self.about)).unwrap_or_default())
    }

    /// Returns the JSON for the image of a request.
    async fn image(&self, body: &mut Incoming, wanted: Wanted) -> Result<Vec<u8>, Refusal> {
        if self.status.is_broken() {
            return Err(Refusal::Broken);
        }
        let until = Instant::now() + self.limits.deadline;
        // Before the body is read.
        let _place = self.queue.try_acquire().map_err(|_| Refusal::Busy)?;
        let image = self.shown(body, until).await?;
        self.computer.answer(image, wanted, until).await
    }

    /// Reads and decodes a body.
    async fn shown(&self, body: &mut Incoming, until: Instant) -> Result<Shown, Refusal> {
        let limit = self.limits.body;
        let too_long = Refusal::TooLong { limit };
        // Unknown, it may become as long as is allowed.
        let length = match body.size_hint().exact() {
            Some(exact) => usize::try_from(exact).ok().filter(|&exact| exact <= limit).ok_or(too_long)?,
            None => limit,
        };
        let kib = u32::try_from(length.div_ceil(KIB)).unwrap_or(u32::MAX);
        let _bytes = self.bodies.try_acquire_many(kib).map_err(|_| Refusal::Busy)?;
        let read = timeout_at(until.into(), Limited::new(body, limit).collect()).await;
        let body =
            read.map_err(|_| Refusal::Slow)?.map_err(|error| match error.is::<LengthLimitError>() {
                true => Refusal::TooLong { limit },
                false => Refusal::BrokenOff,
            })?;
        let decoders = Arc::clone(&self.decoders).acquire_owned();
        let decoder = timeout_at(until.into(), decoders).await.map_err(|_| Refusal::Late)?;
        let (transform, most_pixels) = (self.about.transform.clone(), self.limits.pixels);
        let bytes = body.to_bytes();
        let decoded = tokio::task::spawn_blocking(move || {
            // It is another's turn when this image is decoded, even where its client has gone meanwhile.
            let _decoder = decoder;
            prepare(&bytes, &transform, most_pixels)
        });
        decoded.await.unwrap_or_else(|error| {
            let panic = error.try_into_panic();
            Err(panic.map_or(Refusal::Late, |panic| Refusal::Panicked(self.status.panicked(&*panic))))
        })
    }
}

/// Reads what is left of a body and forgets it: most clients read no response before they have sent all.
async fn discard(mut body: Incoming, most: usize) {
    let read = async {
        let mut left = most;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(LONGEST_DISCARD, read).await;
}

/// Where a request leads.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    Page,
    Status,
    Image(Wanted),
}

fn route(method: &Method, path: &str) -> Result<Route, Refusal> {
    let (wanted, route) = match path {
        "/" => (Method::GET, Route::Page),
        "/status" => (Method::GET, Route::Status),
        "/predict" => (Method::POST, Route::Image(Wanted::Answer)),
        "/explain" => (Method::POST, Route::Image(Wanted::Explanation)),
        _ => return Err(Refusal::NoRoute),
    };
    match *method == wanted {
        true => Ok(route),
        false => Err(Refusal::Method(if wanted == Method::GET { "GET" } else { "POST" })),
    }
}

fn json_response(status: StatusCode, json: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(json)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    let json = serde_json::json!({ "error": refusal.to_string() });
    let mut response = json_response(refusal.status(), json.to_string().into_bytes());
    match refusal {
        Refusal::Busy | Refusal::Late => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Refusal::Method(method) => {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
        }
        _ => {}
    }
    response
}

/// No other site may frame, guess at or keep what is sent.
fn hardened(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
