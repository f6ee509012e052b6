//! How each side predicts and decodes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::materials::{IMAGENET, Materials};
use super::measure::{self, last_line};
use super::works::{Classifier, Outcome, Side};

pub(super) fn our_prediction(materials: &Materials, by: Classifier, scratch: &Path) -> Result<Outcome> {
    let mut command = materials.finetune(scratch)?;
    command
        .arg("predict")
        .arg("--run")
        .arg(materials.model()?)
        .args(["--device", "cpu", "--top", "1", "--json"]);
    command
        .args(["--precision", &materials.precision, "--batch-size", &by.batch.to_string()])
        .arg(&materials.folder);
    let (measured, stdout) = measure::measured(&command, None, scratch)?;
    let lines = stdout.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let right: Vec<bool> = lines.map(|line| is_right(&line.path, &line.class)).collect();
    let ending: Ending = measured
        .said
        .iter()
        .rev()
        .find_map(|said| serde_json::from_str(&said.line).ok())
        .context("`finetune predict` does not report its speed")?;
    let mut outcome = Outcome::measured(&measured).predicted(&right, materials.predicted)?;
    ending.fill(&mut outcome);
    Ok(outcome)
}

#[derive(Deserialize)]
struct Line {
    path: PathBuf,
    class: String,
}

/// Last line of `finetune predict --json` on stderr.
#[derive(Deserialize)]
struct Ending {
    opened_seconds: f64,
    waited_seconds: f64,
    computed_seconds: f64,
    pictures_per_second: Option<f64>,
}

impl Ending {
    fn fill(self, outcome: &mut Outcome) {
        outcome.steady = self.pictures_per_second.map(f64::recip);
        outcome.profile = with_the_rest(
            vec![
                ("opening the model".to_owned(), self.opened_seconds),
                ("waiting for images".to_owned(), self.waited_seconds),
                ("computing".to_owned(), self.computed_seconds),
            ],
            outcome.seconds,
        );
    }
}

/// Parts of a duration in seconds, with the remainder.
fn with_the_rest(mut parts: Vec<(String, f64)>, seconds: f64) -> Vec<(String, f64)> {
    let known: f64 = parts.iter().map(|(_, seconds)| seconds).sum();
    parts.push(("start, writing and end".to_owned(), seconds - known));
    parts
}

pub(super) fn their_prediction(
    materials: &Materials,
    by: Classifier,
    side: Side,
    scratch: &Path,
) -> Result<Outcome> {
    let mut command = materials.python()?.script("predict.py");
    command.args(["--form", side.name(), "--arch", by.arch, "--batch-size", &by.batch.to_string()]);
    command.arg("--weights").arg(materials.model()?.join("model.safetensors"));
    command.arg("--input").arg(IMAGENET.to_json()).arg("--data").arg(&materials.folder);
    command.arg("--classes").arg(materials.classes.join(","));
    let (measured, stdout) = measure::measured(&command, None, scratch)?;
    let right: Vec<bool> = stdout.lines().filter_map(right_in_columns).collect();
    let Steady { steady_images_per_second } = last_line(&stdout)?;
    let outcome = Outcome::measured(&measured).predicted(&right, materials.predicted)?;
    Ok(Outcome { steady: steady_images_per_second.map(f64::recip), ..outcome })
}

#[derive(Deserialize)]
struct Steady {
    steady_images_per_second: Option<f64>,
}

/// Whether the line `path <tab> class <tab> probability` is right; `None` if it is another.
fn right_in_columns(line: &str) -> Option<bool> {
    let mut columns = line.split('\t');
    let (path, class, _probability) = (columns.next()?, columns.next()?, columns.next()?);
    Some(is_right(Path::new(path), class))
}

fn is_right(path: &Path, class: &str) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|folder| folder == class)
}

pub(super) fn our_decoding(materials: &Materials, scratch: &Path) -> Result<Outcome> {
    let mut command = materials.pixels.command(["time"]);
    command.arg(&materials.data);
    let (measured, stdout) = measure::measured(&command, None, scratch)?;
    let Pace { first, cached, profile } = last_line(&stdout)?;
    Ok(Outcome {
        decoded: Some(first.recip()),
        cached: Some(cached.recip()),
        profile: with_the_rest(profile, measured.seconds),
        ..Outcome::measured(&measured)
    })
}

/// Output of `pixels time`.
#[derive(Deserialize)]
struct Pace {
    /// Images a second, decoding included.
    first: f64,
    /// Images a second from decoded pixels.
    cached: f64,
    /// Where its time went: what, seconds.
    profile: Vec<(String, f64)>,
}

pub(super) fn their_decoding(materials: &Materials, scratch: &Path) -> Result<Outcome> {
    let mut command = materials.python()?.script("decode.py");
    command.arg("--data").arg(&materials.data).arg("--input").arg(IMAGENET.to_json());
    let (measured, stdout) = measure::measured(&command, None, scratch)?;
    let Decoded { images_per_second } = last_line(&stdout)?;
    Ok(Outcome { decoded: Some(images_per_second.recip()), ..Outcome::measured(&measured) })
}

#[derive(Deserialize)]
struct Decoded {
    images_per_second: f64,
}

impl Outcome {
    fn predicted(mut self, right: &[bool], wanted: usize) -> Result<Self> {
        ensure!(right.len() == wanted, "{} of {wanted} images were classified", right.len());
        let correct = right.iter().filter(|&&right| right).count();
        self.accuracy = (wanted > 0).then(|| correct as f64 / wanted as f64);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_right_when_it_names_the_folder() {
        assert_eq!(right_in_columns("/d/cats/1.jpg\tcats\t0.9"), Some(true));
        assert_eq!(right_in_columns("/d/dogs/1.jpg\tcats\t0.9"), Some(false));
        assert_eq!(right_in_columns("a warning"), None);
        assert_eq!(right_in_columns(r#"{"steady_images_per_second": 80.0}"#), None);
        assert!(Outcome::default().predicted(&[true], 2).is_err());
        assert_eq!(Outcome::default().predicted(&[true, false], 2).unwrap().accuracy, Some(0.5));
    }

    #[test]
    fn the_last_line_of_a_prediction_has_its_speed_and_its_times() {
        let text = r#"{"classified": 10, "unreadable": 0, "opened_seconds": 0.5, "waited_seconds": 0.25,
            "computed_seconds": 2.0, "pictures_per_second": 50.0}"#;
        let mut outcome = Outcome { seconds: 3.0, ..Outcome::default() };
        serde_json::from_str::<Ending>(text).unwrap().fill(&mut outcome);
        assert_eq!(outcome.steady, Some(0.02));
        assert_eq!(outcome.profile[2], ("computing".to_owned(), 2.0));
        assert_eq!(outcome.profile[3], ("start, writing and end".to_owned(), 0.25));
    }

    #[test]
    fn decoding_has_two_speeds_and_its_times() {
        let pace: Pace =
            serde_json::from_str(r#"{"first": 500.0, "cached": 900, "profile": [["decoding", 1.5]]}"#)
                .unwrap();
        assert_eq!((pace.first, pace.cached), (500.0, 900.0));
        assert_eq!(with_the_rest(pace.profile, 2.0)[1].1, 0.5);
    }
}
