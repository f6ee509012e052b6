//! The kinds of input that people bring and tools get wrong: each is tried on `finetune`, and what it does is printed as a
//! table (`cargo xtask cases`). The images in `cases/` are made by the script next to them.

use std::fs;

use crate::pth::{self, Named, Values};
use crate::repository;
use crate::support::stopped::stopped as stop;
use crate::support::{Desk, Ran, SCRATCH, names};

/// A kind of input, and how it is tried. What is returned goes into the table: what the program does, or `Err` with what
/// it does wrongly.
struct Case {
    kind: &'static str,
    attempt: fn(&Desk) -> Result<String, String>,
}

const CASES: [Case; 23] = [
    Case {
        kind: "JPEG scans, one per component, in any order",
        attempt: |desk| twins(desk, &[["scans-usual.jpg", "scans-three.jpg"]]),
    },
    Case { kind: "splits under the names that exporters use", attempt: exporters },
    Case { kind: "split folders mistaken for classes", attempt: levels },
    Case { kind: "checkpoints with other things next to the weights", attempt: other_things },
    Case { kind: "prefixes of wrappers", attempt: prefixes },
    Case { kind: "orientation beyond a SHORT in the first EXIF block", attempt: orientations },
    Case { kind: "hidden folders and files", attempt: hidden },
    Case { kind: "a kept head for classes of other names or order", attempt: kept_head },
    Case { kind: "counters of profilers in a state dict", attempt: counters },
    Case { kind: "a Mac's companions", attempt: companions },
    Case { kind: "harmless objects in a pickle", attempt: harmless },
    Case { kind: "a state dict deep under keys", attempt: deep },
    Case { kind: "stopped runs", attempt: stopped },
    Case { kind: "formats that Pillow reads", attempt: formats },
    Case {
        kind: "JPEG frames without Huffman tables",
        attempt: |desk| twins(desk, &[["frame-usual.jpg", "frame-no-tables.jpg"]]),
    },
    Case { kind: "class names in two Unicode forms, in two cases, with spaces", attempt: spellings },
    Case { kind: "12 bits of data in 16-bit images", attempt: twelve_bits },
    Case { kind: "the same images in two splits, or under two labels", attempt: copies },
    Case { kind: "images under unexpected extensions or none", attempt: extensions },
    Case { kind: "so few images that none is held out", attempt: few },
    Case { kind: "`~` and variables in paths", attempt: home },
    Case { kind: "weights that are not finite", attempt: not_finite },
    Case { kind: "images with an end cut off or a trailer behind it", attempt: ends },
];

#[test]
fn every_kind_is_right() {
    let trained = Desk::new();
    trained.finetune("--config c.toml --out out").ends(0, &[]);
    let mut wrong = Vec::new();
    println!("| # | kind | what finetune does |\n|---:|---|---|");
    for (number, Case { kind, attempt }) in (1..).zip(CASES) {
        let desk = Desk::new();
        fs::create_dir(desk.path("out")).expect("a new folder");
        for file in ["config.toml", "model.safetensors", "summary.json"] {
            fs::copy(trained.path("out").join(file), desk.path("out").join(file)).expect("a trained model");
        }
        let said = match attempt(&desk) {
            Ok(said) => said,
            Err(said) => {
                wrong.push(format!("{number}: {said}"));
                format!("WRONG: {said}")
            }
        };
        let said =
            said.replace(&desk.path("").display().to_string(), "").replace('|', "\\|").replace('\n', " ");
        println!("| {number} | {kind} | {said} |");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is right.
fn right(said: impl Into<String>) -> Result<String, String> {
    Ok(said.into())
}

/// Asserts the exit code, and returns the line on stderr that holds a text, without its mark.
fn line(ran: &Ran, code: i32, holds: &str) -> Result<String, String> {
    let found = ran.stderr.lines().find(|line| line.contains(holds));
    match found {
        Some(line) if ran.code == Some(code) => {
            Ok(line.trim().trim_start_matches("finetune: ").trim_start_matches("warning: ").to_owned())
        }
        _ => Err(format!("exit code {:?}, without {holds:?}: {}", ran.code, ran.stderr)),
    }
}

/// Images trained on and validated with.
fn counts(desk: &Desk, out: &str) -> [u64; 2] {
    let data = desk.json(&format!("{out}/summary.json"))["data"].clone();
    ["train", "validation"].map(|split| data[split].as_u64().unwrap_or(0))
}

fn expect<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{found:?} in place of {wanted:?}")) }
}

fn train(desk: &Desk, more: &str, out: &str) -> Result<Ran, String> {
    let ran = desk.finetune(&format!("--config c.toml --out {out} {more}"));
    if ran.code == Some(0) { Ok(ran) } else { Err(ran.stderr) }
}

/// The logits of an image.
fn logits(desk: &Desk, path: &str) -> Result<String, String> {
    let ran = desk.finetune(&format!("predict --device cpu --run out --json --logits {path}"));
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).map_err(|_| ran.stderr.clone())?;
    Ok(said["logits"].to_string())
}

