//! Checkpoints as people have them: whatever lies around the weights, they are found, and what was taken off is named.
//!
//! The files come from `make_found_checkpoints.py`, which says what each holds.

use std::path::{Path, PathBuf};

use checkpoint::{Checkpoint, Layout};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/found").join(name)
}

/// The network of the files: a convolution and a classifier.
fn layout() -> Layout {
    let tensors: [(&str, &[usize]); 4] =
        [("conv.weight", &[2, 1, 3, 3]), ("conv.bias", &[2]), ("fc.weight", &[3, 2]), ("fc.bias", &[3])];
    Layout {
        tensors: tensors.map(|(name, shape)| (name.to_owned(), shape.to_vec())).into(),
        head: "fc".to_owned(),
        dialects: &[],
    }
}

fn found(name: &str) -> Checkpoint {
    let opened = checkpoint::open(&file(name)).unwrap_or_else(|error| panic!("{error}"));
    opened.load(Some(&layout())).unwrap_or_else(|error| panic!("{error}"))
}

/// Holds the four tensors, of which element i is i.
#[track_caller]
fn holds_the_weights(checkpoint: &Checkpoint) {
    let names: Vec<&String> = checkpoint.tensors.keys().collect();
    assert_eq!(names, ["conv.bias", "conv.weight", "fc.bias", "fc.weight"], "{}", checkpoint.path.display());
    for (name, array) in &checkpoint.tensors {
        assert_eq!(array.shape, layout().tensors[name], "{name}");
        let expected: Vec<f32> = (0..array.len()).map(|place| place as f32).collect();
        assert_eq!(array.to_f32().unwrap(), expected, "{name} of {}", checkpoint.path.display());
    }
}

#[test]
fn weights_are_found_under_whatever_they_lie() {
    for (name, prefix) in [
        ("imagenet.pth", "state_dict.module."),
        ("lightning.pth", "state_dict.model."),
        ("compiled_parallel.pth", "model.module._orig_mod."),
        ("deep.pth", "checkpoint.network.params.backbone.model."),
        ("unheard_of.pth", "our_trainer_v2.blob.wobble.wibble."),
        ("inner_module.pth", ""),
        ("fsdp.pth", "_fsdp_wrapped_module."),
        ("whole.pth", ""),
        ("whole_under_key.pth", "model."),
        ("whole_parallel.pth", "model.module."),
        ("averaged.pth", "module."),
        ("raw_and_average.pth", "state_dict_ema."),
        ("average_without_all.pth", "state_dict."),
        ("optimizer_by_name.pth", "weights."),
        ("helper.pth", "helper.shadow."),
        ("head_beside.pth", "state_dict.backbone."),
        ("thop.pth", ""),
        ("momentum_pair.pth", "encoder_q."),
        ("tuple.pth", "0."),
        ("numbers.pth", "model."),
        ("parameters.pth", ""),
        ("classes.pth", "state_dict."),
        ("harmless.pth", "state_dict."),
        ("whole_optimizer.pth", "state_dict."),
        ("dotted_twice.pth", "model."),
        ("negated.pth", ""),
        ("init_first.pth", "model."),
        ("discriminator_first.pth", "generator_net."),
        ("prev_first.pth", "state_dict."),
        ("last_and_best.pth", "best.model."),
        ("distilled.pth", "student."),
        ("dino.pth", "teacher."),
        ("net_ema.pth", "net_ema.module."),
        ("more_classes_first.pth", "model."),
        ("folds.pth", "fold0."),
        ("list_of_two.pth", "0."),
        ("old.pth", "module."),
        ("old_whole.pth", ""),
        ("detectron.pkl", "model.backbone."),
        ("dumped.pkl", ""),
    ] {
        let checkpoint = found(name);
        holds_the_weights(&checkpoint);
        assert_eq!(checkpoint.unwrapped.prefix, prefix, "{name}");
    }
}

#[test]
fn what_was_left_is_named() {
    let words = |name: &str| found(name).unwrapped.in_words();
    let imagenet = found("imagenet.pth").unwrapped;
    assert!(imagenet.unused.contains(&"best_acc1".to_owned()), "{imagenet:?}");
    assert!(imagenet.unused.contains(&"optimizer.state.0.exp_avg".to_owned()), "{imagenet:?}");
    assert_eq!(found("thop.pth").unwrapped.unused, ["total_ops", "conv.total_ops", "fc.total_params"]);
    assert_eq!(found("averaged.pth").unwrapped.unused, ["n_averaged"]);
    assert_eq!(found("head_beside.pth").unwrapped.head_prefix.as_deref(), Some("state_dict.head."));
    assert_eq!(found("inner_module.pth").unwrapped.inner, ["module"]);
    // Where both are there, the average is taken and the other is named.
    assert!(
        words("raw_and_average.pth")
            .contains("did not use the same network under \"state_dict\" (4 tensors)")
    );
    assert!(words("lightning.pth").contains("took \"state_dict.model\" off its names"));
    assert_eq!(words("whole.pth"), "");
}

