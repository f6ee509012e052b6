//! Small pieces of work, each many times over: the benches of the rooms `images` and `finetune-core`, as one table.

use anyhow::{Result, bail};
use serde::Deserialize;
use xtask::setup;
use xtask::tools::{self, Kind, Tool};
use xtask::workspace::Workspace;

use crate::spread::Spread;

const IMAGES_BENCH: Kind = Kind {
    what: "the micro benches of images",
    binary: "pictures",
    build: &["--package", "images", "--bench", "pictures"],
    variable: "FINETUNE_BENCH_PICTURES",
};

/// `cargo build` has them in the profile `dev`, as everything else.
const BENCH_OF_NETWORKS: Kind = Kind {
    what: "the micro benches of networks",
    binary: "networks",
    build: &["--package", "finetune-core", "--bench", "networks"],
    variable: "FINETUNE_BENCH_NETWORKS",
};

/// What the bench of `images` can time, above the torch line.
const IMAGES: [&str; 3] = ["decode", "resize", "augment"];
/// What the bench of `finetune-core` can time.
const NETWORKS: [&str; 4] = ["step-small", "step", "cached-epoch", "predict"];

/// How often each work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Three times, to see that it works.
    Quick,
    /// Warm-up, then eleven samples.
    Full,
}

/// Output of a bench for one work.
#[derive(Debug, PartialEq, Deserialize)]
struct Timed {
    name: String,
    /// What is counted.
    of: String,
    /// How often a sample does it.
    runs: u32,
    /// For one of what is counted, a sample each.
    seconds: Vec<f64>,
}

/// Times the works that are asked for, all without names; the table.
///
/// # Errors
/// A name that is none; a bench that cannot be built, or fails.
pub(super) fn table(workspace: &Workspace, only: &[String], extent: Extent) -> Result<String> {
    let (images, networks) = chosen(only)?;
    let mut timed = Vec::new();
    if !images.is_empty() {
        timed.extend(run(&tools::built(workspace, &IMAGES_BENCH)?, &images, extent)?);
    }
    if !networks.is_empty() {
        setup::ensure(workspace)?;
        timed.extend(run(&tools::built(workspace, &BENCH_OF_NETWORKS)?, &networks, extent)?);
    }
    Ok(text(&timed))
}

type Names = Vec<&'static str>;

/// What is asked for of each bench.
fn chosen(only: &[String]) -> Result<(Names, Names)> {
    let known = || IMAGES.into_iter().chain(NETWORKS);
    if let Some(unknown) = only.iter().find(|name| known().all(|known| known != *name)) {
        let known: Vec<&str> = known().collect();
        bail!("no micro bench is called {unknown:?}: there are {}", known.join(", "));
    }
    let wanted = |name: &&'static str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    Ok((IMAGES.into_iter().filter(wanted).collect(), NETWORKS.into_iter().filter(wanted).collect()))
}

fn run(bench: &Tool, names: &[&'static str], extent: Extent) -> Result<Vec<Timed>> {
    let mut command = bench.command(["--bench"]);
    if extent == Extent::Quick {
        command.arg("--quick");
    }
    Tool::answers(command.args(names))?.into_iter().collect()
}

/// A line a work, medians with least and greatest.
fn text(timed: &[Timed]) -> String {
    let mut text = format!(
        "{:14}{:>12}{:>12}{:>12}  {:16}{}\n",
        "bench", "median", "least", "greatest", "for one", "samples"
    );
    for Timed { name, of, runs, seconds } in timed {
        let Some(Spread { median, min, max }) = Spread::of(seconds.iter().copied()) else { continue };
        let [median, min, max] = [median, min, max].map(duration);
        text += &format!("{name:14}{median:>12}{min:>12}{max:>12}  {of:16}{} of {runs}\n", seconds.len());
    }
    text
}

/// With three digits or four.
fn duration(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1e-3 => format!("{:.1} us", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_and_a_wrong_one_lists_the_known_ones() {
        let names = |only: &[&str]| chosen(&only.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&[]).unwrap(), (IMAGES.to_vec(), NETWORKS.to_vec()));
        assert_eq!(names(&["step", "decode"]).unwrap(), (vec!["decode"], vec!["step"]));
        let error = names(&["head"]).unwrap_err().to_string();
        assert!(error.contains("\"head\"") && error.contains("cached-epoch"), "{error}");
    }

    #[test]
    fn a_bench_answers_in_one_line_a_work() {
        let line = r#"{"name": "step", "of": "batch of 16", "runs": 2, "seconds": [0.5, 0.25, 1.5]}"#;
        let timed: Timed = serde_json::from_str(line).unwrap();
        let text = text(&[timed]);
        let last = text.lines().next_back().unwrap();
        let words: Vec<&str> = last.split_whitespace().collect();
        assert_eq!(words.join(" "), "step 500.00 ms 250.00 ms 1.50 s batch of 16 3 of 2");
        assert_eq!(duration(2.5e-5), "25.0 us");
    }
}
