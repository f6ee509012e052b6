//! `finetune embed`, and the table that `predict --csv` writes.

use std::fs;

use crate::support::short_runs::DESK;

const MODEL: &str = "--arch lenet5_relu --weights m.safetensors --device cpu";

#[test]
fn a_table_holds_what_the_lines_say() {
    let desk = &*DESK;
    let said = desk.finetune(&format!("predict {MODEL} --json --csv rows.csv data/val")).ends(0, &[]).stdout;
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let table = fs::read_to_string(desk.path("rows.csv")).unwrap();
    let mut rows = table.lines();
    assert!(rows.next().unwrap().starts_with("path,class,probability,"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        assert_eq!((row[0], row[1]), (line["path"].as_str().unwrap(), line["class"].as_str().unwrap()));
        assert_eq!(row[2].parse::<f64>().unwrap(), line["probability"].as_f64().unwrap());
        let sum: f64 = row[3..].iter().map(|share| share.parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
    desk.finetune(&format!("predict {MODEL} --csv nowhere/rows.csv data/val")).ends(1, &["nowhere/rows.csv"]);
}

#[test]
fn features_are_the_same_in_every_form_and_of_the_stage_that_is_asked_for() {
    let desk = &*DESK;
    let embed = |words: &str| desk.finetune(&format!("embed {MODEL} {words}"));
    for form in ["npy", "csv", "safetensors"] {
        let said = embed(&format!("--out of.{form} data/val")).ends(0, &[]).stdout;
        assert!(said.contains("84 features"), "{said}");
    }
    let table = fs::read_to_string(desk.path("of.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let values: Vec<f32> =
        rows.iter().flat_map(|row| &row[1..]).map(|value| value.parse().unwrap()).collect();
    let paths: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(fs::read_to_string(desk.path("of.txt")).unwrap().lines().collect::<Vec<_>>(), paths);
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let npy = fs::read(desk.path("of.npy")).unwrap();
    let header = npy.len() - bytes.len();
    assert!(npy[header..] == bytes && header.is_multiple_of(64) && npy[header - 1] == b'\n');
    let shape = format!("({}, 84)", rows.len());
    assert!(String::from_utf8_lossy(&npy[10..header]).contains(&shape));
    let file = checkpoint::read(&desk.path("of.safetensors")).unwrap();
    assert_eq!(file.tensors["features"].data, bytes);
    assert_eq!(serde_json::from_str::<Vec<String>>(&file.metadata["paths"]).unwrap(), paths);
    // An earlier stage, pooled: 16 channels.
    let said = embed("--stage conv2 --out early.csv data/val").ends(0, &[]).stdout;
    assert!(said.contains("16 features"), "{said}");
    embed("--stage conv9 --out none.csv data/val").ends(1, &["conv9", "conv2"]);
    embed("--stage head --out none.csv data/val").ends(1, &["before it"]);
    embed("--out none.txt data/val").ends(1, &[".npy, .safetensors or .csv"]);
    embed("data/val").ends(2, &["--out"]);
    // For TensorBoard's projector.
    embed("--projector projected data/val").ends(0, &[]);
    let read = |name: &str| fs::read_to_string(desk.path(&format!("projected/{name}"))).unwrap();
    let tensors: Vec<f32> = read("tensors.tsv")
        .lines()
        .flat_map(|row| row.split('\t'))
        .map(|value| value.parse().unwrap())
        .collect();
    assert_eq!(tensors, values);
    let metadata = read("metadata.tsv");
    let about: Vec<Vec<&str>> = metadata.lines().map(|row| row.split('\t').collect()).collect();
    assert_eq!(about[0], ["path", "folder"]);
    assert_eq!(about[1..].iter().map(|row| row[0]).collect::<Vec<_>>(), paths);
    assert_eq!(about[1][1], "bar");
    assert!(read("projector_config.pbtxt").contains("tensor_path: \"tensors.tsv\""));
    assert!(!desk.path("none.csv").exists());
}
