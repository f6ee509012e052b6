//! `cargo xtask bundle`: `finetune` with all that it needs, for people without the sources.
//!
//! What is in it and how it is packed is the crate `bundle`, a tool that is built when it is needed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::process::{self, say};
use crate::tools::{self, Kind, Tool};
use crate::workspace::{Workspace, host};
use crate::{disk, setup};

/// Put finetune and all that it needs into a folder and an archive, for people without the sources
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// With what finds an NVIDIA GPU (gigabytes)
    #[arg(long)]
    cuda: bool,
    /// The folder in which the bundle appears [default: target/bundles]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Afterwards start it in an empty root with nothing but the C library, and train, predict and export there
    #[arg(long)]
    check: bool,
}

const BUNDLER: Kind = Kind {
    what: "the tool that packs bundles",
    binary: "bundle",
    // Its compressor is of use only when it is optimised.
    build: &["--package", "bundle", "--bin", "bundle", "--profile", PROFILE],
    variable: "FINETUNE_BUNDLER",
};

/// The profile of the programs in a bundle; its folder below `target` is its own, so that nothing else is built again.
const PROFILE: &str = "bundle";

/// Where a bundle's program looks for its libraries, its own `lib`. The old form of the entry holds for libraries of libraries, too.
const RUN_PATH: &str = "$ORIGIN/../lib,--disable-new-dtags";

/// What was made.
#[derive(Deserialize)]
struct Made {
    folder: PathBuf,
    archive: PathBuf,
    files: usize,
    bytes: u64,
    archive_bytes: u64,
    archive_sha256: String,
    glibc: Option<Asked>,
    glibcxx: Option<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    version: String,
    by: String,
}

/// The command: prints folder, archive and what they need on stdout.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "a bundle is made on Linux, for Linux");
    let libtorch = setup::of_variant(workspace, arguments.cuda)?;
    let Some(libtorch) = libtorch.folder else {
        bail!("a bundle needs a libtorch in a folder: unset LIBTORCH_USE_PYTORCH");
    };
    let libtorch = libtorch.canonicalize().with_context(|| format!("{} is not there", libtorch.display()))?;
    let program = build(workspace, &tools::FINETUNE, &libtorch)?;
    let downloader = build(workspace, &tools::FETCH, &libtorch)?;
    let into = arguments.into.clone().unwrap_or_else(|| workspace.root.join("target/bundles"));
    fs::create_dir_all(&into).with_context(|| format!("cannot make {}", into.display()))?;
    let metadata = metadata(workspace, &into)?;
    let bundler = tools::built(workspace, &BUNDLER)?;
    let mut pack = bundler.command(["--variant", if arguments.cuda { "cuda" } else { "cpu" }]);
    pack.arg("--program").arg(program).arg("--downloader").arg(downloader);
    pack.arg("--libtorch").arg(libtorch).arg("--root").arg(&workspace.root);
    let made = Tool::answer::<Made>(pack.arg("--metadata").arg(&metadata).arg("--into").arg(&into));
    fs::remove_file(&metadata).with_context(|| format!("cannot remove {}", metadata.display()))?;
    let made = made?;
    for line in lines(&made) {
        anstream::println!("{line}");
    }
    if arguments.check { check(workspace, &made.folder) } else { Ok(()) }
}

fn lines(made: &Made) -> Vec<String> {
    let mut lines = vec![
        format!("{}  {} files, {}", made.folder.display(), made.files, disk::amount(made.bytes)),
        format!(
            "{}  {}, sha256 {}",
            made.archive.display(),
            disk::amount(made.archive_bytes),
            made.archive_sha256
        ),
    ];
    let asked = |what: &str, asked: &Option<Asked>| {
        asked.as_ref().map(|Asked { version, by }| format!("{what} {version}, asked for by {by}"))
    };
    lines.extend(asked("C library of the system:", &made.glibc));
    lines.extend(asked("C++ library, in the bundle:", &made.glibcxx));
    lines
}

