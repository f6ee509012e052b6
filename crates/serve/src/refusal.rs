//! Why a request gets no answer: a status and a sentence.

use hyper::StatusCode;

/// A request that is refused or failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("this server is asked by its address, or as localhost, and by no other name")]
    Name,
    #[error("a page of another site sent this; use the server's own page")]
    Stranger,
    #[error("there is no such page; there are /, /predict, /explain and /status")]
    NoRoute,
    #[error("use {0}")]
    Method(&'static str),
    #[error("too many images at once; try again in a second")]
    Busy,
    #[error("the model has failed three times in a row; start the server again")]
    Broken,
    #[error("the image has more than {} MiB", limit >> 20)]
    TooLong { limit: usize },
    #[error("the request broke off")]
    BrokenOff,
    #[error("the image did not arrive in time")]
    Slow,
    #[error("{0}")]
    NotAnImage(String),
    #[error("a form, and not an image; send the image itself as the body: curl --data-binary @photo.jpg")]
    Form,
    #[error("too many images were waiting, and this one waited too long; try again")]
    Late,
    #[error("{0}")]
    Failed(String),
    /// A panic, of which stderr says more under this number.
    #[error("something went wrong in here (number {0} in the server's output)")]
    Panicked(u64),
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Name | Self::Stranger => StatusCode::FORBIDDEN,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Busy | Self::Broken => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::NotAnImage(_) | Self::Form => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::Failed(_) | Self::Panicked(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
