use ureq::http::StatusCode;

use super::info::Info;
use crate::hub::HubFile;

/// Why the hub does not give a file. Nothing that the server wrote is repeated: it might repeat the token.
pub(super) struct Refusal<'a> {
    pub(super) file: &'a HubFile,
    pub(super) endpoint: &'a str,
    /// Whether a token was sent.
    pub(super) has_token: bool,
}

impl Refusal<'_> {
    /// Whether repository and revision are there, and the file is not.
    pub(super) fn is_of_file(&self, status: StatusCode, code: Option<&str>) -> bool {
        status == StatusCode::NOT_FOUND && code == Some("EntryNotFound")
    }

    /// The reason, and what to do.
    pub(super) fn in_words(&self, status: StatusCode, code: Option<&str>, message: Option<&str>) -> String {
        let repository = self.file.repository();
        let page = format!("{}/{repository}", self.endpoint);
        match (status.as_u16(), code, message) {
            (_, Some("RevisionNotFound"), _) => {
                format!("{repository} has no branch, tag or commit {:?}", self.file.revision())
            }
            (_, Some("GatedRepo"), _) if self.has_token => {
                format!(
                    "its owner asks for consent: give it at {page}, with the account that HF_TOKEN belongs to"
                )
            }
            (_, Some("GatedRepo"), _) => {
                format!(
                    "its owner asks for consent: give it at {page}, and put a token of your account into HF_TOKEN"
                )
            }
            (_, _, Some("Access to this resource is disabled.")) => {
                format!("the hub has closed {repository}")
            }
            (401, _, Some("Invalid credentials in Authorization header")) => {
                "the hub does not know the token in HF_TOKEN".to_owned()
            }
            (401 | 404, _, _) if self.has_token => {
                format!("there is no repository {repository}, or the token in HF_TOKEN may not read it")
            }
            (401 | 404, _, _) => {
                format!(
                    "there is no repository {repository}; if it is a private one, put a token into HF_TOKEN (it is sent over https alone)"
                )
            }
            (403, _, _) if self.has_token => {
                format!("the token in HF_TOKEN may not read {repository}")
            }
            _ => format!("{page}: the server answers {status}"),
        }
    }

    /// What the repository has in place of the file.
    pub(super) fn without_file(&self, info: Option<&Info>) -> String {
        let (repository, file) = (self.file.repository(), self.file.file());
        let Some(info) = info else { return format!("{repository} has no file {file}") };
        if info.files().any(|other| other.strip_suffix(".index.json") == Some(file)) {
            return format!(
                "the weights of {repository} are in several parts, and only weights in one file are read from the hub"
            );
        }
        const SHOWN: usize = 5;
        let others: Vec<&str> =
            info.files().filter(|other| other.ends_with(".safetensors")).take(SHOWN).collect();
        match others.as_slice() {
            [] => format!("{repository} has no file {file}, nor any other .safetensors file"),
            others => format!("{repository} has no file {file}; it has {}", others.join(", ")),
        }
    }
}
