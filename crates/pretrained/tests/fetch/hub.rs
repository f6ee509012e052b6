//! Files of a server that answers as Hugging Face's hub does, and of mirrors of it.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pretrained::Error;
use pretrained::fetch::{FromHub, Hub, Route, Source, Token};
use pretrained::hub::{self, HubFile};

use super::server::{Asked, Server, send, send_file};
use super::{content, fetcher, sha256};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const SECRET: &str = "hf_secretOfTheUser";

fn file(name: &str) -> HubFile {
    HubFile::parse(name).unwrap().unwrap()
}

/// A hub and the server that has its bytes.
struct Simulated {
    hub: Server,
    bytes: Server,
    into: tempfile::TempDir,
}

impl Simulated {
    /// The bytes are those of [`content`], once the first answers of their server are as `bytes` says.
    fn new(bytes: impl Fn(&Asked, usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let bytes = Server::start(bytes);
        let target = bytes.url.clone();
        let hub = Server::start(move |asked, _, stream| good_hub(asked, &target, stream));
        Self { hub, bytes, into: tempfile::tempdir().unwrap() }
    }

    fn fetch(&self, name: &str) -> Result<FromHub, Error> {
        fetch(&self.hub.url, name, &Source::Origin, self.into.path())
    }

    fn asked(&self) -> usize {
        self.hub.asked().len() + self.bytes.asked().len()
    }

    /// Files in the folder of weights, without those of the commit's own folder.
    fn left(&self) -> Vec<PathBuf> {
        files_in(self.into.path())
    }
}

fn fetch(endpoint: &str, name: &str, source: &Source, into: &Path) -> Result<FromHub, Error> {
    let hub = Hub::new(fetcher(), endpoint, Token::new(SECRET)).unwrap();
    hub.fetch(&file(name), source, into, &mut |_| {})
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files_in(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

/// Answers as the hub does for `a/b` with `model.safetensors` and `c/d e.safetensors`, branch `main` and tag `v1`.
fn good_hub(asked: &Asked, bytes: &str, stream: &mut TcpStream) {
    let path = asked.path.as_str();
    let revision_and_file = path.strip_prefix("/a/b/resolve/").and_then(|rest| rest.split_once('/'));
    if let Some((revision, file)) = revision_and_file {
        if !["main", "v1", "refs%2Fpr%2F1", COMMIT].contains(&revision) {
            return refuse(stream, "404 Not Found", "RevisionNotFound", "");
        }
        if file == "config.json" {
            let json = r#"{"pretrained_cfg": {"input_size": [3, 384, 384], "crop_pct": 1.0, "crop_mode": "squash",
                "interpolation": "bicubic", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}}"#;
            return send(stream, "200 OK", &[format!("Content-Length: {}", json.len())], json.as_bytes());
        }
        if !["model.safetensors", "c/d%20e.safetensors"].contains(&file) {
            return refuse(stream, "404 Not Found", "EntryNotFound", "");
        }
        let headers = [
            format!("Location: {bytes}/blob?signature=x"),
            format!("X-Repo-Commit: {COMMIT}"),
            format!("X-Linked-Etag: \"{}\"", sha256(&content())),
            format!("X-Linked-Size: {}", content().len()),
            "ETag: \"0123\"".to_owned(),
            "Content-Length: 0".to_owned(),
        ];
        return send(stream, "302 Found", &headers, b"");
    }
    if path.starts_with("/api/models/a/b/revision/") {
        let info = r#"{"id": "a/b", "cardData": {"license": "mit"}, "siblings": [{"rfilename": "README.md"},
            {"rfilename": "model.safetensors"}, {"rfilename": "big.safetensors.index.json"}]}"#;
        return send(stream, "200 OK", &[format!("Content-Length: {}", info.len())], info.as_bytes());
    }
    refuse(stream, "401 Unauthorized", "RepoNotFound", "");
}

/// A refusal that repeats the token, as a server with a mistake might.
fn refuse(stream: &mut TcpStream, status: &str, code: &str, message: &str) {
    let mut headers = vec!["Content-Length: 0".to_owned(), format!("X-Echo: {SECRET}")];
    if !code.is_empty() {
        headers.push(format!("X-Error-Code: {code}"));
    }
    let message = if message.is_empty() { SECRET } else { message };
    headers.push(format!("X-Error-Message: {message}"));
    send(stream, status, &headers, b"");
}

fn whole(asked: &Asked, _: usize, stream: &mut TcpStream) {
    send_file(stream, asked, &content());
}

