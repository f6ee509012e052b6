//! Labelled images that a list names.

use std::fs;
use std::path::Path;

use images::{DataSet, Error, GroupBy, Labelled, Origin, Reason, Remark, Selection, Split, SplitName};

/// A folder with images `1.png` to `9.png` and in `sub/`, and this list.
struct Desk {
    folder: tempfile::TempDir,
    list: std::path::PathBuf,
}

impl Desk {
    fn with(name: &str, text: impl AsRef<[u8]>) -> Desk {
        let folder = tempfile::tempdir().expect("folder");
        fs::create_dir(folder.path().join("sub")).expect("folder");
        for number in 1..10 {
            fs::write(folder.path().join(format!("{number}.png")), "").expect("file");
            fs::write(folder.path().join(format!("sub/{number}, or so.png")), "").expect("file");
        }
        let list = folder.path().join(name);
        fs::write(&list, text).expect("file");
        Desk { folder, list }
    }

    fn open(&self) -> Result<DataSet, Error> {
        self.choose(&Selection::default(), 0.0)
    }

    fn choose(&self, selection: &Selection, validation_fraction: f64) -> Result<DataSet, Error> {
        let origin = Origin::List { list: &self.list, root: None };
        DataSet::open(origin, selection, &Split { validation_fraction, seed: 1 })
    }
}

