use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::Error;

/// The results of tasks `0..count`, in order, computed ahead by worker threads.
///
/// Each worker has its own scratch `S`. At most two tasks per worker are under way or waiting to be taken. Dropping
/// the iterator stops the workers and waits for them.
///
/// This is not rayon's parallel map, which [`Store::decode`](crate::Store::decode) uses: that returns when all results are
/// there. Here an epoch's batches would not fit into memory together. They are taken one by one while the network computes,
/// the workers run a bounded number of tasks ahead, and they can be paused and stopped in the middle of one.
pub(crate) struct InOrder<T, S> {
    work: Arc<Work<T, S>>,
    stop: Stop,
    next: usize,
    count: usize,
    /// For the calling thread, when there are no workers.
    scratch: S,
    crew: Option<Crew<T>>,
}

/// Computes one task; it should check `Stop` now and then and give up.
pub(crate) type Work<T, S> = dyn Fn(usize, &mut S, &Stop) -> Result<T, Error> + Send + Sync;

/// A request to the workers to stop, or to pause.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<Requested>);

#[derive(Default)]
struct Requested {
    stopped: AtomicBool,
    pausing: Mutex<bool>,
    over: Condvar,
}

impl Stop {
    /// Waits while the workers are paused.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once the results are no longer wanted.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let pausing = self.0.pausing.lock().unwrap_or_else(PoisonError::into_inner);
        let pausing = self.0.over.wait_while(pausing, |pausing| *pausing);
        drop(pausing.unwrap_or_else(PoisonError::into_inner));
        if self.0.stopped.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        self.pause(false);
    }

    fn pause(&self, pausing: bool) {
        *self.0.pausing.lock().unwrap_or_else(PoisonError::into_inner) = pausing;
        self.0.over.notify_all();
    }
}

struct Crew<T> {
    tasks: Sender<usize>,
    results: Receiver<(usize, Result<T, Error>)>,
    /// Results of tasks after the next one.
    early: BTreeMap<usize, Result<T, Error>>,
    /// Number of tasks sent to the workers.
    sent: usize,
    threads: Vec<JoinHandle<()>>,
}

impl<T: Send + 'static, S: Default + 'static> InOrder<T, S> {
    /// Starts the workers; with none, or if none can be started, the calling thread computes each result when it is taken.
    pub(crate) fn new(count: usize, workers: usize, work: Arc<Work<T, S>>) -> Self {
        let stop = Stop::default();
        let crew = Crew::start(count, workers.min(count), &work, &stop);
        InOrder { work, stop, next: 0, count, scratch: S::default(), crew }
    }

    /// Runs `meanwhile` while the workers pause: they wait at their next check of `Stop`.
    pub(crate) fn pausing<R>(&self, meanwhile: impl FnOnce() -> R) -> R {
        // Without a crew the calling thread would wait for itself.
        self.stop.pause(self.crew.is_some());
        let result = catch_unwind(AssertUnwindSafe(meanwhile));
        self.stop.pause(false);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<T, S: Default> Iterator for InOrder<T, S> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.count {
            return None;
        }
        let result = match &mut self.crew {
            None => guarded(&*self.work, self.next, &mut self.scratch, &self.stop),
            Some(crew) => crew.take(self.next, self.count),
        };
        self.next += 1;
        Some(result)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count - self.next, Some(self.count - self.next))
    }
}

impl<T, S> Drop for InOrder<T, S> {
    fn drop(&mut self) {
        self.stop.stop();
        let Some(Crew { tasks, results, threads, .. }) = self.crew.take() else { return };
        // Without channels a worker ends after its present task.
        drop((tasks, results));
        for thread in threads {
            // It cannot have panicked: its work is guarded.
            let _ = thread.join();
        }
    }
}

impl<T: Send + 'static> Crew<T> {
    fn start<S: Default + 'static>(
        count: usize,
        workers: usize,
        work: &Arc<Work<T, S>>,
        stop: &Stop,
    ) -> Option<Crew<T>> {
        let ahead = (2 * workers).min(count);
        let (tasks, to_do) = bounded(ahead);
        let (done, results) = bounded(ahead);
        let threads = (0..workers).map_while(|_| {
            let (to_do, done, work, stop) = (to_do.clone(), done.clone(), Arc::clone(work), stop.clone());
            thread::Builder::new()
                .name("images".to_owned())
                .spawn(move || run_worker(&to_do, &done, &*work, &stop))
                .ok()
        });
        let threads: Vec<_> = threads.collect();
        if threads.is_empty() {
            return None;
        }
        for task in 0..ahead {
            tasks.send(task).ok()?;
        }
        Some(Crew { tasks, results, early: BTreeMap::new(), sent: ahead, threads })
    }
}

