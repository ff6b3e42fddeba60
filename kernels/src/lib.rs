//! Inner loops over slices: numbers in, numbers out.
