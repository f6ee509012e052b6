//! The peers' Python: an environment in the user's cache, made once, or one that the user names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::process::{self, say};
use xtask::setup::VERSION;
use xtask::workspace::{Workspace, cache_folder};

/// What the peers' scripts need. pip reads its own settings, so an index of CPU wheels can be named with
/// `PIP_EXTRA_INDEX_URL`; PyPI's wheels need NVIDIA's libraries even where no GPU is.
const PACKAGES: [&str; 5] = ["torchvision==0.26.0", "timm==1.*", "safetensors", "pillow", "numpy"];
const VARIABLE: &str = "FINETUNE_PYTHON";

/// A Python that has all of them.
pub(super) struct Python {
    program: PathBuf,
    scripts: PathBuf,
    /// `torch 2.11.0, torchvision 0.26.0, ...`
    pub(super) versions: String,
}

impl Python {
    /// The one that the user names, or that of the cache.
    ///
    /// # Errors
    /// It cannot be made, or lacks a package.
    pub(super) fn ready(workspace: &Workspace, named: Option<&Path>) -> Result<Self> {
        let scripts = workspace.root.join("experiments/peers");
        let named = named.map(Path::to_owned).or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from));
        let program = match named {
            Some(named) => {
                std::path::absolute(&named).with_context(|| format!("cannot find {}", named.display()))?
            }
            None => environment()?,
        };
        let ask = "import json, torch, torchvision, timm, PIL, safetensors\n\
            of = lambda m: m.__name__ + ' ' + m.__version__.split('+')[0]\n\
            print(', '.join(of(m) for m in (torch, torchvision, timm)) + ', Pillow ' + PIL.__version__)";
        let Some(versions) = process::ask(Command::new(&program).args(["-c", ask])) else {
            bail!(
                "{} lacks torch, torchvision, timm, safetensors or Pillow: name another with --python or {VARIABLE}, \
                 or neither, and one is made",
                program.display()
            );
        };
        if !versions.contains(&format!("torch {VERSION}")) {
            say(format!(
                "The peers have {versions}, and finetune has libtorch {VERSION}: this compares versions too."
            ));
        }
        Ok(Self { program, scripts, versions })
    }

    /// A script of `experiments/peers` with what was asked of it still to be added.
    pub(super) fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(self.scripts.join(name));
        // Caches of torch.compile would spare it the compiling in the second run.
        command.env("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// Makes the environment unless it is there. It is whole when its mark is.
fn environment() -> Result<PathBuf> {
    let folder = cache_folder()?.join(format!("bench/python-torch-{VERSION}"));
    let (program, mark) = (folder.join("bin/python"), folder.join("complete"));
    if mark.exists() {
        return Ok(program);
    }
    say(format!("Making a Python environment in {}: some gigabytes, once.", folder.display()));
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    process::run_as_progress(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .context("no environment (on Debian: `apt install python3-venv`)")?;
    let mut pip = Command::new(&program);
    pip.args(["-m", "pip", "install", "--no-input", "--only-binary=:all:"]);
    pip.arg(format!("torch=={VERSION}")).args(PACKAGES);
    // pip collects in the temporary folder first, which is often a small one in memory.
    pip.env("TMPDIR", &folder);
    process::run_as_progress(&mut pip)?;
    fs::write(&mark, "").with_context(|| format!("cannot write {}", mark.display()))?;
    Ok(program)
}
