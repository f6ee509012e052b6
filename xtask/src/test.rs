//! `cargo xtask test`: formatting, clippy and every test, with libtorch set up first.
//!
//! Everything runs in the one profile `dev`, as `cargo run` does: tch's C++ is compiled once for all of it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Result;
use machine_commands::{fetch_data, fetch_weights};

use crate::process::{self, Interrupted, say};
use crate::tools;
use crate::workspace::{Crates, Workspace};
use crate::{caller, setup};

/// Run formatting, clippy and every test of the workspace
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the crates above the torch line: no libtorch is needed
    #[arg(long)]
    fast: bool,
    /// Also learn real photographs: a folder with dogs_cats_small.zip and hymenoptera_data.zip
    #[arg(long, value_name = "DIR", conflicts_with = "fast")]
    photos: Option<PathBuf>,
    /// Also test the report's sample pages in this headless Chromium: mouse, keyboard, print
    #[arg(long, value_name = "PROGRAM")]
    browser: Option<PathBuf>,
    /// Also read the sample pages' event files with TensorBoard: a Python with tensorboard and pillow
    #[arg(long, value_name = "PYTHON")]
    tensorboard: Option<PathBuf>,
    /// Also compare exported models of every network with onnxruntime: a Python with onnx, onnxruntime, numpy, pillow and
    /// safetensors
    #[arg(long, value_name = "PYTHON")]
    onnxruntime: Option<PathBuf>,
    /// Also train in several processes under this torchrun
    #[arg(long, value_name = "PROGRAM", conflicts_with = "fast")]
    torchrun: Option<PathBuf>,
    /// Also train on this number of NVIDIA GPUs, 1 or 2: NCCL on one, two processes on one, two processes on two
    #[arg(long, value_name = "N", conflicts_with = "fast", value_parser = clap::value_parser!(u8).range(1..))]
    gpus: Option<u8>,
    /// Also compute the larger networks of each family, one at a time: up to 16 GiB of memory
    #[arg(long, conflicts_with = "fast")]
    large: bool,
    /// Also read this many damaged files, 10000 for a thorough run: images are compared with Pillow
    #[arg(long, value_name = "N", requires = "pillow")]
    fuzz: Option<u32>,
    /// The Python for --fuzz, with pillow==13.0.0 and numpy
    #[arg(long, value_name = "PYTHON", requires = "fuzz")]
    pillow: Option<PathBuf>,
    /// Also kill runs this many times and resume them: 200 for a thorough run; 12 kills are among the tests
    #[arg(long, value_name = "N", conflicts_with = "fast")]
    kills: Option<u32>,
}

/// One part of the test.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    name: &'static str,
    work: Work,
}

#[derive(Debug, PartialEq, Eq)]
enum Work {
    /// A call of cargo with these arguments.
    Cargo(Vec<String>),
    /// Fetching what the tests with photographs need, out of this folder.
    Photographs(PathBuf),
    /// Training in processes that this program starts.
    Torchrun(PathBuf),
    /// Another program with these arguments.
    Program(PathBuf, Vec<PathBuf>),
    /// Damaging images and comparing what this Python reads of them.
    DamagedImages {
        /// How many.
        count: u32,
        python: PathBuf,
    },
    /// Reading this number of damaged checkpoints.
    DamagedCheckpoints(u32),
    /// Killing runs this number of times.
    Kills(u32),
}

/// How OpenMP, on which libtorch's threads are built, waits.
const WAIT_POLICY: &str = "OMP_WAIT_POLICY";

/// How one step went.
struct Outcome {
    name: &'static str,
    passed: bool,
    time: Duration,
}

