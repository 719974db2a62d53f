//! Application Default Credentials: the order, and what is not taken by accident.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use keytide_core::ErrorKind::{self, Misconfigured, NotConfigured, StaticCredential, Unavailable};
use keytide_core::{Cache, Chain, Subject, SubjectUse};
use keytide_gcp::{ApplicationDefault, ApplicationDefaultBuilder, Env};
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{Fault, FaultServer};
use keytide_testkit::{Answer, ScriptedProvider};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{POOL, STORAGE, TARGET, agent, cache, key, metadata, token, write};

/// A machine with a home, a metadata server, and perhaps files.
struct Machine {
    home: TempDir,
    server: FaultServer,
}

impl Machine {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            server: Google::new().start(),
        }
    }

    fn builder(&self, variable: Option<&str>) -> ApplicationDefaultBuilder {
        let mut variables = vec![
            ("HOME", self.home.path().display().to_string()),
            ("GCE_METADATA_HOST", self.server.address().to_string()),
        ];
        if let Some(name) = variable {
            let path = self.home.path().join(name);
            variables.push(("GOOGLE_APPLICATION_CREDENTIALS", path.display().to_string()));
        }
        ApplicationDefault::builder([STORAGE])
            .env(Env::of(variables))
            .token_uri(self.server.url("/token"))
            .danger_allow_endpoint(self.server.origin())
    }

    fn well_known_directory(&self) -> PathBuf {
        self.home.path().join(".config/gcloud")
    }

    fn well_known_path(&self) -> PathBuf {
        let directory = self.well_known_directory();
        directory.join("application_default_credentials.json")
    }

    fn well_known(&self, content: &Value) {
        std::fs::create_dir_all(self.well_known_directory()).unwrap();
        std::fs::write(self.well_known_path(), content.to_string()).unwrap();
    }

    /// With these variables beside that of the metadata server.
    fn with<V: Into<OsString>>(
        &self,
        variables: impl IntoIterator<Item = (&'static str, V)>,
    ) -> Cache {
        let host = (
            "GCE_METADATA_HOST",
            self.server.address().to_string().into(),
        );
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name, value.into()));
        let provider = ApplicationDefault::builder([STORAGE])
            .env(Env::of(std::iter::once(host).chain(variables)))
            .danger_allow_endpoint(self.server.origin());
        cache(provider.build().unwrap())
    }

    fn file(&self, content: &Value) -> &'static str {
        write(self.home.path(), "named.json", content);
        "named.json"
    }

    fn federation(&self) -> Value {
        let subject = write(self.home.path(), "subject", "subject-1");
        json!({
            "type": "external_account",
            "audience": POOL,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": self.server.url("/v1/token"),
            "credential_source": { "file": subject },
        })
    }

    fn impersonation(&self, source: Value) -> Value {
        json!({
            "type": "impersonated_service_account",
            "service_account_impersonation_url":
                self.server.url(&format!("/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken")),
            "delegates": ["projects/-/serviceAccounts/middle@project-1.iam.gserviceaccount.com"],
            "source_credentials": source,
        })
    }
}

fn login() -> Value {
    json!({
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "client-secret",
        "refresh_token": "1//refresh",
    })
}

async fn kind_of(cache: &Cache) -> String {
    cache.get().await.unwrap();
    let token = token(cache);
    let kind = token
        .strip_prefix("ya29.")
        .and_then(|rest| rest.split_once('-'));
    kind.unwrap().0.to_owned()
}

#[tokio::test]
async fn what_needs_no_secret_is_found_in_googles_order() {
    let machine = Machine::new();
    let found = |variable| cache(machine.builder(variable).build().unwrap());

    assert_eq!(kind_of(&found(None)).await, "metadata");

    machine.well_known(&machine.federation());
    assert_eq!(kind_of(&found(None)).await, "federated");

    let file = machine.file(&machine.impersonation(machine.federation()));
    let named = found(Some(file));
    assert_eq!(kind_of(&named).await, "impersonated");
    assert_eq!(named.try_get().unwrap().principal(), Some(TARGET));
    let asked = machine.server.requests();
    let body: Value = serde_json::from_slice(asked.last().unwrap().body()).unwrap();
    assert_eq!(
        body["delegates"],
        json!(["projects/-/serviceAccounts/middle@project-1.iam.gserviceaccount.com"])
    );
}

