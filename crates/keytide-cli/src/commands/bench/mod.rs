//! `keytide bench`.

mod files;
mod progress;
mod readme;

use std::path::PathBuf;

use keytide_bench::{Options, Report, Scenario};

use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::out;

use self::progress::Progress;

/// Measures how a credential is read and refreshed under load, beside what people use today.
///
/// Prints tables; `--out` also writes report.json, report.html, comparison.md and pictures. Peers are measured when the program was
/// built with the feature `peers`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub(crate) struct Args {
    /// What to measure; everything when none is named
    #[arg(value_name = "SCENARIO", value_parser = scenario)]
    scenarios: Vec<Scenario>,

    /// Fewer rounds, smaller herds, shorter outages
    #[arg(long)]
    quick: bool,

    /// Writes report.json, report.html, comparison.md and SVG pictures into this directory, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Measures only this subject (may be repeated, or be a list with commas); the name of a crate means all its reads
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1..)]
    only: Vec<String>,

    /// Prints the report as JSON instead of the table
    #[arg(long)]
    json: bool,

    /// Rewrites the block between the markers `keytide bench: begin` and `keytide bench: end` in this Markdown file
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,

    /// Where the pictures of that block are to be found: the path or the URL of their directory. Without it the block has none
    #[arg(long, value_name = "PLACE", requires = "readme")]
    pictures: Option<String>,

    /// Makes table, pictures and block from a report.json that is there, and measures nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenarios", "quick", "only"])]
    from: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Exit {
    // What would fail in the end is refused at the beginning.
    if let Err(problem) = ready(args) {
        out::note(&problem);
        return Exit::Failed;
    }
    let report = match &args.from {
        Some(path) => match files::read(path) {
            Ok(report) => report,
            Err(problem) => {
                out::note(&problem);
                return Exit::Failed;
            }
        },
        None => match measure(args) {
            Ok(report) => report,
            Err(refused) => {
                out::note(&format!("{refused}{}", hint(&args.only)));
                return Exit::Usage;
            }
        },
    };
    tell(args, &report)
}

fn ready(args: &Args) -> Result<(), String> {
    if let Some(dir) = &args.out {
        files::make(dir)?;
    }
    if let Some(path) = &args.readme {
        readme::check(path)?;
    }
    Ok(())
}

fn measure(args: &Args) -> Result<Report, keytide_bench::Refused> {
    let options = Options {
        scenarios: args.scenarios.clone(),
        quick: args.quick,
        only: args.only.clone(),
    };
    let progress = Progress::new(Interrupt::watch());
    keytide_bench::run(&options, Vec::new(), &progress)
}

fn tell(args: &Args, report: &Report) -> Exit {
    if args.json {
        out::print(&files::json(report));
    } else {
        out::print(&report.text());
    }
    let mut exit = if report.partial && args.from.is_none() {
        Exit::Interrupted
    } else {
        Exit::Done
    };
    let nothing = report.cases.iter().all(|case| {
        let mut rows = case.rows.iter();
        rows.all(|row| row.values.is_empty())
    });
    if nothing && exit == Exit::Done {
        out::note("nothing could be measured; the notes under the tables say why");
        exit = Exit::Failed;
    }
    let written = args
        .out
        .as_ref()
        .map_or(Ok(()), |dir| files::write(report, dir));
    let written = written.and_then(|()| {
        args.readme.as_ref().map_or(Ok(()), |path| {
            readme::rewrite(report, path, args.pictures.as_deref())
        })
    });
    if let Err(problem) = written {
        out::note(&problem);
        return Exit::Failed;
    }
    exit
}

/// What was probably meant where a scenario stands among the names.
fn hint(only: &[String]) -> String {
    let scenario = only.iter().find(|name| name.parse::<Scenario>().is_ok());
    scenario.map_or_else(String::new, |name| {
        format!(" ({name} is a scenario: name scenarios before --only)")
    })
}

fn scenario(name: &str) -> Result<Scenario, String> {
    name.parse()
        .map_err(|failure: keytide_bench::Failure| failure.to_string())
}

fn after_help() -> String {
    let mut help = String::from("Scenarios:\n");
    for scenario in Scenario::ALL {
        help.push_str(&format!("  {:<9} {}\n", scenario.name(), scenario.about()));
    }
    help.push('\n');
    help.push_str(crate::exit::HELP);
    help
}
