//! The thread that owns the model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use images::Shown;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::answerer::Answerer;
use crate::refusal::Refusal;
use crate::status::Status;

/// What is wanted of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Answer,
    Explanation,
}

/// The way to the thread. It ends when all clones are gone.
#[derive(Clone)]
pub(crate) struct Computer(SyncSender<Job>);

/// An image in the queue.
struct Job {
    image: Shown,
    wanted: Wanted,
    /// After it nothing is computed any more.
    until: Instant,
    reply: oneshot::Sender<Result<Vec<u8>, Refusal>>,
}

impl Computer {
    /// Starts the thread with a queue of this length.
    pub(crate) fn start(
        answerer: impl Answerer,
        queue: usize,
        status: Arc<Status>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (sender, jobs) = sync_channel(queue);
        let work = move || work(answerer, &jobs, &status);
        let thread = thread::Builder::new().name("model".to_owned()).spawn(work)?;
        Ok((Self(sender), thread))
    }

    /// Returns the JSON of an answer. Where the caller gives up waiting, nothing is computed.
    pub(crate) async fn answer(
        &self,
        image: Shown,
        wanted: Wanted,
        until: Instant,
    ) -> Result<Vec<u8>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(Job { image, wanted, until, reply }).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::Busy,
            TrySendError::Disconnected(_) => Refusal::Broken,
        })?;
        answer.await.unwrap_or(Err(Refusal::Broken))
    }
}

fn work(mut answerer: impl Answerer, jobs: &Receiver<Job>, status: &Status) {
    while let Ok(first) = jobs.recv() {
        // What waits already goes along; nothing is waited for.
        let most = answerer.at_once();
        let mut batch = vec![first];
        while batch.len() < most
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
        let (answers, explanations): (Vec<Job>, Vec<Job>) = batch
            .into_iter()
            .filter_map(|job| wanted(job, status))
            .partition(|job| job.wanted == Wanted::Answer);
        together(&mut answerer, answers, status);
        explanations.into_iter().for_each(|job| alone(&mut answerer, job, status));
    }
}

/// A job that somebody still waits for.
fn wanted(job: Job, status: &Status) -> Option<Job> {
    if job.reply.is_closed() {
        status.dropped();
        return None;
    }
    if Instant::now() > job.until {
        let _ = job.reply.send(Err(Refusal::Late));
        return None;
    }
    Some(job)
}

/// Answers for several images at once; where that fails, for each alone, so that one harms no other.
fn together(answerer: &mut impl Answerer, jobs: Vec<Job>, status: &Status) {
    if jobs.len() > 1 {
        let began = Instant::now();
        let (images, waiting): (Vec<Shown>, Vec<_>) =
            jobs.into_iter().map(|job| (job.image, (job.until, job.reply))).unzip();
        let outcome = catch_unwind(AssertUnwindSafe(|| answerer.predict_all(&images)));
        let answers = outcome.ok().and_then(Result::ok).filter(|answers| answers.len() == images.len());
        match answers {
            Some(answers) => {
                status.computed(began.elapsed());
                status.went_well();
                for ((_, reply), answer) in waiting.into_iter().zip(answers) {
                    let _ = reply.send(json(&answer).map_err(Refusal::Failed));
                }
            }
            None => {
                for (image, (until, reply)) in images.into_iter().zip(waiting) {
                    alone(answerer, Job { image, wanted: Wanted::Answer, until, reply }, status);
                }
            }
        }
    } else {
        jobs.into_iter().for_each(|job| alone(answerer, job, status));
    }
}

fn alone(answerer: &mut impl Answerer, job: Job, status: &Status) {
    let Job { image, wanted, reply, .. } = job;
    let began = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| match wanted {
        Wanted::Answer => json(&answerer.predict(&image)?),
        Wanted::Explanation => json(&answerer.explain(&image)?),
    }));
    status.computed(began.elapsed());
    let _ = reply.send(match outcome {
        Ok(Ok(json)) => {
            status.went_well();
            Ok(json)
        }
        Ok(Err(sentence)) => Err(Refusal::Failed(sentence)),
        Err(panic) => Err(Refusal::Panicked(status.panicked(&*panic))),
    });
}

fn json(answer: &impl Serialize) -> Result<Vec<u8>, String> {
    serde_json::to_vec(answer).map_err(|error| error.to_string())
}
