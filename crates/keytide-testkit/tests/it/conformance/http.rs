//! Providers that speak HTTP, over every fault.

use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, Secret};
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
    let report = flawed(Flaw::TakesAnyToken, &["token-non-ascii"]);
    assert_eq!(report.failed(), ["bad-answers"], "{report}");
}

/// What is written in five minutes.
#[derive(Debug)]
struct Naive {
    url: String,
    secret: String,
}

impl ProvideCredential for Naive {
    fn profile(&self) -> Profile {
        Profile::bearer("naive")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let form = [("client_secret", &self.secret)];
        let sent = reqwest::Client::new().post(&self.url).form(&form).send();
        let answer = sent.await.and_then(reqwest::Response::error_for_status);
        let unavailable = |error| Error::unavailable("asking failed").caused_by(error);
        let body = answer
            .map_err(unavailable)?
            .text()
            .await
            .map_err(unavailable)?;
        let body: serde_json::Value = serde_json::from_str(&body)
            .map_err(|error| Error::unavailable(format!("parsing {body} failed: {error}")))?;
        let token = body["access_token"].as_str().unwrap().to_owned();
        let seconds = body["expires_in"].as_u64().unwrap_or(3600);
        Ok(Issued::bearer(Secret::from(token)).expires_in(Duration::from_secs(seconds)))
    }
}

#[test]
fn a_naive_provider_fails_where_it_is_naive() {
    let endless = ["endless-body", "huge-body", "gzip-bomb"];
    let report = conformance::check(move || {
        let fixture = HttpFixture::start(Good::oauth("naive-token-"), |server| Naive {
            url: server.url("/token"),
            secret: "naive-client-secret".to_owned(),
        });
        endless
            .iter()
            .fold(fixture.refusing_oauth(), |fixture, fault| {
                fixture.without(
                    *fault,
                    "it reads for as long as it may: that has a test of its own",
                )
            })
    });

    println!("{report}");
    assert_eq!(
        report.failed(),
        [
            "no-retry",
            "sort-throttled",
            "retry-after",
            "sort-refused",
            "bad-answers",
            "no-panic",
            "error-text",
            "no-secret-in-errors",
            "no-secret-in-events",
            "no-secret-in-debug",
            "no-body-in-errors",
        ]
    );
}
