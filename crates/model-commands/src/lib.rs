//! The commands that work on models and networks that are there, as parts of the `finetune` program: [`predict`], [`evaluate`],
//! [`embed`], [`export`], [`serve`], [`inspect`], [`archs`]. Each module has the arguments and `perform`; [`source`] is what they
//! share.
//!
//! They are of the program and not of the recipe: nothing here trains.

mod along;
pub mod archs;
pub mod embed;
pub mod evaluate;
pub mod export;
pub mod inspect;
pub mod predict;
mod projector;
pub mod serve;
pub mod source;
mod table;
mod training_images;
