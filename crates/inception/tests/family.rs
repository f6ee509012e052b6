//! GoogLeNet and Inception v3: parity with TorchVision, the contract, initial values, smallest input.

use backbone::{Options, Values};
use conformance::{Cheapest, Subject, freezing};

const SUBJECT: Subject = Subject {
    family: &inception::FAMILY,
    cheapest: &[Cheapest { network: "googlenet", size: 64 }, Cheapest { network: "inception_v3", size: 107 }],
    every_tensor: Some("googlenet"),
};

conformance::tests!(SUBJECT);

/// At full size, where the auxiliary head is built, one step takes as long as many at the size above.
#[test]
fn frozen_around_its_auxiliary_head_only_what_is_live_of_v3_changes() {
    freezing::only_what_is_live_changes_around_the_auxiliary_head(SUBJECT.network("inception_v3"), 299);
}

/// Both auxiliary heads of GoogLeNet drop features, that of Inception v3 does not.
#[test]
fn auxiliary_heads_have_the_papers_dropout() {
    for (name, rates) in [("googlenet", &[0.7, 0.7][..]), ("inception_v3", &[0.0])] {
        let options = Options { size: 299, ..Options::default() };
        let outline = SUBJECT.network(name).build(Values::Outline, &options);
        assert_eq!(outline.aux().map(|(_, aux)| aux.head.dropout).collect::<Vec<_>>(), rates, "{name}");
    }
}
