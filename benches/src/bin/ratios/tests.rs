//! What README.md says of the goals.

use keytide_bench::goals;

#[test]
fn the_readme_has_one_row_for_each_goal_as_it_is_judged() {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("\n## Goals\n").expect("goals");
    let section = rest.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<String> = rows.skip(1).map(first_two).collect();

    let wanted: Vec<String> = goals::ALL
        .iter()
        .map(|goal| format!("| {} | {} |", goal.measure(), goal.wanted()))
        .collect();
    assert_eq!(rows, wanted);
}

/// The first two cells, without the marks of code.
fn first_two(row: &str) -> String {
    let cells: Vec<&str> = row.split(" | ").take(2).collect();
    format!("{} |", cells.join(" | ").replace('`', ""))
}