/// Builds one of the programs for a bundle.
fn build(workspace: &Workspace, kind: &Kind, libtorch: &Path) -> Result<PathBuf> {
    let mut subcommand = vec!["build"];
    if process::ask(&mut workspace.cargo(&["auditable", "--version"])).is_some() {
        subcommand.insert(0, "auditable");
    } else {
        say("`cargo install cargo-auditable` would have the programs carry their list of crates.");
    }
    let mut command =
        workspace.cargo(&[&subcommand[..], &[tools::MESSAGES, "--locked", "--profile", PROFILE]].concat());
    command.args(kind.build).env("FINETUNE_RUN_PATH", RUN_PATH);
    for (variable, value) in without_paths(workspace, libtorch) {
        command.env(variable, value);
    }
    process::announce(&command);
    tools::run_build(&mut command, kind)
}

/// Has compilers write other words for the folders of this machine into messages of errors.
fn without_paths(workspace: &Workspace, libtorch: &Path) -> Vec<(&'static str, String)> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    let places = [(home.as_path(), "cargo"), (workspace.root.as_path(), "finetune"), (libtorch, "libtorch")];
    let rust = places.map(|(place, word)| format!("--remap-path-prefix={}={word}", place.display()));
    let cpp = places.map(|(place, word)| format!("-ffile-prefix-map={}={word}", place.display())).join(" ");
    let with_own =
        |variable: &str| format!("{} {cpp}", env::var(variable).unwrap_or_default()).trim().to_owned();
    vec![
        ("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}")),
        ("CFLAGS", with_own("CFLAGS")),
        ("CXXFLAGS", with_own("CXXFLAGS")),
    ]
}

/// What cargo knows of the crates in a bundle, in a file.
fn metadata(workspace: &Workspace, into: &Path) -> Result<PathBuf> {
    let host = host()?;
    let words = [
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--features",
        "pretrained/fetch",
        "--filter-platform",
        &host,
    ];
    let answer = process::ask(&mut workspace.cargo(&words))
        .context("`cargo metadata` failed: run it by hand to see why")?;
    let path = into.join(format!(".metadata-{}.json", std::process::id()));
    files::write(&path, &answer)?;
    Ok(path)
}

/// Runs the test that starts a bundle.
fn check(workspace: &Workspace, folder: &Path) -> Result<()> {
    let words = [
        "test",
        "--package",
        "finetune-core",
        "--test",
        "cli",
        "bundled::",
        "--",
        "--ignored",
        "--nocapture",
    ];
    let mut cargo: Command = workspace.cargo(&words);
    process::run(cargo.env("FINETUNE_BUNDLE", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_told_with_what_it_needs() {
        let answer = r#"{"folder": "b/x", "archive": "b/x.tar.zst", "files": 70, "bytes": 1048576, "archive_bytes": 1024,
            "archive_sha256": "ab", "glibc": {"version": "GLIBC_2.36", "by": "libstdc++.so.6"}, "glibcxx": null}"#;
        let lines = lines(&serde_json::from_str(answer).unwrap());
        assert_eq!(lines[0], "b/x  70 files, 1.00 MiB");
        assert!(lines[1].contains("1.00 KiB, sha256 ab"), "{lines:?}");
        assert_eq!(lines[2..], ["C library of the system: GLIBC_2.36, asked for by libstdc++.so.6"]);
    }

    #[test]
    fn no_folder_of_this_machine_gets_into_messages() {
        let workspace = Workspace { root: "/home/me/finetune".into() };
        let flags = without_paths(&workspace, Path::new("/home/me/.cache/libtorch"));
        let of = |name: &str| flags.iter().find(|(variable, _)| *variable == name).unwrap().1.clone();
        assert!(
            of("CARGO_ENCODED_RUSTFLAGS").contains("\u{1f}--remap-path-prefix=/home/me/finetune=finetune")
        );
        assert!(of("CXXFLAGS").ends_with("-ffile-prefix-map=/home/me/.cache/libtorch=libtorch"));
    }
}
