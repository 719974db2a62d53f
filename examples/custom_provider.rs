//! A provider of your own: one method that asks your issuer once. The cache does the rest.
//!
//! ```text
//! cargo run --example custom_provider
//! ```
//!
//! What to look at: `impl ProvideCredential for TicketOffice` is the whole provider. It has no cache, no retry, no timer
//! and no clock. In the output the issuer is down when a refresh is forced, and the credential at hand stays in use; at
//! the end the issuer itself is told of the revocation.

use std::error::Error as StdError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keytide::{
    Agent, AgentIdentity, Cache, Credential, Error, Event, Issued, Profile, ProvideCredential,
    Reason, Request, RetryAfter, Revocation, Secret,
};

// ---------------------------------------------------------------------------------------------- the provider

/// Asks the ticket office for tickets.
struct TicketOffice {
    issuer: Arc<Issuer>,
}

impl ProvideCredential for TicketOffice {
    /// What is known before the issuer is asked. Its name bounds the calls of all caches that share it.
    fn profile(&self) -> Profile {
        Profile::bearer("ticket_office")
            .issuer("https://tickets.example")
            .revocation(Revocation::Immediate)
    }

    /// Asks once. It may be dropped at any await, and it must not block.
    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        // The issuer learns who acts: type, version, environment, owner, and the instance.
        let holder = format!("{}/{}", request.identity().agent_type, request.instance());
        let ticket = self.issuer.ticket(&holder).await.map_err(sorted)?;

        let issuer = Arc::clone(&self.issuer);
        Ok(Issued::bearer(Secret::from(ticket.text))
            // What the issuer said: take no margin off. The cache has windows for that.
            .expires_in(ticket.lifetime)
            // A later ticket for somebody else is refused.
            .principal(ticket.principal)
            // How the issuer is told, when the cache is revoked or the agent terminated.
            .revoke_with(move |credential: Arc<Credential>| {
                let issuer = Arc::clone(&issuer);
                async move {
                    issuer
                        .take_back(credential.expose_bearer("revocation")?)
                        .await
                }
            }))
    }
}

/// Sorts the issuer's answers by what happens next. Never put a response body into a message.
fn sorted(answer: NoTicket) -> Error {
    match answer {
        // Received again after a backoff. The right sort for what is unknown, too.
        NoTicket::Closed => Error::unavailable("the ticket office is closed"),
        // Received again when it said.
        NoTicket::Queue { wait } => {
            Error::throttled(Some(RetryAfter::Delay(wait)), "the ticket office is busy")
        }
        // Received again less and less often, until somebody has mended it.
        NoTicket::Banned => Error::refused("the ticket office does not know this agent"),
    }
}

// ---------------------------------------------------------------------------------------------- its use

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let issuer = Arc::new(Issuer::default());
    let identity = AgentIdentity {
        agent_type: "tour-guide".into(),
        version: "0.3.0".into(),
        environment: "demo".into(),
        owner: "museum".into(),
    };
    let agent = Agent::builder(identity)
        .observe(|event: &Event| println!("  event: {:?}", event.kind))
        .build()?;
    let office = TicketOffice {
        issuer: Arc::clone(&issuer),
    };
    let ticket = agent.cache(office).key("ticket").build()?;

    println!("the first read asks the issuer, which wants patience once:");
    agent.warm_up(Duration::from_secs(10)).await?;
    read(&ticket)?;

    println!("the office closes, and a refresh is forced:");
    issuer.next_answers(&[NoTicket::Closed]);
    match ticket.refresh_now().await {
        Ok(_) => println!("refreshed"),
        Err(error) => println!("refresh failed: {error}"),
    }
    read(&ticket)?;

    println!("the office opens again:");
    ticket.refresh_now().await?;
    read(&ticket)?;

    println!("the agent ends, and the issuer is told:");
    let report = agent.terminate(Reason::Finished).await;
    for revoked in &report.revoked {
        println!(
            "{}: told {:?}, something is accepted elsewhere for {:.0?}",
            revoked.cache, revoked.issuer, revoked.residual_exposure
        );
    }
    // The forced refresh replaced generation 1, and nobody took that one back: the report counts it in.
    println!(
        "issued {}, taken back {}",
        issuer.issued(),
        issuer.taken_back()
    );
    match ticket.read(|_| ()) {
        Ok(()) => Err("a read after the end was served".into()),
        Err(error) => {
            println!("a read after the end: {error}");
            Ok(())
        }
    }
}

/// A synchronous read: no lock, no await. The closure would build a request.
fn read(ticket: &Cache) -> Result<(), Error> {
    ticket.read(|ticket| {
        println!(
            "in use: generation {}, for {:?}, {:.0?} left",
            ticket.generation(),
            ticket.principal().unwrap_or("nobody"),
            ticket.remaining()
        );
    })?;
    let status = ticket.status();
    println!(
        "status: {:?}, {} rotations, {} failures",
        status.phase, status.rotations, status.failures
    );
    Ok(())
}

// ---------------------------------------------------------------------------------------------- an issuer

/// Stands in for yours, which is somewhere else and asked over the network.
struct Issuer {
    issued: AtomicU64,
    taken_back: AtomicU64,
    /// Refusals to come. Held for one look or one change.
    next: Mutex<Vec<NoTicket>>,
}

struct Ticket {
    text: String,
    lifetime: Duration,
    principal: String,
}

#[derive(Clone, Copy)]
enum NoTicket {
    Closed,
    Queue {
        wait: Duration,
    },
    #[expect(dead_code, reason = "this issuer knows all who ask")]
    Banned,
}

impl Issuer {
    async fn ticket(&self, holder: &str) -> Result<Ticket, NoTicket> {
        // Here a request would be sent.
        tokio::task::yield_now().await;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refusal) = next.pop() {
            return Err(refusal);
        }
        let number = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        let kind = holder.split('/').next().unwrap_or(holder);
        Ok(Ticket {
            text: format!("ticket-{number}-for-{holder}"),
            lifetime: Duration::from_secs(900),
            principal: format!("visitor:{kind}"),
        })
    }

    async fn take_back(&self, ticket: &[u8]) -> Result<(), Error> {
        tokio::task::yield_now().await;
        if !ticket.starts_with(b"ticket-") {
            return Err(Error::refused("the ticket office did not issue this"));
        }
        self.taken_back.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn next_answers(&self, answers: &[NoTicket]) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.extend(answers);
    }

    fn issued(&self) -> u64 {
        self.issued.load(Ordering::Relaxed)
    }

    fn taken_back(&self) -> u64 {
        self.taken_back.load(Ordering::Relaxed)
    }
}

impl Default for Issuer {
    /// One that is busy at first.
    fn default() -> Self {
        let busy = NoTicket::Queue {
            wait: Duration::from_secs(1),
        };
        Self {
            issued: AtomicU64::new(0),
            taken_back: AtomicU64::new(0),
            next: Mutex::new(vec![busy]),
        }
    }
}
