//! Tests below the command line, in process: they link libtorch.

mod averages;
mod cheapest;
mod grad_cam;
mod interrupted;
mod reduced;
mod refused;
mod smallest_input;
mod statistics;
mod transformers;

#[path = "../support/base.rs"]
mod base;
#[path = "../support/shapes.rs"]
mod shapes;
