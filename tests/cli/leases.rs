//! Processes that share the cells of a comparison or a search through its folder, and one of them is killed.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::resumable::killed_when;
use crate::support::{Desk, Ran, names};

/// What is the same whoever carries the cells out.
fn digests(summary: &Value) -> Vec<Value> {
    summary["cells"].as_array().unwrap().iter().map(|cell| cell["model_sha256"].clone()).collect()
}

#[test]
fn cells_of_a_comparison_go_to_whoever_joins_and_those_of_a_killed_process_to_others() {
    let desk = Desk::new();
    let text = fs::read_to_string(desk.path("c.toml")).unwrap().replace("epochs = 1", "epochs = 12");
    let compare = "[compare]\nmethods = [\"scratch\"]\nseeds = [0, 1, 2, 3, 4, 5]\njobs = 1\n";
    desk.write("grid.toml", format!("{text}\n{compare}"));
    desk.finetune("--config grid.toml --out alone").ends(0, &["run 6/6"]);
    // One process is killed within its first cell.
    let cells = desk.path("shared/cells");
    let is_within = || cells.join("all-images-scratch-seed-0/lease").exists();
    let mut first = desk.program();
    first.args(["--config", "grid.toml", "--out", "shared"]);
    assert!(killed_when(&mut first, is_within), "it came to its end");
    assert!(is_within());
    // Another goes on with the comparison, a third one joins it by the folder alone.
    let mut joins = desk.program();
    joins.args(["--join", "shared"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let joined = joins.spawn().unwrap();
    let began = Instant::now();
    while !is_within() {
        assert!(began.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(1));
    }
    desk.finetune("--resume shared").ends(0, &["run 6/6"]);
    Ran::of(&joined.wait_with_output().unwrap()).ends(0, &["no run is left to begin in shared"]);
    assert_eq!(digests(&desk.json("shared/summary.json")), digests(&desk.json("alone/summary.json")));
    // Nothing is left of who had what.
    assert_eq!(names(&cells), names(&desk.path("alone/cells")));
    for cell in names(&cells) {
        assert!(!cells.join(&cell).join("lease").exists(), "{cell}");
    }
    // A process of another machine keeps its cell for as long as it renews its lease, which nobody does here.
    let cell = cells.join("all-images-scratch-seed-3");
    fs::remove_file(cell.join("summary.json")).unwrap();
    fs::write(cell.join("lease"), "elsewhere\nx\n1\n1\n").unwrap();
    let mut waits = desk.program();
    waits.args(["--resume", "shared"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut waits = waits.spawn().unwrap();
    thread::sleep(Duration::from_secs(2));
    assert!(waits.try_wait().unwrap().is_none() && !cell.join("summary.json").exists());
    fs::remove_file(cell.join("lease")).unwrap();
    assert!(waits.wait().unwrap().success() && cell.join("summary.json").exists());
}
