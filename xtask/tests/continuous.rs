//! What continuous integration runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// What `.ci/run` asks of cargo.
fn asked(photos: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let cargo = folder.path().join("cargo");
    fs::write(&cargo, "#!/bin/sh\necho \"$@\"\n").unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&path)));
    let mut run = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/run"));
    run.env("PATH", path.unwrap()).env_remove("FINETUNE_PHOTOS");
    let output = run.envs(photos.map(|photos| ("FINETUNE_PHOTOS", photos))).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn it_never_does_without_photographs() {
    assert_eq!(asked(Some("/some/where")), "xtask test --photos /some/where\n");
    assert!(asked(None).starts_with("xtask test --photos "));
}

#[test]
fn a_path_outside_the_repository_is_only_the_default_of_a_variable() {
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/run")).unwrap();
    for line in script.lines().filter(|line| line.contains("../") && !line.contains("BASH_SOURCE")) {
        assert!(line.starts_with(": \"${FINETUNE_PHOTOS:="), "{line}");
    }
}
