//! The subjects and the tools of keytide's measurements: `README.md` says how it is measured, and who takes part.
//!
//! [`run`] measures whole caches in [scenarios](Scenario), over one [`FakeIssuer`], and gives a [`Report`]; the command
//! `keytide bench` is made of it. Put in your own cache or provider by implementing [`Contend`]:
//! `cargo run --release -p keytide-bench --example own_cache`.
//!
//! A [`Subject`] is one way to read a credential that is at hand. keytide's reads and the primitives that they are made of are in
//! [`subjects`]; a closure makes one of any other cache. All are measured the same way: [`Rounds`] interleaves
//! them in one process, a ratio is taken within a round, and medians are quoted, because the frequency of a shared
//! machine changes from one second to the next.
//!
//! ```
//! use keytide_bench::{Rounds, Subject, subject, subjects};
//!
//! let bare = subjects::arc_swap_load();
//! let mine = subject("a mutex of mine", {
//!     let token = std::sync::Mutex::new(subjects::Token::sample());
//!     move || drop(std::hint::black_box(token.lock()))
//! });
//! let rounds = Rounds::of_reads(&[&bare, &mine], 5, 1_000);
//! assert!(rounds.ratio("a mutex of mine", bare.name()) > 0.0);
//! ```

mod allocations;
mod bench;
mod contend;
mod entrant;
mod figure;
pub mod goals;
mod issuer;
mod markdown;
mod page;
mod picture;
mod report;
mod rounds;
mod run;
mod running;
mod scenario;
mod stats;
mod subject;
pub mod subjects;
mod threads;
mod time;
mod token;

pub use allocations::{CountingAllocator, allocations_of, live_bytes};
pub use bench::{Unwatched, Watch};
pub use contend::{Contend, bearer};
pub use entrant::{Entrant, Info, Role};
pub use figure::{figure, span};
pub use http::HeaderValue;
pub use issuer::{Answer, Denied, FakeIssuer, Granted};
pub use picture::Picture;
pub use report::{
    Behind, Better, Case, Column, Goal, LIMIT, Machine, Noise, Noisy, Report, Row, Series,
};
pub use rounds::Rounds;
pub use run::{Options, Refused, run};
pub use running::Failure;
pub use scenario::{Scenario, with_hits};
pub use stats::{Latencies, median};
pub use subject::{Subject, subject};
pub use threads::{contended, cores, pin, poll_once};
pub use time::{coarse_wall, now, precise_wall, process_cpu, since_boot, thread_cpu, wall};
pub use token::Stamp;
