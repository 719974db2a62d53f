//! Running the program.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What one run of hits printed and wrote. Several tests look at the same one, because it takes seconds.
pub(crate) struct Measured {
    pub(crate) table: String,
    pub(crate) notes: String,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn measured() -> &'static Measured {
    static MEASURED: OnceLock<Measured> = OnceLock::new();
    MEASURED.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory");
        let out = dir.path().to_str().expect("UTF-8");
        let output = keytide(&["bench", "hit", "--quick", "--out", out, "--only", "keytide"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        Measured {
            table: stdout(&output),
            notes: stderr(&output),
            dir,
        }
    })
}

/// Runs `keytide` with these arguments.
pub(crate) fn keytide(args: &[&str]) -> Output {
    command(args).output().expect("the program starts")
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keytide"));
    command.args(args);
    command
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the file is there")
}
