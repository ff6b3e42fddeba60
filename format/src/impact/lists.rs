//! One list's bytes: a term's postings in one window, in the form its density earns.
//!
//! | file | form | how it is read |
//! |---|---|---|
//! | `lists/sparse.rs` | rows and codes | posting by posting |
//! | `lists/gaps.rs` | distances and codes | posting by posting |
//! | `lists/bitmap.rs` | masks, maxima and codes | by group of rows, skipped by its maximum |
//! | `lists/dense.rs` | codes of all rows, maxima | by group of rows, skipped by its maximum |
//!
//! Most lists are short and the first two forms serve them. The few long lists are added to whole
//! groups of rows at once; their group maxima are the block maxima. `lists/form.rs` tells the forms
//! apart and chooses, `lists/encoding.rs` writes, `lists/entry.rs` is a list's entry in the
//! directory, `lists/view.rs` a list as it is lent. Where in the file a list lies is `columns.rs`.

pub(crate) mod bitmap;
pub(crate) mod dense;
mod encoding;
pub(crate) mod entry;
pub(crate) mod form;
pub(crate) mod gaps;
pub(crate) mod groups;
mod sparse;
mod view;

pub use bitmap::{GROUP_HEAD_BYTES, GROUP_RANK_AT};
pub(crate) use encoding::{EncodedList, encode};
pub(crate) use entry::{LIST_ENTRY_LEN_BYTES, ListEntry};
pub use form::Column;
pub use view::{ListScale, ListView};