#[test]
fn a_file_comes_once_with_its_commit_and_licence_and_the_token_stays_with_the_hub() {
    let simulated = Simulated::new(whole);
    let fetched = simulated.fetch("hf:a/b").unwrap();
    assert_eq!(fetched.name, file("hf:a/b").at(COMMIT));
    assert_eq!((fetched.licence.as_deref(), fetched.file.route), (Some("mit"), Route::Server));
    assert!(fs::read(&fetched.file.path).unwrap() == content());
    let asked: Vec<String> =
        simulated.hub.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    let expected = [
        "HEAD /a/b/resolve/main/model.safetensors".to_owned(),
        format!("GET /api/models/a/b/revision/{COMMIT}"),
        format!("GET /a/b/resolve/{COMMIT}/config.json"),
        format!("GET /a/b/resolve/{COMMIT}/model.safetensors"),
    ];
    assert_eq!(asked, expected);
    let bearer = format!("Bearer {SECRET}");
    assert!(simulated.hub.asked().iter().all(|asked| asked.authorization.as_ref() == Some(&bearer)));
    assert_eq!(simulated.bytes.asked().len(), 1);
    assert_eq!(simulated.bytes.asked()[0].authorization, None);

    // By branch and by commit it is there now, and nobody is asked; nor is where it is looked for when it is used.
    let before = simulated.asked();
    for name in ["hf:a/b", &format!("hf:a/b@{COMMIT}")] {
        let again = simulated.fetch(name).unwrap();
        assert_eq!((again.file.route, again.licence.as_deref()), (Route::Found, Some("mit")));
        let found = hub::locate(&file(name), &[simulated.into.path().to_path_buf()]).unwrap();
        assert_eq!((found.path, found.record.commit.as_str()), (fetched.file.path.clone(), COMMIT));
        let input = found.record.input.unwrap();
        assert_eq!(
            (input.crop, input.std.clone(), input.to_string().as_str()),
            (384, vec![0.25; 3], "squashed to 384 x 384")
        );
    }
    assert_eq!(simulated.asked(), before);

    // What was damaged since is fetched again.
    fs::write(&fetched.file.path, b"torn").unwrap();
    let error = hub::locate(&file("hf:a/b"), &[simulated.into.path().to_path_buf()]).unwrap_err();
    assert!(matches!(error, Error::WrongDigest { .. }), "{error}");
    assert_eq!(simulated.fetch("hf:a/b").unwrap().file.route, Route::Server);
    assert!(fs::read(&fetched.file.path).unwrap() == content());
}

#[test]
fn a_revision_and_a_file_are_asked_for_by_name() {
    let simulated = Simulated::new(whole);
    for (name, asked) in [
        ("hf:a/b@v1", "/a/b/resolve/v1/model.safetensors"),
        ("hf:a/b@refs/pr/1:c/d e.safetensors", "/a/b/resolve/refs%2Fpr%2F1/c/d%20e.safetensors"),
    ] {
        let fetched = simulated.fetch(name).unwrap();
        assert_eq!(fetched.name, file(name).at(COMMIT));
        let asked_for: Vec<String> = simulated.hub.asked().into_iter().map(|asked| asked.path).collect();
        assert!(asked_for.iter().any(|path| path == asked), "{asked_for:?}");
    }
    let has = |path: &str| simulated.into.path().join("hf/a/b").join(path).is_file();
    assert!(has("v1/model.safetensors.toml") && has("refs%2Fpr%2F1/c/d e.safetensors.toml"));
    assert!(has(&format!("{COMMIT}/c/d e.safetensors")) && !has("v1/model.safetensors"));

    let missing = simulated.fetch("hf:a/b:other.safetensors").unwrap_err().to_string();
    assert!(
        missing.contains("other.safetensors") && missing.contains("it has model.safetensors"),
        "{missing}"
    );
    let parts = simulated.fetch("hf:a/b:big.safetensors").unwrap_err().to_string();
    assert!(parts.contains("several parts"), "{parts}");
}

