//! A machine that a workload could get a role on, in three ways.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use keytide_aws::{DefaultRole, Env};
use keytide_core::Error;
use keytide_testkit::aws::{Container, Instance, Sts};
use keytide_testkit::server::FaultServer;

use crate::support::{ask, chain, client};

/// A machine with a metadata service, an STS and files.
pub(crate) struct Machine {
    home: tempfile::TempDir,
    pub(crate) instance: FaultServer,
    pub(crate) container: FaultServer,
    pub(crate) sts: FaultServer,
    variables: BTreeMap<OsString, OsString>,
}

impl Machine {
    pub(crate) fn new(prefix: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let instance = FaultServer::start(Instance::new(format!("{prefix}imds-")));
        let container = FaultServer::start(Container::new(format!("{prefix}container-")));
        let sts = FaultServer::start(Sts::new(format!("{prefix}sts-")));
        let variables = [
            ("HOME", home.path().display().to_string()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.origin()),
            ("AWS_ENDPOINT_URL_STS", sts.origin()),
            ("AWS_REGION", "eu-west-1".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Self {
            home,
            instance,
            container,
            sts,
            variables: variables.into(),
        }
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.remove(OsStr::new(name));
        self
    }

    pub(crate) fn env(&self) -> Env {
        Env::of(self.variables.clone())
    }

    /// How many requests all servers together saw.
    pub(crate) fn asked(&self) -> u64 {
        self.container.count() + self.sts.count() + self.instance.count()
    }

    pub(crate) fn config(self, text: &str) -> Self {
        self.file(".aws/config", text)
    }

    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> String {
        Path::new(self.home.path()).join(name).display().to_string()
    }

    pub(crate) fn container(self) -> Self {
        let url = self.container.url("/");
        self.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    }

    pub(crate) fn provider(&self) -> DefaultRole {
        DefaultRole::new()
            .env(self.env())
            .client(client())
            .danger_allow_endpoint(self.sts.origin())
    }

    pub(crate) async fn secret(&self) -> String {
        let credential = ask(self.provider())
            .await
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
        String::from_utf8(
            credential
                .expose_signing_key("test")
                .unwrap()
                .secret
                .to_vec(),
        )
        .unwrap()
    }

    pub(crate) async fn failed(&self) -> Error {
        ask(self.provider()).await.unwrap_err()
    }
}
