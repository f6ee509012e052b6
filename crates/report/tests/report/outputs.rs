//! The remaining ways out: files on disk, lines for the terminal.

use std::fs;

use records::{ComparisonRecord, RunRecord};
use report::text::{comparison_table, run_summary};
use report::{html, write_comparison, write_figures, write_run};

use crate::samples;

#[test]
fn a_page_replaces_an_older_one_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    write_run(&samples::run(), dir.path()).unwrap();
    write_comparison(&samples::comparison(), dir.path()).unwrap();
    assert_eq!(
        fs::read_to_string(dir.path().join("report.html")).unwrap(),
        html::comparison_page(&samples::comparison())
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_is_a_file_is_named_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = write_run(&samples::run(), &dir.path().join("file")).unwrap_err().to_string();
    assert!(error.contains("file") && error.contains("cannot write"), "{error}");
}

#[test]
fn records_survive_json() {
    let (run, comparison) = (samples::run(), samples::comparison());
    assert_eq!(serde_json::from_str::<RunRecord>(&serde_json::to_string(&run).unwrap()).unwrap(), run);
    assert_eq!(
        serde_json::from_str::<ComparisonRecord>(&serde_json::to_string(&comparison).unwrap()).unwrap(),
        comparison
    );
}

#[test]
fn a_diverged_run_survives_json() {
    let mut run = samples::run();
    run.epochs[1].train_loss = f64::NAN;
    run.evaluations[0].loss = f64::INFINITY;
    run.evaluations[0].groups = [("empty".to_owned(), f64::NAN)].into();
    let back: RunRecord = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    assert!(back.epochs[1].train_loss.is_nan() && back.evaluations[0].loss.is_nan());
    assert!(back.evaluations[0].groups["empty"].is_nan());
}

#[test]
fn a_comparison_reads_as_a_table() {
    let mut comparison = samples::comparison();
    comparison.judged_on = None;
    comparison.rows.retain(|row| row.variant == "held-out faces" && row.images_per_class != Some(3));
    comparison.rows.remove(1);
    for row in comparison.rows.iter_mut().filter(|row| row.images_per_class == Some(30)) {
        row.images_per_class = None;
    }
    comparison.traces.clear();
    comparison.verdict = vec!["One \u{1b}[31msentence.".into()];
    let table = comparison_table(&comparison);
    let expected = "\
Accuracy in percent, held-out faces, all classes: mean ± standard deviation over 3 seeds
  images per class     scratch     fine-tune          head
                 1  11.4 ± 1.6    47.2 ± 1.3 *           –
                 5  30.6 ± 0.7    70.8 ± 1.9 *  70.0 ± 1.4
                10  44.5 ± 1.1    76.5 ± 0.7    76.9 ± 1.7 *
               all  65.4 ± 1.4    84.7 ± 1.6 *  81.1 ± 1.8

One \\u{1b}[31msentence.
";
    assert_eq!(table, expected);
}

#[test]
fn the_text_of_a_comparison_shows_training() {
    let comparison = samples::comparison();
    let table = comparison_table(&comparison);
    let line = table.lines().find(|line| line.contains("scratch (held-out families)")).unwrap();
    let row = comparison.rows.iter().find(|row| row.variant == "held-out families").unwrap();
    let gap = 100.0 * (row.train_accuracy.unwrap().mean - row.accuracy_mean);
    assert!(line.contains(&format!("{gap:+.1}")) && line.ends_with("0.21 (0.17 to 0.30)"), "{line}");
}

#[test]
fn figures_are_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    write_figures(&samples::comparison(), dir.path()).unwrap();
    let mut names: Vec<String> = fs::read_dir(dir.path().join("figures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [("accuracy", 4), ("gradients", 2), ("training", 2)]
        .map(|(kind, count)| (1..=count).map(move |number| format!("{kind}-{number}.svg")));
    assert_eq!(names, expected.into_iter().flatten().collect::<Vec<_>>());
    for name in names {
        let figure = fs::read_to_string(dir.path().join("figures").join(name)).unwrap();
        assert!(figure.starts_with("<svg") && figure.contains("class=\"line\""));
    }
}

#[test]
fn a_summary_tells_an_interrupted_run_from_a_finished_one() {
    let finished = run_summary(&samples::run());
    assert!(
        finished.starts_with(
            "dogs_cats (sample data): 97.5% validation accuracy on 200 images, chosen on these images; resnet18"
        ),
        "{finished}"
    );
    assert!(
        finished.contains("2 files left out because unreadable") && !finished.contains("INTERRUPTED"),
        "{finished}"
    );
    let interrupted = run_summary(&samples::interrupted());
    assert!(
        interrupted.contains("INTERRUPTED after") && interrupted.contains("fine-tune        –  not reached"),
        "{interrupted}"
    );
}

#[cfg(unix)]
#[test]
fn a_file_name_that_is_no_unicode_survives() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut run = samples::run();
    run.data.unreadable[0].path = std::ffi::OsString::from_vec(b"cat/\xff.jpg".to_vec()).into();
    let back: RunRecord = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    assert_eq!(back.data.unreadable[0].path.to_str(), Some("cat/\u{fffd}.jpg"));
    assert!(
        html::run_page(&run).contains("cat/\u{fffd}.jpg") && run_summary(&run).contains("cat/\u{fffd}.jpg")
    );
}
