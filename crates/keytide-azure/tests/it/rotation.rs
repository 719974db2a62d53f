//! An assertion that is replaced every ten seconds.

use std::time::Duration;

use keytide_core::{
    Clock, Error, Issued, Profile, ProvideCredential, Request, Subject, SubjectUse,
};
use keytide_testkit::TestClock;
use keytide_testkit::azure::assertion;
use keytide_testkit::server::FaultServer;

use crate::{AUDIENCE, ISSUER, SUBJECT, Still, Tenant};

/// How long an assertion lives, and how long after the last one the next is there.
const LIFE: u64 = 12;
const ROTATION: u64 = 10;

struct Cluster {
    directory: tempfile::TempDir,
    clock: TestClock,
}

impl Cluster {
    /// Replaces the assertion as a kubelet does: a new file in the place of the old one.
    fn rotate(&self) {
        let end = self.clock.wall() + Duration::from_secs(LIFE);
        let new = self.directory.path().join("token.new");
        std::fs::write(&new, assertion(ISSUER, SUBJECT, AUDIENCE, end)).unwrap();
        std::fs::rename(new, self.path()).unwrap();
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("token")
    }
}

/// Gives what the file holds, which ends when it says.
struct FromFile(std::path::PathBuf);

impl ProvideCredential for FromFile {
    fn profile(&self) -> Profile {
        Profile::bearer("from_file")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let token = std::fs::read_to_string(&self.0).unwrap();
        let claims = token.split('.').nth(1).unwrap();
        let claims =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims);
        let claims: serde_json::Value = serde_json::from_slice(&claims.unwrap()).unwrap();
        let end = Duration::from_secs(claims["exp"].as_u64().unwrap());
        Ok(Issued::bearer(token).expires_at(std::time::UNIX_EPOCH + end))
    }
}

/// Three hours in steps of a second, with a reader at each; tokens of thirty seconds. Gives how many exchanges there were.
async fn three_hours(tenant: &Tenant, cluster: &Cluster, cache: &keytide_core::Cache) -> u64 {
    for second in 0..3 * 3600 {
        if second % ROTATION == 0 {
            cluster.rotate();
        }
        cache
            .get()
            .await
            .unwrap_or_else(|error| panic!("at {second} s: {error:?}"));
        cluster.clock.advance(Duration::from_secs(1)).await;
    }
    tenant.entra.count()
}

/// Every assertion that arrived was good: Entra looks at its end, by the same clock.
fn all_were_good(entra: &FaultServer, count: u64, generations: u64) {
    assert!(count >= 3 * 3600 / 30, "{count} exchanges");
    assert_eq!(generations, count, "an exchange was refused");
    assert_eq!(entra.count(), count);
}

fn stage() -> (Tenant, Cluster) {
    let clock = TestClock::new();
    let tenant = Tenant::with(|entra| {
        let clock = clock.clone();
        entra
            .lifetime(Duration::from_secs(30))
            .time_from(move || clock.wall())
    });
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster { directory, clock };
    cluster.rotate();
    (tenant, cluster)
}

#[tokio::test(start_paused = true)]
async fn no_expired_assertion_is_sent_from_a_file_that_rotates_every_ten_seconds_for_three_hours() {
    let (tenant, cluster) = stage();
    let agent = cluster.clock.agent().build().unwrap();
    let provider = keytide_azure::WorkloadIdentity::builder(crate::VAULT)
        .tenant_id(crate::TENANT)
        .client_id(crate::CLIENT)
        .token_file(cluster.path())
        .authority(tenant.entra.origin())
        .client(crate::client(&tenant.ca));
    let cache = agent
        .cache(Still(provider.build().unwrap()))
        .build()
        .unwrap();

    let count = three_hours(&tenant, &cluster, &cache).await;

    all_were_good(
        &tenant.entra,
        count,
        cache.get().await.unwrap().generation(),
    );
}

#[tokio::test(start_paused = true)]
async fn nor_from_another_cache() {
    let (tenant, cluster) = stage();
    let agent = cluster.clock.agent().build().unwrap();
    let token = agent.cache(FromFile(cluster.path())).build().unwrap();
    token.get().await.unwrap();
    let provider = keytide_azure::ClientAssertion::builder(
        crate::VAULT,
        crate::TENANT,
        crate::CLIENT,
        Subject::new(token.clone(), SubjectUse::Repeatable),
    )
    .authority(tenant.entra.origin())
    .client(crate::client(&tenant.ca));
    let cache = agent
        .cache(Still(provider.build().unwrap()))
        .build()
        .unwrap();

    let count = three_hours(&tenant, &cluster, &cache).await;

    all_were_good(
        &tenant.entra,
        count,
        cache.get().await.unwrap().generation(),
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_has_ended_by_our_clock_is_sent_only_where_entras_is_known_to_be_behind() {
    let clock = TestClock::new();
    let behind = Duration::from_secs(600);
    let tenant = Tenant::with(|entra| {
        let clock = clock.clone();
        entra.time_from(move || clock.wall() - behind)
    });
    let write = |seconds: i64| {
        let end =
            clock.wall() + Duration::from_secs(1000) - Duration::from_secs((1000 - seconds) as u64);
        tenant.write(&assertion(ISSUER, SUBJECT, AUDIENCE, end));
    };
    let agent = clock.agent().build().unwrap();
    let cache = agent
        .cache(Still(tenant.workload().build().unwrap()))
        .build()
        .unwrap();

    write(-300);
    let error = cache.get().await.unwrap_err();
    assert_eq!(
        error.kind(),
        keytide_core::ErrorKind::Unavailable,
        "{error}"
    );
    assert!(error.to_string().contains("has expired"), "{error}");
    assert_eq!(tenant.entra.count(), 0);

    write(300);
    cache.refresh_now().await.unwrap();
    write(-300);
    cache.refresh_now().await.unwrap();
    write(-700);
    cache.refresh_now().await.unwrap_err();
    assert_eq!(tenant.entra.count(), 2);
}

#[tokio::test]
async fn a_clock_of_entra_that_is_far_ahead_once_does_not_end_the_exchanges() {
    let tenant = Tenant::start();
    tenant
        .entra
        .then(keytide_testkit::server::Fault::date_off(7200));
    let cache = crate::cache(tenant.workload().build().unwrap());
    cache.get().await.unwrap();

    cache.refresh_now().await.unwrap();

    assert_eq!(tenant.entra.count(), 2);
}
