use std::ffi::c_void;
use std::path::Path;
use std::ptr::NonNull;
use std::time::Duration;

use super::ffi::{
    RawStore, count, extra_store_another, extra_store_below, extra_store_check, extra_store_file,
    extra_store_free, extra_store_get, extra_store_set, extra_store_tcp, milliseconds, text,
};
use crate::shim::{Error, checked};

/// Keys and values that processes share to find each other: `c10d::TCPStore` or `c10d::FileStore`. A store is used by one thread
/// at a time; another thread asks for [`Store::another`], a connection of its own.
#[derive(Debug)]
pub struct Store(NonNull<RawStore>);

// SAFETY: libtorch's stores may be used by any thread; each call of theirs takes a lock.
unsafe impl Send for Store {}

impl Store {
    /// Connects to the store at a host and port, and serves it too where `serve` says so. It listens on all interfaces and
    /// asks for no password.
    ///
    /// # Errors
    /// When nobody answers within `timeout`, or the port is taken.
    pub fn tcp(host: &str, port: u16, serve: bool, timeout: Duration) -> Result<Self, Error> {
        let host = text(host)?;
        // SAFETY: the text is read and not kept; a new store is handed out.
        made(|out| unsafe { extra_store_tcp(host.as_ptr(), port, serve, milliseconds(timeout), out) })
    }

    /// Opens a store in a file for this number of processes, on a local disk: it needs `flock`.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn file(path: &Path, world: usize) -> Result<Self, Error> {
        let (path, world) = (text(&path.to_string_lossy())?, count(world)?);
        // SAFETY: the text is read and not kept; a new store is handed out.
        made(|out| unsafe { extra_store_file(path.as_ptr(), world, out) })
    }

    /// Returns a connection of its own to the same store.
    ///
    /// # Errors
    /// When the store is gone.
    pub fn another(&self) -> Result<Self, Error> {
        // SAFETY: the store is live; a new one is handed out.
        made(|out| unsafe { extra_store_another(self.0.as_ptr(), out) })
    }

    /// Returns the same store and connection with a prefix before all keys.
    ///
    /// # Errors
    /// When the prefix has a zero in it.
    pub fn below(&self, prefix: &str) -> Result<Self, Error> {
        let prefix = text(prefix)?;
        // SAFETY: the store is live, the text is copied; a new store is handed out.
        made(|out| unsafe { extra_store_below(self.0.as_ptr(), prefix.as_ptr(), out) })
    }

    /// Sets a key.
    ///
    /// # Errors
    /// When the store is gone.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        let key = text(key)?;
        // SAFETY: the store is live; key and value are copied.
        checked(unsafe { extra_store_set(self.0.as_ptr(), key.as_ptr(), value.as_ptr(), value.len()) })
    }

    /// Waits for a key and returns its value.
    ///
    /// # Errors
    /// When nobody has set it within `timeout`, or the store is gone.
    pub fn get(&self, key: &str, timeout: Duration) -> Result<Vec<u8>, Error> {
        let key = text(key)?;
        let mut value: Vec<u8> = Vec::new();
        let taker = (&raw mut value).cast::<c_void>();
        // SAFETY: the store is live, the key is read and not kept; `take` is called before the function returns, with the address
        // of `value`.
        checked(unsafe {
            extra_store_get(self.0.as_ptr(), key.as_ptr(), milliseconds(timeout), taker, take)
        })?;
        Ok(value)
    }

    /// Returns whether a key is set, without waiting for it.
    ///
    /// # Errors
    /// When the store is gone.
    pub fn has(&self, key: &str) -> Result<bool, Error> {
        let key = text(key)?;
        let mut set = false;
        // SAFETY: the store is live, the key is read and not kept; the answer is stored at the given address.
        checked(unsafe { extra_store_check(self.0.as_ptr(), key.as_ptr(), &raw mut set) })?;
        Ok(set)
    }

    pub(super) fn raw(&self) -> *mut RawStore {
        self.0.as_ptr()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: it is ours, and is not used again.
        unsafe { extra_store_free(self.0.as_ptr()) }
    }
}

/// Copies a value into the `Vec<u8>` at `taker`.
extern "C" fn take(taker: *mut c_void, data: *const u8, length: usize) {
    // SAFETY: `Store::get` passes the address of a vector that nobody else uses meanwhile.
    let value = unsafe { &mut *taker.cast::<Vec<u8>>() };
    if length > 0 {
        // SAFETY: the shim passes that many bytes, which stay where they are until this returns.
        value.extend_from_slice(unsafe { std::slice::from_raw_parts(data, length) });
    }
}

fn made(call: impl FnOnce(*mut *mut RawStore) -> *mut std::ffi::c_char) -> Result<Store, Error> {
    let mut out = std::ptr::null_mut();
    checked(call(&raw mut out))?;
    NonNull::new(out).map(Store).ok_or_else(|| Error::said("no store was made".to_owned()))
}
