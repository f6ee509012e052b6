//! A small page and four routes for a trained model, on this machine: to show a model and to try it. It is no server for
//! production; an exported file in a server that is one does that better.
//!
//! It knows a trait and no model, so that it is built and tested without libtorch. Whatever arrives, memory is bounded:
//!
//! ```text
//! connection (the longest idle one goes) -> head (timer) -> Host and Origin -> a place of the queue, or 503
//!   -> body (bytes of one budget) -> decoding (few at once, pixels bounded) -> the one thread that owns the model -> answer
//! ```
//!
//! - [`Answerer`], [`About`], [`Answer`], [`Explanation`]: what a model has to say
//! - [`Server`]: listens; [`Limits`]: what it takes in; [`Stop`]: ends it, after everything accepted is answered
//! - routes: `GET /` (the page), `POST /predict`, `POST /explain` (the body is the image), `GET /status`
//!
//! Modules, in reading order: `answerer`, `limits`, `refusal`: what is exchanged; `admission`: which requests are of this page;
//! `prepare`: from a body to pixels; `compute`: the thread of the model; `status`: counters; `routes`; `connections`, `server`;
//! `page`.

mod admission;
mod answerer;
mod compute;
mod connections;
mod error;
mod limits;
mod page;
mod prepare;
mod refusal;
mod routes;
mod server;
mod status;

pub use answerer::{About, Answer, Answerer, ClassProbability, Explanation, HeatMap, Neighbor, Png};
pub use error::Error;
pub use limits::Limits;
pub use server::{Server, Stop};
