//! Carrying out one cell: a list of its images, a run of `finetune` or of a peer, a record.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use records::RunRecord;
use serde::Deserialize;
use xtask::process;
use xtask::workspace::Workspace;

use super::plan::Cell;
use super::record::{Claim, Record, packed};
use super::sets::{self, Images, Sources, Split};
use super::settings::{Amount, How};

/// What carries cells out.
pub(super) struct Runner<'a> {
    pub(super) sources: Sources<'a>,
    /// `finetune`.
    pub(super) finetune: PathBuf,
    /// File of the source weights.
    pub(super) weights: PathBuf,
    /// A Python that has fastai.
    pub(super) python: Option<PathBuf>,
    /// How far runs give way to other programs, 0 to 19.
    pub(super) nice: u8,
    /// Program and version.
    pub(super) program: String,
    pub(super) day: String,
}

/// How a cell ended.
pub(super) enum Ended {
    Finished(Box<Record>),
    /// The program does not know the setting, or the peer is not there.
    NotPossible(String),
}

/// What was measured on the images of a test.
pub(super) struct Measured {
    pub(super) accuracy: f64,
    pub(super) loss: Option<f64>,
    /// Whether each image was classified correctly, class by class.
    pub(super) answers: Vec<bool>,
    pub(super) search: Option<Claim>,
    /// Seconds of processor time.
    pub(super) seconds: f64,
    /// Program and version.
    pub(super) program: String,
}

/// The images of a run.
pub(super) struct Task<'a> {
    pub(super) folder: &'a Path,
    pub(super) side: u32,
    pub(super) train: &'a Images,
    pub(super) test: &'a Images,
    pub(super) seed: u64,
}

/// Whether a run could be made.
pub(super) enum Run {
    Measured(Box<Measured>),
    NotPossible(String),
}