#[tokio::test]
async fn the_login_of_a_developer_is_taken_by_name_only() {
    let machine = Machine::new();
    machine.well_known(&login());

    assert_eq!(
        kind_of(&cache(machine.builder(None).build().unwrap())).await,
        "metadata"
    );

    let named = || {
        machine
            .builder(None)
            .danger_user_credentials()
            .build()
            .unwrap()
    };
    let refused = agent().cache(named()).build().unwrap_err();
    assert_eq!(refused.kind(), StaticCredential);
    let allowed = agent()
        .cache(named())
        .danger_allow_static()
        .build()
        .unwrap();
    assert_eq!(kind_of(&allowed).await, "user");

    machine.well_known(&machine.impersonation(login()));
    assert_eq!(
        kind_of(&cache(machine.builder(None).build().unwrap())).await,
        "metadata"
    );
    let allowed = agent()
        .cache(named())
        .danger_allow_static()
        .build()
        .unwrap();
    assert_eq!(kind_of(&allowed).await, "impersonated");
}

#[tokio::test]
async fn a_key_is_taken_by_name_only_and_never_passed_over_in_silence() {
    let machine = Machine::new();
    let file = machine.file(&key(&machine.server));

    let error = cache(machine.builder(Some(file)).build().unwrap())
        .get()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Misconfigured);
    assert!(
        error.to_string().contains("danger_service_account_key"),
        "{error}"
    );
    assert_eq!(
        machine.server.count(),
        0,
        "the metadata server was not asked in its place"
    );

    let allowed = machine
        .builder(Some(file))
        .danger_service_account_key()
        .build()
        .unwrap();
    let allowed = agent()
        .cache(allowed)
        .danger_allow_static()
        .build()
        .unwrap();
    assert_eq!(kind_of(&allowed).await, "account");
}

#[tokio::test]
async fn a_variable_that_names_a_file_is_a_decision() {
    let machine = Machine::new();
    machine.well_known(&machine.federation());
    let error_of = async |content: Option<Value>| {
        let file = match &content {
            Some(content) => machine.file(content),
            None => "absent.json",
        };
        let error = cache(machine.builder(Some(file)).build().unwrap())
            .get()
            .await
            .unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
        error.kind()
    };

    assert_eq!(error_of(None).await, Unavailable);
    assert_eq!(error_of(Some(login())).await, Misconfigured);
    assert_eq!(error_of(Some(json!("canary"))).await, Misconfigured);
    assert_eq!(
        error_of(Some(json!({ "type": "canary" }))).await,
        Misconfigured
    );
    assert_eq!(
        error_of(Some(json!({ "type": "external_account" }))).await,
        Misconfigured
    );
    let nested = machine.impersonation(key(&machine.server));
    assert_eq!(error_of(Some(nested)).await, Misconfigured);
    let mut evil = machine.federation();
    evil["token_url"] = "https://evil.example/v1/token".into();
    assert_eq!(error_of(Some(evil)).await, Misconfigured);
    assert_eq!(machine.server.count(), 0);
}

#[tokio::test]
async fn once_a_place_gave_a_credential_it_stays_with_it() {
    let machine = Machine::new();
    machine.well_known(&machine.federation());
    let federated = cache(machine.builder(None).build().unwrap());
    assert_eq!(kind_of(&federated).await, "federated");
    std::fs::remove_dir_all(machine.home.path().join(".config")).unwrap();

    let error = federated.refresh_now().await.unwrap_err();
    assert_eq!(error.kind(), Unavailable, "{error}");

    let attached = cache(machine.builder(None).build().unwrap());
    assert_eq!(kind_of(&attached).await, "metadata");
    machine.well_known(&machine.federation());
    attached.refresh_now().await.unwrap();
    assert_eq!(kind_of(&attached).await, "metadata");
}

#[tokio::test]
async fn when_nothing_is_there_the_error_tells_what_was_looked_for() {
    let machine = Machine::new();
    machine.well_known(&login());
    machine.server.set(Fault::answer(
        "no account",
        keytide_testkit::server::Reply::new(404).header("metadata-flavor", "Google"),
        keytide_testkit::server::Outcome::Either,
    ));

    let error = cache(machine.builder(None).build().unwrap())
        .get()
        .await
        .unwrap_err();

    assert_eq!(error.kind(), NotConfigured);
    let text = error.to_string();
    assert!(
        text.contains("GOOGLE_APPLICATION_CREDENTIALS is not set"),
        "{text}"
    );
    assert!(text.contains("danger_user_credentials"), "{text}");
}

#[tokio::test]
async fn a_configuration_for_aws_takes_its_subject_from_a_cache() {
    let machine = Machine::new();
    let mut config = machine.federation();
    config["subject_token_type"] = "urn:ietf:params:aws:token-type:aws4_request".into();
    config["credential_source"] = json!({
        "environment_id": "aws1",
        "regional_cred_verification_url":
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    });
    let file = machine.file(&config);

    let without = cache(machine.builder(Some(file)).build().unwrap())
        .get()
        .await
        .unwrap_err();
    let (subject, script) =
        ScriptedProvider::new(Answer::token(std::time::Duration::from_secs(900)));
    script.token_prefix("signed-request-");
    let subject = Subject::new(cache(subject), SubjectUse::Repeatable);
    let with = cache(
        machine
            .builder(Some(file))
            .subject(subject)
            .build()
            .unwrap(),
    );

    assert_eq!(without.kind(), Misconfigured);
    assert_eq!(kind_of(&with).await, "federated");
    let form = machine.server.requests()[0].form();
    assert!(
        form.iter()
            .any(|(name, value)| name == "subject_token" && value.starts_with("signed-request-"))
    );
}

