//! Over what the processes sum gradients: NCCL or Gloo. All else that they have to say to one another goes over Gloo.

use features::Error;
use run_config::{Backend, Run};
use serde::{Deserialize, Serialize};
use tch::Device;
use team::Team;
use torch_extra::{cuda, distributed};

/// A GPU on which NCCL sums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Gpu {
    /// Its machine, and its place there.
    place: String,
    /// Version of NCCL.
    nccl: String,
}

/// What a process has for NCCL; else why nothing, in the words that follow "rank 1".
type Offer = Result<Gpu, String>;

/// What sums gradients, in the words of the log.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    /// Gloo, and what keeps NCCL from it where that was possible at all.
    Gloo(Option<String>),
    /// NCCL of this version.
    Nccl(String),
}

/// What is said of a process without one.
const NO_GPU: &str = "computes on no NVIDIA GPU";

/// Has the processes sum gradients over what `run.backend` asks for. Returns what that is, in words.
///
/// # Errors
/// At `run.backend` when it asks for NCCL and a process cannot; when NCCL cannot connect them, or one is gone.
pub fn settle(team: &Team, run: &Run) -> Result<String, Error> {
    let own = serde_json::to_vec(&offer(team, run)).map_err(team::Error::from)?;
    let all = team.gather(own)?;
    let offers = all.iter().map(|offer| serde_json::from_slice(offer)).collect::<Result<Vec<Offer>, _>>();
    let chosen = choose(run.config.run.backend, &offers.map_err(team::Error::from)?);
    match chosen.map_err(|because| run.source.wrong("run.backend", because))? {
        Choice::Gloo(None) => Ok("gradients: Gloo".to_owned()),
        Choice::Gloo(Some(because)) => Ok(format!("gradients: Gloo, not NCCL: {because}")),
        Choice::Nccl(version) => {
            team.use_nccl(run.device)?;
            Ok(format!("gradients: NCCL {version}"))
        }
    }
}

/// Returns what this process has.
fn offer(team: &Team, run: &Run) -> Offer {
    let Device::Cuda(index) = run.device else { return Err(NO_GPU.to_owned()) };
    let nccl = distributed::nccl().map_err(|because| format!("has none: {because}"))?;
    let address = cuda::address(index).ok_or("does not learn from the driver which GPU it has")?;
    let host = team.hosts().get(team.rank()).cloned().unwrap_or_default();
    Ok(Gpu { place: format!("{host} {address}"), nccl: nccl.to_owned() })
}

fn choose(asked: Backend, offers: &[Offer]) -> Result<Choice, String> {
    let version = || offers.iter().flatten().next().map(|gpu| gpu.nccl.clone()).unwrap_or_default();
    match (asked, obstacle(offers)) {
        (Backend::Gloo, _) => Ok(Choice::Gloo(None)),
        (Backend::Auto | Backend::Nccl, None) => Ok(Choice::Nccl(version())),
        (Backend::Auto, Some(because)) => {
            let is_on_gpus = offers.iter().any(|offer| offer.as_ref().err().is_none_or(|why| why != NO_GPU));
            Ok(Choice::Gloo(Some(because).filter(|_| is_on_gpus)))
        }
        (Backend::Nccl, Some(because)) => {
            Err(format!("NCCL needs an NVIDIA GPU for each process; {because}; use \"auto\" or \"gloo\""))
        }
    }
}

/// Returns what keeps the processes from NCCL.
fn obstacle(offers: &[Offer]) -> Option<String> {
    for (rank, offer) in offers.iter().enumerate() {
        let own = match offer {
            Ok(gpu) => gpu,
            Err(because) => return Some(format!("rank {rank} {because}")),
        };
        for (other, gpu) in offers[..rank].iter().flatten().enumerate() {
            if gpu.place == own.place {
                return Some(format!("ranks {other} and {rank} share a GPU"));
            }
            if gpu.nccl != own.nccl {
                return Some(format!("rank {other} has version {}, rank {rank} {}", gpu.nccl, own.nccl));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offers, what "auto" takes, and what is wrong with "nccl".
    type Row = (Vec<Offer>, Result<Choice, String>, Option<&'static str>);

    fn gpu(place: &str, nccl: &str) -> Offer {
        Ok(Gpu { place: place.to_owned(), nccl: nccl.to_owned() })
    }

    #[test]
    fn nccl_is_taken_where_each_process_has_a_gpu_of_its_own_and_the_same_version() {
        let cpu = || Err(NO_GPU.to_owned());
        let without = || Err("has none: w".to_owned());
        let [one, other, away] = [gpu("a 3b", "2.28.9"), gpu("a af", "2.28.9"), gpu("b 3b", "2.28.9")];
        let nccl = || Ok(Choice::Nccl("2.28.9".to_owned()));
        let gloo = |because: &str| Ok(Choice::Gloo(Some(because.to_owned())));
        let table: [Row; 8] = [
            (vec![one.clone(), other.clone()], nccl(), None),
            (vec![one.clone(), away], nccl(), None),
            (vec![one.clone(), one.clone()], gloo("ranks 0 and 1 share a GPU"), Some("share a GPU")),
            (
                vec![one.clone(), other.clone(), other],
                gloo("ranks 1 and 2 share a GPU"),
                Some("ranks 1 and 2"),
            ),
            (
                vec![one.clone(), gpu("b af", "2.27.3")],
                gloo("rank 0 has version 2.28.9, rank 1 2.27.3"),
                Some("2.27.3"),
            ),
            (
                vec![one.clone(), cpu()],
                gloo("rank 1 computes on no NVIDIA GPU"),
                Some("rank 1 computes on no NVIDIA GPU"),
            ),
            (vec![without(), without()], gloo("rank 0 has none: w"), Some("rank 0 has none: w")),
            (vec![cpu(), cpu()], Ok(Choice::Gloo(None)), Some("rank 0 computes on no NVIDIA GPU")),
        ];
        for (offers, auto, wrong) in table {
            assert_eq!(choose(Backend::Auto, &offers), auto, "{offers:?}");
            assert_eq!(choose(Backend::Gloo, &offers), Ok(Choice::Gloo(None)), "{offers:?}");
            match (choose(Backend::Nccl, &offers), wrong) {
                (chosen, None) => assert_eq!(chosen, nccl(), "{offers:?}"),
                (Ok(chosen), Some(_)) => panic!("{offers:?}: {chosen:?}"),
                (Err(said), Some(wrong)) => assert!(said.contains(wrong), "{offers:?}: {said}"),
            }
        }
    }
}
