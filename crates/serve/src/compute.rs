//! The thread that owns the model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use images::Shown;
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
    for Job { image, wanted, until, reply } in jobs {
        if reply.is_closed() {
            status.dropped();
            continue;
        }
        if Instant::now() > until {
            let _ = reply.send(Err(Refusal::Late));
            continue;
        }
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| answer(&mut answerer, &image, wanted)));
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
}

fn answer(answerer: &mut impl Answerer, image: &Shown, wanted: Wanted) -> Result<Vec<u8>, String> {
    let json = match wanted {
        Wanted::Answer => serde_json::to_vec(&answerer.predict(image)?),
        Wanted::Explanation => serde_json::to_vec(&answerer.explain(image)?),
    };
    json.map_err(|error| error.to_string())
}
