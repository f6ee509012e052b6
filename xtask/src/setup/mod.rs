//! `cargo xtask setup`: libtorch, once per user, linked into the workspace as `.libtorch`.
//!
//! It comes from the first of these that works: the user's own (`user`), an earlier set-up (`cache`), the official
//! archive (`archive`), the pip package (`pip`, by way of `wheels`); headers of CUDA from `cuda_headers`. `target` knows which there
//! are for a machine, `libtorch` what a complete folder holds.
//!
//! Tested on Linux x86-64. What differs on macOS and Arm is in `target`: written, and never compiled there.

mod archive;
mod cache;
mod cuda_headers;
mod libtorch;
mod pip;
mod room;
mod target;
mod user;
mod wheels;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

pub use self::libtorch::VERSION;
use self::libtorch::Variant;
use self::target::Target;
pub(crate) use self::wheels::no_pip;
use crate::process::{Interrupted, say};
use crate::tools;
use crate::workspace::Workspace;

/// Set up libtorch: in the user's cache, linked into this workspace
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// The CUDA 13.0 build (several gigabytes) instead of the CPU build
    #[arg(long)]
    cuda: bool,
    /// Set up again even if an earlier set-up exists
    #[arg(long)]
    force: bool,
    /// Address of the official archive, for mirrors and tests
    #[arg(long, hide = true, env = "FINETUNE_LIBTORCH_ARCHIVE")]
    archive_url: Option<String>,
}

/// A libtorch that was found or made.
pub struct Found {
    /// Where from, in a few words.
    pub origin: String,
    /// The folder with `include` and `lib`; `None` where Python's own PyTorch is asked at build time.
    pub folder: Option<PathBuf>,
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "libtorch {VERSION} from {}", self.origin)?;
        self.folder.as_ref().map_or(Ok(()), |folder| write!(formatter, ": {}", folder.display()))
    }
}

/// The command: sets up and prints the result on stdout.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let found = set_up(workspace, arguments)?;
    anstream::println!("{found}");
    Ok(())
}

/// Sets up libtorch for the CPU; prints nothing if it is there.
///
/// # Errors
/// It is not there and cannot be set up.
pub fn ensure(workspace: &Workspace) -> Result<Found> {
    set_up(workspace, &Arguments::default())
}

/// Sets up libtorch for the CPU or for GPUs; prints nothing if it is there.
///
/// # Errors
/// As [`ensure`].
pub(crate) fn of_variant(workspace: &Workspace, cuda: bool) -> Result<Found> {
    set_up(workspace, &Arguments { cuda, ..Arguments::default() })
}

/// What is there now, without setting anything up: for `doctor`.
pub(crate) fn present(workspace: &Workspace) -> Result<Option<Found>> {
    match user::given(workspace, Variant::Cpu)? {
        Some(found) => Ok(Some(found)),
        None => Ok(cache::linked(workspace, Variant::Cpu)),
    }
}

fn set_up(workspace: &Workspace, arguments: &Arguments) -> Result<Found> {
    let variant = if arguments.cuda { Variant::Cuda } else { Variant::Cpu };
    if let Some(found) = user::given(workspace, variant)? {
        if arguments.force {
            say(format!("--force has no effect: {} is used, and nothing is set up.", found.origin));
        }
        return Ok(found);
    }
    if !arguments.force
        && let Some(found) = cache::linked(workspace, variant)
    {
        return Ok(found);
    }
    let target = target::of(std::env::consts::OS, std::env::consts::ARCH, variant)?;
    say(format!("Setting up libtorch {VERSION} ({variant}); LIBTORCH and LIBTORCH_USE_PYTORCH are not set."));
    let cache = cache::Cache::open()?;
    if arguments.force {
        say("An earlier set-up is not looked for: --force.");
    } else {
        match cache.earlier(variant) {
            Ok(found) => return cache::link(workspace, found),
            Err(why) => say(format!("No earlier set-up: {why:#}.")),
        }
    }
    cache::link(workspace, first_that_works(workspace, &cache, &target, variant, arguments)?)
}

/// Tries the archive, then pip; prints why one failed before it tries the next.
fn first_that_works(
    workspace: &Workspace,
    cache: &cache::Cache,
    target: &Target,
    variant: Variant,
    arguments: &Arguments,
) -> Result<Found> {
    let downloader = tools::downloader(workspace)?;
    let from_archive = match arguments.archive_url.as_ref().or(target.archive.as_ref()) {
        None => anyhow!("there is none for this machine"),
        Some(url) => {
            say(format!("Trying the official archive, {url}"));
            let install = |folder: &Path| archive::install(&downloader, url, folder, variant);
            match cache.fill(variant, archive::ORIGIN, install) {
                Err(error) if !error.is::<Interrupted>() => error,
                result => return result,
            }
        }
    };
    say(format!("The official archive did not work: {from_archive:#}."));
    say(format!("Trying the pip package torch=={VERSION}"));
    match cache.fill(variant, pip::ORIGIN, |folder| pip::install(&downloader, folder, target, variant)) {
        Err(from_pip) if !from_pip.is::<Interrupted>() => bail!(
            "libtorch {VERSION} could not be set up.\n  official archive: {from_archive:#}\n  pip: {from_pip:#}\n\
             Mend one of them, or set LIBTORCH to the folder of a libtorch {VERSION} of your own"
        ),
        result => result,
    }
}
