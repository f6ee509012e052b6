//! The large public set's known damage, in a small copy with generated images: served from the loopback, fetched and unpacked
//! by the command that everybody tries first, and learned.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::support::{Desk, SCRATCH, built, names, shape_image};
use image::{DynamicImage, ImageFormat};
use sha2::{Digest, Sha256};

/// Images of each class that have nothing wrong with them.
const SOUND: u32 = 60;

/// A generated image in this format.
fn encoded(shape: &str, number: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(shape_image(shape, number)).to_rgb8().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG without its first segment, which says JFIF.
fn without_jfif(jpeg: &[u8]) -> Vec<u8> {
    assert_eq!((&jpeg[..4], &jpeg[6..10]), (&[0xff, 0xd8, 0xff, 0xe0][..], &b"JFIF"[..]));
    let length = usize::from(u16::from_be_bytes([jpeg[4], jpeg[5]]));
    [&jpeg[..2], &jpeg[4 + length..]].concat()
}

/// Names and contents.
type Files = Vec<(String, Vec<u8>)>;

/// The files of a class: those that can be read, and those that cannot.
fn class(name: &str, shape: &str, empty: u32) -> (Files, Files) {
    let file = |number: u32| format!("PetImages/{name}/{number}.jpg");
    let jpeg = |number| encoded(shape, number, ImageFormat::Jpeg);
    let mut sound: Vec<_> = (0..SOUND).map(|number| (file(number), jpeg(number))).collect();
    sound.push((file(1000), without_jfif(&jpeg(1000))));
    // What the name does not say.
    for (number, format) in [(1001, ImageFormat::Png), (1002, ImageFormat::Gif), (1003, ImageFormat::Bmp)] {
        sound.push((file(number), encoded(shape, number, format)));
    }
    let mut torn = jpeg(2000);
    torn[2..24].fill(0);
    let damaged =
        vec![(file(empty), Vec::new()), (file(2000), torn), (file(2001), b"<html>404</html>".to_vec())];
    (sound, damaged)
}

fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Answers every request with `body`; returns the address.
fn serve(body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 4096]).unwrap();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            // The client may have gone away.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

/// `cargo xtask fetch-data`, in a workspace that is this desk.
fn fetch_data(desk: &Desk, arguments: &[&str]) -> Command {
    fs::create_dir_all(desk.path("xtask")).unwrap();
    let fetch = ["--package", "pretrained", "--features", "fetch", "--bin", "finetune-fetch"];
    let mut command = Command::new(built::program(&["--package", "xtask", "--bin", "xtask"]));
    command.env("CARGO_MANIFEST_DIR", desk.path("xtask")).env("FINETUNE_FETCH", built::program(&fetch));
    command.arg("fetch-data").args(arguments);
    command
}

#[test]
fn dogs_and_cats_with_their_damage_are_fetched_and_learned() {
    let desk = Desk::new();
    desk.write("dogs_cats.toml", SCRATCH.replace("root = \"data\"", "root = \"data/dogs_cats\""));
    fs::remove_dir_all(desk.path("data")).unwrap();

    // Without the data, the last words are the command that brings them.
    let missing =
        desk.finetune("--config dogs_cats.toml --out out").ends(1, &["data/dogs_cats does not exist"]);
    assert!(missing.stderr.trim_end().ends_with(" fetch-data dogs_cats"), "{}", missing.stderr);

    let (cats, broken_cats) = class("Cat", "disc", 666);
    let (dogs, broken_dogs) = class("Dog", "cross", 11702);
    let broken = [broken_cats, broken_dogs].concat();
    let extra =
        ["PetImages/Cat/Thumbs.db", "PetImages/Dog/Thumbs.db", "readme[1].txt", "CDLA-Permissive-2.0.pdf"];
    let extra: Vec<_> = extra.iter().map(|name| ((*name).to_owned(), b"text".to_vec())).collect();
    let archive = zip(&[cats, dogs, broken.clone(), extra].concat());
    let sha256 = hex::encode(Sha256::digest(&archive));
    let url = serve(archive);
    let fetched =
        fetch_data(&desk, &["dogs_cats", "--from", &url, "--accept-digest", &sha256]).output().unwrap();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    assert_eq!(names(&desk.path("data")), ["dogs_cats"]);
    let inside = ["CDLA-Permissive-2.0.pdf", "Cat", "Dog", "readme[1].txt"];
    assert_eq!(names(&desk.path("data/dogs_cats")), inside);

    desk.finetune("--config dogs_cats.toml --out out").ends(0, &[]);
    let summary = desk.json("out/summary.json");
    let data = &summary["data"];
    assert_eq!(data["classes"], serde_json::json!(["Cat", "Dog"]));
    let images = ["train", "validation", "test"].map(|split| data[split].as_u64().unwrap());
    assert_eq!(images.iter().sum::<u64>(), u64::from(2 * (SOUND + 4)), "{data}");
    assert!(images[1] > 0, "a part is kept for validation");
    let unreadable: BTreeSet<String> = data["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect();
    let expected = broken.iter().map(|(name, _)| name.replace("PetImages", "data/dogs_cats"));
    assert_eq!(unreadable, expected.collect::<BTreeSet<_>>());
    for file in data["unreadable"].as_array().unwrap() {
        let is_empty = ["666.jpg", "11702.jpg"]
            .iter()
            .any(|name| Path::new(file["path"].as_str().unwrap()).ends_with(name));
        assert_eq!(file["reason"].as_str().unwrap().contains("empty"), is_empty, "{file}");
    }
}
