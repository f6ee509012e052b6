use features::loader::FeatureLoader;
use team::Team;

/// Training and validation images, as the first live stage reads them.
pub struct Loaders {
    /// Training images.
    pub training: FeatureLoader,
    /// Validation images; there may be none.
    pub validation: FeatureLoader,
}

impl Loaders {
    /// From now on these processes share the images, and call alike.
    pub fn share_with(&mut self, team: &Team) {
        self.training.share_with(team.clone());
        self.validation.share_with(team.clone());
    }
}
