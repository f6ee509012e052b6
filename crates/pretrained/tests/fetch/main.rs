//! Fetching over a server that cuts, lies, refuses and redirects.

mod downloader;
mod hub;
mod server;
mod weights;

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use pretrained::fetch::{Fetched, Fetcher, Patience, Progress, Request, Route};
use pretrained::{Digest, Error};
use sha2::{Digest as _, Sha256};

use server::{Server, send, send_file};

/// A file that is long enough to be cut and whose pieces all differ.
fn content() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn fetcher() -> Fetcher {
    Fetcher::new(Patience {
        attempts: 4,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(4),
        // A busy machine is no server that stalls.
        stall: Duration::from_millis(1500),
    })
}

struct Place {
    folder: tempfile::TempDir,
    request: Request,
}

impl Place {
    /// A request for `server`'s file that knows the digest of [`content`].
    fn new(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let request = Request {
            url: format!("{}/file.bin", server.url),
            to: folder.path().join("new/file.bin"),
            digest: Digest::Sha256(sha256(&content())),
            expected_length: None,
        };
        Self { folder, request }
    }

    fn part(&self) -> PathBuf {
        self.folder.path().join("new/file.bin.part")
    }

    fn leave_part(&self, bytes: &[u8]) {
        fs::create_dir_all(self.part().parent().unwrap()).unwrap();
        fs::write(self.part(), bytes).unwrap();
    }

    fn fetch(&self) -> Result<Fetched, Error> {
        fetcher().fetch(&self.request, &mut |_| {})
    }

    /// Fetches, and asserts that the file is whole and alone.
    fn fetch_whole(&self) -> Fetched {
        let fetched = self.fetch().unwrap();
        assert_eq!(fetched.sha256, sha256(&content()));
        assert_eq!(fetched.bytes, content().len() as u64);
        assert!(fs::read(&fetched.path).unwrap() == content());
        self.assert_only(&["file.bin"]);
        fetched
    }

    fn assert_only(&self, names: &[&str]) {
        let entries = fs::read_dir(self.folder.path().join("new")).unwrap();
        let found: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(found, names);
    }
}

#[test]
fn a_good_server_and_a_second_call() {
    let server = Server::start(|asked, _, stream| send_file(stream, asked, &content()));
    let mut place = Place::new(&server);
    place.request.expected_length = Some(content().len() as u64);
    let mut seen = Vec::new();
    let fetched = fetcher().fetch(&place.request, &mut |event| seen.push(event)).unwrap();
    assert_eq!((fetched.route, fetched.resumed_from), (Route::Server, 0));
    let total = content().len() as u64;
    assert_eq!(seen[0], Progress::Started { total: Some(total), resumed_from: 0 });
    assert_eq!(seen[seen.len() - 2..], [Progress::Received(total), Progress::Verifying]);
    assert_eq!(place.fetch_whole().route, Route::Found);
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let server = Server::start(|asked, number, stream| {
        let whole = content();
        match number {
            0 => send(stream, "200 OK", &[format!("Content-Length: {}", whole.len())], &whole[..300_000]),
            _ => send_file(stream, asked, &whole),
        }
    });
    let place = Place::new(&server);
    place.fetch_whole();
    assert_eq!(server.ranges(), [None, Some(300_000)]);
}

#[test]
fn what_an_earlier_process_left_is_continued() {
    let server = Server::start(|asked, _, stream| send_file(stream, asked, &content()));
    let place = Place::new(&server);
    place.leave_part(&content()[..123_456]);
    assert_eq!(place.fetch_whole().resumed_from, 123_456);
    assert_eq!(server.ranges(), [Some(123_456)]);
}

#[test]
fn a_server_that_ignores_ranges_starts_over() {
    let server = Server::start(|_, _, stream| send(stream, "200 OK", &[], &content()));
    let place = Place::new(&server);
    place.leave_part(&content()[..1000]);
    place.fetch_whole();
}

#[test]
fn a_wrong_content_range_is_not_appended() {
    let server = Server::start(|asked, _, stream| match asked.from {
        Some(_) => send(stream, "206 Partial Content", &["Content-Range: bytes 7-/9".to_owned()], b"xx"),
        None => send_file(stream, asked, &content()),
    });
    let place = Place::new(&server);
    place.leave_part(&content()[..1000]);
    place.fetch_whole();
    assert_eq!(server.ranges(), [Some(1000), None]);
}

#[test]
fn a_part_that_is_whole_or_too_long_meets_416() {
    let server = Server::start(|asked, _, stream| send_file(stream, asked, &content()));
    let whole = Place::new(&server);
    whole.leave_part(&content());
    whole.fetch_whole();
    assert_eq!(server.asked().len(), 1);

    let bogus = Place::new(&server);
    bogus.leave_part(&[content(), content()].concat());
    bogus.fetch_whole();
    assert_eq!(server.ranges()[1..], [Some(2 * content().len()), None]);
}

