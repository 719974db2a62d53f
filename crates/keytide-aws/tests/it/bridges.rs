//! SDKs over a cache: a rotation reaches the wire with the next request.

use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::config::Region;
use keytide_aws::bridge::{SdkCredentials, sdk_config};
use keytide_aws::{AssumeRole, ContainerEndpoint};
use keytide_core::{Cache, LongLived};
use keytide_testkit::aws::{Container, Sts};
use keytide_testkit::server::{FaultServer, Good, Reply};

use crate::support::{ROLE, agent, base, container};

fn signers(server: &FaultServer) -> Vec<String> {
    let key_id = |text: &str| {
        text.split_once("Credential=")
            .unwrap()
            .1
            .split('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let requests = server.requests();
    requests
        .iter()
        .map(|asked| key_id(asked.header("authorization").unwrap()))
        .collect()
}

async fn client(cache: &Cache, server: &FaultServer) -> aws_sdk_sts::Client {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(server.origin());
    aws_sdk_sts::Client::new(&sdk_config(loader, cache).unwrap().load().await)
}

#[tokio::test]
async fn a_rotation_reaches_the_wire_with_the_sdks_next_request() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "bridge-sdk-");
    let server = FaultServer::start(Sts::new("bridge-sdk-sts-"));
    let sts = client(&keys, &server).await;

    for _ in 0..2 {
        sts.get_caller_identity().send().await.unwrap();
    }
    keys.refresh_now().await.unwrap();
    sts.get_caller_identity().send().await.unwrap();

    let ids = signers(&server);
    assert_eq!(
        ids,
        [
            "ASIA0000000000000001",
            "ASIA0000000000000001",
            "ASIA0000000000000002"
        ]
    );
}

#[tokio::test]
async fn the_sdk_is_told_the_whole_credential_and_why_there_is_none() {
    let agent = agent();
    let (keys, platform) = base(&agent, "bridge-whole-");
    let provider = SdkCredentials::new(keys.clone()).unwrap();

    let credentials = provider.provide_credentials().await.unwrap();

    let ours = keys.get().await.unwrap();
    assert_eq!(credentials.access_key_id(), "ASIA0000000000000001");
    assert_eq!(credentials.secret_access_key(), "bridge-whole-secret-1");
    assert_eq!(credentials.session_token(), Some("bridge-whole-session-1"));
    assert_eq!(credentials.expiry(), ours.expires_at());
    assert_eq!(platform.count(), 1);

    let _telling = keys.revoke();
    let error = provider.provide_credentials().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("revoked"), "{cause}");
}

#[tokio::test]
async fn the_sdk_is_told_the_account_where_it_is_known() {
    let account = async |provider: ContainerEndpoint| {
        let cache = agent().cache(provider).build().unwrap();
        let provider = SdkCredentials::new(cache).unwrap();
        let credentials = provider.provide_credentials().await.unwrap();
        credentials.account_id().map(|id| id.as_str().to_owned())
    };
    let arn = "arn:aws:iam::210987654321:role/task";
    let of_ecs = FaultServer::start(Container::new("bridge-ecs-").role_arn(arn));
    let of_eks = FaultServer::start(Container::new("bridge-eks-"));
    let told = FaultServer::start(Good::new(move |_| {
        Reply::json(
            200,
            &serde_json::json!({
                "AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t", "AccountId": "000000000007",
                "Expiration": "2999-01-01T00:00:00Z", "RoleArn": arn,
            }),
        )
    }));

    assert_eq!(
        account(container(&of_ecs)).await.as_deref(),
        Some("210987654321")
    );
    assert_eq!(account(container(&of_eks)).await, None);
    assert_eq!(
        account_of_long(container(&told)).await.as_deref(),
        Some("000000000007")
    );

    let agent = agent();
    let (keys, _platform) = base(&agent, "bridge-role-");
    let sts = FaultServer::start(Sts::new("bridge-role-sts-"));
    let role = AssumeRole::builder(ROLE, keys)
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .build()
        .unwrap();
    let provider = SdkCredentials::new(agent.cache(role).build().unwrap()).unwrap();
    let credentials = provider.provide_credentials().await.unwrap();
    assert_eq!(credentials.account_id().unwrap().as_str(), "123456789012");
}

/// Of keys that last longer than any that AWS gives.
async fn account_of_long(provider: ContainerEndpoint) -> Option<String> {
    let cache = agent().cache(provider).long_lived(LongLived::Flag);
    let provider = SdkCredentials::new(cache.build().unwrap()).unwrap();
    let credentials = provider.provide_credentials().await.unwrap();
    credentials.account_id().map(|id| id.as_str().to_owned())
}

#[cfg(feature = "object_store")]
#[tokio::test]
async fn object_store_asks_for_each_request() {
    use keytide_aws::bridge::ObjectStoreCredentials;
    use object_store::CredentialProvider;

    let agent = agent();
    let (keys, platform) = base(&agent, "bridge-store-");
    let provider = ObjectStoreCredentials::new(keys.clone()).unwrap();

    let first = provider.get_credential().await.unwrap();
    keys.refresh_now().await.unwrap();
    let second = provider.get_credential().await.unwrap();
    platform.set(keytide_testkit::server::Fault::status(503));
    let _telling = keys.revoke();
    let error = provider.get_credential().await.unwrap_err();

    assert_eq!(first.secret_key, "bridge-store-secret-1");
    assert_eq!(first.token.as_deref(), Some("bridge-store-session-1"));
    assert_eq!(
        (second.key_id.as_str(), second.secret_key.as_str()),
        ("ASIA0000000000000002", "bridge-store-secret-2")
    );
    assert!(error.to_string().contains("revoked"), "{error}");
}
