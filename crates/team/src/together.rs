//! The calls of processes that work together.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;

use records::Interrupt;
use tch::{Device, Kind, Tensor};
use torch_extra::distributed::{Group, Member, Store};

use crate::error::Error;
use crate::failure::Failed;
use crate::identity::Identity;

/// One of several processes.
#[derive(Debug)]
pub(crate) struct Together {
    pub(crate) member: Member,
    pub(crate) local_rank: usize,
    pub(crate) local_world: usize,
    pub(crate) restarts: u32,
    /// Who the others are, by rank.
    pub(crate) identities: Vec<Identity>,
    pub(crate) store: Store,
    pub(crate) error_file: Option<PathBuf>,
    pub(crate) checks_calls: bool,
    pub(crate) interrupt: Interrupt,
    interface: Option<String>,
    groups: RefCell<Groups>,
    /// Number of waits for rank 0 so far, see [`crate::waiting`].
    pub(crate) waits: Cell<u64>,
}

/// Groups of the same processes: small things go through one, tensors through another, so that a process that is gone is noticed
/// while a GPU still waits for it.
#[derive(Debug)]
struct Groups {
    control: Group,
    data: Group,
    /// Over which gradients on a GPU are summed, where not over `data`.
    gradients: Option<Group>,
    timeout: Duration,
    /// Number of times the groups were made.
    made: u32,
}

/// How values of all processes become one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reduction {
    Sum,
    Min,
}

/// What a process brings to those that work together.
pub(crate) struct Arrival {
    pub(crate) member: Member,
    pub(crate) local_rank: usize,
    pub(crate) local_world: usize,
    pub(crate) restarts: u32,
    pub(crate) identities: Vec<Identity>,
    pub(crate) store: Store,
    pub(crate) error_file: Option<PathBuf>,
    pub(crate) checks_calls: bool,
    pub(crate) interrupt: Interrupt,
    pub(crate) interface: Option<String>,
    pub(crate) timeout: Duration,
}

impl Together {
    pub(crate) fn new(arrival: Arrival) -> Result<Self, Error> {
        let Arrival { member, local_rank, local_world, restarts, identities, .. } = arrival;
        let Arrival { store, error_file, checks_calls, interrupt, interface, timeout, .. } = arrival;
        let groups = Groups::new(&store, member, interface.as_deref(), timeout, 0)?;
        interrupt.hold_for_others();
        let (groups, waits) = (RefCell::new(groups), Cell::new(0));
        Ok(Self {
            member,
            local_rank,
            local_world,
            restarts,
            identities,
            store,
            error_file,
            checks_calls,
            interrupt,
            interface,
            groups,
            waits,
        })
    }

    pub(crate) fn data(&self) -> Group {
        self.groups.borrow().data.clone()
    }

    /// Returns the group over which gradients are summed.
    pub(crate) fn gradients(&self) -> Group {
        let groups = self.groups.borrow();
        groups.gradients.as_ref().unwrap_or(&groups.data).clone()
    }

    /// Lets the GPU go on that waits for gradients of a process that is gone.
    pub(crate) fn abort_gradients(&self) {
        if let Ok(Groups { gradients: Some(gradients), .. }) = self.groups.try_borrow().as_deref() {
            gradients.abort();
        }
    }

    /// Sums gradients over NCCL from now on. It connects at its first call, which is this one rather than that of a step.
    pub(crate) fn use_nccl(&self, device: Device) -> Result<(), Error> {
        let words = |error: torch_extra::Error| error.to_string();
        let connect = || -> Result<Group, String> {
            let (timeout, prefix) = (self.timeout(), format!("gradients/{}", self.groups.borrow().made));
            let store = self.store.another().map_err(words)?;
            let group = Group::nccl(&store, &prefix, self.member, timeout).map_err(words)?;
            let one = Tensor::f_ones([1], (Kind::Float, device));
            group.sum(&mut one.map_err(|error| error.to_string())?).map_err(words)?;
            Ok(group)
        };
        let group = connect().map_err(|error| match self.lost(&error) {
            Error::Torch(said) => Error::Torch(format!("{said}; run.backend = \"gloo\" does without NCCL")),
            of_peer => of_peer,
        })?;
        self.groups.borrow_mut().gradients = Some(group);
        Ok(())
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.groups.borrow().timeout
    }

