use super::*;

fn run(settings: &str, processes: usize) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let text = format!(
        "[data]\nroot = \"d\"\n[model]\narch = \"lenet5_relu\"\nweights = \"none\"\n[finetune]\ndepth = \"scratch\"\n{settings}"
    );
    std::fs::write(&path, text).unwrap();
    let (config, source) = run_config::read(&path, &[]).unwrap();
    run_config::resolve(config, source).unwrap().shared_by(processes, processes)
}

#[test]
fn batches_are_dealt_out_where_there_are_enough_and_else_images_where_that_is_the_same() {
    let train = "batch_norm = \"train\"\n";
    for (settings, processes, has_norms, expected) in [
        ("[train]\naccumulate = 2", 2, true, Some(Split::Batches)),
        ("[train]\naccumulate = 2", 3, false, Some(Split::Rows)),
        (train, 2, false, Some(Split::Rows)),
        (train, 2, true, None),
        ("[run]\nsplit = \"batch\"", 2, false, Some(Split::Rows)),
        ("[run]\nsplit = \"batches\"", 2, false, None),
        ("[train]\naccumulate = 4\n[run]\nsplit = \"batch\"", 2, false, Some(Split::Rows)),
        ("[regularize]\nspectral_shrinkage = {}\n[run]\nsplit = \"batch\"", 2, false, None),
        ("[train]\nbatch_size = 2", 3, false, None),
        (train, 1, true, Some(Split::Batches)),
    ] {
        let found = of_run(&run(settings, processes), has_norms);
        assert_eq!(found.as_ref().ok(), expected.as_ref(), "{settings}: {found:?}");
        if let Err(error) = found {
            assert!(error.to_string().contains("run.split"), "{error}");
        }
    }
}

#[test]
fn the_refusal_has_the_line_to_write() {
    let refusal = |settings, processes| of_run(&run(settings, processes), true).unwrap_err().to_string();
    let error = refusal("batch_norm = \"train\"\n[train]\nbatch_size = 32", 4);
    assert!(error.contains("train.batch_size = 8, train.accumulate = 4"), "{error}");
    // 32 images are no three batches.
    let error = refusal("batch_norm = \"train\"\n[train]\nbatch_size = 32", 3);
    assert!(
        error.contains("steps of 96 images: train.accumulate = 3") && !error.contains("batch_size"),
        "{error}"
    );
}
