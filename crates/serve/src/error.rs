use std::io;
use std::net::SocketAddr;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}: {source}; name another with --listen, port 0 for any that is free")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Threads or timers cannot be started.
    #[error("cannot start the server: {0}")]
    Start(#[from] io::Error),
}