/// The command: runs every step even if one fails, sums up, and exits with 1 if any did.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    let crates = workspace.crates()?;
    let mut steps = if arguments.fast { fast_steps(&crates) } else { all_steps(&crates) };
    if !arguments.fast {
        setup::ensure(workspace)?;
    }
    if let Some(photos) = &arguments.photos {
        steps.extend(photograph_steps(photos));
    }
    steps.extend(page_steps(arguments.browser.as_deref(), arguments.tensorboard.as_deref()));
    steps.extend(arguments.onnxruntime.as_deref().map(|python| Step {
        name: "exported models in onnxruntime",
        work: Work::Program(
            python.to_owned(),
            ["tests/onnx/compare.py", "target/debug/finetune"].map(PathBuf::from).to_vec(),
        ),
    }));
    steps.extend(arguments.large.then(large_step));
    steps.extend(fuzz_steps(arguments));
    let (kills, agent) = (arguments.kills.map(Work::Kills), arguments.torchrun.clone().map(Work::Torchrun));
    steps.extend(kills.map(|work| Step { name: "runs that are killed", work }));
    steps.extend(agent.map(|work| Step { name: "under torchrun", work }));
    steps.extend(arguments.gpus.into_iter().flat_map(gpu_steps));
    let mut outcomes = Vec::new();
    for step in &steps {
        let start = Instant::now();
        let passed = passes(workspace, &step.work)?;
        outcomes.push(Outcome { name: step.name, passed, time: start.elapsed() });
    }
    anstream::print!("{}", summary(&outcomes));
    let passed = outcomes.iter().all(|outcome| outcome.passed);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn passes(workspace: &Workspace, work: &Work) -> Result<bool> {
    match work {
        Work::Cargo(words) => {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut cargo = workspace.cargo(&words);
            // Tests share the cores: an OpenMP thread that waits for others of its process had better sleep than spin, which
            // it does for as long as its slice of time lasts and keeps the thread that it waits for from the core.
            if std::env::var_os(WAIT_POLICY).is_none() {
                cargo.env(WAIT_POLICY, "passive");
            }
            Ok(process::status(&mut cargo)?.success())
        }
        Work::Photographs(folder) => fetch_photographs(workspace, folder),
        Work::Torchrun(program) => {
            let words = "test --package finetune-core --test cli torchrun:: -- --ignored --nocapture";
            let mut cargo = workspace.cargo(&words.split(' ').collect::<Vec<_>>());
            Ok(process::status(cargo.env("FINETUNE_TORCHRUN", program).env(WAIT_POLICY, "passive"))?
                .success())
        }
        Work::Program(program, arguments) => runs(workspace, Command::new(program).args(arguments)),
        Work::DamagedImages { count, python } => {
            let tool = tools::damaged_images(workspace)?;
            let script = "crates/image-file/tests/differential/differential.py";
            let mut command = Command::new(python);
            command.args([script, "compare"]).arg(tool.program()).arg(count.to_string());
            runs(workspace, &mut command)
        }
        Work::DamagedCheckpoints(count) => {
            let words = ["test", "--package", "checkpoint", "--test", "mutated", "--", "--nocapture"];
            let mut cargo = workspace.cargo(&words);
            Ok(process::status(cargo.env("CHECKPOINT_MUTATIONS", count.to_string()))?.success())
        }
        Work::Kills(count) => {
            let words =
                ["test", "--package", "finetune-core", "--test", "cli", "killed::", "--", "--nocapture"];
            let mut cargo = workspace.cargo(&words);
            Ok(process::status(cargo.env("FINETUNE_KILLS", count.to_string()))?.success())
        }
    }
}

/// Runs a program from the root.
fn runs(workspace: &Workspace, command: &mut Command) -> Result<bool> {
    command.current_dir(&workspace.root).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(process::status(command)?.success())
}

/// Fetches the photographs, and the weights of the configurations that learn them; prints what cannot be fetched.
fn fetch_photographs(workspace: &Workspace, photos: &Path) -> Result<bool> {
    let data = ["dogs_cats_small", "hymenoptera_data"]
        .map(|name| caller::fetch_data(workspace, &fetch_data::Arguments::of_folder(name, photos)));
    let weights = ["dogs_cats.toml", "configs/ants_bees.toml"].map(|config| {
        caller::fetch_weights(workspace, &fetch_weights::Arguments::of_config(workspace.root.join(config)))
    });
    let mut all = true;
    for error in data.into_iter().chain(weights).filter_map(Result::err) {
        if error.is::<Interrupted>() {
            return Err(error);
        }
        say(format!("{error:#}"));
        all = false;
    }
    Ok(all)
}

