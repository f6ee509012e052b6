//! A machine that xtask believes to be bare, and a server on the loopback.

#[path = "../../../tests/support/built.rs"]
mod built;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::LazyLock;
use std::thread;

use tempfile::TempDir;

/// `cache`, `workspace/xtask` and `bin`, with nothing in them.
pub(crate) fn machine() -> TempDir {
    let machine = tempfile::tempdir().unwrap();
    for folder in ["cache", "workspace/xtask", "bin"] {
        fs::create_dir_all(machine.path().join(folder)).unwrap();
    }
    machine
}

/// xtask with a cache, a workspace and a search path of its own, and the downloader ready-built.
pub(crate) fn xtask(machine: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(arguments)
        .env("CARGO_MANIFEST_DIR", machine.join("workspace/xtask"))
        .env("XDG_CACHE_HOME", machine.join("cache"))
        .env("PATH", machine.join("bin"))
        .env("FINETUNE_FETCH", &*DOWNLOADER)
        // The archives of the tests are a few bytes each.
        .env("FINETUNE_SETUP_ROOM", "0")
        // What cargo itself sets, out of `.cargo/config.toml`.
        .env("LIBTORCH", machine.join("workspace/.libtorch"));
    let unset = ["LIBTORCH_USE_PYTORCH", "LIBTORCH_INCLUDE", "LIBTORCH_LIB", "LIBTORCH_BYPASS_VERSION_CHECK"];
    for name in unset.iter().chain(&["TORCH_HOME", "FINETUNE_LIBTORCH_ARCHIVE", "VIRTUAL_ENV", "CXX"]) {
        command.env_remove(name);
    }
    command
}

/// The downloader, from the real workspace.
static DOWNLOADER: LazyLock<PathBuf> = LazyLock::new(|| {
    let feature = ["--no-default-features", "--features", "fetch", "--bin", "finetune-fetch"];
    built::program(&[&["--package", "pretrained"], &feature[..]].concat())
});

/// What a command said on stderr.
pub(crate) fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A zip of these files.
pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Answers every request on a loopback port with `body`, or with the rest of it from where one asks; returns the address,
/// which ends with a slash.
pub(crate) fn serve(body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
            let from = request.split("range: bytes=").nth(1).and_then(|rest| rest.split('-').next());
            let total = body.len();
            let (status, rest) =
                match from.and_then(|from| from.parse::<usize>().ok()).filter(|from| *from < total) {
                    Some(from) => (
                        format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}", total - 1),
                        &body[from..],
                    ),
                    None => ("200 OK".to_owned(), &body[..]),
                };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(rest)).unwrap();
        }
    });
    address
}

/// Reads up to and with the first occurrence of `word`, and whatever came along with it.
pub(crate) fn read_until(stderr: &mut impl Read, word: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(word) {
        let count = stderr.read(&mut buffer).unwrap();
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}

/// Ctrl-C for one process alone.
pub(crate) fn interrupt(child: &Child) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
}
