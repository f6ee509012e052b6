use std::ops::Deref;

use backbone::Backbone;

use crate::average::Average;

/// A network with the average in place of its weights, until it is dropped.
pub struct Model<'a> {
    backbone: &'a Backbone,
    average: Option<&'a mut Average>,
}

impl<'a> Model<'a> {
    pub(crate) fn new(backbone: &'a Backbone, mut average: Option<&'a mut Average>) -> Self {
        average.iter_mut().for_each(|average| average.exchange());
        Self { backbone, average }
    }
}

impl Deref for Model<'_> {
    type Target = Backbone;

    fn deref(&self) -> &Backbone {
        self.backbone
    }
}

impl Drop for Model<'_> {
    fn drop(&mut self) {
        self.average.iter_mut().for_each(|average| average.exchange());
    }
}
