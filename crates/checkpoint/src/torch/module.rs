use crate::pickle::{Id, Pickle};

/// The tables that a `torch.nn.Module` keeps among its attributes.
pub(super) struct Tables {
    pub(super) parameters: Vec<(Id, Id)>,
    pub(super) buffers: Vec<(Id, Id)>,
    pub(super) modules: Vec<(Id, Id)>,
    /// Names of buffers that its state dict leaves out.
    pub(super) passing: Vec<Id>,
}

impl Tables {
    /// The tables of a module, if the attributes are those of one. Its class is not looked at: it is the user's own.
    pub(super) fn of(pickle: &Pickle, attributes: &[(Id, Id)]) -> Option<Self> {
        let table = |name: &str| {
            let (_, value) = attributes.iter().find(|(key, _)| pickle.text(*key) == Some(name))?;
            pickle.dictionary(*value)
        };
        let passing =
            attributes.iter().find(|(key, _)| pickle.text(*key) == Some("_non_persistent_buffers_set"));
        let passing =
            passing.and_then(|(_, value)| pickle.items(*value)).map(<[Id]>::to_vec).unwrap_or_default();
        Some(Self {
            parameters: table("_parameters")?,
            buffers: table("_buffers")?,
            modules: table("_modules")?,
            passing,
        })
    }
}