#[test]
fn a_part_of_another_file_is_thrown_away() {
    let server = Server::start(|asked, _, stream| send_file(stream, asked, &content()));
    let place = Place::new(&server);
    place.leave_part(&[7; 1000]);
    assert_eq!(place.fetch_whole().resumed_from, 0);
    assert_eq!(server.ranges(), [Some(1000), None]);
}

#[test]
fn server_errors_are_retried_and_bounded() {
    let server = Server::start(|asked, number, stream| match number {
        0 => send(stream, "500 Internal Server Error", &[], b"oops"),
        1 => send(stream, "503 Service Unavailable", &[], b""),
        _ => send_file(stream, asked, &content()),
    });
    Place::new(&server).fetch_whole();

    let broken = Server::start(|_, _, stream| send(stream, "502 Bad Gateway", &[], b""));
    let place = Place::new(&broken);
    let error = place.fetch().unwrap_err().to_string();
    assert!(error.contains("502") && error.contains("4 times") && error.contains(&broken.url), "{error}");
    assert_eq!(broken.asked().len(), 4);
    place.assert_only(&[]);
}

#[test]
fn a_missing_file_is_asked_for_once() {
    let server = Server::start(|_, _, stream| send(stream, "404 Not Found", &[], b"<html>"));
    let place = Place::new(&server);
    let error = place.fetch().unwrap_err().to_string();
    assert!(error.contains("404 Not Found") && error.contains("/file.bin"), "{error}");
    assert_eq!(server.asked().len(), 1);
    place.assert_only(&[]);
}

#[test]
fn redirects_are_followed_and_loops_end() {
    let server = Server::start(|asked, _, stream| match &*asked.path {
        "/file.bin" => send(stream, "302 Found", &["Location: /moved".to_owned()], b""),
        "/moved" => send_file(stream, asked, &content()),
        _ => send(stream, "302 Found", &["Location: /loop".to_owned()], b""),
    });
    let mut place = Place::new(&server);
    place.leave_part(&content()[..5000]);
    place.fetch_whole();
    assert_eq!(server.ranges(), [Some(5000), Some(5000)]);
    place.request.url = format!("{}/loop", server.url);
    place.request.to = place.folder.path().join("new/loop.bin");
    assert!(place.fetch().unwrap_err().to_string().contains("redirect"));
}

#[test]
fn lengths_that_lie() {
    // Too long: the rest never comes, and asking for it says so.
    let long = Server::start(|asked, number, stream| match number {
        0 => send(stream, "200 OK", &["Content-Length: 900000".to_owned()], &content()),
        _ => send_file(stream, asked, &content()),
    });
    Place::new(&long).fetch_whole();

    // Too short: the digest tells.
    let short = Server::start(|_, _, stream| {
        send(stream, "200 OK", &["Content-Length: 1000".to_owned()], &content());
    });
    let place = Place::new(&short);
    let error = place.fetch().unwrap_err().to_string();
    let (expected, found) = (sha256(&content()), sha256(&content()[..1000]));
    assert!(error.contains(&expected) && error.contains(&found), "{error}");
    place.assert_only(&[]);

    // Known beforehand: refused before a byte is kept.
    let mut place = Place::new(&short);
    place.request.expected_length = Some(800_000);
    let error = place.fetch().unwrap_err().to_string();
    assert!(error.contains("1000 bytes, not 800000"), "{error}");
}

#[test]
fn a_stalled_server_does_not_hang_for_ever() {
    let server = Server::start(|asked, number, stream| match number {
        0 => {
            send(stream, "200 OK", &["Content-Length: 800000".to_owned()], &content()[..100]);
            thread::sleep(Duration::from_secs(3));
        }
        1 => thread::sleep(Duration::from_secs(3)),
        _ => send_file(stream, asked, &content()),
    });
    Place::new(&server).fetch_whole();
    assert_eq!(server.ranges()[0], None);
    assert_eq!(server.ranges().last(), Some(&Some(100)));
}

#[test]
fn without_a_digest_halves_are_not_joined() {
    let server = Server::start(|asked, _, stream| send_file(stream, asked, &content()));
    let mut place = Place::new(&server);
    place.request.digest = Digest::None;
    place.leave_part(&[7; 1000]);
    place.fetch_whole();
    assert_eq!(server.ranges(), [None]);
}

#[test]
fn two_at_once_fetch_one_file() {
    let server = Server::start(|asked, _, stream| {
        thread::sleep(Duration::from_millis(50));
        send_file(stream, asked, &content());
    });
    let place = Place::new(&server);
    let routes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| routes.lock().unwrap().push(place.fetch().unwrap().route));
        }
    });
    let routes = routes.into_inner().unwrap();
    assert_eq!(routes.iter().filter(|route| **route == Route::Server).count(), 1, "{routes:?}");
    assert_eq!(server.asked().len(), 1);
    place.assert_only(&["file.bin"]);
}
