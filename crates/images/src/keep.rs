use crate::Transform;

/// What [`Store`](crate::Store) keeps of each image.
#[derive(Clone, Debug)]
pub enum Keep {
    /// The whole image.
    Whole,
    /// The whole image, decoded as this transform asks for: 16-bit data in its range.
    WholeFor(Box<Transform>),
    /// The resized square that this transform shows, if that is the same in every epoch. It takes about a third of the
    /// memory of a photograph, and is resized once.
    Square(Box<Transform>),
}
