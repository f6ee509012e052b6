use std::ops::ControlFlow;

use images::{Keep, Outcomes, Sample, Store};
use records::Interrupt;
use team::Team;

use crate::Error;
use crate::pieces::Pieces;

/// Images that each thread decodes, at least, between two exchanges.
const EACH_THREAD: usize = 8;

/// Decodes images, each in one process, which sends the others what came of it, pixels included: whichever trains on an image has
/// it. So all have the same, what cannot be read included.
pub(super) struct Decoder<'a> {
    /// Number of threads of this process.
    pub(super) threads: usize,
    /// The processes that share the work.
    pub(super) team: &'a Team,
    /// Ends the work with [`Error::Interrupted`].
    pub(super) interrupt: &'a Interrupt,
    /// Hears the number of images that all processes together have decoded, from several threads.
    pub(super) progress: &'a (dyn Fn(u64) + Sync),
}

impl Decoder<'_> {
    /// Decodes samples and keeps images of up to `limit` bytes.
    ///
    /// # Errors
    /// On interruption, and when no thread can be started or another process is gone.
    pub(super) fn decode(&self, samples: Vec<Sample>, keep: Keep, limit: u64) -> Result<Store, Error> {
        let Self { threads, team, interrupt, progress } = *self;
        let world = team.world();
        let going_on = || if interrupt.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let interrupted = |error| match error {
            images::Error::Interrupted => Error::Interrupted,
            other => other.into(),
        };
        if team.is_alone() {
            let heard = |done: u64, _: u64| {
                progress(done);
                going_on()
            };
            return Store::decode(samples, keep, limit, threads, &heard).map_err(interrupted);
        }
        let pieces = Pieces::new(samples.len(), EACH_THREAD * threads.max(1), team);
        let mut all = Outcomes::none(keep);
        // What all keep together every one of them has.
        let (limit, mut kept) = (limit / world as u64, 0);
        for round in 0..pieces.rounds() {
            let before = pieces.of(round, 0).start;
            let heard = |done: u64, _: u64| {
                progress((before as u64 + done * world as u64).min(samples.len() as u64));
                // Other processes hear of it when all have decoded their piece.
                going_on()
            };
            let mut own = all.none_alike();
            let mine = &samples[pieces.of(round, team.rank())];
            team.agree(own.decode(mine, limit - kept, threads, &heard).map_err(interrupted))?;
            kept += own.in_memory();
            let sent = own.to_bytes();
            let mut own = Some(own);
            for (rank, bytes) in team.gather(sent)?.into_iter().enumerate() {
                match own.take_if(|_| rank == team.rank()) {
                    Some(own) => all.extend(own),
                    None if all.append(&bytes) => {}
                    None => return Err(team::Error::Differ("form of decoded images".to_owned()).into()),
                }
            }
            if interrupt.requested() {
                return Err(Error::Interrupted);
            }
        }
        Ok(Store::of(samples, all))
    }
}
