//! The server over loopback, with a model that does what a test asks of it: answers, breaks, takes its time.

mod client;
mod faults;
mod model;
mod routes;
