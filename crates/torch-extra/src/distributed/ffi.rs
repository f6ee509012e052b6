//! The C++ functions of `shim/distributed.cpp`.

use std::ffi::{CString, c_char, c_int, c_void};

use torch_sys::C_tensor;

use crate::shim::Error;

/// `Store` of the shim.
#[repr(C)]
pub(super) struct RawStore {
    private: [u8; 0],
}

/// `Group` of the shim.
#[repr(C)]
pub(super) struct RawGroup {
    private: [u8; 0],
}

/// `Reduction` of the shim.
#[repr(C)]
pub(super) struct RawReducer {
    private: [u8; 0],
}

/// Takes a value of the store: where it is put, the bytes and their number.
pub(super) type Take = extern "C" fn(*mut c_void, *const u8, usize);

unsafe extern "C" {
    pub(super) fn extra_store_tcp(
        host: *const c_char,
        port: u16,
        serve: bool,
        timeout_ms: i64,
        out: *mut *mut RawStore,
    ) -> *mut c_char;
    pub(super) fn extra_store_file(path: *const c_char, world: c_int, out: *mut *mut RawStore)
    -> *mut c_char;
    pub(super) fn extra_store_another(store: *const RawStore, out: *mut *mut RawStore) -> *mut c_char;
    pub(super) fn extra_store_below(
        store: *const RawStore,
        prefix: *const c_char,
        out: *mut *mut RawStore,
    ) -> *mut c_char;
    pub(super) fn extra_store_free(store: *mut RawStore);
    pub(super) fn extra_store_set(
        store: *mut RawStore,
        key: *const c_char,
        data: *const u8,
        length: usize,
    ) -> *mut c_char;
    pub(super) fn extra_store_get(
        store: *mut RawStore,
        key: *const c_char,
        timeout_ms: i64,
        taker: *mut c_void,
        take: Take,
    ) -> *mut c_char;
    pub(super) fn extra_store_check(store: *mut RawStore, key: *const c_char, out: *mut bool) -> *mut c_char;
    pub(super) fn extra_group_gloo(
        store: *mut RawStore,
        prefix: *const c_char,
        rank: c_int,
        world: c_int,
        interface: *const c_char,
        timeout_ms: i64,
        out: *mut *mut RawGroup,
    ) -> *mut c_char;
    pub(super) fn extra_group_free(group: *mut RawGroup);
    pub(super) fn extra_group_abort(group: *mut RawGroup);
    pub(super) fn extra_all_reduce(group: *mut RawGroup, tensor: *mut C_tensor, op: c_int) -> *mut c_char;
    pub(super) fn extra_broadcast(group: *mut RawGroup, tensor: *mut C_tensor, root: c_int) -> *mut c_char;
    pub(super) fn extra_reducer(
        group: *mut RawGroup,
        tensors: *const *mut C_tensor,
        count: usize,
        out: *mut *mut RawReducer,
    ) -> *mut c_char;
    pub(super) fn extra_reducer_free(reducer: *mut RawReducer);
    pub(super) fn extra_reducer_expect(reducer: *mut RawReducer) -> *mut c_char;
    pub(super) fn extra_reducer_finished(reducer: *mut RawReducer) -> *mut c_char;
}

/// Returns a text for C.
pub(super) fn text(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::said(format!("{text:?} has a zero in it")))
}

/// Returns a rank or a number of processes for C.
pub(super) fn count(number: usize) -> Result<c_int, Error> {
    c_int::try_from(number).map_err(|_| Error::said(format!("{number} processes are too many")))
}

/// Returns a time for C, in milliseconds.
pub(super) fn milliseconds(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
