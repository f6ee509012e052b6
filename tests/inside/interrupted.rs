//! An interruption between the steps of a run.

use std::path::Path;

use finetune_core::recipe::{self, Course};
use records::{Event, Interrupt, Outcome, Session};
use run_config::{Run, read, resolve};

use crate::shapes::draw;

/// LeNet from random weights, one epoch.
const SCRATCH: &str = "[model]\narch = \"lenet5_relu\"\nweights = \"none\"\n[finetune]\ndepth = \"scratch\"\n\
    [train]\nepochs = 1\nbatch_size = 4\n[run]\ndevice = \"cpu\"\nthreads = 1\nworkers = 1\n";

/// Writes images of three splits, and the configuration of a run on them.
fn small_run(folder: &Path) -> Run {
    for (split, numbers) in [("train", 0..6), ("val", 100..102), ("test", 400..402)] {
        for class in ["bar", "cross"] {
            draw(&folder.join("data").join(split).join(class), class, numbers.clone());
        }
    }
    let file = folder.join("c.toml");
    let root = folder.join("data").display().to_string();
    std::fs::write(&file, format!("[data]\nroot = {root:?}\n{SCRATCH}")).unwrap();
    let (config, source) = read(&file, &[]).unwrap();
    resolve(config, source).unwrap()
}

#[test]
fn after_the_last_epoch_the_test_split_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    let outcome = |stop_after: &str| {
        let interrupt = Interrupt::default();
        let mut materials = recipe::gather(
            &run,
            &team::Team::alone(),
            &mut Session { interrupt: &interrupt, listener: &mut |_| {} },
        )
        .unwrap();
        let mut listen = |event: &Event<'_>| {
            if matches!(event, Event::Ended(step) if step.name == stop_after) {
                interrupt.request();
            }
        };
        let record = recipe::perform(
            &run,
            &mut materials,
            None,
            Course::unsaved(),
            &mut Session { interrupt: &interrupt, listener: &mut listen },
        )
        .unwrap()
        .record;
        assert_eq!((record.epochs.len(), record.steps.len()), (1, 5));
        (record.outcome, record.evaluations.into_iter().map(|measured| measured.split).collect::<Vec<_>>())
    };
    assert_eq!(outcome("never"), (Outcome::Finished, vec!["validation".to_owned(), "test".to_owned()]));
    assert_eq!(outcome("fine-tune"), (Outcome::Interrupted, vec!["validation".to_owned()]));
}
