//! How rows are divided: windows of rows, and groups of a window.
//!
//! Both files of a segment use these numbers. They are stored in the impact file's header, so
//! another number is another version. The kernels have the same numbers under names of their own;
//! the searcher, which sees both, asserts at compile time that they agree.

/// Rows per window: local row numbers fit 16 bits with one to spare, and 16-bit accumulators of
/// one window (64 KB) fit the second-level cache.
pub const WINDOW_ROWS: usize = 32_768;
/// Rows per group: the block of the block maxima, and the unit in which long lists are added.
pub const GROUP_ROWS: usize = 64;
/// Groups per full window.
pub const WINDOW_GROUPS: usize = WINDOW_ROWS / GROUP_ROWS;

const _: () = assert!(GROUP_ROWS == u64::BITS as usize, "a mask of a group is one word");
