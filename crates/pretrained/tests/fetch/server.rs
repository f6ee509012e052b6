//! A web server on the loopback that misbehaves as each test asks.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The header `Authorization`.
    pub(crate) authorization: Option<String>,
    /// First byte of the range it wants, if it wants one.
    pub(crate) from: Option<usize>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Serves until the test ends; `answer` gets the request, its number from 0, and the connection, which is closed
    /// afterwards.
    pub(crate) fn start(answer: impl Fn(&Asked, usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                thread::spawn(move || serve(stream.unwrap(), &log, &*answer));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// First byte of the range of every request so far.
    pub(crate) fn ranges(&self) -> Vec<Option<usize>> {
        self.asked().into_iter().map(|asked| asked.from).collect()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked, usize, &mut TcpStream)) {
    let head: Vec<String> =
        BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let Some((method, rest)) = head.first().and_then(|line| line.split_once(' ')) else { return };
    let path = rest.split(' ').next().unwrap_or_default();
    let value_of = |wanted: &str| {
        head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
        })
    };
    let range = value_of("range");
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let asked = Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        authorization: value_of("authorization"),
        from,
    };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.len() - 1
    };
    answer(&asked, number, &mut stream);
}

/// Sends a status line, headers and a body. The client may have gone away, which is its right.
pub(crate) fn send(stream: &mut TcpStream, status: &str, headers: &[String], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// Sends the file as a good server would, a range if one is asked for.
pub(crate) fn send_file(stream: &mut TcpStream, asked: &Asked, file: &[u8]) {
    let total = file.len();
    match asked.from {
        None => send(stream, "200 OK", &[format!("Content-Length: {total}")], file),
        Some(from) if from < total => {
            let headers = [
                format!("Content-Length: {}", total - from),
                format!("Content-Range: bytes {from}-{}/{total}", total - 1),
            ];
            send(stream, "206 Partial Content", &headers, &file[from..]);
        }
        Some(_) => {
            let headers = [format!("Content-Range: bytes */{total}"), "Content-Length: 0".to_owned()];
            send(stream, "416 Range Not Satisfiable", &headers, b"");
        }
    }
}
