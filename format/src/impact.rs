//! The impact file of a segment (`.imp`): sparse vectors as rows, and inverted into columns.
//!
//! `FORMAT.md` describes the bytes. In the order of the data:
//!
//! - `impact/quantize.rs` turns weights into integers, `impact/rows.rs` is the bytes of a row;
//! - `impact/columns.rs` inverts rows, `impact/lists/` is the bytes of a list;
//! - `impact/write.rs` collects and writes, `impact/layout.rs` says where the sections lie;
//! - `impact/open.rs` checks, `impact/view.rs` lends, `impact/terms.rs` finds terms, `impact/verify.rs`
//!   derives the columns anew.

mod columns;
mod layout;
mod lists;
mod open;
mod quantize;
mod rows;
mod terms;
mod verify;
mod view;
mod write;

pub use layout::{COLUMNS_TAIL_BYTES, Section, VERSION};
pub use lists::{Column, GROUP_HEAD_BYTES, GROUP_RANK_AT, ListScale, ListView};
pub use open::ImpactFile;
pub use rows::{RowParts, RowView};
pub use verify::Audit;
pub use view::ImpactView;
pub use write::ImpactBuilder;

#[cfg(test)]
mod tests;
