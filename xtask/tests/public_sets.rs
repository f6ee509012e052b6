//! `fetch-data` with archives that are laid out as the public ones are, and hold a few bytes.

#[expect(dead_code, reason = "the tests of fetching and setting up need the rest")]
mod machine;

use std::fs;
use std::path::Path;
use std::process::Output;

use sha2::{Digest, Sha256};

use machine::{machine, serve, stderr_of, xtask, zip};

/// The files below a folder, sorted, as paths relative to it.
fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, top: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, top, found);
            } else {
                found.push(path.strip_prefix(top).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr_of(output));
    stderr_of(output)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// As Microsoft's archive is laid out.
fn pet_images() -> Vec<u8> {
    zip(&[
        ("PetImages/Cat/0.jpg", "cat"),
        ("PetImages/Cat/666.jpg", ""),
        ("PetImages/Cat/Thumbs.db", "db"),
        ("PetImages/Dog/0.jpg", "dog"),
        ("PetImages/Dog/Thumbs.db", "db"),
        ("CDLA-Permissive-2.0.pdf", "text"),
        ("readme[1].txt", "text"),
    ])
}

const UNPACKED: [&str; 7] = [
    "CDLA-Permissive-2.0.pdf",
    "Cat/0.jpg",
    "Cat/666.jpg",
    "Cat/Thumbs.db",
    "Dog/0.jpg",
    "Dog/Thumbs.db",
    "readme[1].txt",
];

#[test]
fn the_known_sets_are_listed_also_for_an_unknown_one() {
    let machine = machine();
    for arguments in [["fetch-data"].as_slice(), &["fetch-data", "--list"]] {
        let listed = xtask(machine.path(), arguments).output().unwrap();
        succeeded(&listed);
        let text = String::from_utf8(listed.stdout).unwrap();
        for (name, size) in [("dogs_cats", "825 MB"), ("hymenoptera_data", "48 MB"), ("beans", "181 MB")] {
            let line = text.lines().find(|line| line.split(' ').next() == Some(name));
            assert!(line.is_some_and(|line| line.contains(size)), "{name}, {size}: {text}");
        }
        assert!(text.contains("CC BY-SA 4.0") && text.contains("--from"), "{text}");
    }
    let unknown = xtask(machine.path(), &["fetch-data", "dogs"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr_of(&unknown).contains("\"dogs\"") && stderr_of(&unknown).contains("dogs_cats_filtered"));
    // Options are of no use without a name.
    let nameless = xtask(machine.path(), &["fetch-data", "--from", "x"]).output().unwrap();
    assert_eq!(nameless.status.code(), Some(2));
}

#[test]
fn an_archive_that_changed_is_refused_with_both_digests_and_taken_when_accepted() {
    let machine = machine();
    let archive = pet_images();
    let (url, sha256) = (serve(archive.clone()), sha256(&archive));
    let data = machine.path().join("workspace/data");
    let fetch = |more: &[&str]| {
        let arguments = [&["fetch-data", "dogs_cats", "--from", &url], more].concat();
        xtask(machine.path(), &arguments).output().unwrap()
    };

    let refused = fetch(&[]);
    assert_eq!(refused.status.code(), Some(1));
    let error = stderr_of(&refused);
    let announced = format!("announces {} bytes, not 824887076", archive.len());
    for says in [
        sha256.as_str(),
        "b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9",
        &announced,
        &format!("--accept-digest {sha256}"),
        "licence: CDLA-Permissive-2.0",
        "known damage: Cat/666.jpg and Dog/11702.jpg are empty",
    ] {
        assert!(error.contains(says), "{says}: {error}");
    }
    assert_eq!(files(&data), [""; 0]);
    assert_eq!(fetch(&["--accept-digest", &"0".repeat(64)]).status.code(), Some(1));
    assert_eq!(files(&data), [""; 0]);

    // What an interrupted call left is continued, because the accepted digest proves that both halves belong together.
    let part = data.join("dogs_cats-kagglecatsanddogs_5340.zip.part");
    fs::write(&part, &archive[..100]).unwrap();
    let taken = fetch(&["--accept-digest", &sha256]);
    assert!(succeeded(&taken).contains("going on after 100 B"), "{}", stderr_of(&taken));
    assert_eq!(String::from_utf8_lossy(&taken.stdout).trim_end(), data.join("dogs_cats").to_str().unwrap());
    assert_eq!(files(&data.join("dogs_cats")), UNPACKED);
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "neither archive nor draft is left");

    let again = fetch(&[]);
    assert!(succeeded(&again).contains("is there already"));
    fs::remove_dir_all(data.join("dogs_cats")).unwrap();
    succeeded(&fetch(&["--accept-digest"]));
    assert_eq!(files(&data.join("dogs_cats")), UNPACKED);
}

#[test]
fn one_flat_folder_of_breeds_becomes_a_folder_for_each() {
    let machine = machine();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for name in
        ["Abyssinian_100.jpg", "Abyssinian_100.mat", "american_bulldog_2.jpg", "american_bulldog_13.jpg"]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("images/{name}"), &b"jpg"[..]).unwrap();
    }
    let archive = machine.path().join("images.tar.gz");
    fs::write(&archive, tar.into_inner().unwrap().finish().unwrap()).unwrap();
    let from = machine.path().to_str().unwrap();
    let fetch = ["fetch-data", "oxford_iiit_pet", "--from", from, "--accept-digest"];
    succeeded(&xtask(machine.path(), &fetch).output().unwrap());
    let expected = [
        "Abyssinian/Abyssinian_100.jpg",
        "american_bulldog/american_bulldog_13.jpg",
        "american_bulldog/american_bulldog_2.jpg",
    ];
    assert_eq!(files(&machine.path().join("workspace/data/oxford_iiit_pet")), expected);
    assert!(archive.exists(), "it is the user's");
}

#[test]
fn three_archives_become_the_splits_of_one_set_or_nothing() {
    let machine = machine();
    let into = machine.path().join("elsewhere");
    let fetch = || {
        let into = into.to_str().unwrap();
        let from = machine.path().to_str().unwrap();
        let arguments = ["fetch-data", "beans", "--from", from, "--into", into, "--accept-digest"];
        xtask(machine.path(), &arguments).output().unwrap()
    };
    for split in ["train", "validation"] {
        let file = format!("{split}/healthy/1.jpg");
        fs::write(machine.path().join(format!("{split}.zip")), zip(&[(&file, "jpg")])).unwrap();
    }
    let lacking = fetch();
    assert!(!lacking.status.success() && stderr_of(&lacking).contains("test.zip"), "{}", stderr_of(&lacking));
    fs::write(machine.path().join("test.zip"), zip(&[("../test/healthy/1.jpg", "jpg")])).unwrap();
    let evil = fetch();
    assert!(!evil.status.success() && stderr_of(&evil).contains("leaves the folder"), "{}", stderr_of(&evil));
    assert_eq!(files(&into), [""; 0], "all of it or nothing");
    fs::write(machine.path().join("test.zip"), zip(&[("test/healthy/1.jpg", "jpg"), ("test/._x", "")]))
        .unwrap();
    succeeded(&fetch());
    let expected = ["test/._x", "test/healthy/1.jpg", "train/healthy/1.jpg", "validation/healthy/1.jpg"];
    assert_eq!(files(&into.join("beans")), expected);
}
