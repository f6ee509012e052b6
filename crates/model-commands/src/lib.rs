//! The commands that work on models and networks that are there, as parts of the `finetune` program: [`predict`], [`evaluate`],
//! [`embed`],
//! [`export`], [`inspect`], [`archs`]. Each module has the arguments and `perform`; [`source`] is what they share.
//!
//! They are of the program and not of the recipe: nothing here trains.

pub mod archs;
pub mod embed;
pub mod evaluate;
pub mod export;
pub mod inspect;
pub mod predict;
pub mod source;
mod table;
