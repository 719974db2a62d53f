//! Colours. They differ for people who do not see all of them alike (after Paul Tol's schemes "muted" and "light"), and
//! each curve is named beside it and has a dash of its own, so that nothing depends on them.

use crate::entrant::Role;
use crate::report::Report;
use crate::subjects::names;

/// How a subject is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ink {
    /// A class of [`STYLE`].
    pub(super) class: &'static str,
    pub(super) dash: &'static str,
    pub(super) width: f64,
}

/// The ink of a subject: keytide strong, what is no product grey, each peer its own.
pub(super) fn ink(report: &Report, name: &str) -> Ink {
    let peers = report.subjects.iter().filter(|info| info.role.is_peer());
    let role = report.subject(name).map(|info| info.role);
    match role {
        Some(Role::Keytide) => Ink {
            class: "k",
            dash: match name {
                names::READ => "7 3",
                names::HANDLE => "2 3",
                _ => "",
            },
            width: 2.6,
        },
        Some(Role::Yours) => Ink {
            class: "y",
            dash: "",
            width: 2.6,
        },
        Some(Role::Peer) => {
            let number = peers.into_iter().position(|info| info.name == name);
            let number = number.unwrap_or_default() % PEERS.len();
            Ink {
                class: PEERS[number],
                dash: DASHES[number],
                width: 1.7,
            }
        }
        _ => Ink {
            class: "f",
            dash: "4 4",
            width: 1.5,
        },
    }
}

const PEERS: [&str; 8] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"];
const DASHES: [&str; 8] = ["", "9 3", "3 2", "9 3 2 3", "6 2", "12 3", "2 2", "5 5"];

/// The style sheet of all pictures. Each class is a colour that strokes lines (`l`), fills text and bars, or both.
pub(crate) const STYLE: &str = "\
svg.chart{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:12px}\
.chart .paper{fill:#ffffff}.chart .ink{fill:#1f2328}.chart .soft{fill:#59636e}.chart .grid{stroke:#d1d9e0;stroke-width:1;fill:none}\
.chart .shade{fill:#59636e;fill-opacity:.13}.chart .bad{fill:#c4320a}.chart .l{fill:none;stroke-linejoin:round;stroke-linecap:butt}\
.chart .t{font-weight:600;font-size:13px}.chart .b{font-weight:600}\
.chart .k{fill:#0060b9}.chart .k.l{fill:none;stroke:#0060b9}.chart .y{fill:#b3004b}.chart .y.l{fill:none;stroke:#b3004b}\
.chart .f{fill:#6e7781}.chart .f.l{fill:none;stroke:#6e7781}\
.chart .p0{fill:#b8505f}.chart .p0.l{fill:none;stroke:#b8505f}.chart .p1{fill:#332288}.chart .p1.l{fill:none;stroke:#332288}\
.chart .p2{fill:#117733}.chart .p2.l{fill:none;stroke:#117733}.chart .p3{fill:#882255}.chart .p3.l{fill:none;stroke:#882255}\
.chart .p4{fill:#7d7d1c}.chart .p4.l{fill:none;stroke:#7d7d1c}.chart .p5{fill:#1f8a7d}.chart .p5.l{fill:none;stroke:#1f8a7d}\
.chart .p6{fill:#aa4499}.chart .p6.l{fill:none;stroke:#aa4499}.chart .p7{fill:#8a5a00}.chart .p7.l{fill:none;stroke:#8a5a00}\
@media (prefers-color-scheme:dark){\
.chart .paper{fill:#0d1117}.chart .ink{fill:#f0f6fc}.chart .soft{fill:#9198a1}.chart .grid{stroke:#30363d}\
.chart .shade{fill:#9198a1;fill-opacity:.2}.chart .bad{fill:#ff8866}\
.chart .k{fill:#58a6ff}.chart .k.l{fill:none;stroke:#58a6ff}.chart .y{fill:#ff7eb6}.chart .y.l{fill:none;stroke:#ff7eb6}\
.chart .f{fill:#9198a1}.chart .f.l{fill:none;stroke:#9198a1}\
.chart .p0{fill:#ee8866}.chart .p0.l{fill:none;stroke:#ee8866}.chart .p1{fill:#bbaaff}.chart .p1.l{fill:none;stroke:#bbaaff}\
.chart .p2{fill:#66cc77}.chart .p2.l{fill:none;stroke:#66cc77}.chart .p3{fill:#ffaabb}.chart .p3.l{fill:none;stroke:#ffaabb}\
.chart .p4{fill:#d8cc66}.chart .p4.l{fill:none;stroke:#d8cc66}.chart .p5{fill:#44ccbb}.chart .p5.l{fill:none;stroke:#44ccbb}\
.chart .p6{fill:#dd99dd}.chart .p6.l{fill:none;stroke:#dd99dd}.chart .p7{fill:#ddaa55}.chart .p7.l{fill:none;stroke:#ddaa55}}";