impl<T> Crew<T> {
    /// Returns the result of a task and sends a new one to the workers.
    fn take(&mut self, wanted: usize, count: usize) -> Result<T, Error> {
        let gone = || Error::Worker("all workers have ended".to_owned());
        let result = loop {
            if let Some(result) = self.early.remove(&wanted) {
                break result;
            }
            let (task, result) = self.results.recv().map_err(|_| gone())?;
            self.early.insert(task, result);
        };
        if self.sent < count {
            self.tasks.send(self.sent).map_err(|_| gone())?;
            self.sent += 1;
        }
        result
    }
}

fn run_worker<T, S: Default>(
    to_do: &Receiver<usize>,
    done: &Sender<(usize, Result<T, Error>)>,
    work: &Work<T, S>,
    stop: &Stop,
) {
    let mut scratch = S::default();
    for task in to_do {
        let result = guarded(work, task, &mut scratch, stop);
        if done.send((task, result)).is_err() {
            break;
        }
    }
}

/// Computes a task. A panic becomes an error, and the scratch it may have left half-written is replaced.
fn guarded<T, S: Default>(work: &Work<T, S>, task: usize, scratch: &mut S, stop: &Stop) -> Result<T, Error> {
    stop.check()?;
    catch_unwind(AssertUnwindSafe(|| work(task, scratch, stop))).unwrap_or_else(|panic| {
        *scratch = S::default();
        Err(Error::Worker(message(&*panic)))
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    fn squares(workers: usize) -> InOrder<usize, ()> {
        let work = |task: usize, (): &mut (), _: &Stop| {
            // Later tasks finish first.
            thread::sleep(Duration::from_millis(4 - task as u64 % 4));
            assert!(task != 7, "seven");
            Ok(task * task)
        };
        InOrder::new(12, workers, Arc::new(work))
    }

    #[test]
    fn results_come_in_order_and_a_panic_is_an_error_of_its_task() {
        for workers in [0, 1, 3, 50] {
            let results: Vec<_> = squares(workers).collect();
            assert_eq!(results.len(), 12, "{workers} workers");
            for (task, result) in results.into_iter().enumerate() {
                match result {
                    Ok(square) => assert_eq!(square, task * task),
                    Err(Error::Worker(message)) => assert_eq!((task, message.as_str()), (7, "seven")),
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }

    #[test]
    fn workers_begin_nothing_in_a_pause_and_go_on_after_it() {
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (give, leave) = bounded(10);
        let counters = (Arc::clone(&begun), Arc::clone(&ended));
        let work = move |task: usize, (): &mut (), _: &Stop| {
            counters.0.fetch_add(1, Ordering::SeqCst);
            leave.recv().unwrap();
            counters.1.fetch_add(1, Ordering::SeqCst);
            Ok(task)
        };
        let two = |count: &AtomicUsize| {
            while count.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
        };
        let results = InOrder::<usize, ()>::new(10, 2, Arc::new(work));
        two(&begun);
        results.pausing(|| {
            (0..2).for_each(|_| give.send(()).unwrap());
            two(&ended);
            // Time enough for others to begin, if they did not pause.
            thread::sleep(Duration::from_millis(20));
            assert_eq!(begun.load(Ordering::SeqCst), 2);
        });
        (2..10).for_each(|_| give.send(()).unwrap());
        assert_eq!(results.map(Result::unwrap).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        // Without workers there is nobody to wait for.
        assert_eq!(squares(0).pausing(|| "done"), "done");
    }

    #[test]
    fn a_pause_ends_with_its_caller() {
        let results = squares(2);
        let panicked = catch_unwind(AssertUnwindSafe(|| results.pausing(|| panic!("meanwhile"))));
        assert!(panicked.is_err());
        assert_eq!(results.count(), 12);
    }

    #[test]
    fn dropping_early_ends_every_worker() {
        let mut results = squares(3);
        assert_eq!(results.next().and_then(Result::ok), Some(0));
        let work = Arc::downgrade(&results.work);
        drop(results);
        assert!(work.upgrade().is_none(), "a worker still holds the work");
    }
}
