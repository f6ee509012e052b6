//! `fetch-weights` and `fetch-data` from outside, with the downloader at work behind them.

mod machine;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;

use machine::{interrupt, machine, read_until, serve, stderr_of, xtask, zip};

#[test]
fn weights_come_from_a_mirror_and_each_failure_is_reported() {
    let machine = machine();
    let mirror = serve(b"not the weights".to_vec());
    let config = machine.path().join("workspace/dogs_cats.toml");
    fs::write(&config, "[model]\narch = \"resnet18\"\nweights = \"IMAGENET1K_V1\"\n").unwrap();
    let fetched = xtask(machine.path(), &["fetch-weights", "--from", &mirror]).output().unwrap();
    assert_eq!(fetched.status.code(), Some(1));
    let error = stderr_of(&fetched);
    assert!(error.contains("error: resnet18 IMAGENET1K_V1: ") && error.contains("f37072fd"), "{error}");
    assert!(fetched.stdout.is_empty());

    for both in [
        ["resnet18", "vgg16:IMAGENET1K_V1"].as_slice(),
        &["--arch", "resnet18", "--arch", "vgg16"],
        &["resnet18", "--arch", "vgg16"],
    ] {
        let both = [&["fetch-weights"], both, &["--from", &mirror]].concat();
        let error = stderr_of(&xtask(machine.path(), &both).output().unwrap());
        let of = |arch: &str| error.contains(&format!("{arch} IMAGENET1K_V1: "));
        assert!(of("resnet18") && of("vgg16"), "{error}");
    }

    let unknown = stderr_of(&xtask(machine.path(), &["fetch-weights", "resnet19"]).output().unwrap());
    assert!(unknown.contains("no weights are known for \"resnet19\"") && unknown.contains("resnet18"));
}

#[test]
fn data_of_another_digest_is_refused_from_a_file_and_from_an_address() {
    let machine = machine();
    let other = zip(&[("dogs_cats_small/train/cats/1.jpg", "jpg")]);
    let file = machine.path().join("dogs_cats_small.zip");
    fs::write(&file, &other).unwrap();
    for from in [file.to_str().unwrap(), &serve(other)] {
        let fetched =
            xtask(machine.path(), &["fetch-data", "dogs_cats_small", "--from", from]).output().unwrap();
        assert_eq!(fetched.status.code(), Some(1));
        let error = stderr_of(&fetched);
        assert!(
            error.contains("dogs_cats_small.zip has the SHA-256") && error.contains("55f6d112"),
            "{error}"
        );
        assert_eq!(fs::read_dir(machine.path().join("workspace/data")).map_or(0, Iterator::count), 0);
    }

    let there = machine.path().join("workspace/data/dogs_cats_small");
    fs::create_dir_all(&there).unwrap();
    let again = xtask(machine.path(), &["fetch-data", "dogs_cats_small"]).output().unwrap();
    assert!(again.status.success());
    assert_eq!(String::from_utf8_lossy(&again.stdout).trim_end(), there.to_str().unwrap());
}

#[test]
fn ctrl_c_ends_a_download_with_130_and_keeps_what_came() {
    let machine = machine();
    // A server that sends the first bytes of a long file and then nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let from = format!("http://{}", listener.local_addr().unwrap());
    let part = machine.path().join("workspace/data/hymenoptera_data.zip.part");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, "PK").unwrap();
    let mut child = xtask(machine.path(), &["fetch-data", "hymenoptera_data", "--from", &from])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stream = listener.accept().unwrap().0;
    let asked = read_until(&mut stream, "\r\n\r\n");
    assert!(asked.contains("bytes=2-"), "{asked}");
    let head = "HTTP/1.1 206 Partial Content\r\nContent-Length: 98\r\nContent-Range: bytes 2-99/100\r\n\r\n";
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(b"more")).unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut text = read_until(&mut stderr, "hymenoptera_data.zip: going on after 2 B");
    while fs::metadata(&part).unwrap().len() < 6 {
        std::thread::yield_now();
    }
    interrupt(&child);
    stderr.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    assert!(text.ends_with("interrupted\n"), "{text}");
    assert_eq!(fs::read(&part).unwrap(), b"PKmore");
}
