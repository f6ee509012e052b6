//! Whether all processes make the same call: its place in the program, compared before the call itself.

use std::panic::Location;
use std::time::Duration;

use crate::error::Error;
use crate::together::{Reduction, Together};

impl Together {
    /// Compares the place of a call over all processes, where that is asked for.
    ///
    /// # Errors
    /// [`Error::Order`] when they differ.
    pub(crate) fn check_call(&self, place: &Location<'_>) -> Result<(), Error> {
        if !self.checks_calls {
            return Ok(());
        }
        let place = format!("{}:{}", place.file(), place.line());
        let hash = place.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        // Smallest and largest in one call.
        let mut bounds = [f64::from(hash), -f64::from(hash)];
        self.reduce_plainly(&mut bounds, Reduction::Min)?;
        if (bounds[0] + bounds[1]).abs() < 0.5 {
            return Ok(());
        }
        let key = |rank: usize| format!("place/{rank}");
        let _ = self.store.set(&key(self.member.rank), place.as_bytes());
        let places = (0..self.member.world).map(|rank| {
            let place = self.store.get(&key(rank), Duration::from_secs(2)).unwrap_or_default();
            format!("rank {rank} at {}", String::from_utf8_lossy(&place))
        });
        Err(Error::Order(places.collect::<Vec<_>>().join(", ")))
    }
}
