//! A run that was begun before: what of it differs now, and from which state it goes on.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use features::dataset::DecodedDataset;
use records::{Event, Session};
use run_config::{Config, Run};
use serde_json::json;

use crate::difference::{Difference, Effect};
use crate::differences::{differences, with_other_keys};
use crate::error::CannotResume;
use crate::means::PROCESSES;
use crate::{Basis, Begun, Error, Found, ImageList, Means, StateFolder, VERSION};

/// A run that was begun before.
pub struct Reopened {
    /// The run to go on with: where a state was found, with all that was decided then.
    pub run: Run,
    /// The state to go on from; without one the run begins again.
    pub found: Option<Found>,
    differences: Vec<Difference>,
}

/// Writes down how a run is begun, before anything else.
///
/// # Errors
/// When it cannot be written, or another process has the folder.
pub fn begin(run: &Run, folder: &Path) -> Result<StateFolder, Error> {
    let states = StateFolder::take(folder)?;
    let working = std::env::current_dir().unwrap_or_default();
    let begun = Begun { version: VERSION, name: run.name.clone(), folder: working };
    states.begin(&begun, &text_of(&run.config)?)?;
    Ok(states)
}

/// Opens a run that was begun before, as it is asked for now; `metrics.jsonl` has this number of lines.
///
/// # Errors
/// When it was begun by another version, or with another configuration and no state is there to compare more with.
pub fn reopen(
    folder: &Path,
    states: &StateFolder,
    lines: u64,
    asked: Run,
    session: &mut Session<'_>,
) -> Result<Reopened, Error> {
    let begun = states.begun()?;
    let path = states.config();
    let text = fs::read_to_string(&path).map_err(files::Error::io("read", &path))?;
    let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
    let before: Config = run_config::parse(&text).map_err(|error| damaged(error.to_string()))?;
    let mut differences = differences(&before, &asked.config)?;
    // What a key asks for may be the same number or device: the means say so.
    differences.retain(|difference| difference.effect == Effect::Decides);
    let name = if asked.config.run.name.is_some() { asked.name.clone() } else { begun.name };
    let found = states.newest(lines, session)?;
    let run = match &found {
        Some(found) => {
            let basis = &found.state.basis;
            let decided = run_config::parse(&basis.decided).map_err(|error| damaged(error.to_string()))?;
            let config = with_other_keys(&decided, &asked.config)?;
            let Run { threads, workers, processes, source, .. } = asked;
            let decisions = basis.decisions.clone();
            Run { decisions, threads, workers, processes, ..run_config::resolve(config, source)? }
        }
        None => asked,
    };
    let run = Run { name, ..run };
    run.set_up_libtorch()?;
    if let Some(found) = &found {
        differences.extend(found.state.basis.means.differences(&Means::of(&run)));
    }
    let reopened = Reopened { run, found, differences };
    if reopened.found.is_none() {
        reopened.refuse(folder, Inexact::Refused)?;
    }
    Ok(reopened)
}

/// What a run depends on besides its configuration.
#[derive(Clone, Copy)]
pub struct Materials<'a> {
    /// Its images.
    pub images: &'a DecodedDataset,
    /// SHA-256 of the file of source weights.
    pub weights: Option<&'a str>,
}

/// Whether a run goes on although bits of its result will differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inexact {
    /// It does.
    Allowed,
    /// It does not.
    Refused,
}

