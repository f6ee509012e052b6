//! The front door: the default recipe in its small form, as `cargo xtask recipe --quick --json` runs it, in a workspace of
//! its own, so that nobody's data and weights are touched. What it did, its configuration does again by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::built;

const FINETUNE: &str = env!("CARGO_BIN_EXE_finetune");

/// A workspace with nothing in it, and the programs of the real one.
struct Workspace {
    root: TempDir,
    xtask: PathBuf,
    glyphs: PathBuf,
}

impl Workspace {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("xtask")).unwrap();
        Self {
            root,
            xtask: built::program(&["--package", "xtask", "--bin", "xtask"]),
            glyphs: built::program(&["--package", "glyphs", "--bin", "glyphs"]),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A program at the root of this workspace. libtorch is the one that the tests were built with.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root.path()).env("CARGO_MANIFEST_DIR", self.path("xtask"));
        command.env("XDG_CACHE_HOME", self.path("cache")).env_remove("RUST_LOG");
        command.env("FINETUNE", FINETUNE).env("FINETUNE_GLYPHS", &self.glyphs);
        command
    }

    /// The recipe, with results in a folder of this name; the last line of stdout, and stderr.
    fn recipe(&self, out: &str) -> (Value, String) {
        let mut recipe = self.command(&self.xtask);
        let output = recipe.args(["recipe", "--quick", "--json", "--out", out]).output().unwrap();
        let stderr = succeeded(&output);
        (last_line(&output), stderr)
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// The files of a folder with their digests.
    fn digests(&self, name: &str) -> BTreeMap<String, String> {
        let entries = fs::read_dir(self.path(name)).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| {
                let digest = hex::encode(Sha256::digest(fs::read(entry.path()).unwrap()));
                (entry.file_name().into_string().unwrap(), digest)
            })
            .collect()
    }
}

/// Asserts that a command succeeded, and returns its stderr.
#[track_caller]
fn succeeded(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    stderr
}

fn last_line(output: &Output) -> Value {
    let stdout = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(stdout.lines().next_back().unwrap()).unwrap()
}

/// The model that came of each run of a comparison.
fn models(summary: &Value) -> Vec<String> {
    let cells = summary["cells"].as_array().unwrap().iter();
    cells.map(|cell| cell["model_sha256"].as_str().unwrap().to_owned()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_recipe_keeps_its_promises_and_is_what_its_configuration_gives_by_hand() {
    let workspace = Workspace::new();
    let (outcome, stderr) = workspace.recipe("first");
    let summary = workspace.json("first/comparison/summary.json");
    has_the_promised_form(&outcome, &summary);
    assert_eq!(stderr.matches("Source weights kept: weights/").count(), 2, "{stderr}");
    assert!(!stderr.contains("found again"), "{stderr}");

    // Two splits of the typefaces, two amounts, three methods, two seeds, and each is another model.
    let first = models(&summary);
    assert_eq!(first.len(), 24);
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 24);

    let mut by_hand = workspace.command(Path::new(FINETUNE));
    succeeded(&by_hand.args(["--config", "first/letters.toml", "--out", "hand"]).output().unwrap());
    assert_eq!(models(&workspace.json("hand/summary.json")), first);

    let weights = workspace.digests("weights");
    let (_, stderr) = workspace.recipe("second");
    assert_eq!(stderr.matches("Source weights found again: weights/").count(), 2, "{stderr}");
    assert!(!workspace.path("second/source").exists(), "they were trained again");
    assert_eq!(workspace.digests("weights"), weights);
    assert_eq!(models(&workspace.json("second/comparison/summary.json")), first);

    // What is there is not overwritten, and nothing is left over.
    let mut again = workspace.command(&workspace.xtask);
    let again = again.args(["recipe", "--quick", "--out", "first"]).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not overwritten"));
    assert!(!workspace.path("runs").exists());
}

/// Each amount by each method, over the seeds, as the comparison has it for held-out faces.
fn has_the_promised_form(outcome: &Value, summary: &Value) {
    let results = outcome["results"].as_array().unwrap();
    let settings: Vec<_> = results
        .iter()
        .map(|row| (row["images_per_class"].as_u64().unwrap(), row["method"].as_str().unwrap()))
        .collect();
    let methods = ["scratch", "head", "fine-tune"];
    let expected: Vec<_> = [1, 5].iter().flat_map(|&images| methods.map(|method| (images, method))).collect();
    assert_eq!(settings, expected);
    for (row, measured) in results.iter().zip(summary["rows"].as_array().unwrap()) {
        assert_eq!(row["seeds"], 2);
        for figure in ["accuracy_mean", "accuracy_sd"] {
            assert!((0.0..=1.0).contains(&number(&row[figure])), "{row}");
            assert_eq!(row[figure], measured[figure]);
        }
        assert_eq!(row["unshared_mean"], measured["groups"]["unshared"]["mean"]);
    }
    assert_eq!(outcome["families"].as_array().unwrap().len(), expected.len());
    assert!(number(&outcome["seconds"]) > 0.0);
    let report = fs::read_to_string(outcome["report"].as_str().unwrap()).unwrap();
    assert!(report.contains("fine-tune"));
}
