use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use rustix::process::{Pid, WaitOptions, waitpid};

use super::*;

fn shell(script: &str) -> Program {
    Program::new("/bin/sh").args(["-c", script])
}

/// Whether a process runs: one that has ended and was not waited for does not.
fn runs(id: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{}/stat", id.trim()));
    state.is_ok_and(|state| !state.contains(") Z "))
}

/// Real processes are waited for in real time.
async fn until<T: Send>(look: impl Fn() -> Option<T> + Send + Sync) -> T {
    let found = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), found).await.unwrap()
}

/// What a script wrote into a file and then renamed.
fn written(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[tokio::test]
async fn what_a_program_prints_and_how_it_ends_is_handed_on() {
    let printed = shell("echo out; echo err >&2; exit 3").run().await.unwrap();

    assert_eq!(printed.output(), b"out\n");
    assert_eq!(printed.errors(), b"", "not kept");
    assert_eq!(printed.status().unwrap().code(), Some(3));
    let kept = shell("echo out; echo err >&2; exit 3").keep_errors();
    assert_eq!(kept.run().await.unwrap().errors(), b"err\n");
    assert_eq!(shell("cat").run().await.unwrap().output(), b"", "no input");
    let absent = Program::new("/nonexistent/program").run().await;
    assert!(matches!(absent, Err(ProgramFault::Start(_))));
}

#[tokio::test]
async fn what_prints_too_much_is_ended() {
    let whole = shell("printf 12345678").at_most(8).run().await.unwrap();
    assert_eq!(whole.output(), b"12345678");

    let over = shell("printf 123456789; sleep 300").at_most(8).run();

    let over = timeout(Duration::from_secs(60), over).await.unwrap();
    assert!(matches!(over, Err(ProgramFault::TooMuch(8))), "{over:?}");
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_hold_up_its_end_and_lives_on() {
    let directory = tempfile::tempdir().unwrap();
    let id = directory.path().join("id");
    let script = format!("sleep 300 & echo $! > {}; echo token", id.display());

    let printed = timeout(Duration::from_secs(60), shell(&script).run()).await;

    let printed = printed.expect("it waits for what was left").unwrap();
    assert_eq!(printed.output(), b"token\n");
    assert!(printed.status().unwrap().success());
    let id = written(&id).unwrap();
    assert!(runs(&id));
    let left = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn what_a_program_started_ends_with_a_call_that_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let named = directory.path().join("id");
    let script = format!(
        "sleep 300 & echo $! > {0}.new; mv {0}.new {0}; wait",
        named.display()
    );

    let id = tokio::select! {
        ended = shell(&script).run() => panic!("it ended: {ended:?}"),
        id = until(|| written(&named)) => id,
    };

    until(|| (!runs(&id)).then_some(())).await;
}

/// As it is where `SIGCHLD` is ignored, or a supervisor waits for all children.
#[tokio::test]
async fn the_output_counts_of_what_somebody_else_has_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let named = directory.path().join("id");
    let script = format!(
        "echo $$ > {0}.new; mv {0}.new {0}; echo token",
        named.display()
    );
    let mut call = pin!(shell(&script).run());
    // Begun, and not polled again before it is over.
    let begun = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
    assert!(begun, "it was over at once");
    let id = until(|| written(&named)).await;
    let id = Pid::from_raw(id.trim().parse().unwrap());
    waitpid(id, WaitOptions::empty()).unwrap().unwrap();

    let printed = timeout(Duration::from_secs(60), call)
        .await
        .unwrap()
        .unwrap();

    assert_eq!(printed.output(), b"token\n");
    assert_eq!(printed.status(), None);
}

#[tokio::test]
async fn what_has_closed_its_output_is_not_waited_for_without_an_end() {
    let directory = tempfile::tempdir().unwrap();
    let id = directory.path().join("id");
    let script = format!(
        "echo token; echo $$ > {}; exec >/dev/null; exec sleep 300",
        id.display()
    );

    let printed = timeout(Duration::from_secs(60), shell(&script).run()).await;

    let printed = printed.expect("it is waited for").unwrap();
    assert_eq!(
        (printed.output(), printed.status()),
        (&b"token\n"[..], None)
    );
    let left = Pid::from_raw(written(&id).unwrap().trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
}
