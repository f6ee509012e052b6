//! The program from outside, on a machine that it believes to be bare: its own cache, workspace and search path.

mod machine;

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use machine::{interrupt, machine, read_until, serve, stderr_of, xtask, zip};

/// The files of a libtorch archive, a few bytes each.
const ARCHIVE: [(&str, &str); 6] = [
    ("libtorch/build-version", "2.11.0+cpu\n"),
    ("libtorch/include/torch/csrc/api/include/torch/torch.h", ""),
    ("libtorch/lib/libc10.so", "c10"),
    ("libtorch/lib/libtorch.so", "torch"),
    ("libtorch/lib/libtorch_cpu.so", "cpu"),
    ("libtorch/lib/libgomp-98b21ff3.so.1", "gomp"),
];

/// Puts a `python3` on the search path whose pip "downloads" wheels of a few bytes.
fn install_fake_pip(machine: &Path) {
    let wheels = machine.join("wheels");
    fs::create_dir_all(&wheels).unwrap();
    let torch = [
        ("torch/include/torch/csrc/api/include/torch/torch.h", ""),
        ("torch/lib/libc10.so", "c10"),
        ("torch/lib/libtorch_cpu.so", "cpu"),
        ("torch/lib/libgomp.so.1", "gomp"),
        ("torch/lib/libtorch_cuda.so", "cuda"),
    ];
    fs::write(wheels.join("torch-2.11.0-cp312-cp312-x.whl"), zip(&torch)).unwrap();
    let cudart = zip(&[("nvidia/cu13/lib/libcudart.so.13", "cudart")]);
    fs::write(wheels.join("nvidia_cuda_runtime-13.0.96-py3-none-x.whl"), cudart).unwrap();
    let cupti = zip(&[("nvidia/cu13/lib/libcupti.so.13", "cupti")]);
    fs::write(wheels.join("nvidia_cuda_cupti-13.0.85-py3-none-x.whl"), cupti).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ \"$3\" = --version ]; then echo 'pip 99 (a test)'; exit; fi\n\
         while [ \"$1\" != --dest ]; do shift; done\nexec /bin/cp {}/* \"$2\"\n",
        wheels.display()
    );
    let python = machine.join("bin/python3");
    fs::write(&python, script).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_official_archive_is_downloaded_linked_and_found_again() {
    let machine = machine();
    let url = serve(zip(&ARCHIVE));
    let first = xtask(machine.path(), &["setup", "--archive-url", &url]).output().unwrap();
    assert!(first.status.success(), "{}", stderr_of(&first));
    assert!(String::from_utf8_lossy(&first.stdout).contains("2.11.0 from the official archive"));
    let lib = machine.path().join("workspace/.libtorch/lib");
    assert_eq!(fs::read_to_string(lib.join("libgomp.so")).unwrap(), "gomp");

    // A second time nothing is asked of anybody; a second checkout is linked to the same folder.
    let dead = "http://127.0.0.1:9/";
    let again = xtask(machine.path(), &["setup", "--archive-url", dead]).output().unwrap();
    assert!(again.status.success() && again.stderr.is_empty(), "{}", stderr_of(&again));
    fs::remove_file(machine.path().join("workspace/.libtorch")).unwrap();
    let other = xtask(machine.path(), &["setup", "--archive-url", dead]).output().unwrap();
    assert!(other.status.success() && lib.join("libc10.so").exists(), "{}", stderr_of(&other));
}

#[test]
fn pip_comes_next_and_why_is_said() {
    let machine = machine();
    install_fake_pip(machine.path());
    let output =
        xtask(machine.path(), &["setup", "--archive-url", "http://127.0.0.1:9/x.zip"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr_of(&output));
    assert!(stderr_of(&output).contains("The official archive did not work"), "{}", stderr_of(&output));
    let lib = machine.path().join("workspace/.libtorch/lib");
    assert_eq!(fs::read_to_string(lib.join("libtorch.so")).unwrap(), "INPUT(-ltorch_cpu)\n");
    assert!(lib.join("libcudart.so.13").exists() && lib.join("libcupti.so.13").exists());
    assert!(!lib.join("libtorch_cuda.so").exists());
}

#[test]
fn an_archive_of_another_version_is_not_taken_and_every_reason_is_given() {
    let machine = machine();
    let mut files = ARCHIVE;
    files[0].1 = "2.10.0+cpu\n";
    let output = xtask(machine.path(), &["setup", "--archive-url", &serve(zip(&files))]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr_of(&output).contains("2.10.0") && stderr_of(&output).contains("no pip"),
        "{}",
        stderr_of(&output)
    );
    assert!(!machine.path().join("workspace/.libtorch").exists());
}

#[test]
fn two_set_ups_at_once_do_the_work_once() {
    let machine = machine();
    let url = serve(zip(&ARCHIVE));
    let start = || {
        let mut command = xtask(machine.path(), &["setup", "--archive-url", &url]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
    };
    let outputs = [start().unwrap(), start().unwrap()].map(|child| child.wait_with_output().unwrap());
    assert!(
        outputs.iter().all(|output| output.status.success()),
        "{}\n{}",
        stderr_of(&outputs[0]),
        stderr_of(&outputs[1])
    );
    let tries =
        outputs.iter().filter(|output| stderr_of(output).contains("Trying the official archive")).count();
    assert_eq!(tries, 1);
}

#[test]
fn the_users_own_libtorch_wins_and_a_wrong_one_is_an_error() {
    let machine = machine();
    let own = machine.path().join("own");
    for (name, content) in ARCHIVE {
        let path = own.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let libtorch = own.join("libtorch");
    let set_up = || xtask(machine.path(), &["setup"]).env("LIBTORCH", &libtorch).output().unwrap();
    let good = set_up();
    assert!(good.status.success(), "{}", stderr_of(&good));
    assert!(String::from_utf8_lossy(&good.stdout).contains("from LIBTORCH"));
    fs::write(libtorch.join("build-version"), "2.4.0").unwrap();
    let wrong = set_up();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        stderr_of(&wrong).contains("2.4.0, not 2.11.0") && stderr_of(&wrong).contains("unset"),
        "{}",
        stderr_of(&wrong)
    );
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let machine = machine();
    assert_eq!(xtask(machine.path(), &["set-up"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn ctrl_c_reaches_the_child_and_ends_with_130() {
    let machine = machine();
    // A pip that takes its time, and tells when Ctrl-C came.
    let python = machine.path().join("bin/python3");
    let script = "#!/bin/sh\nif [ \"$3\" = --version ]; then echo pip; exit; fi\n\
                  trap 'echo child was interrupted >&2; exit 1' INT\necho ready >&2\nwhile :; do /bin/sleep 0.05; done\n";
    fs::write(&python, script).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = xtask(machine.path(), &["setup", "--archive-url", "http://127.0.0.1:9/x.zip"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut text = read_until(&mut stderr, "ready");
    interrupt(&child);
    stderr.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    assert_eq!(text.matches("child was interrupted").count(), 1, "{text}");
}
