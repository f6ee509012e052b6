use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

fn at(name: &str, from: Option<&str>) -> Result<Vec<Place>> {
    places(named(name).unwrap(), from)
}

#[test]
fn a_set_without_an_address_asks_for_one() {
    let error = at("dogs_cats_small", None).unwrap_err().to_string();
    assert!(error.contains("--from"), "{error}");
    let Place::Urls(urls) = &at("hymenoptera_data", None).unwrap()[0] else { panic!("not an address") };
    assert!(urls[0].ends_with("hymenoptera_data.zip"));
    let error = named("hymenoptera").unwrap_err().to_string();
    assert!(error.contains("hymenoptera_data") && error.contains("dogs_cats"), "{error}");
}

#[test]
fn from_is_a_file_a_folder_or_an_address_of_either() {
    let folder = tempfile::tempdir().unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let pets = |from: &str| at("oxford_iiit_pet", Some(from));
    assert!(pets(&text(folder.path())).unwrap_err().to_string().contains("images.tar.gz"));
    let by_set = folder.path().join("oxford_iiit_pet.tar.gz");
    fs::write(&by_set, "").unwrap();
    assert_eq!(pets(&text(folder.path())).unwrap(), [Place::File(by_set)]);
    let file = folder.path().join("images.tar.gz");
    fs::write(&file, "").unwrap();
    for from in [text(folder.path()), text(&file), format!("file://{}", file.display())] {
        assert_eq!(pets(&from).unwrap(), [Place::File(file.clone())]);
    }
    let url = |url: &str| vec![Place::Urls(vec![url.to_owned()])];
    assert_eq!(pets("http://x/y/").unwrap(), url("http://x/y/images.tar.gz"));
    assert_eq!(pets("http://x/other.tgz?a=b").unwrap(), url("http://x/other.tgz?a=b"));

    // Three archives: a folder of their own, and no single file.
    let beans = |from: &str| at("beans", Some(from));
    assert!(beans(&text(&file)).unwrap_err().to_string().contains("train.zip, validation.zip, test.zip"));
    fs::create_dir(folder.path().join("beans")).unwrap();
    for name in ["train.zip", "validation.zip", "test.zip"] {
        fs::write(folder.path().join("beans").join(name), "").unwrap();
    }
    assert_eq!(beans(&text(folder.path())).unwrap().len(), 3);
    assert_eq!(beans("http://x").unwrap()[1], Place::Urls(vec!["http://x/validation.zip".to_owned()]));
}

#[test]
fn an_archive_is_taken_when_its_digest_is_known_or_accepted_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let zip = folder.path().join("dogs_cats_small.zip");
    let mut writer = zip::ZipWriter::new(fs::File::create(&zip).unwrap());
    for name in ["dogs_cats_small/train/a/1.jpg", "__MACOSX/dogs_cats_small/._1.jpg"] {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(b"jpg").unwrap();
    }
    writer.finish().unwrap();
    let sha256 = sha256_of_file(&zip).unwrap();
    let take = |into: &str, accept_digest| {
        fetch(&Arguments {
            name: "dogs_cats_small".to_owned(),
            from: Some(zip.to_str().unwrap().to_owned()),
            into: folder.path().join(into),
            accept_digest,
        })
    };
    for accept in [None, Some(Some("0".repeat(64)))] {
        let error = take("data", accept).err().unwrap().to_string();
        for says in [&sha256, "55f6d112", "27110555 bytes", &format!("--accept-digest {sha256}")] {
            assert!(error.contains(says), "{says}: {error}");
        }
        assert!(!folder.path().join("data").exists());
    }
    for (into, accept) in [("any", Some(None)), ("this", Some(Some(sha256)))] {
        take(into, accept).unwrap();
        let file = folder.path().join(into).join("dogs_cats_small/train/a/1.jpg");
        assert_eq!(fs::read(file).unwrap(), b"jpg");
        assert_eq!(fs::read_dir(folder.path().join(into)).unwrap().count(), 1, "nothing else is left");
    }
}

#[test]
fn what_has_no_digest_is_not_asked_for_unless_that_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = fetch(&Arguments {
        name: "dogs_cats_filtered".to_owned(),
        from: Some(format!("http://{}", listener.local_addr().unwrap())),
        into: folder.path().to_owned(),
        accept_digest: None,
    });
    let error = error.err().unwrap().to_string();
    assert!(error.contains("fetch-data dogs_cats_filtered --accept-digest"), "{error}");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "the server was asked");
}

#[test]
fn an_archive_of_another_layout_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let zip = folder.path().join("EuroSAT.zip");
    let mut writer = zip::ZipWriter::new(fs::File::create(&zip).unwrap());
    writer.start_file("EuroSAT_RGB/Forest/1.jpg", zip::write::SimpleFileOptions::default()).unwrap();
    writer.finish().unwrap();
    let into = folder.path().join("data");
    let arguments = Arguments {
        name: "eurosat".to_owned(),
        from: Some(zip.to_str().unwrap().to_owned()),
        into: into.clone(),
        accept_digest: Some(None),
    };
    let error = fetch(&arguments).err().unwrap().to_string();
    assert!(error.contains("2750/"), "{error}");
    assert_eq!(fs::read_dir(into).unwrap().count(), 0);
}

#[test]
fn another_address_is_asked_where_the_first_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = |path: &str| format!("http://{}/{path}", listener.local_addr().unwrap());
    let place = Place::Urls(vec![url("gone"), url("here")]);
    let server = std::thread::spawn(move || {
        for answer in ["403 Forbidden\r\nContent-Length: 0", "200 OK\r\nContent-Length: 3"] {
            let mut stream = listener.accept().unwrap().0;
            let _request = stream.read(&mut [0; 4096]).unwrap();
            write!(stream, "HTTP/1.1 {answer}\r\nConnection: close\r\n\r\nzip").unwrap();
        }
    });
    let set = named("beans").unwrap();
    let arguments = Arguments {
        name: set.name.clone(),
        from: None,
        into: folder.path().to_owned(),
        accept_digest: Some(None),
    };
    let here = bring(set, &set.archives[0], &place, &arguments).unwrap();
    server.join().unwrap();
    assert_eq!((fs::read(&here.path).unwrap(), here.temporary), (b"zip".to_vec(), true));
}
