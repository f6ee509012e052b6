//! Named tensors on their way from rank 0 to the others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor};

use crate::{Error, Team};

/// What the others need to know of a tensor before it comes.
#[derive(Serialize, Deserialize)]
struct Form {
    name: String,
    shape: Vec<i64>,
    /// Place in [`KINDS`].
    kind: usize,
}

const KINDS: [Kind; 8] =
    [Kind::Double, Kind::Float, Kind::Half, Kind::BFloat16, Kind::Int64, Kind::Int, Kind::Uint8, Kind::Bool];

impl Team {
    /// Returns the named tensors of rank 0, in the memory of the host; what the others give is dropped.
    ///
    /// # Errors
    /// When a peer is gone, and for tensors of other types than numbers and truth values.
    #[track_caller]
    pub fn tensors_from_lead(
        &self,
        mut own: BTreeMap<String, Tensor>,
    ) -> Result<BTreeMap<String, Tensor>, Error> {
        if self.is_alone() {
            return Ok(own);
        }
        let mut forms = Vec::new();
        for (name, tensor) in own.iter().filter(|_| self.is_lead()) {
            let kind = KINDS.iter().position(|&kind| kind == tensor.kind());
            let kind = kind.ok_or_else(|| Error::Torch(format!("{name} is of a type that is not sent")))?;
            forms.push(Form { name: name.clone(), shape: tensor.size(), kind });
        }
        let forms: Vec<Form> = self.from_lead(forms)?;
        let mut all = BTreeMap::new();
        for Form { name, shape, kind } in forms {
            let kind = KINDS.get(kind).copied().unwrap_or(Kind::Float);
            let own = own.remove(&name).filter(|_| self.is_lead());
            let mut bytes = match &own {
                Some(tensor) => as_bytes(tensor),
                None => {
                    let count = shape.iter().product::<i64>() * kind.elt_size_in_bytes() as i64;
                    Tensor::f_empty([count], (Kind::Uint8, Device::Cpu))
                }
            }
            .map_err(failed)?;
            // Gloo sends no nothing.
            if bytes.numel() > 0 {
                self.broadcast(&mut bytes, 0)?;
            }
            let tensor = bytes.f_view_dtype(kind).and_then(|tensor| tensor.f_view(shape.as_slice()));
            all.insert(name, tensor.map_err(failed)?);
        }
        Ok(all)
    }
}

fn as_bytes(tensor: &Tensor) -> Result<Tensor, TchError> {
    tensor.detach().f_to_device(Device::Cpu)?.f_contiguous()?.f_view([-1])?.f_view_dtype(Kind::Uint8)
}

fn failed(error: TchError) -> Error {
    Error::Torch(error.to_string())
}