/// Whether the second of each pair is to the network what the first is.
fn twins(desk: &Desk, pairs: &[[&str; 2]]) -> Result<String, String> {
    for pair in pairs {
        let [usual, odd] = pair.map(|name| {
            let bytes = fs::read(repository().join("tests/cli/cases").join(name));
            desk.write(name, bytes.expect("a fixture"));
            logits(desk, name)
        });
        expect(odd?, usual?)?;
    }
    right("read, with the logits of the usual form")
}

fn exporters(desk: &Desk) -> Result<String, String> {
    for name in ["valid", "dev", "eval", "VALIDATION"] {
        let from = fs::read_dir(desk.path("data")).expect("data").flatten().map(|entry| entry.path());
        let from = from.into_iter().find(|path| !path.ends_with("train")).expect("a validation split");
        fs::rename(from, desk.path("data").join(name)).expect("rename");
        train(desk, "", name)?;
        expect(counts(desk, name), [12, 4])?;
    }
    right("valid/, dev/, eval/ and VALIDATION/ are the validation split")
}

fn levels(desk: &Desk) -> Result<String, String> {
    fs::create_dir_all(desk.path("zip/archive")).expect("folder");
    fs::rename(desk.path("data"), desk.path("zip/archive/data")).expect("rename");
    fs::rename(desk.path("zip/archive/data/train"), desk.path("zip/archive/data/Train")).expect("rename");
    train(desk, "--set data.root=zip", "wrapped")?;
    expect(counts(desk, "wrapped"), [12, 4])?;
    for part in ["one", "two"] {
        for class in ["bar", "cross"] {
            desk.draw(&format!("parts/{part}/{class}"), class, 0..2);
        }
    }
    let refused = line(&desk.finetune("--config c.toml --out parted --set data.root=parts"), 1, "parts")?;
    right(format!("Train/ is the training split, folders too many are entered; else: {refused}"))
}

/// The state dict of the desk's model, with names changed.
fn state(desk: &Desk, rename: impl Fn(&str) -> String) -> Vec<Named> {
    let checkpoint = checkpoint::read(&desk.path("out/model.safetensors")).expect("a model");
    let named = checkpoint.tensors.iter().map(|(name, array)| {
        let shape = array.shape.iter().map(|&extent| i64::try_from(extent).expect("small")).collect();
        let values =
            array.data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four")));
        (rename(name), shape, Values::Float(values.collect()))
    });
    named.collect()
}

/// Trains a head on a file, and returns what step `load` says of it.
fn load(desk: &Desk, file: &str) -> Result<String, String> {
    let out = file.replace('.', "-");
    let ran = train(desk, &format!("--set model.weights={file} --set finetune.depth=head"), &out)?;
    let loaded = desk.json(&format!("{out}/summary.json"))["load"]["loaded"].as_u64();
    // All but the head, which is new.
    expect(loaded >= Some(8), true)?;
    let said = ran.stderr.lines().find(|line| line.contains("loaded") || line.contains(file));
    right(said.unwrap_or_default().trim().to_owned())
}

fn other_things(desk: &Desk) -> Result<String, String> {
    let mut tensors = state(desk, |name| format!("module.{name}"));
    tensors.push(("best_acc1".to_owned(), vec![], Values::Float(vec![81.25])));
    pth::write_zip(&desk.path("more.pth"), &tensors);
    load(desk, "more.pth")
}

fn prefixes(desk: &Desk) -> Result<String, String> {
    let mut said = Vec::new();
    for (number, prefix) in
        ["model.", "_orig_mod.", "module.model.backbone.", "net.", "encoder."].iter().enumerate()
    {
        let file = format!("prefixed{number}.pth");
        let mut tensors = state(desk, |name| format!("{prefix}{name}"));
        tensors.push(("n_averaged".to_owned(), vec![], Values::Count(7)));
        pth::write_zip(&desk.path(&file), &tensors);
        said.push(load(desk, &file)?);
    }
    right(said.swap_remove(2))
}

