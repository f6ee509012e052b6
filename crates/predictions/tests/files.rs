//! Files of predictions, written, read back and joined.

use std::fs;

use predictions::{Error, Image, Predictions, Writer};

fn predictions() -> Predictions {
    let image = |path: &str, label, predicted, probabilities: [f64; 2]| Image {
        path: path.to_owned(),
        label,
        predicted,
        probabilities: probabilities.to_vec(),
    };
    Predictions {
        classes: ["ants, red", "bees"].map(str::to_owned).to_vec(),
        images: vec![
            image("a \"quoted\", one.png", 0, 0, [1.0 / 3.0, 2.0 / 3.0]),
            image("b\n.png", 1, 0, [1.0 - f64::EPSILON, f64::EPSILON]),
        ],
    }
}

#[test]
fn what_is_written_is_read_to_the_bit_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    predictions().write(&path).unwrap();
    assert_eq!(Predictions::read(&path).unwrap(), predictions());
    assert!(matches!(predictions().write(&path), Err(Error::Create { .. })));
    assert_eq!(Predictions::read(&path).unwrap(), predictions());
}

#[test]
fn files_are_joined_under_further_columns_unless_their_classes_differ() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other, joined] = ["1.csv", "2.csv", "all.csv"].map(|name| folder.path().join(name));
    predictions().write(&one).unwrap();
    let renamed = Predictions { classes: vec!["bees".to_owned(), "wasps".to_owned()], images: Vec::new() };
    renamed.write(&other).unwrap();
    let mut writer = Writer::create(&joined, &["setting", "fold"], &predictions().classes).unwrap();
    for fold in ["1", "2"] {
        writer.append(&["head".to_owned(), fold.to_owned()], &one).unwrap();
    }
    assert!(matches!(
        writer.append(&["head".to_owned(), "3".to_owned()], &other),
        Err(Error::Foreign { .. })
    ));
    writer.finish().unwrap();
    let mut reader = csv::Reader::from_path(&joined).unwrap();
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(header[..5], ["setting", "fold", "path", "label", "predicted"]);
    assert_eq!(header[5], "probability of ants, red");
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!((&rows[2][1], &rows[2][2], &rows[3][3]), ("2", "a \"quoted\", one.png", "bees"));
}

#[test]
fn what_holds_no_predictions_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    for (text, message) in [
        ("path,label\n", "columns"),
        ("path,label,predicted\n", "columns"),
        ("path,label,predicted,probability of a\nx,a,b,1\n", "line 2: \"b\""),
        ("path,label,predicted,probability of a\nx,a,a,1\ny,a,a,much\n", "line 3"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Predictions::read(&path).unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("p.csv"), "{error}");
    }
}
