//! A request on its way to a response.
//!
//! `request` is what is asked, `resolved` the same with the queries of all legs, `search` the way
//! from one to the other end, `present` what is shown of hits. `certificate` and `profile` say what
//! is proven and what was done; `stored` are the keys that hits show; `response` has the types. `boost` and `like` change what a query
//! is.

pub(crate) mod boost;
mod certificate;
pub(crate) mod like;
mod present;
mod profile;
pub(crate) mod request;
pub(crate) mod resolved;
pub(crate) mod response;
mod search;
mod stored;
