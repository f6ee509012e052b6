//! Features of frozen stages are cached, found again, and never stale.

use std::fs;

use crate::support::transfer::{LENET, RESNET, TRANSFER, sha256, trained};
use crate::support::{Desk, names};
use serde_json::Value;

#[test]
fn cached_features_change_nothing_but_the_time() {
    let views = "--set train.epochs=5 --set augment.views=2 --set augment.rotation=20";
    let thaw = "--set finetune.thaw={every=1} --set train.epochs=4";
    LENET.finetune(&format!("--config c.toml {RESNET} --set train.epochs=1 --out resnet")).ends(0, &[]);
    let resnet =
        format!("{RESNET} --set model.weights=resnet/model.safetensors --set finetune.head_epochs=1");
    for (depth, more) in [
        ("head", ""),
        ("from:fc1", ""),
        ("from:conv2", ""),
        ("head", views),
        ("from:fc1", views),
        ("all", thaw),
        ("from:layer4", &resnet),
    ] {
        let settings = format!("{TRANSFER} --set train.epochs=2 {more} --set finetune.depth={depth}");
        let out = format!("{}-{}", depth.replace(':', "-"), more.len());
        let way =
            |name: &str, more: &str| trained(&LENET, &format!("{name}-{out}"), &format!("{settings} {more}"));
        let (in_memory, cached) = way("memory", "--set run.cache=memory");
        let (on_disk, mapped) = way("disk", "--set run.features_mib=0");
        let (recomputed, without_cache) = way("recomputed", "--set run.cache=off");
        assert_eq!(in_memory, recomputed, "{depth}");
        assert_eq!(on_disk, recomputed, "{depth}");
        let is_cached =
            |summary: &Value| summary["steps"][3]["what"].as_str().unwrap().contains("features kept");
        assert!(
            is_cached(&cached) && is_cached(&mapped) && !is_cached(&without_cache),
            "{depth}: the three ways were not all taken"
        );
    }
}

#[test]
fn features_are_found_again_by_the_next_run_and_computed_again_when_they_are_torn() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source").ends(0, &[]);
    let settings = "--config c.toml --set model.weights=source/model.safetensors --set finetune.depth=head";
    let cache_files = || {
        let entries = fs::read_dir(desk.path(".cache/finetune-rs/features"));
        let files = entries.into_iter().flatten().map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|extension| extension == "features"))
            .collect::<Vec<_>>()
    };
    let (off, _) = trained(&desk, "off", &format!("{settings} --set run.cache=off"));
    let (in_memory, _) = trained(&desk, "memory", &format!("{settings} --set run.cache=memory"));
    assert_eq!(in_memory, off);
    assert_eq!(cache_files().len(), 0, "neither leaves anything on disk");
    let (first, _) = trained(&desk, "first", settings);
    let files = cache_files();
    assert_eq!(files.len(), 2, "training and validation");
    let times = || files.iter().map(|file| fs::metadata(file).unwrap().len()).collect::<Vec<_>>();
    let lengths = times();
    let found = "16 of 16";
    desk.finetune(&format!("{settings} --set run.seed=0 --out again")).ends(0, &[found]);
    let again = sha256(&desk.path("again/model.safetensors"));
    assert_eq!(cache_files().len(), 2, "the same were found");
    for file in &files {
        let whole = fs::read(file).unwrap();
        fs::write(file, &whole[..whole.len() / 2]).unwrap();
    }
    let (torn, _) = trained(&desk, "torn", settings);
    assert_eq!(times(), lengths, "what was torn is whole again");
    assert!([&first, &again, &torn].iter().all(|digest| **digest == off));
    // With another image it is another file, for which that image alone is computed.
    desk.draw("data/train/bar", "bar", 50..51);
    let found = "16 of 17";
    desk.finetune(&format!("{settings} --set run.seed=0 --out more")).ends(0, &[found]);
    assert_eq!(cache_files().len(), 3);
    let (recomputed, _) = trained(&desk, "recomputed", &format!("{settings} --set run.cache=off"));
    assert_eq!(sha256(&desk.path("more/model.safetensors")), recomputed);
}

/// Random augmentation depends on an image's name, so that a renamed image has other views.
#[test]
fn views_of_a_renamed_image_are_not_those_it_had() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source").ends(0, &[]);
    let settings = "--config c.toml --set model.weights=source/model.safetensors --set finetune.depth=head \
                    --set train.epochs=4 --set augment.rotation=40 --set augment.views=2";
    let cache_files = || {
        let names = names(&desk.path(".cache/finetune-rs/features"));
        names.iter().filter(|name| name.ends_with(".features")).count()
    };
    let (before, _) = trained(&desk, "before", settings);
    assert_eq!(cache_files(), 3, "two views to train on, and validation");
    // It stays at its place among the others.
    fs::rename(desk.path("data/train/bar/005.png"), desk.path("data/train/bar/006.png")).unwrap();
    let found = "26 of 28";
    desk.finetune(&format!("{settings} --out after")).ends(0, &[found]);
    assert_eq!(cache_files(), 5);
    let (off, _) = trained(&desk, "off", &format!("{settings} --set run.cache=off"));
    assert_eq!(sha256(&desk.path("after/model.safetensors")), off);
    assert_ne!(before, off, "the name makes no difference here");
}

#[test]
fn the_program_says_what_it_keeps_and_what_would_let_it_keep_more() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source").ends(0, &[]);
    let settings = "--config c.toml --set model.weights=source/model.safetensors --set finetune.depth=last:1 \
                    --set finetune.head_epochs=1 --set augment.rotation=20";
    let said =
        |out: &str, more: &str| desk.finetune(&format!("{settings} {more} --out {out}")).ends(0, &[]).stderr;
    let hint = "augment.views = 4";
    let times = |text: &str| text.matches(hint).count();
    let varying = said("varying", "");
    assert_eq!(times(&varying), 1, "{varying}");
    let views = said("views", "--set augment.views=2");
    // Each of the two steps of one epoch sees one view of the twelve, and four to validate with.
    assert_eq!(times(&views), 0);
    assert_eq!(views.matches(": those of 16 images take").count(), 2, "{views}");
    // Those to validate with never vary.
    let to_validate = |line: &&str| line.contains("found from an earlier run: those of 4 of 16 images");
    assert_eq!(views.lines().filter(to_validate).count(), 2, "{views}");
    let off = said("off", "--set augment.views=2 --set run.cache=off");
    assert!(off.contains("run.cache is \"off\"") && times(&off) == 0, "{off}");
    let found = said("found", "--set augment.views=2");
    let all = "16 of 16";
    assert_eq!(found.matches(all).count(), 2, "{found}");
    let nothing_frozen = said("all", "--set finetune.depth=all --set finetune.head_epochs=0");
    assert_eq!(times(&nothing_frozen), 0, "{nothing_frozen}");
}
