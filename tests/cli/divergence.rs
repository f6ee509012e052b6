//! A training that diverges ends with the step and the stage where it began, and the last good weights are saved.

use crate::support::short_runs::DESK;
use crate::support::{names, safetensors};

#[test]
fn a_run_that_runs_away_names_the_stage_and_keeps_what_was_good() {
    let desk = &*DESK;
    // The rate of one stage alone is beyond measure, and it thaws in the second epoch.
    let steep = "--config c.toml --out steep --set finetune.thaw.at={fc1=2} --set finetune.rates={fc1=1e30}";
    let ran = desk
        .finetune(steep)
        .ends(1, &["in fine-tune, epoch 2, step", "fc1", "steep/checkpoints/last-good.safetensors"]);
    assert_eq!(ran.stdout, "");
    assert!(!desk.path("steep/model.safetensors").exists());
    assert_eq!(names(&desk.path("steep/checkpoints")), ["last-good.safetensors"]);
    // It is a whole model, as it was when the first epoch ended: until then fc1 was frozen, and nothing of the same rates
    // ran away.
    let same = "--set train.schedule=constant --set train.epochs";
    let ran = format!("{same}=2 --set finetune.thaw.at={{fc1=2}} --set finetune.rates={{fc1=1e45}}");
    // Four steps of the head and four of the first epoch come before the step whose rate is beyond measure.
    desk.finetune(&format!("--config c.toml --out beyond {ran}"))
        .ends(1, &["in fine-tune, epoch 2, step 9", "fc1", "weights"]);
    desk.finetune(&format!("--config c.toml --out one {same}=1 --set finetune.depth=last:1")).ends(0, &[]);
    let tensors = |file: &str| safetensors::read(&desk.path(file));
    let (good, first) =
        (tensors("beyond/checkpoints/last-good.safetensors"), tensors("one/model.safetensors"));
    assert_eq!(good.len(), 10);
    assert!(good == first, "the last good weights are not those of the first epoch");
    desk.finetune("predict --arch lenet5_relu --weights steep/checkpoints/last-good.safetensors data/val")
        .ends(0, &[]);
}

#[test]
fn a_validation_that_runs_away_ends_the_run_though_no_step_follows_it() {
    let desk = &*DESK;
    // One step with all images, the last of the run: its weights are huge and finite.
    let steep = "--config c.toml --out unseen --set train.epochs=1 --set train.batch_size=13 --set finetune.rates={fc1=1e30,fc2=1e30}";
    let ran = desk.finetune(steep).ends(
        1,
        &["in fine-tune, epoch 1, step 2", "validation", "unseen/checkpoints/last-good.safetensors"],
    );
    assert_eq!(ran.stdout, "");
    assert!(!desk.path("unseen/model.safetensors").exists());
    // The saved weights are those that the step began with: the source weights below a new head.
    let weight = |file: &str| safetensors::read(&desk.path(file)).remove("fc1.weight").unwrap();
    assert!(weight("unseen/checkpoints/last-good.safetensors") == weight("m.safetensors"));
}

#[test]
fn a_model_that_makes_no_sense_of_the_test_images_is_not_saved() {
    let desk = &*DESK;
    for class in ["bar", "cross"] {
        desk.draw(&format!("unvalidated/train/{class}"), class, 0..6);
        desk.draw(&format!("unvalidated/test/{class}"), class, 100..102);
    }
    let steep = "--config c.toml --out untold --set data.root=unvalidated --set data.validation_fraction=0 --set train.epochs=1 --set train.batch_size=12 --set finetune.rates={fc1=1e30,fc2=1e30}";
    let place = ["in fine-tune, epoch 1, step 2", "test"];
    assert_eq!(desk.finetune(steep).ends(1, &place).stdout, "");
    assert!(!desk.path("untold/model.safetensors").exists());
}

#[test]
fn a_diverging_gradient_is_reported_at_its_step_before_it_is_applied() {
    let desk = &*DESK;
    // With these weights every output is sound, and the gradient of fc1, which thaws in the second epoch, is not.
    let mut tensors = safetensors::read(&desk.path("m.safetensors"));
    for (name, factor) in [("conv2.weight", 1e10), ("fc1.weight", 1e-30), ("fc2.weight", 1e36)] {
        safetensors::scale(tensors.get_mut(name).unwrap(), factor);
    }
    safetensors::write(&desk.path("steep.safetensors"), &tensors);
    let sets = "--set model.weights=steep.safetensors --set finetune.thaw.at={fc1=2} --set regularize.label_smoothing=0.2";
    desk.finetune(&format!("--config c.toml --out gradient {sets}"))
        .ends(1, &["in fine-tune, epoch 2, step 9", "fc1", "gradient"]);
    // A penalty is named by its key, in the first step that has it.
    desk.finetune("--config c.toml --out penalty --set regularize.l1=1e39 --set train.epochs=1")
        .ends(1, &["in train-head, epoch 1, step 1", "regularize.l1"]);
}