/// They come last, so that photographs that are not there leave all other tests as they are.
fn photograph_steps(photos: &Path) -> [Step; 2] {
    [
        Step { name: "fetching photographs", work: Work::Photographs(photos.to_owned()) },
        step("real photographs", "test --package finetune-core --test cli real_photos -- --ignored", &[]),
    ]
}

/// What takes GPUs: one, or two.
fn gpu_steps(count: u8) -> Vec<Step> {
    let on = |number: &str| format!("test --package finetune-core --test cli gpus::{number} -- --ignored");
    let nccl = step("NCCL on a GPU", "test --package torch-extra --lib nccl -- --ignored", &[]);
    let two = (count > 1).then(|| step("processes on two GPUs", &on("two"), &[]));
    [nccl, step("processes on a GPU", &on("one"), &[])].into_iter().chain(two).collect()
}

/// Each family's test of its larger networks, one program after another.
fn large_step() -> Step {
    let words = "test --workspace --test family large_networks -- --ignored";
    step("the larger networks", words, &[])
}

/// The sample pages and their event files, drawn and given to programs that are not ours.
fn page_steps(browser: Option<&Path>, tensorboard: Option<&Path>) -> Vec<Step> {
    let script = |name: &str| PathBuf::from("crates/report/tests").join(name);
    let looking = browser.map(|browser| Step {
        name: "pages in a browser",
        work: Work::Program("python3".into(), vec![script("browser.py"), PAGES.into(), browser.to_owned()]),
    });
    let reading = tensorboard.map(|python| Step {
        name: "events in TensorBoard",
        work: Work::Program(python.to_owned(), vec![script("check_events.py"), PAGES.into()]),
    });
    let mut steps: Vec<Step> = looking.into_iter().chain(reading).collect();
    if !steps.is_empty() {
        let words = format!("run --package report --example sample_report -- {PAGES}");
        steps.insert(0, step("drawing sample pages", &words, &[]));
    }
    if let Some(browser) = browser {
        let arguments = ["crates/serve/tests/browser.py", SERVER].map(PathBuf::from).into_iter();
        let arguments = arguments.chain([browser.to_owned()]).collect();
        steps.push(step("building a server", "build --package serve --example colours", &[]));
        steps.push(Step { name: "a server in a browser", work: Work::Program("python3".into(), arguments) });
    }
    steps
}

/// Damaged files, a step for each kind.
fn fuzz_steps(arguments: &Arguments) -> Vec<Step> {
    let images = arguments.fuzz.zip(arguments.pillow.clone()).map(|(count, python)| Step {
        name: "damaged images against Pillow",
        work: Work::DamagedImages { count, python },
    });
    // A checkpoint is read in a tenth of the time.
    let checkpoints = arguments.fuzz.map(|count| Step {
        name: "damaged checkpoints",
        work: Work::DamagedCheckpoints(count.saturating_mul(4)),
    });
    images.into_iter().chain(checkpoints).collect()
}

/// Where the sample pages are drawn, from the root.
const PAGES: &str = "target/pages";

/// A server of a made-up model, from the root.
const SERVER: &str = "target/debug/examples/colours";

/// The downloader, which no crate enables, belongs to what is tested. The last step does without, so that it builds what
/// `cargo run` builds.
const FETCH: &str = "--features pretrained/fetch";

fn all_steps(crates: &Crates) -> Vec<Step> {
    vec![
        step("formatting", "fmt --all --check", &[]),
        step("clippy", "clippy --workspace --all-targets", &[]).then(FETCH).then("-- -D warnings"),
        step("tests above the torch line", "test --no-fail-fast", &crates.above).then(FETCH),
        step("all tests", "test --workspace --no-fail-fast", &[]),
    ]
}

fn fast_steps(crates: &Crates) -> Vec<Step> {
    vec![
        step("formatting", "fmt --all --check", &[]),
        step("clippy above the torch line", "clippy --all-targets", &crates.above)
            .then(FETCH)
            .then("-- -D warnings"),
        step("tests above the torch line", "test --no-fail-fast", &crates.above).then(FETCH),
    ]
}

fn step(name: &'static str, words: &str, packages: &[String]) -> Step {
    let packages = packages.iter().flat_map(|package| ["--package".to_owned(), package.clone()]);
    Step { name, work: Work::Cargo(words.split(' ').map(str::to_owned).chain(packages).collect()) }
}

