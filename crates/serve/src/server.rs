//! Listening, and ending without losing what was accepted.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::answerer::Answerer;
use crate::connections::{Connection, Connections};
use crate::routes::Routes;
use crate::{Error, Limits};

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
}

/// A request to end. Clones share it.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Asks the server to end; returns whether it had been asked before.
    pub fn request(&self) -> bool {
        self.0.send_replace(true)
    }

    async fn requested(&self) {
        // An error would mean that the sender is gone, and it is here.
        let _ = self.0.subscribe().wait_for(|&asked| asked).await;
    }
}

/// Bytes of a request's head.
const HEAD: usize = 32 << 10;
/// Time for a request of a connection that has not sent one when the server ends.
const LAST_WORD: Duration = Duration::from_millis(500);
/// Time until a socket may be free again, where there are no more.
const PAUSE: Duration = Duration::from_millis(20);

impl Server {
    /// Listens; nothing is answered yet.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub fn bind(address: SocketAddr, limits: Limits) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, limits })
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until it is asked to end, then those that were accepted.
    ///
    /// # Errors
    /// [`Error::Start`].
    pub fn serve(self, answerer: impl Answerer, stop: &Stop) -> Result<(), Error> {
        let Self { listener, limits, .. } = self;
        let (routes, model) = Routes::new(answerer, limits)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(limits.decoders.max(1) + 1)
            .build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            accept(listener, Arc::new(routes), limits, stop).await;
            Ok::<_, Error>(())
        })?;
        // What still decodes belongs to clients that have gone.
        runtime.shutdown_background();
        // The thread ends with its queue; it may still compute for a client that was given up.
        let end = Instant::now() + LAST_WORD;
        while !model.is_finished() && Instant::now() < end {
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

async fn accept(listener: tokio::net::TcpListener, routes: Arc<Routes>, limits: Limits, stop: &Stop) {
    let connections = Arc::new(Connections::default());
    let mut tasks = JoinSet::new();
    let begin = |stream: TcpStream, tasks: &mut JoinSet<()>| {
        let Some(connection) = connections.enter(limits.connections) else { return };
        let task = Task { routes: Arc::clone(&routes), connections: Arc::clone(&connections), connection };
        tasks.spawn(task.run(stream, limits, stop.clone()));
    };
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => begin(stream, &mut tasks),
                // The client has gone, or there are no more sockets.
                Err(_) => sleep(PAUSE).await,
            },
        }
    }
    routes.ends();
    // What stands at the door is let in; asked of the system itself, so that next to no time lies between the last one and the
    // end of listening.
    if let Ok(listener) = listener.into_std() {
        while let Ok((stream, _)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            stream.into_iter().for_each(|stream| begin(stream, &mut tasks));
        }
    }
    let _ = timeout(limits.drain, async { while tasks.join_next().await.is_some() {} }).await;
}

/// One connection, from its first byte to its last.
struct Task {
    routes: Arc<Routes>,
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Task {
    async fn run(self, stream: TcpStream, limits: Limits, stop: Stop) {
        let Self { routes, connections, connection } = self;
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request: Request<Incoming>| {
            let at_work = Arc::clone(&connection).works();
            let routes = Arc::clone(&routes);
            async move {
                let response = routes.respond(request).await;
                drop(at_work);
                Ok::<_, Infallible>(response)
            }
        });
        let mut protocol = http1::Builder::new();
        protocol.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD);
        let mut exchange = std::pin::pin!(protocol.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            // Errors are those of the client: it sent nonsense, or has gone.
            _ = exchange.as_mut() => {}
            () = connection.closed() => {}
            () = stop.requested() => {
                // One that nothing was read from would be closed at once, with a request perhaps on its way.
                let over = tokio::select! {
                    _ = exchange.as_mut() => true,
                    () = first_word(&connection) => connection.is_fresh(),
                };
                if !over {
                    exchange.as_mut().graceful_shutdown();
                    let _ = exchange.as_mut().await;
                }
            }
        }
        connections.leave(&connection);
    }
}

/// Ends when a request has come, or the time for it is over.
async fn first_word(connection: &Connection) {
    let until = Instant::now() + LAST_WORD;
    while connection.is_fresh() && Instant::now() < until {
        sleep(Duration::from_millis(10)).await;
    }
}