fn orientations(desk: &Desk) -> Result<String, String> {
    twins(
        desk,
        &[
            ["orientation-usual.jpg", "orientation-long.jpg"],
            ["orientation-usual.jpg", "orientation-xmp.jpg"],
            ["orientation-usual.png", "orientation-behind.png"],
        ],
    )?;
    right("a LONG, XMP and an eXIf behind the pixels turn the image as Pillow does")
}

fn hidden(desk: &Desk) -> Result<String, String> {
    desk.draw("data/train/.ipynb_checkpoints", "bar", 0..2);
    desk.write("data/train/bar/@eaDir/000.png/thumb.jpg", "x");
    desk.write("data/val/Thumbs.db", "x");
    desk.write("data/__MACOSX/x", "x");
    let ran = train(desk, "", "again")?;
    expect(counts(desk, "again"), [12, 4])?;
    line(&ran, 0, "left out")
}

fn kept_head(desk: &Desk) -> Result<String, String> {
    desk.draw("other/train/bar", "bar", 0..3);
    desk.draw("other/train/arc", "disc", 0..3);
    let keep = "--set model.weights=out/model.safetensors --set finetune.depth=head --set finetune.head=keep";
    train(desk, keep, "same")?;
    line(
        &desk.finetune(&format!("--config c.toml --out kept --set data.root=other {keep}")),
        2,
        "finetune.head",
    )
}

fn counters(desk: &Desk) -> Result<String, String> {
    let mut tensors = state(desk, str::to_owned);
    for module in ["", "conv1.", "fc3."] {
        for counter in ["total_ops", "total_params"] {
            tensors.push((format!("{module}{counter}"), vec![1], Values::Float(vec![0.0])));
        }
    }
    pth::write_zip(&desk.path("thop.pth"), &tensors);
    load(desk, "thop.pth")
}

