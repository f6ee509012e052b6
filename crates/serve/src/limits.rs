use std::time::Duration;

/// What a server takes in.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests at once that bring an image, from their head to their answer; one more is answered 503.
    pub queue: usize,
    /// Bytes of one body.
    pub body: usize,
    /// Bytes of all bodies at once.
    pub bodies: usize,
    /// Pixels of an image, by its header.
    pub pixels: u64,
    /// Images decoded at once.
    pub decoders: usize,
    /// Time from a request's head to its computation; later it is answered 504 and not computed.
    pub deadline: Duration,
    /// Time to send a head in, and to be idle between requests.
    pub head: Duration,
    /// Connections at once; one more closes the one that has been idle longest.
    pub connections: usize,
    /// Time to answer what was accepted before the end.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 64,
            body: 20 << 20,
            bodies: 256 << 20,
            pixels: 50_000_000,
            decoders: 2,
            deadline: Duration::from_secs(10),
            head: Duration::from_secs(10),
            connections: 512,
            drain: Duration::from_secs(20),
        }
    }
}
