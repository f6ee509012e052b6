//! Techniques against overfitting: a comparison trains each alone.

use crate::support::names;
use crate::support::short_runs::DESK;

#[test]
fn a_comparison_trains_each_technique_alone_and_tells_with_its_uncertainty() {
    let desk = &*DESK;
    let compare = "compare --config c.toml --vary regularize --only l2_sp,mixup --seeds 0,1,2 --out compared";
    let said = desk.finetune(&format!("{compare} --json")).ends(0, &[]).stdout;
    // A sentence for each technique, with the difference, its interval and the number of seeds.
    for technique in ["mixup", "l2_sp"] {
        let sentence = said.lines().find(|line| line.starts_with(technique) && line.contains("against none"));
        let sentence = sentence.unwrap_or_else(|| panic!("no sentence about {technique} in\n{said}"));
        assert!(sentence.contains("(95% interval ") && sentence.contains(", 3 seeds)"), "{sentence}");
    }
    let record: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let methods: Vec<_> =
        record["rows"].as_array().unwrap().iter().map(|row| row["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["none", "mixup", "l2_sp"]);
    let cells = names(&desk.path("compared/cells"));
    assert_eq!((cells.len(), cells[0].as_str()), (9, "all-images-l2-sp-seed-0"));
    let depths = "compare --config c.toml --vary depth --only all --seeds 0 --images 2 --out depths";
    let said = desk.finetune(depths).ends(0, &[]).stdout;
    assert!(said.contains("2 images per class"), "{said}");
    for (arguments, says) in [
        ("--vary regularize --only mixin", "\"mixin\""),
        ("--vary regularize --only delta --set finetune.depth=head", "\"delta\""),
        ("--vary images", "--images"),
        ("--vary regularize --depths head", "--depths"),
        ("--vary depth --depths head,deep", "\"deep\""),
        ("--vary depth --depths head,last:1,head", "compare.setting: two settings have the same name"),
        ("--vary regularize --seeds 1,1", "compare.seeds: "),
        ("--vary regularize --only mixup --set train.batch_size=1", "regularize.mixup"),
    ] {
        desk.finetune(&format!("compare --config c.toml --out bad {arguments}")).ends(2, &[says]);
        assert!(!desk.path("bad").exists(), "{arguments}");
    }
}
