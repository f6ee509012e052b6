//! Tests of what lies behind the command line, in process: they link libtorch.

mod configurations;
mod feeds;
mod interrupted;
mod statistics;

#[path = "../support/cheapest.rs"]
mod cheapest;
#[path = "../support/shapes.rs"]
mod shapes;