impl Runner<'_> {
    /// Trains a cell and measures it.
    ///
    /// # Errors
    /// The set cannot be made; the run fails for another reason than an unknown setting.
    pub(super) fn carry_out(
        &self,
        cell: &Cell,
        measure: impl FnOnce(&Task<'_>) -> Result<Run>,
    ) -> Result<Ended> {
        let began = Instant::now();
        let folder = cell.set.ready(&self.sources)?;
        let about = sets::about(&folder)?;
        let train = Images::of(&folder, Split::Train)?.drawn(cell.images, cell.seed);
        let test = Images::of(&folder, Split::Test)?;
        let task = Task { folder: &folder, side: cell.set.side, train: &train, test: &test, seed: cell.seed };
        let measured = match measure(&task)? {
            Run::Measured(measured) => *measured,
            Run::NotPossible(reason) => return Ok(Ended::NotPossible(reason)),
        };
        Ok(Ended::Finished(Box::new(Record {
            set: cell.set.name.to_owned(),
            images: cell.images,
            seed: cell.seed,
            setting: cell.setting.name.to_owned(),
            accuracy: measured.accuracy,
            loss: measured.loss,
            tested: measured.answers.len(),
            correct: packed(measured.answers),
            trained: train.count(),
            seconds: rounded(measured.seconds),
            wall: rounded(began.elapsed().as_secs_f64()),
            program: measured.program,
            day: self.day.clone(),
            data: about.digest[..16].to_owned(),
            chosen: None,
            search: measured.search,
        })))
    }

    /// One run of a setting on these images, in a folder of its own, which is removed.
    pub(super) fn run(&self, name: &str, how: &How, task: &Task<'_>) -> Result<Run> {
        let folder = self.sources.folder.join("cells").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let list = folder.join("list.csv");
        let rows =
            format!("path,label,split\n{}{}", task.train.rows(Split::Train), task.test.rows(Split::Test));
        fs::write(&list, rows).with_context(|| format!("cannot write {}", list.display()))?;
        let before = processor_seconds()?;
        let done = match how {
            How::Program(changes) => {
                self.finetune(&folder, &list, task, &changes(&Amount { images: task.train.count() }))
            }
            How::Fastai => self.fastai(&folder, &list, task),
            How::Grid => bail!("the grid is no run"),
        };
        let seconds = processor_seconds()? - before;
        let run = match done? {
            Run::Measured(measured) => Run::Measured(Box::new(Measured { seconds, ..*measured })),
            not_possible @ Run::NotPossible(_) => not_possible,
        };
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        Ok(run)
    }

    fn finetune(&self, folder: &Path, list: &Path, task: &Task<'_>, changes: &[String]) -> Result<Run> {
        let config = folder.join("config.toml");
        fs::write(&config, self.config(list, task)?)
            .with_context(|| format!("cannot write {}", config.display()))?;
        let out = folder.join("run");
        let mut command = niced(&self.finetune, self.nice);
        // Features that another cell computed would make this one look cheaper than it is.
        command.env("XDG_CACHE_HOME", folder.join("cache"));
        command.arg("--config").arg(&config).arg("--out").arg(&out);
        for change in changes {
            command.arg("--set").arg(change);
        }
        let log = folder.join("log.txt");
        match logged(&mut command, &log)? {
            0 => {}
            2 => return Ok(Run::NotPossible(last_lines(&log))),
            code => bail!("finetune ended with {code}: {}", last_lines(&log)),
        }
        let record: RunRecord = read(&out.join("summary.json"))?;
        let test = record.evaluations.iter().find(|evaluation| evaluation.split == "test");
        let test = test.context("the run measured no test images")?;
        let answers: Vec<bool> = test.answers.concat().bytes().map(|answer| answer == b'1').collect();
        if answers.len() != task.test.count() {
            bail!("{} answers to {} test images", answers.len(), task.test.count());
        }
        Ok(Run::Measured(Box::new(Measured {
            accuracy: test.accuracy,
            loss: test.loss.is_finite().then_some(test.loss),
            answers,
            search: record.search.map(|search| Claim::of(*search)),
            seconds: 0.0,
            program: self.program.clone(),
        })))
    }

    /// The configuration that the changes of a setting begin with: data, network, weights, and nothing of the training. No
    /// images are split off for validation, so that every setting learns from the same.
    fn config(&self, list: &Path, task: &Task<'_>) -> Result<String> {
        let quoted = |path: &Path| serde_json::to_string(&path.display().to_string());
        let (side, root, list) = (task.side, quoted(task.folder)?, quoted(list)?);
        Ok(format!(
            "[data]\nroot = {root}\nlist = {list}\nvalidation_fraction = 0.0\n\n\
             [data.input]\nresize = {side}\ncrop = {side}\ninterpolation = \"bilinear\"\nchannels = 3\n\
             mean = [0.498039, 0.498039, 0.498039]\nstd = [0.501961, 0.501961, 0.501961]\n\n\
             [model]\narch = \"efficientnet_lite0\"\nweights = {}\n\n\
             [run]\nseed = {}\nthreads = 1\ncheckpoints = \"none\"\n",
            quoted(&self.weights)?,
            task.seed
        ))
    }

    fn fastai(&self, folder: &Path, list: &Path, task: &Task<'_>) -> Result<Run> {
        #[derive(Deserialize)]
        struct Answer {
            accuracy: f64,
            loss: f64,
            answers: String,
            versions: String,
        }
        let Some(python) = &self.python else {
            return Ok(Run::NotPossible("no Python with fastai was named with --python".into()));
        };
        let mut command = niced(python, self.nice);
        command.arg(self.sources.workspace.root.join("experiments/peers/fastai_fine_tune.py"));
        command.arg("--root").arg(task.folder).arg("--list").arg(list).arg("--weights").arg(&self.weights);
        command.arg("--side").arg(task.side.to_string()).arg("--seed").arg(task.seed.to_string());
        let answer = folder.join("answer.json");
        command.arg("--out").arg(&answer);
        let log = folder.join("log.txt");
        match logged(&mut command, &log)? {
            0 => {}
            code => bail!("the peer ended with {code}: {}", last_lines(&log)),
        }
        let Answer { accuracy, loss, answers, versions } = read(&answer)?;
        let answers: Vec<bool> = answers.bytes().map(|answer| answer == b'1').collect();
        if answers.len() != task.test.count() {
            bail!("{} answers to {} test images", answers.len(), task.test.count());
        }
        let loss = loss.is_finite().then_some(loss);
        Ok(Run::Measured(Box::new(Measured {
            accuracy,
            loss,
            answers,
            search: None,
            seconds: 0.0,
            program: versions,
        })))
    }
}

/// Program, commit and the first digits of the binary's digest.
pub(super) fn version(workspace: &Workspace, finetune: &Path, commit: Option<&str>) -> Result<String> {
    let said = process::ask(Command::new(finetune).arg("--version")).unwrap_or_else(|| "finetune".to_owned());
    let describe = &mut Command::new("git");
    describe.args(["describe", "--always", "--dirty"]).current_dir(&workspace.root);
    let commit =
        commit.map(str::to_owned).or_else(|| process::ask(describe)).unwrap_or_else(|| "none".to_owned());
    Ok(format!("{said}, commit {commit}, binary {}", &files::sha256_of_file(finetune)?[..12]))
}

/// A command that gives way to others.
fn niced(program: &Path, nice: u8) -> Command {
    let mut command = Command::new("nice");
    command.arg("-n").arg(nice.to_string()).arg(program);
    // One thread computes faster than several on images this small.
    command.env("OMP_NUM_THREADS", "1");
    command
}

/// Runs a command with all its output in a file; returns the exit code.
fn logged(command: &mut Command, log: &Path) -> Result<i32> {
    let open = || -> Result<(File, File)> {
        let file = File::create(log)?;
        Ok((file.try_clone()?, file))
    };
    let (stdout, stderr) = open().with_context(|| format!("cannot write {}", log.display()))?;
    let status = process::quiet_status(command.stdout(stdout).stderr(stderr))?;
    status.code().with_context(|| format!("it was killed ({status})"))
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join(" / ")
}

/// Processor time of all children that have ended.
pub(super) fn processor_seconds() -> Result<f64> {
    let usage =
        getrusage(UsageWho::RUSAGE_CHILDREN).context("the system does not say how long children computed")?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is of an unknown form", path.display()))
}
