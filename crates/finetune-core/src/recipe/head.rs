//! Step 3: the head that is trained, new or the source's.

use backbone::layers::LinearInit;
use records::{Depth, Event, Listener};
use tch::Kind;
use training::precision::{self, Purpose, Workload};

use super::frozen;
use super::perform::Work;
use crate::Error;

impl Work<'_> {
    /// Step 3.
    pub(super) fn replace_head(&mut self, listen: &mut Listener<'_>) -> Result<String, Error> {
        self.keep_original_head(listen)?;
        let before = self.backbone.head().classes;
        let classes = self.pictures.classes.len();
        let init = match self.run.depth() {
            Depth::Scratch => self.backbone.head().init,
            _ => LinearInit::TorchDefault,
        };
        self.backbone.replace_head(i64::try_from(classes).unwrap_or(i64::MAX), init);
        self.head_is_there(listen)?;
        let head = self.backbone.head();
        let new: Vec<_> = self
            .backbone
            .ids()
            .filter(|&id| id >= self.backbone.first_new() && id < self.backbone.head_id())
            .map(|id| self.backbone.name(id))
            .collect();
        let more = match new.as_slice() {
            [] => String::new(),
            new => format!("; the weights hold features only, so {} starts afresh too", new.join(", ")),
        };
        Ok(format!(
            "put a fresh {} for {classes} classes ({} features each) in place of the one for {before}{more}",
            head.root, head.features
        ))
    }

    /// Step 3, where the source's head stays.
    pub(super) fn keep_head(&mut self, listen: &mut Listener<'_>) -> Result<String, Error> {
        self.head_is_there(listen)?;
        let head = self.backbone.head();
        let order = self.materials.class_order.in_words();
        Ok(format!(
            "kept the source's {} for its {} classes, to be trained on; {order}",
            head.root, head.classes
        ))
    }

    /// What follows when the network has the head that is trained.
    fn head_is_there(&mut self, listen: &mut Listener<'_>) -> Result<(), Error> {
        self.backbone.to(self.run.device, Kind::Float);
        self.backbone.lay_channels_last();
        let work = Workload {
            input: &self.materials.input,
            batch_size: self.run.config.train.batch_size.get().min(self.pictures.train.len()),
            threads: self.run.threads,
            purpose: Purpose::Train { from: self.plan.first_live },
        };
        self.kind = precision::kind(self.run.config.run.precision, &mut self.backbone, &work);
        self.keep_source()?;
        self.stages = frozen::records(&self.backbone, &self.plan)?;
        self.outlines = self.outline();
        listen(&Event::Planned(&self.outlines));
        Ok(())
    }
}
