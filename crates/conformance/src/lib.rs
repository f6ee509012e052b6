//! The tests that every family of networks passes, for the family's own crate to run: parity with TorchVision, the
//! contract of `backbone`, initial values, smallest inputs.
//!
//! A family names its networks once, in `tests/family.rs`, and [`tests!`] makes a test of each check:
//!
//! ```ignore
//! conformance::tests!(Subject {
//!     family: &resnet::FAMILY,
//!     cheapest: &[Cheapest { network: "resnet18", size: 64 }],
//!     every_tensor: Some("resnet18"),
//! });
//! ```
//!
//! - [`parity`]: names, shapes and order of the state dict, logits in both modes, running statistics, gradient norms.
//! - [`contract`]: stages partition the network, can be cut anywhere, say their shapes truly.
//! - [`ending`]: they end early, and their head reads several stages.
//! - [`freezing`]: what is frozen stays, what is live moves; dropout takes another rate.
//! - [`files`]: `.pth` and `.safetensors` files of published names, read, saved and read again.
//! - [`initial_values`]: mean, deviation and kurtosis of every parameter.
//! - [`other_libraries`]: for a family that reads files of timm or transformers, what these compute with them.
//! - [`smallest_input`]: what a network declares is what it reads.
//!
//! Every check panics with the network and the tensor or stage at fault: it is the body of a test.

pub mod contract;
pub mod ending;
pub mod files;
pub mod freezing;
#[path = "../../../tests/torchvision/generator.rs"]
mod generator;
mod golden;
pub mod initial_values;
pub mod other_libraries;
pub mod parity;
#[path = "../../../tests/torchvision/pth.rs"]
#[expect(dead_code, reason = "the older form of a .pth file is for tests of the whole system")]
mod pth;
pub mod smallest_input;
mod subject;

pub use subject::{Cheapest, Subject, one_at_a_time};

/// A test of its own for each check of a [`Subject`].
#[macro_export]
macro_rules! tests {
    ($subject:expr) => {
        #[test]
        fn computes_what_torchvision_computes() {
            $crate::parity::check(&$subject);
        }

        #[test]
        #[ignore = "larger networks: cargo xtask test --large"]
        fn large_networks_compute_what_torchvision_computes() {
            $crate::parity::check_large(&$subject);
        }

        #[test]
        fn stages_partition_the_variables() {
            $crate::contract::stages_partition_the_variables(&$subject);
        }

        #[test]
        fn stages_up_to_a_cut_and_from_it_on_make_the_whole() {
            $crate::contract::stages_up_to_a_cut_and_from_it_on_make_the_whole(&$subject);
        }

        #[test]
        fn prepared_stages_compute_the_same() {
            $crate::contract::prepared_stages_compute_the_same(&$subject);
        }

        #[test]
        fn channels_and_strides_hold_at_any_size() {
            $crate::contract::channels_and_strides_hold_at_any_size(&$subject);
        }

        #[test]
        fn a_trace_has_the_shapes_of_a_forward_pass() {
            $crate::contract::a_trace_has_the_shapes_of_a_forward_pass(&$subject);
        }

        #[test]
        fn the_description_computes_what_the_network_computes() {
            $crate::contract::the_description_computes_what_the_network_computes(&$subject);
        }

        #[test]
        fn ends_after_every_stage() {
            $crate::ending::ends_after_every_stage(&$subject);
        }

        #[test]
        fn reads_several_stages() {
            $crate::ending::reads_several_stages(&$subject);
        }

        #[test]
        fn frozen_at_any_stage_only_what_is_live_changes() {
            $crate::freezing::only_what_is_live_changes(&$subject);
        }

        #[test]
        fn dropout_and_stochastic_depth_take_another_rate() {
            $crate::freezing::dropout_takes_another_rate(&$subject);
            $crate::freezing::stochastic_depth_takes_another_rate(&$subject);
        }

        #[test]
        fn starts_with_torchvisions_distributions() {
            $crate::initial_values::check(&$subject);
        }

        #[test]
        fn reads_its_smallest_input() {
            $crate::smallest_input::check(&$subject);
        }
    };
}