impl Reopened {
    /// Compares images and weights with those that the run was begun with. Returns what it depends on from now on; `None` where
    /// it begins again.
    ///
    /// # Errors
    /// [`Error::CannotResume`] with all that differs.
    pub fn check(
        &mut self,
        folder: &Path,
        states: &StateFolder,
        materials: Materials<'_>,
        inexact: Inexact,
    ) -> Result<Option<Basis>, Error> {
        let Some(found) = &self.found else { return Ok(None) };
        let basis = &found.state.basis;
        let images = ImageList::of(materials.images);
        if images.digest() != basis.images {
            let listed = ImageList::read(states.images()).difference(&images);
            let how = listed.unwrap_or_else(|| "are not those that the run began with".to_owned());
            self.differences.push(Difference::deciding("images", how));
        }
        if materials.images.classes != basis.classes {
            let how =
                format!("were {}   are {}", basis.classes.join(", "), materials.images.classes.join(", "));
            self.differences.push(Difference::deciding("classes", how));
        }
        if materials.weights != basis.weights.as_deref() {
            let shown = |sha256: Option<&str>| {
                sha256.map_or_else(|| "none".to_owned(), |sha256| sha256.chars().take(16).collect())
            };
            let how = format!("were {}   are {}", shown(basis.weights.as_deref()), shown(materials.weights));
            self.differences.push(Difference::deciding("source weights", how));
        }
        self.refuse(folder, inexact)?;
        let mut basis = basis.clone();
        for Difference { what, .. } in &self.differences {
            if !basis.inexact.contains(what) {
                basis.inexact.push(what.clone());
            }
        }
        basis.means = Means::of(&self.run);
        basis.decided = text_of(&self.run.config)?;
        Ok(Some(basis))
    }

    fn refuse(&self, folder: &Path, inexact: Inexact) -> Result<(), Error> {
        let mut differences = self.differences.clone();
        differences.retain(|difference| match difference.effect {
            Effect::Decides => true,
            Effect::Bits => inexact == Inexact::Refused,
            Effect::Processes => false,
        });
        if differences.is_empty() {
            return Ok(());
        }
        let folder = folder.to_path_buf();
        Err(Error::CannotResume(Box::new(CannotResume { folder, differences })))
    }

    /// Says from where the run goes on, in a line of `resumed.jsonl` and in words.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn announce(&self, folder: &Path, session: &mut Session<'_>) -> Result<(), Error> {
        let progress = self.found.as_ref().and_then(|found| found.state.progress.as_ref());
        let from = progress.map(|progress| &progress.training);
        let step = from.map_or(0, |from| from.steps_before + from.steps);
        let basis = self.found.as_ref().map(|found| &found.state.basis);
        let line = json!({
            "time": SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
            "step": step,
            "phase": from.map(|from| from.phase.as_str()),
            "epoch": from.map(|from| from.epoch),
            "means": Means::of(&self.run),
            "differs": self.differences.iter().map(|difference| &difference.what).collect::<Vec<_>>(),
        });
        let path = folder.join("resumed.jsonl");
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened.and_then(|mut file| writeln!(file, "{line}")).map_err(files::Error::io("write", &path))?;
        let how = match (from, basis) {
            (Some(from), _) => format!("resumed after step {step}, in {}, epoch {}", from.phase, from.epoch),
            (None, Some(_)) => "resumed before the first step".to_owned(),
            (None, None) => "begun again: it was cut off before anything was decided".to_owned(),
        };
        session.emit(&Event::Note(how));
        let others = self.differences.iter().find(|difference| difference.what == PROCESSES);
        if let Some(Difference { how, .. }) = others {
            session.emit(&Event::Note(format!(
                "number of processes: {how}; the model is the same but for its last bits"
            )));
        }
        Ok(())
    }
}

/// Refuses another configuration than that with which something was begun in a folder.
///
/// # Errors
/// [`Error::CannotResume`] with all that differs.
pub fn same_configuration(folder: &Path, before: &Config, now: &Config) -> Result<(), Error> {
    let mut differences = differences(before, now)?;
    differences.retain(|difference| difference.effect == Effect::Decides);
    match differences.is_empty() {
        true => Ok(()),
        false => {
            let folder = folder.to_path_buf();
            Err(Error::CannotResume(Box::new(CannotResume { folder, differences })))
        }
    }
}

/// Returns what a run depends on that begins now.
///
/// # Errors
/// When its configuration cannot be written.
pub fn basis(run: &Run, materials: Materials<'_>) -> Result<Basis, Error> {
    run.set_up_libtorch()?;
    Ok(Basis {
        decided: text_of(&run.config)?,
        decisions: run.decisions.clone(),
        advice: None,
        search: None,
        classes: materials.images.classes.clone(),
        images: ImageList::of(materials.images).digest(),
        weights: materials.weights.map(str::to_owned),
        means: Means::of(run),
        inexact: Vec::new(),
    })
}

fn text_of(config: &Config) -> Result<String, Error> {
    toml::to_string(config).map_err(|error| Error::Serialise(error.to_string()))
}
