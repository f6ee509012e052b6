//! The C functions, and one handle that owns what they allocate.

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::NonNull;

// Linked, not called: the shim calls it.
use mozjpeg_sys as _;

use crate::error::Error;
use crate::size::Size;

#[repr(C)]
struct Raw {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn finetune_jpeg_new(bytes: *const u8, length: usize, memory: usize) -> *mut Raw;
    fn finetune_jpeg_header(d: *mut Raw, width: *mut u32, height: *mut u32, channels: *mut c_int) -> c_int;
    fn finetune_jpeg_start(d: *mut Raw, divisor: u32, width: *mut u32, height: *mut u32) -> c_int;
    fn finetune_jpeg_rows(d: *mut Raw, out: *mut u8, stride: usize, rows: u32) -> c_int;
    fn finetune_jpeg_value(d: *const Raw) -> c_int;
    fn finetune_jpeg_message(d: *const Raw) -> *const c_char;
    fn finetune_jpeg_free(d: *mut Raw);
}

/// A decoder of the library, and the file that it reads from.
pub(crate) struct Handle<'a> {
    raw: NonNull<Raw>,
    /// Channels of each pixel and what is left to read, in rows.
    width: usize,
    rows: u32,
    channels: usize,
    file: PhantomData<&'a [u8]>,
}

impl<'a> Handle<'a> {
    pub(crate) fn new(bytes: &'a [u8], memory: usize) -> Result<Handle<'a>, Error> {
        // SAFETY: pointer and length are of one slice, which the lifetime keeps for as long as the handle is there.
        let raw = unsafe { finetune_jpeg_new(bytes.as_ptr(), bytes.len(), memory) };
        let raw = NonNull::new(raw).ok_or(Error::Memory)?;
        Ok(Handle { raw, width: 0, rows: 0, channels: 0, file: PhantomData })
    }

    /// The size of the image, and the channels that rows will have.
    pub(crate) fn header(&mut self) -> Result<(Size, c_int), Error> {
        let (mut size, mut channels) = (Size { width: 0, height: 0 }, 0);
        // SAFETY: the handle is one of `new`; the other pointers are of local variables.
        let status = unsafe {
            finetune_jpeg_header(self.raw.as_ptr(), &mut size.width, &mut size.height, &mut channels)
        };
        self.outcome(status)?;
        self.channels = channels as usize;
        Ok((size, channels))
    }

    /// Begins to decode; what comes out has this size.
    pub(crate) fn start(&mut self, divisor: u32) -> Result<Size, Error> {
        let mut size = Size { width: 0, height: 0 };
        // SAFETY: as in `header`.
        let status =
            unsafe { finetune_jpeg_start(self.raw.as_ptr(), divisor, &mut size.width, &mut size.height) };
        self.outcome(status)?;
        (self.width, self.rows) = (size.width as usize, size.height);
        Ok(size)
    }

    /// Reads the next rows of `stride` bytes into `out`, as many as it holds.
    pub(crate) fn rows(&mut self, out: &mut [u8], stride: usize) -> Result<(), Error> {
        assert!(stride > 0 && stride == self.width * self.channels, "rows of another width");
        let rows = (out.len() / stride) as u32;
        assert!(rows <= self.rows, "more rows than the image has");
        self.rows -= rows;
        // SAFETY: `out` holds `rows` rows of `stride` bytes, and each row that is written has `stride` bytes.
        let status = unsafe { finetune_jpeg_rows(self.raw.as_ptr(), out.as_mut_ptr(), stride, rows) };
        self.outcome(status)
    }

    fn outcome(&self, status: c_int) -> Result<(), Error> {
        // SAFETY: the handle is one of `new`.
        let value = unsafe { finetune_jpeg_value(self.raw.as_ptr()) };
        Err(match status {
            0 => return Ok(()),
            1 => Error::Truncated,
            2 => Error::Missing,
            3 => Error::Damaged(self.message()),
            4 => Error::Precision(value),
            5 => Error::Process(value),
            6 => Error::Channels(value),
            7 => Error::Sampling,
            8 => Error::Height,
            9 => Error::Memory,
            10 => Error::Scans(value),
            _ => Error::Refused(self.message()),
        })
    }

    fn message(&self) -> String {
        // SAFETY: a text with a zero at its end within the decoder, which nothing changes in the meantime.
        let text = unsafe { CStr::from_ptr(finetune_jpeg_message(self.raw.as_ptr())) };
        text.to_string_lossy().into_owned()
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is one of `new`, and this is its last use.
        unsafe { finetune_jpeg_free(self.raw.as_ptr()) };
    }
}
