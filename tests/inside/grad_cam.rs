//! Grad-CAM in every family.

use backbone::{Backbone, StageId};
use tch::Kind;
use trained_model::grad_cam::heat_maps;

use crate::cheapest::for_the_cheapest;

/// Grad-CAM finds a map in every family, whatever is frozen or prepared, and leaves the network as it was.
#[test]
fn every_family_can_be_asked_where_its_evidence_lies() {
    for_the_cheapest(|backbone, x| {
        let name = backbone.arch();
        let state = |backbone: &Backbone| {
            let variables = backbone.variables().all().into_iter();
            variables.map(|v| (v.tensor.copy(), v.tensor.requires_grad())).collect::<Vec<_>>()
        };
        let mut maps = Vec::new();
        for first_live in [backbone.head_id(), StageId::INPUT] {
            backbone.freeze_before(first_live);
            backbone.prepare_inference(StageId::INPUT..first_live, Kind::Float);
            let before = state(backbone);
            let found = heat_maps(backbone, x, &[0, 1, 2, 3]).unwrap().unwrap();
            for ((before, graph), (after, still)) in before.iter().zip(state(backbone)) {
                assert!(before.equal(&after) && *graph == still, "{name}");
            }
            assert_eq!(backbone.first_live(), first_live, "{name}");
            assert!(backbone.variables().all().iter().all(|v| !v.tensor.grad().defined()), "{name}");
            let size = found.maps.size();
            assert!(size[0] == 4 && size[1] * size[2] > 1, "{name}: {size:?}");
            assert!(
                found.maps.ge(0.0).all().int64_value(&[]) == 1 && found.maps.max().double_value(&[]) <= 1.0
            );
            maps.push(found.maps);
        }
        assert!(maps[0].sum(Kind::Double).double_value(&[]) > 0.0, "{name} has no evidence at all");
        assert!(
            (&maps[0] - &maps[1]).abs().max().double_value(&[]) < 1e-3,
            "{name}: what is frozen changes the map"
        );
    });
}
