//! Images that are named, and splits that are measured on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use images::{
    Allocate, Error, FileBatches, Files, Labelled, Origin, Reason, Selection, SplitName, Transform,
};
use pretrained::InputSpec;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../image-file/tests/fixtures").join(name)
}

#[test]
fn batches_keep_the_order_and_tell_what_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.png"), "no image").unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::copy(fixture("rgb.png"), folder.path().join("a.png")).unwrap();
    fs::copy(fixture("rgb.jpg"), folder.path().join("sub/c.jpg")).unwrap();
    fs::copy(fixture("animated.gif"), folder.path().join("sub/d.gif")).unwrap();
    let named = [fixture("gray.pgm"), folder.path().to_owned(), PathBuf::from("nowhere.png")];
    fs::write(folder.path().join(".DS_Store"), "no image").unwrap();
    let list = folder.path().join("named.csv");
    fs::write(&list, "file\nsub/c.jpg\nnowhere.jpg\n").unwrap();
    let listed = Files::below(std::slice::from_ref(&list), None).unwrap().paths;
    assert_eq!(listed, ["sub/c.jpg", "nowhere.jpg"].map(|name| folder.path().join(name)));
    let elsewhere = Files::below(&[list], Some(Path::new("other"))).unwrap().paths;
    assert_eq!(elsewhere[0], Path::new("other/sub/c.jpg"));
    let files = Files::below(&named, None).unwrap();
    let names: Vec<_> = files.paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["gray.pgm", "a.png", "b.png", "c.jpg", "d.gif", "nowhere.png"]);
    assert_eq!(files.left_out.len(), 1);
    assert_eq!(files.left_out[0].reason, Reason::NoData);

    let transform =
        Transform::evaluation(&InputSpec { resize: 8, crop: 8, ..InputSpec::imagenet() }).unwrap();
    let image = image_file::decode(&files.paths[3]).unwrap();
    let alone = transform.apply(&image, 0, 0).unwrap();
    for (batch_size, workers) in [(1, 0), (2, 3), (9, 1)] {
        let allocate: Arc<Allocate<Vec<f32>>> = Arc::new(|shape, _| Ok(vec![-9.0; shape.iter().product()]));
        let batches = FileBatches::new(files.paths.clone(), transform.clone(), batch_size, workers, allocate);
        let batches: Vec<_> = batches.collect::<Result<_, _>>().unwrap();
        assert_eq!(batches.len(), 6_usize.div_ceil(batch_size));
        let indices: Vec<usize> = batches.iter().flat_map(|batch| batch.indices.clone()).collect();
        assert_eq!(indices, [0, 1, 3, 4]);
        let (filled, left): (Vec<_>, Vec<_>) =
            batches.iter().map(|batch| batch.pixels.split_at(batch.indices.len() * alone.len())).unzip();
        assert_eq!(filled.concat()[2 * alone.len()..3 * alone.len()], alone);
        assert_eq!(left.concat(), vec![-9.0; 2 * alone.len()]);
        let unreadable = batches.iter().flat_map(|batch| &batch.unreadable);
        let paths: Vec<_> = unreadable.map(|file| file.path.clone()).collect();
        assert_eq!(paths, [folder.path().join("b.png"), PathBuf::from("nowhere.png")]);
    }
}

#[test]
fn a_split_is_chosen_and_never_silently_the_training_images() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let put = |class: &str| {
        fs::create_dir_all(root.join(class)).unwrap();
        fs::copy(fixture("rgb.png"), root.join(class).join("a.png")).unwrap();
    };
    let open = |wanted| {
        Labelled::open(Origin::Folder(root), &Selection::default(), wanted)
            .map(|data| (data.split, data.samples.len()))
    };
    put("ant");
    put("bee");
    assert_eq!(open(None).unwrap(), (SplitName::Whole, 2));
    assert!(matches!(open(Some(SplitName::Test)), Err(Error::NoSplit { .. })));

    fs::rename(root.join("ant"), root.join("kept")).unwrap();
    put("train/ant");
    let refused = open(None).unwrap_err().to_string();
    assert!(refused.contains("no test or validation split; it has train"), "{refused}");
    put("validation/ant");
    assert_eq!(open(None).unwrap(), (SplitName::Validation, 1));
    put("test/ant");
    put("test/bee");
    assert_eq!(open(None).unwrap(), (SplitName::Test, 2));
    assert_eq!(open(Some(SplitName::Train)).unwrap(), (SplitName::Train, 1));
}
