//! The command as its users run it. No test needs the peers; what is measured is kept as small as it gets.

mod bench;
mod page;
mod run;
