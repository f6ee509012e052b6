//! HTTP by hand, so that a test can send what no library would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Patience with a response.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens a connection.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends bytes and reads one response; `None` where the connection is closed without one.
pub(crate) fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> Option<Response> {
    // A server that refuses early may have closed its end.
    let _ = stream.write_all(bytes);
    read(stream)
}

/// Reads one response.
pub(crate) fn read(stream: &mut TcpStream) -> Option<Response> {
    let mut bytes = Vec::new();
    let mut more = |bytes: &mut Vec<u8>| {
        let mut buffer = [0; 65_536];
        let count = stream.read(&mut buffer).unwrap_or(0);
        bytes.extend_from_slice(&buffer[..count]);
        count > 0
    };
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if !more(&mut bytes) {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let response = Response { status, head, body: Vec::new() };
    let length: usize = response.header("content-length").unwrap().parse().unwrap();
    while bytes.len() < end + 4 + length {
        if !more(&mut bytes) {
            return None;
        }
    }
    Some(Response { body: bytes[end + 4..end + 4 + length].to_vec(), ..response })
}

/// A request with these further headers.
pub(crate) fn request(address: SocketAddr, line: &str, headers: &[[&str; 2]], body: &[u8]) -> Vec<u8> {
    let further: String = headers.iter().map(|[name, value]| format!("{name}: {value}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{line} HTTP/1.1\r\nHost: {address}\r\n{further}{length}\r\n");
    [head.as_bytes(), body].concat()
}

/// Sends one request in a connection of its own.
pub(crate) fn ask(address: SocketAddr, line: &str, body: &[u8]) -> Response {
    exchange(&mut connect(address), &request(address, line, &[], body)).expect("a response")
}
