//! `kube::Client` by layer: both ways to build one.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::rt::{TokioExecutor, TokioIo};
use k8s_openapi::api::core::v1::Pod;
use keytide_core::{
    Agent, AgentIdentity, Cache, Error, Issued, Profile,
    ProvideCredential, };
use keytide_http::{AuthorizeLayer, Destination};
use kube::api::{Api, ListParams};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tokio::net::TcpListener;
use tower::Layer;
use tower::buffer::BufferLayer;

/// Mints `token-<call>`.
struct Mint(AtomicU64);

impl ProvideCredential for Mint {
    fn profile(&self) -> Profile {
        Profile::bearer("mint")
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, Error> {
        let call = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Issued::bearer(format!("token-{call}")).expires_in(Duration::from_secs(3600)))
    }
}

fn token() -> Cache {
    let identity = AgentIdentity { agent_type: "kube".into(), version: "1".into(), environment: "test".into(), owner: "tests".into() };
    let agent = Agent::builder(identity).build().unwrap();
    agent.cache(Mint(AtomicU64::new(0))).build().unwrap()
}

/// Lists no pods, to who bears any token but these.
struct Server {
    origin: String,
    seen: Arc<Mutex<Vec<String>>>,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
            refused: Arc::default(),
        };
        let (seen, refused) = (Arc::clone(&server.seen), Arc::clone(&server.refused));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, refused) = (Arc::clone(&seen), Arc::clone(&refused));
                let service = service_fn(move |request: Request<Incoming>| {
                    let bearer = request.headers()[AUTHORIZATION]
                        .to_str()
                        .unwrap()
                        .to_owned();
                    let accepted = !refused.lock().unwrap().contains(&bearer);
                    seen.lock()
                        .unwrap()
                        .push(format!("{} {bearer}", request.uri()));
                    let body = serde_json::json!({
                        "apiVersion": "v1", "kind": if accepted { "PodList" } else { "Status" },
                        "metadata": {}, "items": [], "code": 401, "reason": "Unauthorized",
                    });
                    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
                    response
                        .headers_mut()
                        .insert(CONTENT_TYPE, "application/json".parse().unwrap());
                    if !accepted {
                        *response.status_mut() = StatusCode::UNAUTHORIZED;
                    }
                    async move { Ok::<_, Infallible>(response) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        server
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// kube's bodies cannot be cloned, but one that is empty is as good as another.
fn empty_again(body: &Body) -> Option<Body> {
    body.is_end_stream().then(Body::empty)
}

async fn list(client: &Client) -> kube::Result<usize> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    pods.list(&ListParams::default())
        .await
        .map(|list| list.items.len())
}

async fn rotates_and_heals(server: &Server, token: &Cache, client: &Client) {
    const PODS: &str = "/api/v1/namespaces/default/pods?";

    list(client).await.unwrap();
    token.refresh_now().await.unwrap();
    list(client).await.unwrap();
    server
        .refused
        .lock()
        .unwrap()
        .push("Bearer token-2".to_owned());
    list(client).await.unwrap();

    let bearers = ["token-1", "token-2", "token-2", "token-3"];
    assert_eq!(
        server.seen(),
        bearers.map(|token| format!("{PODS} Bearer {token}"))
    );
}

#[tokio::test]
async fn a_client_built_of_services_rotates_underneath() {
    let (server, token) = (Server::start().await, token());
    let config = Config::new(server.origin.parse().unwrap());
    let layer = AuthorizeLayer::builder(token.clone())
        .destination(Destination::new(&server.origin).path("/api"))
        .copy_body(empty_again)
        .build()
        .unwrap();

    // kube's layer says where requests go, and ours stands below it.
    let hyper = Hyper::builder(TokioExecutor::new()).build_http::<Body>();
    let service = config.base_uri_layer().layer(layer.layer(hyper));
    let client = Client::new(service, "default");

    rotates_and_heals(&server, &token, &client).await;
}

#[tokio::test]
async fn a_client_of_kubes_own_builder_rotates_underneath() {
    let (server, token) = (Server::start().await, token());
    // No `auth_info`: a token of kube's own would be set below, in place of ours.
    let config = Config::new(server.origin.parse().unwrap());
    let layer = AuthorizeLayer::builder(token.clone())
        .destination(Destination::new(&server.origin).path("/api"))
        .relative_to(&server.origin)
        .copy_body(empty_again)
        .build()
        .unwrap();

    // The builder's service cannot be cloned, so that it needs a buffer; and a layer put on it sees paths alone.
    let client = ClientBuilder::try_from(config)
        .unwrap()
        .with_layer(&BufferLayer::new(64))
        .with_layer(&layer)
        .build();

    rotates_and_heals(&server, &token, &client).await;
}

#[tokio::test]
async fn a_path_that_is_not_admitted_is_refused() {
    let (server, token) = (Server::start().await, token());
    let layer = AuthorizeLayer::builder(token)
        .destination(Destination::new(&server.origin).path("/apis/apps"))
        .relative_to(&server.origin)
        .build()
        .unwrap();
    let hyper = Hyper::builder(TokioExecutor::new()).build_http::<Body>();
    let client = Client::new(layer.layer(hyper), "default");

    let error = list(&client).await.unwrap_err();

    assert!(
        format!("{error:?}").contains("rule: Some(Path)"),
        "{error:?}"
    );
    assert!(server.seen().is_empty());
}
