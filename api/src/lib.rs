//! Requests to responses: the HTTP interface.