fn companions(desk: &Desk) -> Result<String, String> {
    for image in names(&desk.path("data/train/bar")) {
        desk.write(&format!("data/train/bar/._{image}"), b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ");
    }
    let ran = train(desk, "", "again")?;
    expect(counts(desk, "again"), [12, 4])?;
    line(&ran, 0, "left out")
}

fn harmless(desk: &Desk) -> Result<String, String> {
    // Hyper.Inner() of a script, and a path.
    let object = b"cbuiltins\ngetattr\n(c__main__\nHyper\nX\x05\0\0\0InnertR)\x81";
    pth::write_zip_under(
        &desk.path("object.pth"),
        &["state_dict"],
        &state(desk, str::to_owned),
        &[("hyper", object)],
    );
    let said = load(desk, "object.pth")?;
    // The same call on something that runs commands.
    let hostile = b"cos\nsystem\n(X\x04\0\0\0truetR";
    pth::write_zip_under(
        &desk.path("hostile.pth"),
        &["state_dict"],
        &state(desk, str::to_owned),
        &[("hyper", hostile)],
    );
    let refused =
        desk.finetune("--config c.toml --out no --set model.weights=hostile.pth --set finetune.depth=head");
    line(&refused, 1, "system")?;
    right(said)
}

fn deep(desk: &Desk) -> Result<String, String> {
    let keys = ["trainer", "best", "model"];
    pth::write_zip_under(&desk.path("deep.pth"), &keys, &state(desk, str::to_owned), &[]);
    load(desk, "deep.pth")
}

fn stopped(desk: &Desk) -> Result<String, String> {
    let mut program = desk.program();
    program.args("--config c.toml --set train.epochs=100 --out cut".split(' '));
    let asked = stop(&mut program, "epoch   2/100", || {});
    let said = line(&asked, 130, "--resume cut")?;
    let again = desk.finetune("--resume cut");
    if again.code == Some(0) { right(said) } else { Err(again.stderr) }
}

fn formats(desk: &Desk) -> Result<String, String> {
    twins(desk, &[["tiff-usual.png", "tiff-palette.tiff"]])?;
    desk.write("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    line(&desk.finetune("predict --device cpu --run out phone.heic"), 1, "cannot read phone.heic")
}

fn spellings(desk: &Desk) -> Result<String, String> {
    let rename = |from: &str, to: &str| fs::rename(desk.path(from), desk.path(to)).expect("rename");
    rename("data/train/bar", "data/train/caf\u{e9}");
    rename("data/val/bar", "data/val/cafe\u{301}");
    rename("data/val/cross", "data/val/Cross ");
    let ran = train(desk, "", "again")?;
    expect(counts(desk, "again"), [12, 4])?;
    line(&ran, 0, "\"Cross\"")
}

fn twelve_bits(desk: &Desk) -> Result<String, String> {
    for split in ["train", "val"] {
        for class in ["bar", "cross"] {
            let folder = desk.path(&format!("data/{split}/{class}"));
            for name in names(&folder) {
                let path = folder.join(name);
                let narrow = image::open(&path).expect("an image").into_luma8();
                let wide = image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_fn(32, 32, |x, y| {
                    image::Luma([u16::from(narrow.get_pixel(x, y).0[0]) << 4])
                });
                wide.save(path).expect("save");
            }
        }
    }
    let said = line(&train(desk, "", "dark")?, 0, "data.input.range")?;
    let ran = train(desk, "--set data.input.range=4095", "bright")?;
    expect(ran.stderr.contains("data.input.range ="), false)?;
    right(said)
}

fn copies(desk: &Desk) -> Result<String, String> {
    fs::copy(desk.path("data/train/bar/000.png"), desk.path("data/val/bar/copy.png")).expect("copy");
    fs::create_dir_all(desk.path("data/test/bar")).expect("folder");
    fs::copy(desk.path("data/val/bar/copy.png"), desk.path("data/test/bar/twin.png")).expect("copy");
    let trained = train(desk, "", "again")?;
    line(&trained, 0, "1 of 1 test images are validation images too (test/bar/twin.png is")?;
    line(&trained, 0, "copy.png")
}

fn extensions(desk: &Desk) -> Result<String, String> {
    for (class, name) in
        [("bar", "000.jfif"), ("bar", "x.jpg?w=640"), ("cross", "noname"), ("cross", "a.jpg_large")]
    {
        let image = image::open(desk.path(&format!("data/train/{class}/001.png"))).expect("an image");
        let path = desk.path(&format!("data/train/{class}/{name}"));
        image.save_with_format(path, image::ImageFormat::Jpeg).expect("save");
    }
    train(desk, "", "again")?;
    expect(counts(desk, "again"), [16, 4])?;
    right("read by their first bytes: .jfif, x.jpg?w=640, .jpg_large and no extension")
}

fn few(desk: &Desk) -> Result<String, String> {
    desk.draw("two/bar", "bar", 0..2);
    desk.draw("two/cross", "cross", 0..2);
    line(
        &desk.finetune("--config c.toml --out no --set data.root=two --set regularize.early_stopping=2"),
        2,
        "regularize.early_stopping",
    )
}

fn home(desk: &Desk) -> Result<String, String> {
    desk.write("c.toml", SCRATCH.replace("\"data\"", "\"~/$SET\""));
    let mut program = desk.program();
    program.env("HOME", desk.path("")).env("SET", "data").args(["--config", "c.toml", "--out", "again"]);
    expect(Ran::of(&program.output().expect("runs")).code, Some(0))?;
    right("expanded, in every path of a configuration")
}

fn not_finite(desk: &Desk) -> Result<String, String> {
    let mut tensors = state(desk, str::to_owned);
    if let Some((_, _, Values::Float(values))) = tensors.iter_mut().find(|(name, ..)| name == "conv2.weight")
    {
        values[3] = f32::NAN;
    }
    pth::write_zip(&desk.path("nan.pth"), &tensors);
    line(
        &desk.finetune("--config c.toml --out no --set model.weights=nan.pth --set finetune.depth=head"),
        1,
        "conv2.weight",
    )
}

fn ends(desk: &Desk) -> Result<String, String> {
    let folder = repository().join("tests/cli/cases");
    let whole = fs::read(folder.join("frame-usual.jpg")).expect("a fixture");
    desk.write("whole.jpg", &whole);
    desk.write("trailer.jpg", [&whole[..], b"SEFT and more that a phone writes"].concat());
    expect(logits(desk, "trailer.jpg")?, logits(desk, "whole.jpg")?)?;
    desk.write("half.jpg", [&whole[..whole.len() / 2], b"\xFF\xD9"].concat());
    let refused = line(&desk.finetune("predict --device cpu --run out half.jpg"), 1, "cannot read half.jpg")?;
    right(format!("a trailer changes nothing; half of the data before an end marker: {refused}"))
}
