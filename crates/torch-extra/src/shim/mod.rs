//! The C++ functions, and the two things every call of one needs: errors as values, and handles as tensors.

use std::ffi::{CStr, c_char, c_int};

use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    fn extra_free(text: *mut c_char);
    pub(crate) fn extra_channels_last(x: *const C_tensor, out: *mut *mut C_tensor) -> *mut c_char;
    pub(crate) fn extra_empty_images(
        shape: *const i64,
        channels_last: bool,
        pinned: bool,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub(crate) fn extra_pinned(x: *const C_tensor, out: *mut *mut C_tensor) -> *mut c_char;
    pub(crate) fn extra_is_channels_last(x: *const C_tensor) -> bool;
    pub(crate) fn extra_flush_denormals(flush: bool) -> *mut c_char;
    pub(crate) fn extra_deterministic(deterministic: bool);
    pub(crate) fn extra_tf32(round: bool) -> *mut c_char;
    pub(crate) fn extra_is_deterministic() -> bool;
    pub(crate) fn extra_random_state(cuda: bool, index: c_int, out: *mut *mut C_tensor) -> *mut c_char;
    pub(crate) fn extra_set_random_state(cuda: bool, index: c_int, state: *const C_tensor) -> *mut c_char;
    pub(crate) fn extra_uniform(
        shape: *const i64,
        dims: usize,
        wide: bool,
        bound: f64,
        seed: u64,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub(crate) fn extra_normal(
        shape: *const i64,
        dims: usize,
        deviation: f64,
        seed: u64,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub(crate) fn extra_describe(out: *mut *mut c_char) -> *mut c_char;
    pub(crate) fn extra_has_mkldnn() -> bool;
    pub(crate) fn extra_has_mkldnn_bf16(out: *mut bool) -> *mut c_char;
    pub(crate) fn extra_autocast(cuda: bool, enabled: *mut bool, kind: *mut c_int) -> *mut c_char;
    pub(crate) fn extra_autocast_on_cpu() -> c_int;
    pub(crate) fn extra_autocast_forget();
    pub(crate) fn extra_forget_gradient(x: *mut C_tensor) -> *mut c_char;
    pub(crate) fn extra_fused_sgd(
        parameters: *const *mut C_tensor,
        gradients: *const *mut C_tensor,
        momenta: *const *mut C_tensor,
        count: usize,
        rate: f64,
        decay: f64,
        momentum: f64,
        nesterov: bool,
        first: bool,
    ) -> *mut c_char;
    pub(crate) fn extra_fused_adam(
        parameters: *const *mut C_tensor,
        gradients: *const *mut C_tensor,
        means: *const *mut C_tensor,
        squares: *const *mut C_tensor,
        steps: *const *mut C_tensor,
        count: usize,
        rate: f64,
        beta1: f64,
        beta2: f64,
        decay: f64,
        epsilon: f64,
        decoupled: bool,
    ) -> *mut c_char;
    pub(crate) fn extra_foreach_rmsprop(
        parameters: *const *mut C_tensor,
        gradients: *const *mut C_tensor,
        velocities: *const *mut C_tensor,
        squares: *const *mut C_tensor,
        count: usize,
        rate: f64,
        alpha: f64,
        momentum: f64,
        epsilon: f64,
        decay: f64,
    ) -> *mut c_char;
    pub(crate) fn extra_reorder_convolution(
        weight: *const C_tensor,
        padding: *const i64,
        stride: *const i64,
        groups: i64,
        input: *const i64,
        input_dims: usize,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub(crate) fn extra_convolution(
        x: *const C_tensor,
        skip: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        padding: *const i64,
        stride: *const i64,
        groups: i64,
        activation: *const c_char,
        values: *const f64,
        value_count: usize,
        algorithm: *const c_char,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub(crate) fn extra_convolution_by_products(
        x: *const C_tensor,
        weight: *const C_tensor,
        padding: *const i64,
        stride: *const i64,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
}

/// What libtorch said.
#[derive(Debug, thiserror::Error)]
#[error("libtorch: {0}")]
pub struct Error(String);

impl Error {
    /// What this crate itself has to say.
    pub(crate) fn said(text: String) -> Self {
        Self(text)
    }

    /// Lists that should be of one length are not.
    pub(crate) fn lengths() -> Self {
        Self("the lists of tensors are of different lengths".to_owned())
    }

    /// Tensors that should lie alike in memory do not.
    pub(crate) fn unlike(at: usize) -> Self {
        Self(format!("tensors at place {at} differ in shape, type, device or layout in memory"))
    }
}

/// Turns a returned text into an error.
pub(crate) fn checked(text: *mut c_char) -> Result<(), Error> {
    if text.is_null() {
        return Ok(());
    }
    // SAFETY: the shim returns null or a text of its own that ends in a zero, made by `strdup`.
    let message = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // SAFETY: it was given to us to be freed, and is not used again.
    unsafe { extra_free(text) };
    Err(Error(message))
}

/// Calls a function that hands out a text of its own through its last parameter.
pub(crate) fn text_of(call: impl FnOnce(*mut *mut c_char) -> *mut c_char) -> Result<String, Error> {
    let mut out = std::ptr::null_mut();
    checked(call(&mut out))?;
    // Texts come to us and go back to be freed in the same way, as errors or not.
    checked(out).map_or_else(|Error(text)| Ok(text), |()| Ok(String::new()))
}

/// Calls a function that hands out a tensor through its last parameter.
pub(crate) fn made(call: impl FnOnce(*mut *mut C_tensor) -> *mut c_char) -> Result<Tensor, Error> {
    let mut out = std::ptr::null_mut();
    checked(call(&mut out))?;
    // SAFETY: without an error the shim has stored a new tensor there, which is ours.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// The handles of several tensors; they are good as long as the tensors are.
pub(crate) fn handles(tensors: &[Tensor]) -> Vec<*mut C_tensor> {
    tensors.iter().map(|tensor| tensor.as_ptr().cast_mut()).collect()
}