#[test]
fn the_place_of_a_login_is_where_gcloud_leaves_it() {
    let machine = Machine::new();
    let nothing = ApplicationDefault::builder(Vec::<String>::new()).build();
    assert_eq!(nothing.unwrap_err().kind(), Misconfigured);
    let wrong = ApplicationDefault::builder([STORAGE])
        .token_uri(machine.server.url("/token"))
        .build();
    assert_eq!(wrong.unwrap_err().kind(), Misconfigured);
}

/// A machine whose well-known file is of this sort. The last says how it is mended: by its removal.
#[cfg(unix)]
type Odd = (&'static str, ErrorKind, fn(&Machine), fn(&Machine));

#[cfg(unix)]
const ODD: [Odd; 9] = {
    use std::os::unix::fs::symlink;
    fn file_away(machine: &Machine) {
        std::fs::remove_file(machine.well_known_path()).unwrap();
    }
    fn directory(machine: &Machine) -> PathBuf {
        std::fs::create_dir_all(machine.well_known_directory()).unwrap();
        machine.well_known_path()
    }
    fn content(machine: &Machine, bytes: &[u8]) {
        std::fs::write(directory(machine), bytes).unwrap();
    }
    [
        (
            "a directory",
            Misconfigured,
            |machine| std::fs::create_dir(directory(machine)).unwrap(),
            |machine| std::fs::remove_dir(machine.well_known_path()).unwrap(),
        ),
        (
            "a pipe",
            Misconfigured,
            |machine| crate::files::pipe(&directory(machine)),
            file_away,
        ),
        (
            "links in a circle",
            Misconfigured,
            |machine| {
                let path = directory(machine);
                symlink(path.file_name().unwrap(), &path).unwrap();
            },
            file_away,
        ),
        (
            "a link to nothing",
            Unavailable,
            |machine| symlink("nowhere", directory(machine)).unwrap(),
            file_away,
        ),
        (
            "a directory that is a link to nothing",
            Unavailable,
            |machine| symlink("nowhere", machine.home.path().join(".config")).unwrap(),
            |machine| std::fs::remove_file(machine.home.path().join(".config")).unwrap(),
        ),
        (
            "behind a file",
            Misconfigured,
            |machine| std::fs::write(machine.home.path().join(".config"), "x").unwrap(),
            |machine| std::fs::remove_file(machine.home.path().join(".config")).unwrap(),
        ),
        (
            "Latin-1",
            Misconfigured,
            |machine| {
                let login = b"{\"type\":\"authorized_user\",\"account\":\"m\xfcller\"}";
                content(machine, login);
            },
            file_away,
        ),
        (
            "no JSON",
            Misconfigured,
            |machine| content(machine, b"canary"),
            file_away,
        ),
        (
            "over 64 KiB",
            Misconfigured,
            |machine| content(machine, &[b' '; 70_000]),
            file_away,
        ),
    ]
};

#[cfg(unix)]
#[tokio::test]
async fn what_cannot_be_looked_at_ends_the_search_and_is_looked_at_again() {
    for (name, kind, make, mend) in ODD {
        let machine = Machine::new();
        make(&machine);
        let asked = cache(machine.builder(None).build().unwrap());

        let error = asked.get().await.unwrap_err();

        assert_eq!(error.kind(), kind, "{name}: {error}");
        let path = machine.well_known_path().display().to_string();
        assert!(error.to_string().contains(&path), "{name}: {error}");
        assert!(
            !format!("{error:?}").contains("canary"),
            "{name}: {error:?}"
        );
        assert_eq!(
            machine.server.count(),
            0,
            "{name}: another account was asked for"
        );

        mend(&machine);
        machine.well_known(&machine.federation());
        asked.refresh_now().await.unwrap();
        assert_eq!(kind_of(&asked).await, "federated", "{name}");
    }
}

/// As root nothing is forbidden.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_be_read_ends_the_search() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    machine.well_known(&machine.federation());
    let forbid = |path: PathBuf| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
    };
    let asked = cache(machine.builder(None).build().unwrap());
    for path in [machine.well_known_path(), machine.well_known_directory()] {
        forbid(path);
        let answer = asked.get().await;

        if rustix::process::geteuid().is_root() {
            assert_eq!(kind_of(&asked).await, "federated");
        } else {
            let error = answer.unwrap_err();
            assert_eq!(error.kind(), Misconfigured, "{error}");
            assert_eq!(machine.server.count(), 0);
        }
    }
    let open = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(machine.well_known_directory(), open).unwrap();
}

