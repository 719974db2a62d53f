//! What the end of an agent leaves behind at Azure: the truth.

use std::time::Duration;

use keytide_azure::ManagedIdentity;
use keytide_core::{LongLived, Reason};
use keytide_testkit::azure::Imds;

use crate::{Tenant, VAULT, agent};

#[tokio::test]
async fn nobody_is_told_and_what_is_out_is_good_until_it_ends() {
    let (imds, tenant) = (Imds::new().start(), Tenant::start());
    let agent = agent();
    let managed = ManagedIdentity::builder(VAULT).imds_endpoint(imds.origin());
    let managed = agent
        .cache(managed.build().unwrap())
        .key("managed")
        .long_lived(LongLived::Flag);
    let workload = agent
        .cache(tenant.workload().build().unwrap())
        .key("workload");
    let (managed, workload) = (managed.build().unwrap(), workload.build().unwrap());
    managed.get().await.unwrap();
    workload.get().await.unwrap();

    let report = agent.terminate(Reason::Compromised).await;

    assert!(managed.try_get().is_err() && workload.try_get().is_err());
    for (key, least) in [("managed", 86_000), ("workload", 3500)] {
        let revoked = report
            .revoked
            .iter()
            .find(|revoked| &*revoked.cache == key)
            .unwrap();
        assert!(revoked.issuer.is_none(), "Azure has no way to be told");
        assert!(
            revoked.residual_exposure >= Duration::from_secs(least),
            "{revoked:?}"
        );
    }
    assert!(report.residual_exposure() >= Duration::from_secs(86_000));
    assert_eq!((imds.count(), tenant.entra.count()), (1, 1));
}
