//! Speed suites and the peers' adapter.
