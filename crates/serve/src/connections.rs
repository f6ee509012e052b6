//! Connections: which there are, and which one makes room.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// All connections, the oldest first.
#[derive(Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    all: BTreeMap<u64, Arc<Connection>>,
}

/// One connection.
#[derive(Default)]
pub(crate) struct Connection {
    number: u64,
    state: AtomicU8,
    closed: Notify,
}

/// No request has come yet.
const FRESH: u8 = 0;
/// A request is being answered.
const WORKING: u8 = 1;
/// Nothing is to be answered.
const WAITING: u8 = 2;

impl Connections {
    /// Adds a connection. Where there are as many as `most`, the oldest that waits for nothing of ours is closed; `None` where
    /// there is none such.
    pub(crate) fn enter(&self, most: usize) -> Option<Arc<Connection>> {
        let mut open = self.lock();
        if open.all.len() >= most {
            let idle = open.all.values().find(|one| !one.is_working()).cloned()?;
            open.all.remove(&idle.number);
            idle.closed.notify_one();
        }
        let number = open.next;
        open.next += 1;
        let connection = Arc::new(Connection { number, ..Connection::default() });
        open.all.insert(number, Arc::clone(&connection));
        Some(connection)
    }

    /// Removes a connection that has ended.
    pub(crate) fn leave(&self, connection: &Connection) {
        self.lock().all.remove(&connection.number);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Marks it as at work for as long as the mark is there.
    pub(crate) fn works(self: Arc<Self>) -> AtWork {
        self.state.store(WORKING, Ordering::Relaxed);
        AtWork(self)
    }

    /// Whether a request is being answered.
    pub(crate) fn is_working(&self) -> bool {
        self.state.load(Ordering::Relaxed) == WORKING
    }

    /// Whether no request has come yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state.load(Ordering::Relaxed) == FRESH
    }

    /// Waits until it has to make room.
    pub(crate) async fn closed(&self) {
        self.closed.notified().await;
    }
}

/// A request in the works.
pub(crate) struct AtWork(Arc<Connection>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.state.store(WAITING, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_idle_one_makes_room_and_none_that_works() {
        let connections = Connections::default();
        let first = connections.enter(2).unwrap();
        let at_work = Arc::clone(&first).works();
        let second = connections.enter(2).unwrap();
        let third = connections.enter(2).unwrap();
        let open = |one: &Connection| connections.lock().all.contains_key(&one.number);
        assert!(open(&first) && !open(&second) && open(&third));
        let third_works = Arc::clone(&third).works();
        assert!(connections.enter(2).is_none());
        drop(at_work);
        assert!(!first.is_fresh() && connections.enter(2).is_some() && !open(&first));
        connections.leave(&third);
        drop(third_works);
        assert_eq!(connections.lock().all.len(), 1);
    }
}
