//! What a call changes for the whole process: nothing. In a process of its own, for loggers are one for each.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use keytide_aws::{AssumeRole, Env, OutboundToken, WebIdentity, WebIdentityToken};
use keytide_core::ProvideCredential;
use keytide_testkit::aws::Sts;
use keytide_testkit::server::FaultServer;

use crate::machine::Machine;
use crate::support::{ROLE, agent, base, chain, client};

/// All that came by `log`.
struct Records(Mutex<Vec<String>>);

static RECORDS: Records = Records(Mutex::new(Vec::new()));

impl Records {
    fn contain(&self, text: &str) -> bool {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().any(|record| record.contains(text))
    }
}

impl log::Log for Records {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn who_listens_by_log_hears_as_much_after_a_call_as_before() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "process::calls_and_a_logger",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text} {errors}");
    assert!(text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "run by the test above, in a process of its own"]
async fn calls_and_a_logger() {
    log::set_logger(&RECORDS).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    tracing::info!("before the calls");
    assert!(RECORDS.contain("before the calls"));
    let agent = agent();
    let machine = Machine::new("log-canary-").config(&format!(
        "[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n[broken\nlog-canary\n"
    ));
    let machine = machine.file("token", "log-canary-token");
    let (keys, _platform) = base(&agent, "log-canary-");
    let sts = FaultServer::start(Sts::new("log-canary-"));
    let web = WebIdentity::builder(ROLE, WebIdentityToken::file(machine.path("token")))
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client());
    let role = AssumeRole::builder(ROLE, keys.clone())
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .env(Env::of::<String, String>([]));
    let outbound = OutboundToken::builder("audience", keys)
        .region("eu-west-1")
        .endpoint_url(sts.origin());

    called(&agent, machine.provider()).await;
    called(&agent, web.build().unwrap()).await;
    called(&agent, role.build().unwrap()).await;
    called(&agent, outbound.build().unwrap()).await;

    assert!(!tracing::dispatcher::has_been_set());
    tracing::info!("after the calls");
    assert!(RECORDS.contain("after the calls"));
    assert!(
        !RECORDS.contain("log-canary"),
        "no secret is among the records"
    );
}

async fn called(agent: &keytide_core::Agent, provider: impl ProvideCredential) {
    let cache = agent.cache(provider).build().unwrap();
    cache
        .get()
        .await
        .unwrap_or_else(|error| panic!("{}", chain(&error)));
}
