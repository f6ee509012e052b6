//! The binary `fetch` from outside.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::server::{Server, send, send_file};
use super::{content, sha256};

fn downloader(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_finetune-fetch")).args(arguments).output().unwrap()
}

/// The objects on stdout, one a line.
fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_file_is_continued_checked_and_reported() {
    let server = Server::start(|asked, _, stream| send_file(stream, asked, &content()));
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("file.bin");
    fs::write(folder.path().join("file.bin.part"), &content()[..1000]).unwrap();
    let url = format!("{}/file.bin", server.url);
    let digest = sha256(&content());
    let fetch = |digest: &str| downloader(&["file", &url, "--to", text(&to), "--sha256", digest, "--json"]);

    let fetched = fetch(&digest);
    assert!(fetched.status.success(), "{fetched:?}");
    let said = &lines(&fetched)[0];
    assert_eq!((&said["route"], &said["resumed_from"]), (&json!("server"), &json!(1000)));
    assert_eq!((&said["path"], &said["sha256"]), (&json!(to), &json!(digest)));
    assert!(String::from_utf8_lossy(&fetched.stderr).contains("file.bin: going on after 1000 B"));
    assert_eq!(fs::read(&to).unwrap(), content());
    assert_eq!(lines(&fetch(&digest))[0]["route"], json!("found"));

    let wrong = fetch(&"0".repeat(64));
    assert_eq!(wrong.status.code(), Some(1));
    assert!(lines(&wrong)[0]["error"].as_str().unwrap().contains(&digest), "{wrong:?}");
    assert_eq!(fetch("abc").status.code(), Some(2));
}

#[test]
fn impatience_is_asked_for_and_without_json_the_reason_is_on_stderr() {
    let server = Server::start(|_, _, stream| send(stream, "503 Service Unavailable", &[], b""));
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("x");
    let failed = downloader(&["file", &server.url, "--to", text(&to), "--attempts", "1"]);
    assert_eq!((failed.status.code(), failed.stdout.len()), (Some(1), 0));
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(said.contains("error: cannot fetch") && said.contains("503"), "{said}");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn each_of_several_weights_has_its_line_and_one_failure_fails_all() {
    let server = Server::start(|_, _, stream| send(stream, "404 Not Found", &[], b""));
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("torch/hub/checkpoints");
    fs::create_dir_all(&cache).unwrap();
    let into = folder.path().join("weights");
    let weights = |archs: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_finetune-fetch"));
        command.args(["weights", "--json", "--from", &server.url, "--into", text(&into)]).args(archs);
        command.env("TORCH_HOME", folder.path().join("torch")).output().unwrap()
    };
    let failed = weights(&["resnet18", "resnet50:IMAGENET1K_V1"]);
    assert_eq!(failed.status.code(), Some(1));
    let said = lines(&failed);
    assert!(said[0]["error"].as_str().unwrap().starts_with("resnet18 IMAGENET1K_V1: "), "{failed:?}");
    assert!(said[1]["error"].as_str().unwrap().starts_with("resnet50 IMAGENET1K_V1: "), "{failed:?}");

    // One unknown name, and nothing is asked of the server.
    let before = server.asked().len();
    let unknown = weights(&["resnet18", "resnet19"]);
    assert_eq!((lines(&unknown).len(), server.asked().len()), (1, before));
    assert_eq!(weights(&[]).status.code(), Some(2));
}

#[test]
fn an_archive_is_unpacked_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("x.zip");
    let mut writer = zip::ZipWriter::new(fs::File::create(&archive).unwrap());
    for name in ["lib/a.so", "lib/b.so", "include/a.h"] {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    }
    writer.finish().unwrap();
    let into = folder.path().join("out");
    let unpack =
        |only: &str| downloader(&["unpack", text(&archive), "--into", text(&into), "--only", only, "--json"]);
    assert_eq!(lines(&unpack("lib/b.so")), [json!({"into": into, "files": 1})]);
    assert!(into.join("lib/b.so").exists() && !into.join("lib/a.so").exists());
    assert!(lines(&unpack("lib"))[0]["error"].as_str().unwrap().contains("there already"));
}
