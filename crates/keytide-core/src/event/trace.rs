//! The observer that writes events with `tracing`: [`TracingObserver`].

use super::{Event, EventKind, Observe};

/// Writes each event with [`tracing`], target `keytide`.
///
/// Failures while a credential is at hand are warnings; failures in the mandatory window, refusals to serve and losses
/// are errors; issuance and ends are info; the rest is debug.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TracingObserver;

macro_rules! write_event {
    ($level:ident, $event:expr) => {{
        let event = $event;
        tracing::$level!(
            target: "keytide",
            instance = %event.instance,
            agent_type = event.identity.agent_type.as_str(),
            agent_version = event.identity.version.as_str(),
            environment = event.identity.environment.as_str(),
            owner = event.identity.owner.as_str(),
            cache = event.cache.as_deref(),
            provider = event.provider,
            principal = event.principal.as_deref(),
            event = ?event.kind,
        )
    }};
}

impl Observe for TracingObserver {
    fn observe(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Failed { urgent: true, .. }
            | EventKind::Failed {
                remaining: None, ..
            }
            | EventKind::Expired { .. }
            | EventKind::PrincipalChanged {
                accepted: false, ..
            }
            | EventKind::StaticCredentialSeen { accepted: false }
            | EventKind::LifetimeTooLong {
                accepted: false, ..
            }
            | EventKind::Orphaned {
                blocked_by: Some(_),
            }
            | EventKind::Blocked { .. }
            | EventKind::Lost { .. } => write_event!(error, event),
            EventKind::Failed { .. }
            | EventKind::Rejected { .. }
            | EventKind::Refused { .. }
            | EventKind::ServedPastExpiry { .. }
            | EventKind::ClockStepped { .. }
            | EventKind::ClockSkew { .. }
            | EventKind::PrincipalChanged { .. }
            | EventKind::StaticCredentialSeen { .. }
            | EventKind::LifetimeTooLong { .. }
            | EventKind::Orphaned { .. } => write_event!(warn, event),
            EventKind::Issued { .. }
            | EventKind::Invalidated { .. }
            | EventKind::Revoked { .. }
            | EventKind::Terminated { .. } => write_event!(info, event),
            _ => write_event!(debug, event),
        }
    }
}