#[test]
fn other_bytes_are_refused_and_cut_ones_continued() {
    let wrong = Simulated::new(|asked, _, stream| {
        let mut other = content();
        other[400_000] ^= 1;
        send_file(stream, asked, &other);
    });
    let error = wrong.fetch("hf:a/b").unwrap_err();
    assert!(
        matches!(&error, Error::WrongDigest { expected, .. } if expected.accepts(&sha256(&content()))),
        "{error}"
    );
    assert_eq!(wrong.left(), [] as [PathBuf; 0]);

    let up = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&up);
    let cut = Simulated::new(move |asked, number, stream| match (number, is_up.load(Ordering::Relaxed)) {
        (_, true) => send_file(stream, asked, &content()),
        (0, false) => {
            let length = format!("Content-Length: {}", content().len());
            send(stream, "200 OK", &[length], &content()[..300_000]);
        }
        _ => send(stream, "503 Service Unavailable", &["Content-Length: 0".to_owned()], b""),
    });
    let error = cut.fetch("hf:a/b").unwrap_err().to_string();
    assert!(error.contains("503") && error.contains("run it again"), "{error}");
    let folders = [cut.into.path().to_path_buf()];
    assert_eq!(hub::resolve(&file("hf:a/b"), &folders).unwrap(), None);
    up.store(true, Ordering::Relaxed);
    assert_eq!(cut.fetch("hf:a/b").unwrap().file.resumed_from, 300_000);
    assert_eq!(cut.bytes.ranges().last(), Some(&Some(300_000)));
}

#[test]
fn refusals_are_told_apart_and_never_show_the_token() {
    for (status, code, message, says) in [
        ("401 Unauthorized", "RepoNotFound", "", "there is no repository x/y"),
        ("401 Unauthorized", "", "", "HF_TOKEN may not read"),
        ("401 Unauthorized", "", "Invalid credentials in Authorization header", "does not know the token"),
        ("401 Unauthorized", "GatedRepo", "", "consent"),
        ("403 Forbidden", "GatedRepo", "", "consent"),
        ("403 Forbidden", "", "", "HF_TOKEN may not read x/y"),
        ("403 Forbidden", "", "Access to this resource is disabled.", "closed x/y"),
        ("404 Not Found", "RepoNotFound", "", "there is no repository x/y"),
        ("404 Not Found", "RevisionNotFound", "", "\"v9\""),
        ("404 Not Found", "EntryNotFound", "", "no file model.safetensors"),
        ("400 Bad Request", "", "", "400"),
        ("500 Internal Server Error", "", "", "500"),
        ("200 OK", "", "", "names no commit"),
    ] {
        let server = Server::start(move |_, _, stream| refuse(stream, status, code, message));
        let into = tempfile::tempdir().unwrap();
        let error = fetch(&server.url, "hf:x/y@v9", &Source::Origin, into.path()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(says) && shown.contains("hf:x/y@v9"), "{status} {code}: {shown}");
        assert!(!shown.contains(SECRET), "{shown}");
        assert_eq!(files_in(into.path()), [] as [PathBuf; 0]);
        let anonymous = Hub::new(fetcher(), &server.url, None).unwrap();
        let error =
            anonymous.fetch(&file("hf:x/y@v9"), &Source::Origin, into.path(), &mut |_| {}).unwrap_err();
        let advises = error.to_string().contains("HF_TOKEN");
        let is_of_access = ["GatedRepo", "RepoNotFound"].contains(&code)
            || (status.starts_with("401") && message.is_empty());
        assert_eq!(advises, is_of_access || message.starts_with("Invalid"), "{status} {code}: {error}");
    }
    for endpoint in ["hub.example", "ftp://hub.example", "https://name:password@hub.example"] {
        let error = Hub::new(fetcher(), endpoint, None).unwrap_err().to_string();
        assert!(error.contains("HF_ENDPOINT") && !error.contains("password@"), "{error}");
    }
}

#[test]
fn a_renamed_repository_is_followed_on_its_server_and_a_small_file_is_refused() {
    let bytes = Server::start(whole);
    let target = bytes.url.clone();
    let hub = Server::start(move |asked, _, stream| {
        let moved = |to: &str, stream: &mut TcpStream| {
            send(
                stream,
                "307 Temporary Redirect",
                &[format!("Location: {to}"), "Content-Length: 0".to_owned()],
                b"",
            );
        };
        match asked.path.strip_prefix("/old/name/resolve") {
            Some(rest) => moved(&format!("/a/b/resolve{rest}"), stream),
            None if asked.path.starts_with("/loop/") => moved(&asked.path, stream),
            None if asked.path.starts_with("/away/") => moved(&format!("{target}/elsewhere"), stream),
            None if asked.path.starts_with("/small/") => {
                let commit = format!("X-Repo-Commit: {COMMIT}");
                let etag = format!("ETag: \"{COMMIT}\"");
                send(stream, "200 OK", &[commit, etag, "Content-Length: 0".to_owned()], b"");
            }
            None => good_hub(asked, &target, stream),
        }
    });
    let into = tempfile::tempdir().unwrap();
    let fetch = |name: &str| fetch(&hub.url, name, &Source::Origin, into.path());
    assert_eq!(fetch("hf:old/name").unwrap().file.route, Route::Server);
    assert!(hub.asked().iter().all(|asked| asked.authorization.is_some()));
    assert!(fetch("hf:loop/x").unwrap_err().to_string().contains("one address to the next"));
    assert!(fetch("hf:small/x").unwrap_err().to_string().contains("no SHA-256"));
    // Another server is no hub, and is not even asked.
    let before = bytes.asked().len();
    let away = fetch("hf:away/x").unwrap_err().to_string();
    assert!(away.contains("307"), "{away}");
    assert_eq!(bytes.asked().len(), before);
}

