//! What a machine lacks, what is the user's own, and what is left behind: from outside, without setting anything up.

#[expect(dead_code, reason = "the tests of fetching and setting up need the rest")]
mod machine;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use machine::{machine, stderr_of, xtask};

/// Puts a program on the search path: a shell script.
fn install(machine: &Path, name: &str, script: &str) {
    let program = machine.join("bin").join(name);
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A libtorch of the user's own, for the CPU, a few bytes long.
fn own_libtorch(machine: &Path) -> PathBuf {
    let folder = machine.join("own");
    for name in ["include/torch/csrc/api/include/torch/torch.h", "lib/libc10.so", "lib/libtorch.so"] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    fs::write(folder.join("lib/libtorch_cpu.so"), "").unwrap();
    fs::write(folder.join("build-version"), "2.11.0+cpu\n").unwrap();
    folder
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn doctor_names_what_is_missing_with_a_command_and_is_content_when_it_is_there() {
    let machine = machine();
    let doctor = |cargo: &Path| {
        let mut command = xtask(machine.path(), &["doctor"]);
        command.env("CARGO", cargo);
        command
    };
    let bare = doctor(Path::new("/no/such/cargo")).output().unwrap();
    assert_eq!(bare.status.code(), Some(1), "{}", stderr_of(&bare));
    let text = said(&bare);
    for (line, mend) in [
        ("NO Rust", "curl "),
        ("-- rustfmt", "rustup component add rustfmt"),
        ("-- clippy", "rustup component add clippy"),
        ("NO C++ compiler", "sudo apt install g++"),
        ("-- pip", "sudo apt install python3-pip"),
        ("NO libtorch", "cargo xtask setup"),
        ("-- weights", "cargo xtask fetch-weights"),
        ("-- data", "cargo xtask fetch-data hymenoptera_data"),
    ] {
        let mut lines = text.lines().skip_while(|found| !found.starts_with(line)).skip(1);
        let found = lines.next().unwrap_or_default().trim_start();
        assert!(found.starts_with(&format!("-> {mend}")), "{line}: {found:?} in\n{text}");
    }
    let lacking = text.lines().filter(|line| line.starts_with("NO ") || line.starts_with("-- ")).count();
    assert_eq!(text.matches(" -> ").count(), lacking, "{text}");

    for (name, script) in [
        ("rustc", "echo 'rustc 1.95.0 (a test)'"),
        ("cargo", "echo \"cargo $1 1.95.0\""),
        ("c++", "echo 'c++ 99'"),
        ("python3", "echo 'pip 99'"),
    ] {
        install(machine.path(), name, script);
    }
    let mut equipped = doctor(&machine.path().join("bin/cargo"));
    let equipped = equipped.env("LIBTORCH", own_libtorch(machine.path())).output().unwrap();
    assert!(equipped.status.success(), "{}", said(&equipped));
    assert!(!said(&equipped).contains("NO ") && said(&equipped).contains("ok clippy"), "{}", said(&equipped));
}

#[test]
fn pythons_own_pytorch_is_taken_when_it_is_the_right_one() {
    let machine = machine();
    let set_up = |more: &[&str]| {
        let arguments: Vec<&str> = std::iter::once("setup").chain(more.iter().copied()).collect();
        let mut command = xtask(machine.path(), &arguments);
        command.env("LIBTORCH_USE_PYTORCH", "1");
        command
    };
    let refused = |command: &mut Command, says: &str| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(stderr_of(&output).contains(says), "{}", stderr_of(&output));
    };
    // No Python at all, one without torch, and one whose torch cannot say how it is linked against.
    let missing = "fails; unset it or `python3 -m pip install torch==2.11.0";
    refused(&mut set_up(&[]), missing);
    install(machine.path(), "python3", "exit 1");
    refused(&mut set_up(&[]), missing);
    install(machine.path(), "python3", "case $2 in *cpp_extension*) exit 1;; esac; echo 2.11.0+cpu None");
    refused(&mut set_up(&[]), missing);

    install(machine.path(), "python3", "echo 2.4.0+cu121 12.1");
    refused(&mut set_up(&[]), "python3 has PyTorch 2.4.0+cu121");
    let bypassed = set_up(&[]).env("LIBTORCH_BYPASS_VERSION_CHECK", "1").output().unwrap();
    assert!(
        bypassed.status.success() && stderr_of(&bypassed).contains("Warning"),
        "{}",
        stderr_of(&bypassed)
    );

    install(machine.path(), "python3", "[ $1 = -c ] && echo 2.11.0+cpu None");
    let right = set_up(&[]).output().unwrap();
    assert!(right.status.success(), "{}", stderr_of(&right));
    let origin = "libtorch 2.11.0 from LIBTORCH_USE_PYTORCH (python3 has PyTorch 2.11.0+cpu)\n";
    assert_eq!(said(&right), origin);
    refused(&mut set_up(&["--cuda"]), "without CUDA");
    install(machine.path(), "python3", "echo 2.11.0+cu130 13.0");
    assert!(set_up(&["--cuda"]).output().unwrap().status.success());
    assert!(!machine.path().join("workspace/.libtorch").exists(), "torch-sys asks Python itself");
}

#[test]
fn flags_that_cannot_change_the_users_own_libtorch_are_not_silently_passed_over() {
    let machine = machine();
    let libtorch = own_libtorch(machine.path());
    let set_up = |flag| xtask(machine.path(), &["setup", flag]).env("LIBTORCH", &libtorch).output().unwrap();
    let cuda = set_up("--cuda");
    assert_eq!(cuda.status.code(), Some(1), "{}", said(&cuda));
    assert!(stderr_of(&cuda).contains("libc10_cuda.so is missing"), "{}", stderr_of(&cuda));
    let force = set_up("--force");
    assert!(
        force.status.success() && stderr_of(&force).contains("--force has no effect"),
        "{}",
        stderr_of(&force)
    );
}

#[test]
fn a_recipe_that_cannot_be_set_up_leaves_no_folder() {
    let machine = machine();
    let recipe = |more: &[&str]| {
        let arguments: Vec<&str> = std::iter::once("recipe").chain(more.iter().copied()).collect();
        xtask(machine.path(), &arguments).env("LIBTORCH", "/no/such/folder").output().unwrap()
    };
    for more in [&[][..], &["--out", "workspace/mine"]] {
        let output = recipe(more);
        assert_eq!(output.status.code(), Some(1), "{}", stderr_of(&output));
        assert!(stderr_of(&output).contains("LIBTORCH=/no/such/folder"), "{}", stderr_of(&output));
    }
    assert_eq!(fs::read_dir(machine.path().join("workspace")).unwrap().count(), 1, "xtask alone");
    // A folder that exists is refused first.
    let taken = machine.path().join("workspace");
    assert!(stderr_of(&recipe(&["--out", taken.to_str().unwrap()])).contains("is not overwritten"));
}

#[test]
fn a_full_or_closed_stdout_is_reported_without_a_backtrace() {
    let machine = machine();
    let doctor = |stdout: fs::File| {
        let mut command = xtask(machine.path(), &["doctor"]);
        let output = command.env("RUST_BACKTRACE", "1").stdout(stdout).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        stderr_of(&output)
    };
    let full = doctor(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    assert!(full.starts_with("error: ") && full.contains("No space left"), "{full}");
    assert_eq!(full.lines().count(), 1, "{full}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(doctor(fs::File::from(std::os::fd::OwnedFd::from(writer))), "");
}

#[test]
fn a_config_with_nothing_to_fetch_needs_no_downloader() {
    let machine = machine();
    let config = machine.path().join("workspace/dogs_cats.toml");
    fs::write(&config, "[model]\narch = \"lenet5\"\nweights = \"none\"\n").unwrap();
    let mut fetch = xtask(machine.path(), &["fetch-weights"]);
    fetch.env("FINETUNE_FETCH", "/no/such/tool");
    // What a run needs besides is set up, and that does need one.
    let bare = fetch.output().unwrap();
    assert!(!bare.status.success() && stderr_of(&bare).contains("libtorch"), "{}", stderr_of(&bare));
    let fetched = fetch.env("LIBTORCH", own_libtorch(machine.path())).output().unwrap();
    assert!(
        fetched.status.success() && stderr_of(&fetched).contains("nothing to fetch"),
        "{}",
        stderr_of(&fetched)
    );
}
