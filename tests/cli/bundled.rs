//! A bundle, started where nothing is but the C library: no Rust, no Python, no compiler, no network.
//! `cargo xtask bundle --check` runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Desk, Ran, names};

/// Files of the C library, of which some systems have no more.
const LIBC: [&str; 10] = [
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
    "libnss_dns.so.2",
];

/// A root folder with the C library, the bundle and a desk.
struct Root {
    desk: Desk,
}

impl Root {
    fn new(bundle: &Path) -> Self {
        let root = Self { desk: Desk::new() };
        let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
        let folders =
            ["/lib64".to_owned(), "/lib".to_owned(), format!("/lib/{triplet}"), "/usr/lib64".to_owned()];
        for folder in &folders {
            for name in LIBC {
                let from = Path::new(folder).join(name);
                if from.is_file() {
                    root.desk.write(&from.display().to_string()[1..], fs::read(&from).unwrap());
                    let to = root.desk.path(&from.display().to_string()[1..]);
                    fs::set_permissions(to, fs::metadata(&from).unwrap().permissions()).unwrap();
                }
            }
        }
        fs::create_dir(root.desk.path("proc")).unwrap();
        root.desk.write("dev/null", "");
        // libtorch reads a few bytes of it for seeds that a run replaces.
        root.desk.write("dev/urandom", vec![97; 1 << 16]);
        link_all(bundle, &root.desk.path("opt/finetune"));
        root
    }

    /// Runs a program of the bundle in this root, in a network of its own that has no other end.
    fn run(&self, arguments: &str) -> Ran {
        let mut unshare = Command::new("unshare");
        // Anybody may, but where new users are forbidden; root needs none.
        let as_root = ["--user", "--map-root-user"];
        if Command::new("unshare").args(as_root).arg("true").status().unwrap().success() {
            unshare.args(as_root);
        }
        // `/proc`, because the loader learns there where a program lies.
        unshare
            .args(["--net", "--mount", "--pid", "--fork", "--mount-proc"])
            .arg(format!("--root={}", self.desk.path("").display()))
            .arg("--wd=/");
        unshare.arg("/opt/finetune/bin/finetune").args(arguments.split_whitespace());
        unshare.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", "/home");
        Ran::of(&unshare.output().unwrap())
    }
}

/// The same files under another folder; copied where they lie on another disk.
fn link_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            link_all(&path, &target);
        } else if fs::hard_link(&path, &target).is_err() {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut writer, content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
#[ignore = "needs a bundle: cargo xtask bundle --check"]
fn a_bundle_does_everything_where_nothing_is_but_the_c_library() {
    let bundle = PathBuf::from(std::env::var_os("FINETUNE_BUNDLE").expect("FINETUNE_BUNDLE names a bundle"));
    for file in [
        "licences/pytorch.txt",
        "licences/rust-crates.txt",
        "licences/gcc-runtime.txt",
        "sbom.cdx.json",
        "README.txt",
    ] {
        assert!(bundle.join(file).is_file(), "{file}");
    }
    let root = Root::new(&bundle);
    let bare = names(&root.desk.path(""));
    assert!(
        bare.iter()
            .all(|name| ["dev", "lib", "lib64", "opt", "proc", "usr", "data", "c.toml"]
                .contains(&name.as_str())),
        "{bare:?}"
    );

    let doctor = root.run("doctor").ends(0, &[]).stdout;
    for line in
        ["ok libtorch", "ok C library", "GLIBC_", "GLIBCXX_", "ok downloader", "-> finetune fetch-weights"]
    {
        assert!(doctor.contains(line), "{line}: {doctor}");
    }

    // From images to a model in use.
    root.run("--config c.toml --out out").ends(0, &["step 5/5 fine-tune"]);
    assert!(root.desk.path("out/report.html").is_file() && root.desk.path("out/model.safetensors").is_file());
    let predicted = root.run("predict --run out data/val/bar").ends(0, &[]).stdout;
    assert_eq!(predicted.lines().count(), 2, "{predicted}");
    root.run("evaluate --run out --data data/val").ends(0, &[]);
    root.run("embed --run out --out features.npy data/val").ends(0, &[]);
    root.run("export --run out").ends(0, &[]);
    assert!(root.desk.path("out/export/model.onnx").is_file());
    root.run("audit --config c.toml --out audited").ends(0, &[]);

    // Weights and images: from folders here, and without a network a reason.
    let listed = root.run("fetch-data").ends(0, &["finetune fetch-data NAME"]).stdout;
    assert!(listed.contains("hymenoptera_data"), "{listed}");
    let image = fs::read(root.desk.path("data/val/bar/100.png")).unwrap();
    let archive =
        zip(&[("hymenoptera_data/train/ants/1.png", &image), ("hymenoptera_data/train/bees/1.png", &image)]);
    root.desk.write("brought/hymenoptera_data.zip", archive);
    let from = "fetch-data hymenoptera_data --from brought";
    root.run(from)
        .ends(1, &["SHA-256", "finetune fetch-data hymenoptera_data --from brought --accept-digest"]);
    root.run(&format!("{from} --into sets --accept-digest")).ends(0, &[]);
    assert!(root.desk.path("sets/hymenoptera_data/train/ants/1.png").is_file());
    root.run("fetch-weights resnet18 --from brought").ends(1, &["resnet18-f37072fd.pth"]);
    root.run("fetch-weights resnet18 --from http://192.0.2.1/").ends(1, &["resnet18"]);
    let missing = "--config c.toml --out more --set model.arch=resnet18 --set model.weights=IMAGENET1K_V1 --set finetune.depth=head";
    root.run(missing).ends(1, &["`finetune fetch-weights resnet18`"]);
}