impl Step {
    fn then(mut self, words: &str) -> Self {
        if let Work::Cargo(arguments) = &mut self.work {
            arguments.extend(words.split(' ').map(str::to_owned));
        }
        self
    }
}

fn summary(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Outcome { name, passed, time } in outcomes {
        let verdict = if *passed { "ok" } else { "FAILED" };
        text += &format!("{name:width$}  {verdict:6}  {:>7.1} s\n", time.as_secs_f64());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(step: &Step) -> &[String] {
        match &step.work {
            Work::Cargo(words) => words,
            Work::Photographs(_)
            | Work::Torchrun(_)
            | Work::Program(..)
            | Work::DamagedImages { .. }
            | Work::DamagedCheckpoints(_)
            | Work::Kills(_) => &[],
        }
    }

    #[test]
    fn upper_crates_come_first_and_then_the_whole_workspace() {
        let crates = Crates { above: vec!["a".into(), "b".into()], below: vec!["c".into()] };
        let lines: Vec<String> = all_steps(&crates).iter().map(|step| words(step).join(" ")).collect();
        let expected = [
            "fmt --all --check",
            "clippy --workspace --all-targets --features pretrained/fetch -- -D warnings",
            "test --no-fail-fast --package a --package b --features pretrained/fetch",
            "test --workspace --no-fail-fast",
        ];
        assert_eq!(lines, expected);
        assert!(fast_steps(&crates).iter().all(|step| !words(step).iter().any(|word| word == "c")));
    }

    #[test]
    fn pages_are_drawn_only_for_programs_that_look_at_them() {
        assert_eq!(page_steps(None, None), []);
        let names = |steps: Vec<Step>| steps.into_iter().map(|step| step.name).collect::<Vec<_>>();
        let [browser, python] = ["chromium", "/venv/bin/python"].map(Path::new);
        assert_eq!(names(page_steps(None, Some(python))), ["drawing sample pages", "events in TensorBoard"]);
        let steps = page_steps(Some(browser), Some(python));
        assert!(words(&steps[0]).ends_with(&["--".to_owned(), PAGES.to_owned()]));
        let script = "crates/report/tests/browser.py";
        let arguments = [script, PAGES, "chromium"].map(PathBuf::from).to_vec();
        assert_eq!(steps[1].work, Work::Program("python3".into(), arguments));
        let last = ["building a server", "a server in a browser"];
        assert_eq!(names(steps).last_chunk(), Some(&last));
    }

    #[test]
    fn damaged_images_are_compared_only_where_a_python_is_named() {
        let parse = |words: &str| {
            #[derive(clap::Parser)]
            struct Line {
                #[command(flatten)]
                arguments: Arguments,
            }
            <Line as clap::Parser>::try_parse_from(words.split(' ')).map(|line| fuzz_steps(&line.arguments))
        };
        assert_eq!(parse("test").unwrap(), []);
        let [step, checkpoints] = &parse("test --fuzz 70 --pillow /venv/bin/python").unwrap()[..] else {
            panic!()
        };
        assert_eq!(checkpoints.work, Work::DamagedCheckpoints(280));
        assert_eq!(step.work, Work::DamagedImages { count: 70, python: "/venv/bin/python".into() });
        assert!(parse("test --fuzz 70").is_err() && parse("test --pillow python").is_err());
    }

    #[test]
    fn the_summary_has_a_line_for_each_step() {
        let outcome = |name, passed| Outcome { name, passed, time: Duration::from_millis(1250) };
        let text = summary(&[outcome("formatting", true), outcome("all tests", false)]);
        assert_eq!(text, "formatting  ok          1.2 s\nall tests   FAILED      1.2 s\n");
    }

    #[test]
    fn photographs_that_are_not_there_fail_their_own_step_and_no_other() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace { root: root.path().to_owned() };
        let [fetching, learning] = photograph_steps(&root.path().join("nowhere"));
        assert!(!passes(&workspace, &fetching.work).unwrap(), "an error would end all that comes after");
        assert_eq!(
            words(&learning).join(" "),
            "test --package finetune-core --test cli real_photos -- --ignored"
        );
    }
}
