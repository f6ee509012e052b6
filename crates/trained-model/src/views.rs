//! Views of an image whose probabilities are averaged (test-time augmentation).
//!
//! Ten of them as A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
//! NeurIPS 2012, section 4.1: the centre, the four corners, and each mirrored.

use images::{Error, Transform};
use pretrained::{Fit, InputSpec};
use tch::Tensor;

/// Which views are taken.
#[derive(Clone, Debug)]
pub struct Views {
    /// Preparation of what all views are parts of.
    transform: Transform,
    /// Side of a view.
    side: i64,
    views: Vec<View>,
}

/// One view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct View {
    top: i64,
    left: i64,
    mirrored: bool,
}

impl Views {
    /// Takes the one that a model is evaluated on.
    ///
    /// # Errors
    /// [`Error::Transform`] if the specification makes no sense.
    pub fn one(input: &InputSpec) -> Result<Self, Error> {
        let (transform, side) = (Transform::evaluation(input)?, input.crop.into());
        Ok(Self { transform, side, views: vec![View { top: 0, left: 0, mirrored: false }] })
    }

    /// Takes ten: the centre and the four corners of the resized image, each also mirrored. Where the network sees the whole
    /// square, these are two: as it is, and mirrored.
    ///
    /// # Errors
    /// [`Error::Transform`] if the specification makes no sense.
    pub fn several(input: &InputSpec) -> Result<Self, Error> {
        let has_border = input.fit == Fit::Crop && input.resize > input.crop;
        let whole = InputSpec { crop: if has_border { input.resize } else { input.crop }, ..input.clone() };
        let last = i64::from(whole.crop) - i64::from(input.crop);
        let middle = last / 2 + i64::from(last % 4 == 3);
        let corners = [[0, 0], [0, last], [last, 0], [last, last]];
        let places = std::iter::once([middle, middle]).chain(corners.into_iter().filter(|_| has_border));
        let views = places.flat_map(|[top, left]| [false, true].map(|mirrored| View { top, left, mirrored }));
        Ok(Self {
            transform: Transform::evaluation(&whole)?,
            side: input.crop.into(),
            views: views.collect(),
        })
    }

    /// Returns the preparation of images.
    #[must_use]
    pub fn transform(&self) -> &Transform {
        &self.transform
    }

    /// Returns their number.
    #[must_use]
    pub fn count(&self) -> usize {
        self.views.len()
    }

    /// Returns a view of prepared images, `[N, C, whole, whole]` -> `[N, C, side, side]`; the last one for a number too large.
    pub fn of(&self, images: &Tensor, number: usize) -> Tensor {
        let View { top, left, mirrored } = self.views[number.min(self.views.len() - 1)];
        let view = images.narrow(2, top, self.side).narrow(3, left, self.side);
        if mirrored { view.flip([3]) } else { view }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_views_cover_the_corners_and_two_the_whole() {
        let input = InputSpec { resize: 7, crop: 4, ..InputSpec::imagenet() };
        let views = Views::several(&input).unwrap();
        assert_eq!((views.count(), views.transform().size()), (10, 7));
        let images = Tensor::arange(49, (tch::Kind::Float, tch::Device::Cpu)).view([1, 1, 7, 7]);
        let first = |number: usize| views.of(&images, number).double_value(&[0, 0, 0, 0]);
        // The middle of 3 is rounded half to even, as a crop's: 2.
        assert_eq!([0, 2, 4, 6, 8].map(first), [16.0, 0.0, 3.0, 21.0, 24.0]);
        assert_eq!([1, 3].map(first), [19.0, 3.0]);
        assert_eq!(views.of(&images, 9).size(), [1, 1, 4, 4]);
        for whole in
            [InputSpec { resize: 4, ..input.clone() }, InputSpec { fit: Fit::Squash, ..input.clone() }]
        {
            let views = Views::several(&whole).unwrap();
            assert_eq!((views.count(), views.transform().size()), (2, 4));
        }
        let one = Views::one(&input).unwrap();
        assert_eq!((one.count(), one.transform().size()), (1, 4));
    }
}