#[test]
fn a_guess_between_copies_is_reported() {
    for (name, tied) in [("folds.pth", "fold1."), ("list_of_two.pth", "1.")] {
        let unwrapped = found(name).unwrapped;
        assert_eq!(unwrapped.tied, [tied], "{name}");
        assert!(unwrapped.guess().unwrap().contains("nothing says which is meant"));
    }
    for name in ["last_and_best.pth", "raw_and_average.pth", "whole.pth", "half_wrapped.pth"] {
        assert_eq!(found(name).unwrapped.guess(), None, "{name}");
    }
    // Half of the names have a prefix, and all are used.
    assert_eq!(found("half_wrapped.pth").unwrapped.others, []);
}

#[test]
fn names_that_clash_are_numbered_apart() {
    let unused = found("dotted_twice.pth").unwrapped.unused;
    assert_eq!(unused, ["a.b.c", "a.b.c~2"]);
}

#[test]
fn tensors_that_cannot_be_read_are_named_with_what_to_do() {
    let unread = found("unread.pth").unread;
    for (name, word, advice) in [
        ("conv.weight", "sparse", ".to_dense()"),
        ("conv.bias", "Complex", "no network"),
        ("fc.bias", "float8", ".float()"),
    ] {
        let (_, reason) = unread.iter().find(|(path, _)| path == name).unwrap();
        assert!(reason.contains(word) && reason.contains(advice), "{name}: {reason}");
    }
}

#[test]
fn names_of_classes_are_found() {
    let classes = |name: &str| found(name).classes;
    assert_eq!(classes("classes.pth").unwrap(), ["ant", "cat", "bee"]);
    assert_eq!(classes("head_beside.pth").unwrap(), ["a", "b", "c"]);
    assert_eq!(classes("imagenet.pth"), None);
    for name in ["numpy", "tensor", "array", "objects", "np_str"] {
        assert_eq!(classes(&format!("classes_{name}.pth")).unwrap(), ["ant", "cat", "bee"], "{name}");
    }
    for (name, wrong) in [("classes_from_1.pth", "from 1"), ("classes_with_gap.pth", "gaps")] {
        let found = found(name);
        assert_eq!(found.classes, None);
        assert!(found.classes_wrong.unwrap().contains(wrong), "{name}");
    }
}

#[test]
fn innocent_objects_are_left_unread_and_not_called_hostile() {
    let skipped = found("harmless.pth").skipped;
    for object in [
        "hyper.nested: ",
        "hyper.method: ",
        "hyper.path: pathlib",
        "hyper.partial: functools.partial",
        "hyper.system: ",
    ] {
        assert!(skipped.iter().any(|line| line.starts_with(object)), "{object}: {skipped:#?}");
    }
}

#[test]
fn hostile_pickles_are_named_and_not_executed() {
    for (name, callable) in [
        ("hostile_system.pth", "posix.system"),
        ("hostile_eval.pth", "builtin__.eval"),
        ("hostile_exec.pth", "builtin__.exec"),
        // Protocol 2 writes subprocess under its name of Python 2.
        ("hostile_popen.pth", "commands.Popen"),
        ("hostile_map.pth", "posix.system"),
        ("hostile_getattr.pth", "__subclasses__"),
        ("hostile_partial_called.pth", "what functools.partial returns"),
        ("hostile_import.pth", "builtin__.__import__"),
        ("hostile_setattr.pth", "builtin__.setattr"),
        ("hostile_popped.pkl", "posix.system"),
        ("hostile_touch.pth", "pathlib"),
        ("hostile_nested.pth", "posix"),
        ("hostile_nested_file.pth", "posix.system"),
        ("hostile_fx.pth", "_exec_with_source"),
        ("hostile_sqlite.pth", "sqlite3"),
        ("hostile_append.pkl", "append"),
        ("hostile_setstate.pkl", "setattr"),
    ] {
        let error = checkpoint::open(&file(name)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("nothing was run here") && error.contains(callable), "{name}: {error}");
    }
    assert!(!Path::new("hostile-was-executed").exists());
}

#[test]
fn another_network_within_the_same_names_is_not_hidden() {
    // A file with more layers than the network: they stay among its tensors, so that the caller sees them.
    let mut smaller = layout();
    smaller.tensors.remove("conv.bias");
    let opened = checkpoint::open(&file("imagenet.pth")).unwrap();
    assert!(opened.outline(Some(&smaller)).tensors.contains_key("conv.bias"));
}
