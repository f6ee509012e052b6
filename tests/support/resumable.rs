//! Runs that were cut off, next to runs that were left alone.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Ran, names};

/// Starts a program and kills it (SIGKILL) as soon as something is so. Returns whether it was: a program may be faster.
pub(crate) fn killed_when(program: &mut Command, is_so: impl Fn() -> bool) -> bool {
    let mut child = start(program);
    let began = Instant::now();
    loop {
        if is_so() {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "nothing happens");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Starts a program and kills it after a time. Returns whether that came before its end.
pub(crate) fn killed_after(program: &mut Command, time: Duration) -> Result<(), Ran> {
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while began.elapsed() < time {
        if child.try_wait().unwrap().is_some() {
            return Err(Ran::of(&child.wait_with_output().unwrap()));
        }
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    Ok(())
}

fn start(program: &mut Command) -> Child {
    program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Asserts that what a resumed run left is what the run that was left alone did, times aside.
#[track_caller]
pub(crate) fn assert_same(alone: &Path, resumed: &Path, what: &str) {
    assert_eq!(
        sha256(&alone.join("model.safetensors")),
        sha256(&resumed.join("model.safetensors")),
        "{what}"
    );
    assert_eq!(files(alone, "checkpoints"), files(resumed, "checkpoints"), "{what}");
    assert_eq!(metrics(alone), metrics(resumed), "{what}");
    let (one, other) = (summary(alone), summary(resumed));
    for (key, value) in one.as_object().unwrap() {
        assert_eq!(Some(value), other.get(key), "{what}: {key}");
    }
    assert_eq!(one, other, "{what}");
    let predictions = |run: &Path| fs::read(run.join("predictions.csv")).ok();
    assert_eq!(predictions(alone), predictions(resumed), "{what}");
    let mut left = names(resumed);
    left.retain(|name| name != "resumed.jsonl");
    assert_eq!(names(alone), left, "{what}");
}

fn files(run: &Path, folder: &str) -> Vec<(String, String)> {
    let folder = run.join(folder);
    let names = if folder.is_dir() { names(&folder) } else { Vec::new() };
    names.into_iter().map(|name| (sha256(&folder.join(&name)), name)).collect()
}

fn sha256(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    hex::encode(Sha256::digest(bytes))
}

fn metrics(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| without_times(serde_json::from_str(line).unwrap())).collect()
}

fn summary(run: &Path) -> Value {
    without_times(serde_json::from_slice(&fs::read(run.join("summary.json")).unwrap()).unwrap())
}

/// Removes what depends on the clock: three keys, and the share of time in the words of a step.
fn without_times(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let timed = ["seconds", "images_per_second", "waited_seconds"];
            let rest = fields.into_iter().filter(|(key, _)| !timed.contains(&key.as_str()));
            Value::Object(rest.map(|(key, value)| (key, without_times(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_times).collect()),
        Value::String(text) => match text.split_once("% of the time waiting") {
            Some((before, after)) => {
                let before = before.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
                Value::String(format!("{before}% of the time waiting{after}"))
            }
            None => Value::String(text),
        },
        other => other,
    }
}
