//! Files that are not there, cannot be read, or are none.

use super::*;

#[tokio::test]
async fn files_that_are_not_there_are_passed_over() {
    let machine = Machine::new("enoent1-")
        .set("AWS_CONFIG_FILE", "/nowhere/at/all")
        .set("AWS_SHARED_CREDENTIALS_FILE", "~/neither");
    assert_eq!(machine.secret().await, "enoent1-imds-secret-3");

    let homeless = Machine::new("enoent2-").without("HOME");
    assert_eq!(homeless.secret().await, "enoent2-imds-secret-3");
    let configured = homeless.set("AWS_CONFIG_FILE", "~/.aws/config");
    names(
        &configured.failed().await,
        ErrorKind::Misconfigured,
        &["AWS_CONFIG_FILE", "HOME"],
    );

    let named = Machine::new("enoent3-").set("AWS_PROFILE", "gone");
    names(
        &named.failed().await,
        ErrorKind::Misconfigured,
        &["AWS_PROFILE", "gone"],
    );
    assert_eq!(named.asked(), 0);
}

#[tokio::test]
async fn paths_of_configuration_files_lead_where_the_sdk_has_them_lead() {
    let profile =
        format!("[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n");
    let home = Machine::new("path1-")
        .file("elsewhere/config", &profile)
        .set("AWS_CONFIG_FILE", "~/elsewhere/config");
    assert_eq!(home.secret().await, "path1-sts-secret-1");

    let absolute = Machine::new("path2-").file("credentials", &profile);
    let path = absolute.path("credentials");
    let absolute = absolute.set("AWS_SHARED_CREDENTIALS_FILE", path);
    assert_eq!(absolute.secret().await, "path2-sts-secret-1");

    // What the credentials file says goes before what the configuration file says.
    let both = Machine::new("path3-")
        .config("[default]\nrole_arn = wrong\ncredential_source = Ec2InstanceMetadata\n")
        .file(".aws/credentials", &profile);
    assert_eq!(both.secret().await, "path3-sts-secret-1");
}

#[tokio::test]
async fn a_configuration_file_that_cannot_be_read_ends_the_search_and_is_named() {
    for name in [".aws/config", ".aws/credentials"] {
        for broken in BROKEN {
            let machine = Machine::new("broken-").container();
            let path = machine.path(name);
            broken.put(Path::new(&path));

            let error = timeout(PATIENCE, machine.failed()).await;

            let error = error.unwrap_or_else(|_| panic!("{broken:?} is waited for"));
            assert_ne!(error.kind(), ErrorKind::NotConfigured, "{broken:?}");
            let named = match broken {
                // Both files are behind it.
                Broken::DanglingDirectory => machine.path(".aws/config"),
                _ => path,
            };
            assert!(chain(&error).contains(&named), "{broken:?}: {error}");
            assert!(!chain(&error).contains("canary"), "{broken:?}: {error}");
            assert_eq!(machine.asked(), 0, "{broken:?}");
        }
    }
}

#[tokio::test]
async fn a_configuration_file_without_permission_is_an_error() {
    let machine = Machine::new("denied-")
        .container()
        .config("[default]\nregion = eu-west-1\n");
    let path = machine.path(".aws/config");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();

    let answer = ask(machine.provider()).await;

    // Root reads it all the same: then there is nothing to be told.
    if fs::read(&path).is_ok() {
        answer.unwrap();
    } else {
        names(&answer.unwrap_err(), ErrorKind::Misconfigured, &[&path]);
        assert_eq!(machine.asked(), 0);
    }
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_looked_at_again_and_nothing_else_was_taken_meanwhile() {
    for broken in BROKEN {
        let machine = Machine::new("mended-");
        let path = machine.path(".aws/config");
        broken.put(Path::new(&path));
        let cache = agent().cache(machine.provider()).build().unwrap();
        cache.get().await.unwrap_err();
        assert_eq!(machine.asked(), 0, "{broken:?}");

        broken.remove(Path::new(&path));
        let machine = machine.config(&format!(
            "[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"
        ));
        cache.refresh_now().await.unwrap();

        assert_eq!(secret(&cache.get().await.unwrap()), "mended-sts-secret-1");
        drop(machine);
    }
}

#[tokio::test]
async fn a_token_file_that_is_none_is_an_error_and_not_a_wait() {
    let directory = tempfile::tempdir().unwrap();
    let (sts, server) = (
        FaultServer::start(Sts::new("none-sts-")),
        FaultServer::start(Container::new("none-")),
    );
    for broken in BROKEN {
        let path = directory.path().join(format!("{broken:?}")).join("token");
        broken.put(&path);
        let path = path.display().to_string();

        let web = WebIdentity::builder(ROLE, WebIdentityToken::file(&path))
            .region("eu-west-1")
            .endpoint_url(sts.origin())
            .build()
            .unwrap();
        let pod = ContainerEndpoint::new().env(Env::of([
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/")),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path.clone()),
        ]));
        let answers = timeout(PATIENCE, async { (ask(web).await, ask(pod).await) }).await;

        let (web, pod) = answers.unwrap_or_else(|_| panic!("{broken:?} is waited for"));
        for error in [web.unwrap_err(), pod.unwrap_err()] {
            assert_ne!(error.kind(), ErrorKind::NotConfigured, "{broken:?}");
            assert!(chain(&error).contains(&path), "{broken:?}: {error}");
            assert!(!chain(&error).contains("canary"), "{broken:?}: {error}");
        }
    }
    assert_eq!(sts.connections() + server.connections(), 0);
}

#[test]
fn six_hundred_attempts_at_files_take_no_thread_of_the_blocking_pool() {
    // One blocking thread, and it is taken: whatever needs another one waits for ever.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (release, held) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || held.recv());
    let home = runtime.handle().clone();
    let agent = Agent::builder(identity("pool"))
        .runtime(home)
        .build()
        .unwrap();
    let machine = Machine::new("pool-");
    for name in [".aws/config", "token"] {
        Broken::Pipe.put(Path::new(&machine.path(name)));
    }
    let token = machine.path("token");

    let attempts = async {
        let mut asked = Vec::new();
        for _ in 0..200 {
            let web = WebIdentity::builder(ROLE, WebIdentityToken::file(&token))
                .region("eu-west-1")
                .build();
            let pod = ContainerEndpoint::new().env(Env::of([
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.as_str()),
            ]));
            asked.push(agent.cache(web.unwrap()).build().unwrap());
            asked.push(agent.cache(pod).build().unwrap());
            asked.push(agent.cache(machine.provider()).build().unwrap());
        }
        let waiting = asked.iter().map(|cache| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get().await.unwrap_err().kind() })
        });
        for answer in waiting.collect::<Vec<_>>() {
            assert_eq!(answer.await.unwrap(), ErrorKind::Misconfigured);
        }
    };
    runtime.block_on(async {
        timeout(PATIENCE, attempts)
            .await
            .expect("it waits for a thread")
    });

    assert!(reading() <= 50, "{} threads still read", reading());
    drop(release);
}
