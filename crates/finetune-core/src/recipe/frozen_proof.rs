//! Proof that frozen stages did not change: a digest of every stage before training and after it.

use backbone::{Backbone, StageId, digest};
use records::StageRecord;
use training::freeze::FreezePlan;

use crate::Error;

/// Returns a record of every stage before training.
pub(super) fn records(backbone: &Backbone, plan: &FreezePlan) -> Result<Vec<StageRecord>, Error> {
    let record = |(id, digest): (StageId, String)| StageRecord {
        name: backbone.name(id).to_owned(),
        parameters: backbone.parameter_count(id),
        live: id >= plan.first_live,
        rate_scale: plan.rate_scale[id.index()],
        digest_before: digest.clone(),
        digest_after: digest,
    };
    Ok(backbone.ids().zip(digest::stages(backbone, backbone.ids())?).map(record).collect())
}

/// Adds the digest after training to the record of every stage. A frozen one must be what it was, buffers included.
///
/// # Errors
/// [`Error::FrozenStageMoved`] with the first that is not.
pub(super) fn check(stages: &mut [StageRecord], backbone: &Backbone) -> Result<(), Error> {
    for (stage, digest) in stages.iter_mut().zip(digest::stages(backbone, backbone.ids())?) {
        stage.digest_after = digest;
        if !stage.live && stage.digest_after != stage.digest_before {
            return Err(Error::FrozenStageMoved { stage: stage.name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use backbone::{Options, Values};

    use super::*;

    #[test]
    fn a_frozen_stage_of_which_one_value_changed_is_named_and_a_live_one_may_change() {
        let options = Options { classes: 2, ..Options::default() };
        let backbone = zoo::network("resnet18").unwrap().build(Values::default(), &options);
        let plan = FreezePlan::new(&backbone, &"from:layer4".parse().unwrap(), 0.1).unwrap();
        let mut stages = records(&backbone, &plan).unwrap();
        let change = |name: &str, by: f64| {
            let all = backbone.variables().all();
            let variable = all.into_iter().find(|variable| variable.name == name).unwrap();
            let mut first = tch::no_grad(|| variable.tensor.flatten(0, -1).get(0));
            let _ = tch::no_grad(|| first.g_add_scalar_(by));
        };
        check(&mut stages, &backbone).unwrap();
        change("layer4.1.bn2.running_var", 1.0);
        check(&mut stages, &backbone).unwrap();
        let moved = |stage: &StageRecord| stage.digest_after != stage.digest_before;
        let names: Vec<&str> = stages.iter().filter(|stage| moved(stage)).map(|stage| &*stage.name).collect();
        assert_eq!(names, ["layer4"]);

        for (name, stage) in [("layer2.0.bn1.running_mean", "layer2"), ("conv1.weight", "stem")] {
            change(name, 1.0);
            let error = check(&mut stages, &backbone).unwrap_err();
            assert!(matches!(&error, Error::FrozenStageMoved { stage: named } if named == stage), "{error}");
            change(name, -1.0);
            stages = records(&backbone, &plan).unwrap();
        }
    }
}