#[tokio::test]
async fn nothing_is_there_where_no_variable_leads_and_where_no_file_has_the_name() {
    let machine = Machine::new();
    let none: [(&str, &str); 0] = [];
    let home = machine.home.path();

    assert_eq!(kind_of(&machine.with(none)).await, "metadata");
    let empty = ["GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "HOME"];
    let empty = machine.with(empty.map(|name| (name, "")));
    assert_eq!(kind_of(&empty).await, "metadata");
    let absent = machine.with([("HOME", home.join("absent"))]);
    assert_eq!(kind_of(&absent).await, "metadata");
    // A home that is kept elsewhere, without such a file in it.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(home, home.join("link")).unwrap();
        let linked = machine.with([("HOME", home.join("link"))]);
        assert_eq!(kind_of(&linked).await, "metadata");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_path_need_not_be_text() {
    use std::os::unix::ffi::OsStringExt;
    let machine = Machine::new();
    let latin = || OsString::from_vec(b"m\xfcller".to_vec());
    let home = machine.home.path().join(Path::new(&latin()));
    std::fs::create_dir(&home).unwrap();
    let file = home.join("application_default_credentials.json");
    std::fs::write(&file, machine.federation().to_string()).unwrap();
    let gcloud = home.join(".config/gcloud");
    std::fs::create_dir_all(&gcloud).unwrap();
    std::fs::copy(&file, gcloud.join(file.file_name().unwrap())).unwrap();

    let named = machine.with([("GOOGLE_APPLICATION_CREDENTIALS", &file)]);
    assert_eq!(kind_of(&named).await, "federated");
    let configured = machine.with([("CLOUDSDK_CONFIG", &home)]);
    assert_eq!(kind_of(&configured).await, "federated");
    let at_home = machine.with([("HOME", &home)]);
    assert_eq!(kind_of(&at_home).await, "federated");
}

#[cfg(unix)]
#[tokio::test]
async fn a_variable_that_is_not_text_ends_the_search() {
    use std::os::unix::ffi::OsStringExt;
    let machine = Machine::new();
    for name in ["GCE_METADATA_HOST", "GCE_METADATA_TIMEOUT", "NO_GCE_CHECK"] {
        let latin = OsString::from_vec(b"m\xfcller".to_vec());

        let error = machine.with([(name, latin)]).get().await.unwrap_err();

        assert_eq!(error.kind(), Misconfigured, "{error}");
        assert!(format!("{error:?}").contains(name), "{error:?}");
    }
    assert_eq!(machine.server.count(), 0);
    // It is not what leads to a file that is there.
    machine.well_known(&machine.federation());
    let latin = OsString::from_vec(b"m\xfcller".to_vec());
    let home = machine.home.path().to_owned().into_os_string();
    let federated = machine.with([("GCE_METADATA_HOST", latin), ("HOME", home)]);
    assert_eq!(kind_of(&federated).await, "federated");
}

#[tokio::test]
async fn a_file_that_is_named_and_missing_leads_no_chain_on() {
    let machine = Machine::new();
    machine.well_known(&machine.federation());
    let named = machine.builder(Some("absent.json")).build().unwrap();
    let attached = metadata(&machine.server).build().unwrap();

    let error = cache(Chain::first(named).then(attached)).get().await;

    let text = error.unwrap_err().to_string();
    assert!(text.contains("GOOGLE_APPLICATION_CREDENTIALS"), "{text}");
    let path = machine.home.path().join("absent.json");
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert_eq!(machine.server.count(), 0);
}

/// Only what gave a credential is stayed with.
#[tokio::test]
async fn a_metadata_server_that_gave_nothing_is_not_what_was_chosen() {
    for fault in [
        Fault::status(503),
        Fault::reset(keytide_testkit::server::At::Accept),
        Fault::answer(
            "no account",
            keytide_testkit::server::Reply::new(404).header("metadata-flavor", "Google"),
            keytide_testkit::server::Outcome::Either,
        ),
    ] {
        let machine = Machine::new();
        machine.server.set(fault.clone());
        let asked = cache(machine.builder(None).build().unwrap());
        assert!(asked.get().await.is_err(), "{fault:?}");

        machine.server.heal();
        machine.well_known(&machine.federation());
        asked.refresh_now().await.unwrap();

        assert_eq!(kind_of(&asked).await, "federated", "{fault:?}");
    }
}