    pub(crate) fn set_timeout(&self, timeout: Duration) -> Result<(), Error> {
        let (now, made) = {
            let groups = self.groups.borrow();
            (groups.timeout, groups.made)
        };
        if now == timeout {
            return Ok(());
        }
        let groups = Groups::new(&self.store, self.member, self.interface.as_deref(), timeout, made + 1)
            .map_err(|error| self.lost(&error))?;
        let gradients = self.groups.borrow_mut().gradients.take();
        *self.groups.borrow_mut() = Groups { gradients, ..groups };
        Ok(())
    }

    /// Reduces values, and hears whether a process was asked to stop.
    #[track_caller]
    pub(crate) fn reduce(&self, values: &mut [f64], reduction: Reduction) -> Result<(), Error> {
        self.check_call(Location::caller())?;
        // The smallest of what is negated is the largest.
        let asked = if self.interrupt.asked() { -1.0 } else { 0.0 };
        let mut all: Vec<f64> = values.iter().copied().chain([asked]).collect();
        self.reduce_plainly(&mut all, reduction)?;
        if all.pop().is_some_and(|asked| asked < 0.0) {
            self.interrupt.agree();
        }
        values.copy_from_slice(&all);
        Ok(())
    }

    pub(crate) fn reduce_plainly(&self, values: &mut [f64], reduction: Reduction) -> Result<(), Error> {
        let mut tensor = Tensor::from_slice(values);
        let control = self.groups.borrow().control.clone();
        let reduced = match reduction {
            Reduction::Sum => control.sum(&mut tensor),
            Reduction::Min => control.min(&mut tensor),
        };
        reduced.map_err(|error| self.lost(&error))?;
        let read = Vec::<f64>::try_from(&tensor).map_err(|error| Error::Torch(error.to_string()))?;
        values.copy_from_slice(&read);
        Ok(())
    }

    #[track_caller]
    pub(crate) fn gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let mut lengths = vec![0.0; self.member.world];
        lengths[self.member.rank] = mine.len() as f64;
        self.reduce(&mut lengths, Reduction::Sum)?;
        let ranks = lengths.into_iter().enumerate();
        ranks.map(|(rank, length)| self.bytes_of(rank, mine, length as usize)).collect()
    }

    #[track_caller]
    pub(crate) fn bytes_of_lead(&self, mine: Vec<u8>) -> Result<Vec<u8>, Error> {
        let mut length = [if self.member.rank == 0 { mine.len() as f64 } else { 0.0 }];
        self.reduce(&mut length, Reduction::Sum)?;
        self.bytes_of(0, &mine, length[0] as usize)
    }

    /// Returns the bytes of a process, of which all know the number.
    fn bytes_of(&self, rank: usize, mine: &[u8], length: usize) -> Result<Vec<u8>, Error> {
        if length == 0 {
            return Ok(Vec::new());
        }
        let mut tensor = match self.member.rank {
            own if own == rank => Tensor::from_slice(mine),
            _ => Tensor::zeros([length as i64], (Kind::Uint8, Device::Cpu)),
        };
        let control = self.groups.borrow().control.clone();
        control.broadcast(&mut tensor, rank).map_err(|error| self.lost(&error))?;
        Vec::<u8>::try_from(&tensor).map_err(|error| Error::Torch(error.to_string()))
    }

    #[track_caller]
    pub(crate) fn agree<T, E: From<Error> + Failed>(&self, mine: Result<T, E>) -> Result<T, E> {
        let mut failed = vec![0.0; self.member.world];
        if let Err(error) = &mine {
            failed[self.member.rank] = 1.0;
            self.put_failure(&error.failure());
        }
        self.reduce(&mut failed, Reduction::Sum)?;
        match failed.iter().position(|&failed| failed > 0.0) {
            None => mine,
            Some(rank) if rank == self.member.rank => mine,
            Some(rank) => {
                let failure = self.failure_of(rank, Duration::from_secs(2));
                Err(Error::Peer { rank, world: self.member.world, failure }.into())
            }
        }
    }
}

impl Groups {
    fn new(
        store: &Store,
        member: Member,
        interface: Option<&str>,
        timeout: Duration,
        made: u32,
    ) -> Result<Self, Error> {
        let group = |name: &str| {
            Group::gloo(store, &format!("{name}/{made}"), member, interface, timeout).map_err(|error| {
                let remedy = if interface.is_some() {
                    ""
                } else {
                    "; if machines cannot reach each other, set GLOO_SOCKET_IFNAME to the network interface"
                };
                Error::Torch(format!("{error}{remedy}"))
            })
        };
        Ok(Self { control: group("control")?, data: group("data")?, gradients: None, timeout, made })
    }
}
