//! What has happened so far.

use std::any::Any;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use serde::Serialize;

use crate::answerer::About;

/// Counters of a server.
#[derive(Debug, Default)]
pub(crate) struct Status {
    answered: AtomicU64,
    refused: AtomicU64,
    late: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    panics: AtomicU64,
    in_a_row: AtomicU64,
    computed_us: AtomicU64,
    is_ending: AtomicBool,
}

/// `GET /status`
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    /// Whether images are answered.
    ready: bool,
    arch: &'a str,
    classes: &'a [String],
    temperature: f64,
    model_sha256: &'a str,
    /// Images that were answered.
    answered: u64,
    /// Requests that were refused because there were too many.
    refused: u64,
    /// Requests that waited too long.
    late: u64,
    /// Requests that failed in here.
    failed: u64,
    /// Images that were not computed because the client had gone.
    dropped: u64,
    /// Seconds that the model took in all.
    computed_seconds: f64,
}

/// Panics in a row after which a model counts as broken.
const BROKEN: u64 = 3;

impl Status {
    /// Counts a response to a request that brought an image.
    pub(crate) fn responded(&self, status: StatusCode) {
        let counter = match status {
            StatusCode::OK => &self.answered,
            StatusCode::SERVICE_UNAVAILABLE => &self.refused,
            StatusCode::GATEWAY_TIMEOUT => &self.late,
            StatusCode::INTERNAL_SERVER_ERROR => &self.failed,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn computed(&self, time: Duration) {
        self.computed_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn went_well(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    /// Says on stderr what a panic says of itself; returns its number.
    pub(crate) fn panicked(&self, panic: &(dyn Any + Send)) -> u64 {
        self.in_a_row.fetch_add(1, Ordering::Relaxed);
        let number = self.panics.fetch_add(1, Ordering::Relaxed) + 1;
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        let first = text.lines().next().unwrap_or_default();
        let _ = writeln!(io::stderr(), "failure {number}: {first}");
        number
    }

    pub(crate) fn ends(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.in_a_row.load(Ordering::Relaxed) >= BROKEN
    }

    /// Whether new images are answered.
    pub(crate) fn is_ready(&self) -> bool {
        !self.is_broken() && !self.is_ending.load(Ordering::Relaxed)
    }

    pub(crate) fn report<'a>(&self, about: &'a About) -> Report<'a> {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Report {
            ready: self.is_ready(),
            arch: &about.arch,
            classes: &about.classes,
            temperature: about.temperature,
            model_sha256: &about.model_sha256,
            answered: count(&self.answered),
            refused: count(&self.refused),
            late: count(&self.late),
            failed: count(&self.failed),
            dropped: count(&self.dropped),
            computed_seconds: count(&self.computed_us) as f64 / 1e6,
        }
    }
}