fn names(samples: &[images::Sample]) -> Vec<String> {
    samples.iter().map(|sample| sample.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_same_list_in_every_form() {
    let csv = "path,label,split\n1.png,cat,train\n\"sub/2, or so.png\",dog,train\n3.png,\"cat\",valid\n";
    let wide: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain(csv.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let json = r#"{"file_name": "1.png", "label": "cat", "split": "train"}
{"label": "dog", "file_name": "sub/2, or so.png", "split": "TRAIN", "more": [1, 2]}

{"file_name": "3.png", "label": "cat", "split": "validation"}
"#;
    for (name, text) in [
        ("l.csv", csv.as_bytes().to_vec()),
        ("mark.csv", [b"\xEF\xBB\xBF", csv.as_bytes()].concat()),
        ("windows.csv", csv.replace('\n', "\r\n").replace("sub/", "sub\\").into_bytes()),
        ("wide.CSV", wide),
        ("semicolons.csv", csv.replace(',', ";").replace("; or so", ", or so").into_bytes()),
        ("sep.csv", format!("sep=;\n{}", csv.replace(',', ";").replace("; or so", ", or so")).into_bytes()),
        ("comment.csv", format!("# made by hand, twice\n{csv}").into_bytes()),
        ("excel.csv", format!("sep=,\n# by hand\n{csv}").replace('\n', "\r\n").into_bytes()),
        ("commas.tsv", csv.as_bytes().to_vec()),
        ("l.tsv", csv.replace(',', "\t").replace("\t or so", ", or so").into_bytes()),
        ("metadata.jsonl", json.as_bytes().to_vec()),
    ] {
        let desk = Desk::with(name, text);
        let set = desk.open().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(set.classes, ["cat", "dog"], "{name}");
        assert_eq!(names(&set.train), ["1.png", "2, or so.png"], "{name}");
        assert_eq!((names(&set.validation), set.test.len()), (vec!["3.png".to_owned()], 0), "{name}");
    }
}

#[test]
fn numbers_are_names_and_paths_are_relative_to_the_list_or_root() {
    let desk = Desk::with(
        "l.jsonl",
        "{\"image\": \"1.png\", \"category\": 1}\n{\"image\": \"2.png\", \"category\": 10}\n",
    );
    assert_eq!(desk.open().expect("data set").classes, ["1", "10"]);
    let text = "path,label\n1.png,a\n2.png,b\n";
    let desk = Desk::with("sub/l.csv", text);
    let message = desk.open().expect_err("not in sub").to_string();
    assert!(message.contains("l.csv:2: ") && message.contains("data.root"), "{message}");
    let origin = Origin::List { list: &desk.list, root: Some(desk.folder.path()) };
    let split = Split { validation_fraction: 0.0, seed: 0 };
    assert_eq!(DataSet::open(origin, &Selection::default(), &split).expect("data set").train.len(), 2);
}

#[test]
fn rows_at_fault_are_named_with_their_line() {
    for (text, says) in [
        ("path,label\n1.png,cat\nnone.png,dog\nnor.png,dog\n", &[":3: ", "none.png", "1 more"][..]),
        ("path,label\n1.png,cat\n2.png,\n", &[":3: ", "2.png has no label"]),
        ("path,label\n1.png,cat\n2.png,dog\n1.png,dog\n", &[":4: ", "\"dog\" here and \"cat\" in line 2"]),
        (
            "path,label,split\n1.png,a,train\n1.png,a,test\n",
            &[":3: ", "in another split here than in line 2"],
        ),
        ("path,label,split\n1.png,a,train\n2.png,b,\n", &[":3: ", "line 2"]),
        ("path,label,split\n1.png,a,train\n2.png,b,foo\n", &[":3: ", "\"foo\" is not a split", "validation"]),
        (
            "path,label,split\n1.png,a,train\n2.png,b,train\n3.png,c,val\n",
            &[":4: ", "class \"c\" of the validation"],
        ),
        ("path,label,split\n1.png,a,val\n2.png,b,val\n", &["no training split"]),
        ("path,label\n1.png,a,b\n", &[":2: ", "3 cells", "2"]),
        ("1.png,cat\n2.png,dog\n", &[":1: ", "no header"]),
        ("path,label\n", &["no rows"]),
        ("", &["is empty"]),
        ("path,label\n1.png,a\nsub,b\n", &[":3: ", "sub is a folder"]),
        ("path,label\n1.png,a\n./sub/../1.png,b\n", &[":3: ", "\"b\" here and \"a\" in line 2"]),
        ("path,label\n1.png,a\n\"2.png,b\n3.png,b\n", &[":3: ", "is not closed"]),
        ("path,label\n1.png,l\u{0}y\n", &[":2: ", "control character"]),
        ("path,text\n1.png,hello\n", &[":1: ", "no column of labels", "\"text\""]),
    ] {
        for ends in ["\n", "\r\n", "\r"] {
            let desk = Desk::with("l.csv", text.replace('\n', ends));
            let message = desk.open().expect_err(text).to_string();
            assert!(says.iter().all(|part| message.contains(part)), "{text:?}, {ends:?}: {message}");
            assert!(message.contains("l.csv"), "{message}");
        }
    }
    let desk = Desk::with("l.jsonl", "{\"path\": \"1.png\", \"label\": \"a\"}\n[1]\n");
    assert!(desk.open().expect_err("an array").to_string().contains("l.jsonl:2: "));
    let desk = Desk::with("l.jsonl", "{\"path\": \"1.png\", \"label\": [\"a\", \"b\"]}\n");
    assert!(desk.open().expect_err("two labels").to_string().contains("l.jsonl:1: 1.png has the label"));
    assert!(matches!(Desk::with("l.xlsx", "PK").open(), Err(Error::ListText { .. })));
    let workbook = Desk::with("l.csv", b"PK\x03\x04\x14\0").open().expect_err("a workbook").to_string();
    assert!(workbook.contains("Excel"), "{workbook}");
}

#[test]
fn a_row_twice_counts_once() {
    let desk = Desk::with("l.csv", "path,label\n1.png,a\n2.png,b\n1.png,a\n");
    let set = desk.open().expect("data set");
    assert_eq!((set.train.len(), &set.remarks[..]), (2, &[Remark::NamedTwice { rows: 1, line: 4 }][..]));
}

#[test]
fn groups_of_a_column() {
    let mut text = "path,label,patient\n".to_owned();
    for number in 1..10 {
        let class = ["a", "b"][number % 2];
        let patient = number / 3;
        text.push_str(&format!(
            "{number}.png,{class},{patient}\n\"sub/{number}, or so.png\",{class},{patient}\n"
        ));
    }
    let desk = Desk::with("l.csv", text);
    let selection = Selection { group: Some(GroupBy::Column("Patient".to_owned())), ..Selection::default() };
    let set = desk.choose(&selection, 0.3).expect("data set");
    assert!(!set.validation.is_empty());
    assert!(set.train.iter().all(|one| set.validation.iter().all(|other| one.group != other.group)));

    let given = "path,label,split,group\n1.png,a,train,x\n2.png,b,train,y\n3.png,a,val,x\n4.png,b,test,z\n";
    let set = Desk::with("l.csv", given).open().expect("data set");
    let both = |remark: &Remark| matches!(remark, Remark::GroupsOnBothSides { groups: 1, example, training: 1, others: 1 } if example == "x");
    assert!(set.remarks.iter().any(both), "{:?}", set.remarks);
    let some = "path,label,group\n1.png,a,x\n2.png,b,\n3.png,a,\n";
    let set = Desk::with("l.csv", some).open().expect("data set");
    assert!(set.remarks.contains(&Remark::WithoutGroup { rows: 2, line: 3 }), "{:?}", set.remarks);
    let folder = tempfile::tempdir().expect("folder");
    let split = Split { validation_fraction: 0.0, seed: 0 };
    let refused = DataSet::open(Origin::Folder(folder.path()), &selection, &split);
    assert!(matches!(refused, Err(Error::NoColumns { .. })));
}

#[test]
fn metadata_next_to_images_works_as_it_is() {
    let put = |folder: &Path, name: &str| {
        fs::create_dir_all(folder).expect("folder");
        for image in ["x.png", "y.png"] {
            fs::write(folder.join(image), "").expect("file");
        }
        let text = if name.ends_with("csv") {
            "file_name,label\nx.png,cat\ny.png,dog\n"
        } else {
            "{\"file_name\": \"x.png\", \"label\": \"cat\"}\n{\"file_name\": \"y.png\", \"label\": \"dog\"}\n"
        };
        fs::write(folder.join(name), text).expect("file");
    };
    let split = Split { validation_fraction: 0.0, seed: 0 };
    for name in ["metadata.csv", "metadata.jsonl"] {
        let folder = tempfile::tempdir().expect("folder");
        put(folder.path(), name);
        let set =
            DataSet::open(Origin::Folder(folder.path()), &Selection::default(), &split).expect("data set");
        assert_eq!((set.classes.join(" "), set.train.len()), ("cat dog".to_owned(), 2));
        let splits = tempfile::tempdir().expect("folder");
        put(&splits.path().join("train"), name);
        put(&splits.path().join("validation"), name);
        let set =
            DataSet::open(Origin::Folder(splits.path()), &Selection::default(), &split).expect("data set");
        assert_eq!((set.train.len(), set.validation.len()), (2, 2));
    }
    // At the top, with the splits in its paths; an image that it does not name is left out.
    let folder = tempfile::tempdir().expect("folder");
    for split in ["train", "validation"] {
        fs::create_dir(folder.path().join(split)).expect("folder");
        for image in ["x.png", "y.png", "z.png"] {
            fs::write(folder.path().join(split).join(image), "").expect("file");
        }
    }
    let text = "file_name,label\ntrain/x.png,cat\ntrain/y.png,dog\nvalidation/x.png,cat\n";
    fs::write(folder.path().join("metadata.csv"), text).expect("file");
    let set = DataSet::open(Origin::Folder(folder.path()), &Selection::default(), &split).expect("data set");
    assert_eq!((set.train.len(), set.validation.len()), (2, 1));
    let unlisted = set.left_out.iter().filter(|entry| entry.reason == Reason::Unlisted).count();
    assert_eq!(unlisted, 3, "{:?}", set.left_out);
    // Without labels it says so.
    fs::write(folder.path().join("train/metadata.csv"), "file_name,text\nx.png,hello\n").expect("file");
    fs::remove_file(folder.path().join("metadata.csv")).expect("remove");
    let refused = DataSet::open(Origin::Folder(folder.path()), &Selection::default(), &split);
    assert!(matches!(refused, Err(Error::Columns { .. })), "{refused:?}");
    // One that cannot be read is ignored next to class folders, and named where it should decide.
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("metadata.csv"), b"file_name,label\nx\xE9.png,cat\n").expect("file");
    fs::write(folder.path().join("x.png"), "").expect("file");
    let open = || DataSet::open(Origin::Folder(folder.path()), &Selection::default(), &split);
    assert!(matches!(open(), Err(Error::ListText { .. })));
    for class in ["cat", "dog"] {
        fs::create_dir(folder.path().join(class)).expect("folder");
        fs::write(folder.path().join(class).join("1.png"), "").expect("file");
    }
    assert_eq!(open().expect("class folders").classes, ["cat", "dog"]);
}

#[test]
fn a_split_of_a_list_is_measured_on() {
    let desk =
        Desk::with("l.csv", "path,label,split\n1.png,a,train\n2.png,b,val\n3.png,a,test\n4.png,b,test\n");
    let open = |wanted| {
        let origin = Origin::List { list: &desk.list, root: None };
        Labelled::open(origin, &Selection::default(), wanted).map(|data| (data.split, data.samples.len()))
    };
    assert_eq!(open(None).expect("test"), (SplitName::Test, 2));
    assert_eq!(open(Some(SplitName::Train)).expect("train"), (SplitName::Train, 1));
    let whole = Desk::with("l.csv", "path,label\n1.png,a\n2.png,b\n");
    let origin = Origin::List { list: &whole.list, root: None };
    assert_eq!(Labelled::open(origin, &Selection::default(), None).expect("all").split, SplitName::Whole);
}