#[test]
fn a_folder_of_weights_is_a_mirror_from_disk_and_from_a_server() {
    let simulated = Simulated::new(whole);
    simulated.fetch("hf:a/b@v1").unwrap();
    let folder = simulated.into.path().to_path_buf();
    let served = folder.clone();
    let server = Server::start(move |asked, _, stream| {
        let path = asked.path.trim_start_matches("/mirror/").replace("%20", " ").replace("%25", "%");
        match fs::read(served.join(path)) {
            Ok(bytes) => send_file(stream, asked, &bytes),
            Err(_) => send(stream, "404 Not Found", &["Content-Length: 0".to_owned()], b""),
        }
    });
    let nowhere = "http://127.0.0.1:9";
    for (from, route) in [
        (folder.to_str().unwrap().to_owned(), Route::Folder),
        (format!("{}/mirror/", server.url), Route::Server),
    ] {
        let source = Source::from_argument(&from);
        for name in ["hf:a/b@v1", &format!("hf:a/b@{COMMIT}")] {
            let into = tempfile::tempdir().unwrap();
            let fetched = fetch(nowhere, name, &source, into.path()).unwrap();
            assert_eq!(
                (fetched.file.route, fetched.licence.as_deref()),
                (route, Some("mit")),
                "{name} {from}"
            );
            assert_eq!(fetched.name, file("hf:a/b").at(COMMIT));
            assert_eq!(fetch(nowhere, name, &Source::Origin, into.path()).unwrap().file.route, Route::Found);
        }
        let into = tempfile::tempdir().unwrap();
        let missing = fetch(nowhere, "hf:a/b", &source, into.path()).unwrap_err().to_string();
        assert!(missing.contains("hf:a/b") && missing.contains("main"), "{missing}");
    }
    assert!(server.asked().iter().all(|asked| asked.authorization.is_none()));

    // A mirror whose bytes are others.
    let file_there = file("hf:a/b").at(COMMIT).path(&folder);
    fs::write(&file_there, b"other").unwrap();
    let into = tempfile::tempdir().unwrap();
    let error = fetch(nowhere, "hf:a/b@v1", &Source::Folder(folder), into.path()).unwrap_err();
    assert!(matches!(error, Error::WrongDigest { .. }), "{error}");
    assert_eq!(files_in(into.path()), [] as [PathBuf; 0]);

    // Without a network.
    let offline = fetch(nowhere, "hf:a/b", &Source::Origin, into.path()).unwrap_err().to_string();
    assert!(offline.contains(nowhere) && offline.contains("--from"), "{offline}");
}

#[test]
fn the_downloader_reads_the_environment_and_does_not_show_the_token() {
    let simulated = Simulated::new(whole);
    let run = |names: &[&str], offline: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_finetune-fetch"));
        command.args(["weights", "--json", "--into"]).arg(simulated.into.path()).args(names);
        command.env("HF_TOKEN", SECRET).env("HF_ENDPOINT", &simulated.hub.url).env("HF_HUB_OFFLINE", offline);
        command.env("HF_HUB_CACHE", simulated.into.path().join("none")).env("RUST_LOG", "trace");
        let output = command.output().unwrap();
        let said = [output.stdout.clone(), output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(!said.concat().contains(SECRET), "{said:?}");
        (output.status.code(), said[0].clone())
    };
    let (code, said) = run(&["hf:a/b", "hf:nobody/x"], "");
    assert_eq!(code, Some(1));
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["hub"], format!("hf:a/b@{COMMIT}"));
    assert_eq!((&lines[0]["licence"], &lines[0]["route"]), (&"mit".into(), &"server".into()));
    assert!(lines[1]["error"].as_str().unwrap().contains("nobody/x"), "{said}");
    assert!(simulated.hub.asked()[0].authorization.is_some());

    let before = simulated.asked();
    assert_eq!(run(&["hf:a/b"], "1").0, Some(0));
    let (code, said) = run(&["hf:a/b@v1"], "1");
    assert!(code == Some(1) && said.contains("HF_HUB_OFFLINE"), "{said}");
    assert_eq!(run(&["hf:a/b:x.bin"], "").0, Some(1));
    assert_eq!(simulated.asked(), before);
}
