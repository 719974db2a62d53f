//! Providers that speak HTTP, over every fault.

use keytide_testkit::conformance::{self, HttpFixture, Report};
use keytide_testkit::server::{Fault, Good};

use super::careful::{Careful, Flaw};

const SECRET: &str = "client-secret-of-the-careful-provider";

#[test]
fn a_careful_provider_passes_over_every_fault() {
    let report = conformance::check(|| {
        HttpFixture::start(Good::oauth("careful-token-"), |server| {
            Careful::new(server.url("/token"), SECRET, None, Flaw::None)
        })
        .refusing_oauth()
        .secret(SECRET)
    });

    println!("{report}");
    report.assert_all_but(&["sort-not-configured"]);
}

#[test]
fn a_careful_provider_passes_over_tls() {
    let report = conformance::check(|| {
        HttpFixture::start_tls(Good::oauth("careful-tls-token-"), |server, ca| {
            let root = Some(ca.root_der());
            Careful::new(server.url("/token"), SECRET, root, Flaw::None)
        })
        .refusing_oauth()
        .secret(SECRET)
    });

    println!("{report}");
    report.assert_all_but(&["sort-not-configured"]);
}

/// The careful provider with a flaw, over these faults only.
fn flawed(flaw: Flaw, faults: &'static [&'static str]) -> Report {
    conformance::check(move || {
        let good = Good::oauth(format!("flawed-{flaw:?}-token-"));
        let fixture = HttpFixture::start(good, move |server| {
            Careful::new(server.url("/token"), SECRET, None, flaw)
        });
        let others = Fault::all().into_iter();
        let others = others.filter(|fault| !faults.contains(&fault.name()));
        others.fold(fixture.refusing_oauth(), |fixture, fault| {
            fixture.without(fault.name(), "it is none of this test's")
        })
    })
}

#[test]
fn a_provider_that_follows_redirects_is_caught() {
    let report = flawed(Flaw::FollowsRedirects, &["302-in-circle"]);
    assert_eq!(report.failed(), ["no-retry"], "{report}");
}

#[test]
fn a_provider_that_reads_without_end_is_caught() {
    let report = flawed(Flaw::ReadsOn, &["endless-body"]);
    assert_eq!(
        report.failed(),
        ["bad-answers", "stops-reading"],
        "{report}"
    );
}

#[test]
fn a_provider_that_shows_bodies_is_caught() {
    let faults = &["html-200", "lifetime-garbage"];
    let report = flawed(Flaw::BodyInError, faults);
    assert_eq!(report.failed(), ["no-body-in-errors"], "{report}");

    let report = flawed(Flaw::BodyInLog, faults);
    assert_eq!(report.failed(), ["no-body-in-logs"], "{report}");
}

#[test]
fn a_provider_that_takes_any_token_is_caught() {
    let report = flawed(Flaw::TakesAnyToken, &["token-line-break"]);
    assert_eq!(report.failed(), ["bad-answers"], "{report}");
}
