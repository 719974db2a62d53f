//! What a reader comes for, as one table: [`Report::short`], and the same with more columns.

use super::{Case, Report};
use crate::entrant::{Info, Role};
use crate::subjects::names;

/// A head, and a row for each subject; the first cell of each is its name.
pub(crate) struct Grid {
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Report {
    /// The four figures that tell caches apart. `None` where less than two of them were measured: then the tables of the cases
    /// tell it all.
    pub(crate) fn short(&self) -> Option<Grid> {
        let grid = self.grid(|cell| cell.short, in_short);
        (grid.head.len() > 2).then_some(grid)
    }

    /// All figures of one subject in a row.
    pub(crate) fn wide(&self) -> Option<Grid> {
        let grid = self.grid(|_| true, |info| in_short(info) || info.role == Role::Floor);
        (grid.head.len() > 2).then_some(grid)
    }

    /// Columns and rows without a value are left out.
    fn grid(&self, column: impl Fn(&Cell) -> bool, subject: impl Fn(&Info) -> bool) -> Grid {
        let subjects: Vec<&Info> = self.subjects.iter().filter(|info| subject(info)).collect();
        let measured = |cell: &&Cell| {
            let case = self.case(cell.scenario, cell.case);
            let mut names = subjects.iter().map(|info| &info.name);
            case.is_some_and(|case| names.any(|name| case.value(name, cell.key).is_some()))
        };
        let cells = CELLS.iter().filter(|cell| column(cell));
        let cells: Vec<&Cell> = cells.filter(measured).collect();
        let mut head = vec![""];
        head.extend(cells.iter().map(|cell| cell.title));
        let row = |info: &&Info| {
            let shown = cells.iter().map(|cell| cell.shown(self, &info.name));
            let mut row = vec![info.title()];
            row.extend(shown);
            row
        };
        let told = |row: &Vec<String>| row[1..].iter().any(|cell| !cell.is_empty());
        let rows = subjects.iter().map(row).filter(told).collect();
        Grid { head, rows }
    }
}

/// Of the parts the one that ratios are to, and of keytide the two reads that a program chooses between.
fn in_short(info: &Info) -> bool {
    match info.role {
        Role::Primitive => info.name == names::LOAD_AND_CLOCK,
        Role::Keytide => [names::GET, names::READ].contains(&info.name.as_str()),
        Role::Floor => false,
        Role::Peer | Role::Yours => true,
    }
}

/// A column.
struct Cell {
    title: &'static str,
    scenario: &'static str,
    case: &'static str,
    key: &'static str,
    /// What to say where there is no value.
    none: &'static str,
    /// The column whose noise this one has.
    noise: &'static str,
    short: bool,
}

impl Cell {
    fn shown(&self, report: &Report, subject: &str) -> String {
        let case = report.case(self.scenario, self.case);
        let Some((case, row)) = case.and_then(|case| Some((case, case.row(subject)?))) else {
            return String::new();
        };
        match self.column(case) {
            Some(column) if row.values.contains_key(self.key) => {
                let mark = if row.noisy(self.noise) && !row.noisy(self.key) {
                    " ~"
                } else {
                    ""
                };
                format!("{}{mark}", row.shown(column))
            }
            _ => self.none.to_owned(),
        }
    }

    fn column<'a>(&self, case: &'a Case) -> Option<&'a super::Column> {
        case.columns.iter().find(|column| column.key == self.key)
    }
}

const fn cell(title: &'static str, [scenario, case, key]: [&'static str; 3]) -> Cell {
    Cell {
        title,
        scenario,
        case,
        key,
        none: "–",
        noise: key,
        short: false,
    }
}

const fn short(title: &'static str, place: [&'static str; 3]) -> Cell {
    Cell {
        short: true,
        ..cell(title, place)
    }
}

const CELLS: [Cell; 8] = [
    Cell {
        // Its noise is that of its ratio within rounds: nanoseconds follow the machine.
        noise: "clock",
        ..short("a read", ["hit", "one thread", "ns"])
    },
    cell("× primitive + clock", ["hit", "one thread", "clock"]),
    cell("allocations", ["hit", "one thread", "allocations"]),
    short(
        "readers that wait while the issuer hangs, credential valid",
        ["refresh", "hanging", "waited"],
    ),
    cell("p99.9 then", ["refresh", "hanging", "p999"]),
    short(
        "calls of 1,000 cold callers, issuer fails",
        ["herd", "failing", "calls"],
    ),
    cell(
        "impatient callers served",
        ["cancel", "impatient", "served"],
    ),
    Cell {
        none: "not within the limit",
        ..short(
            "back after an outage, the worst",
            ["recover", "outage", "worst"],
        )
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Better, Row};

    fn case(scenario: &str, case: &str, key: &str, rows: &[(&str, f64)]) -> Case {
        let mut case = Case::new(scenario, case, "", "").column(key, "", "", Better::Lower);
        case.rows = rows
            .iter()
            .map(|(name, value)| Row::of(name).with(key, *value))
            .collect();
        case
    }

    fn report(cases: Vec<Case>) -> Report {
        let info = |name: &str, role| Info::new(name, "1", role);
        Report {
            subjects: vec![
                info(names::LOAD, Role::Primitive),
                info(names::LOAD_AND_CLOCK, Role::Primitive),
                info(names::BASELINE, Role::Floor),
                info(names::READ, Role::Keytide),
                info(names::HANDLE, Role::Keytide),
                info("moka", Role::Peer),
            ],
            cases,
            ..Report::default()
        }
    }

    #[test]
    fn the_short_table_has_the_reads_that_are_chosen_between_and_what_was_measured() {
        let all = [
            (names::LOAD, 1.0),
            (names::LOAD_AND_CLOCK, 2.0),
            (names::BASELINE, 3.0),
            (names::READ, 4.0),
            (names::HANDLE, 5.0),
            ("moka", 6.0),
        ];
        let report = report(vec![
            case("hit", "one thread", "ns", &all),
            case("herd", "failing", "calls", &[("moka", 7.0)]),
        ]);

        let grid = report.short().expect("two columns");

        assert_eq!(
            grid.head,
            ["", "a read", "calls of 1,000 cold callers, issuer fails"]
        );
        let firsts: Vec<&str> = grid.rows.iter().map(|row| row[1].as_str()).collect();
        assert_eq!(firsts, ["2", "4", "6"]);
        assert_eq!(grid.rows[2][2], "7");
        assert_eq!(grid.rows[0][2], "", "no row of that case");
        let wide = report.wide().expect("two columns");
        assert_eq!(wide.rows.len(), 4, "the baseline too");
    }

    #[test]
    fn a_figure_that_a_report_does_not_have_is_left_out_with_its_column() {
        let rows = [(names::READ, 4.0), ("moka", 6.0)];
        let older = report(vec![
            case("hit", "one thread", "ns", &rows),
            case("recover", "outage", "worst", &rows),
        ]);

        let wide = older.wide().expect("two columns");

        assert_eq!(wide.head, ["", "a read", "back after an outage, the worst"]);
        assert!(
            report(vec![case("hit", "one thread", "ns", &rows)])
                .short()
                .is_none()
        );
    }

    #[test]
    fn a_noisy_figure_is_marked() {
        let mut hit = case("hit", "one thread", "ns", &[(names::READ, 4.0)]);
        hit.rows[0].spread("clock", 0.5);
        let report = report(vec![
            hit,
            case("herd", "failing", "calls", &[(names::READ, 1.0)]),
        ]);

        let grid = report.short().expect("two columns");

        assert_eq!(grid.rows[0][1..], ["4 ~", "1"]);
    }
}
