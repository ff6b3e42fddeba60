//! What goes in and out, alike for all commands.

mod output;
mod pull;
