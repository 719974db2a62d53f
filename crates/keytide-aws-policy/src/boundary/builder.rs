//! How a boundary comes together: [`BoundaryBuilder`].

use std::collections::BTreeSet;

use super::cover::cover;
use super::grant::Grant;
use super::optional::{ASSUME, Optional, PASS_ROLE, is_action, statement};
use super::render::{Effect, Resources, Statement, document, merged};
use super::{Boundary, check};
use crate::Error;
use crate::guarded::{self, SERVICES};
use crate::names;
use crate::pattern::{has_wildcard, starts_with};

/// Builds a [`Boundary`]: what is allowed, by name, and what of the dangerous actions is allowed nevertheless.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct BoundaryBuilder {
    grants: Vec<Grant>,
    denials: Vec<Grant>,
    dangerous: Vec<Grant>,
    passed: Vec<(String, String)>,
    assumed: Vec<String>,
}

impl BoundaryBuilder {
    /// Allows this. Actions that can extend what the session may do are refused here, and denied where a wildcard
    /// would cover them.
    pub fn allow(mut self, grant: Grant) -> Self {
        self.grants.push(grant);
        self
    }

    /// Denies this, whatever else is allowed, here or by a policy of a resource.
    pub fn deny(mut self, grant: Grant) -> Self {
        self.denials.push(grant);
        self
    }

    /// Allows actions that [`allow`](Self::allow) refuses: each by its full name, on these resources and no others.
    ///
    /// Whoever holds such an action may be able to get more than this boundary gives: a role's credentials through
    /// `lambda:UpdateFunctionCode`, any permission at all through `iam:PutRolePolicy`.
    pub fn danger_allow(mut self, grant: Grant) -> Self {
        self.dangerous.push(grant);
        self
    }

    /// Allows `iam:PassRole` for this one role, to this one service (`lambda.amazonaws.com`).
    ///
    /// A session that may also start something in that service where it brings the code has, in effect, the role.
    pub fn danger_pass_role(
        mut self,
        role_arn: impl Into<String>,
        service: impl Into<String>,
    ) -> Self {
        self.passed.push((role_arn.into(), service.into()));
        self
    }

    /// Allows `sts:AssumeRole`, with session tags and source identity, for this one role: for role chaining.
    ///
    /// The session policy does not reach into the sessions of that role: they have what the role has.
    pub fn danger_assume_role(mut self, role_arn: impl Into<String>) -> Self {
        self.assumed.push(role_arn.into());
        self
    }

    /// Builds it, and checks what can be checked without AWS.
    ///
    /// # Errors
    /// Names the grant (counted from 1) and what to mend: an action, a resource, a condition that cannot be; one that needs an opt-in; an opt-in that is none; or a document
    /// above 2,048 characters.
    pub fn build(self) -> Result<Boundary, Error> {
        let mut optional = Optional::default();
        for (index, grant) in self.dangerous.iter().enumerate() {
            in_grant("danger_allow", index, optional.add(grant))?;
        }
        optional.pass(&self.passed).map_err(Error::new)?;
        optional.assume(&self.assumed).map_err(Error::new)?;
        let mut allowed = Vec::new();
        let mut lent = BTreeSet::new();
        for (index, grant) in self.grants.iter().enumerate() {
            let found = check::grant(grant).and_then(|()| judge(grant, &mut lent));
            in_grant("allow", index, found)?;
            allowed.push(statement(Effect::Allow, grant));
        }
        let touched = touched(&self.grants);
        let mut statements = merged([allowed, optional.allowed()].concat());
        let mut denied = vec![Statement {
            effect: Effect::Deny,
            actions: always(&touched, &lent, &optional),
            resources: Resources::Any,
            conditions: Vec::new(),
        }];
        denied.extend(optional.denied());
        for (index, grant) in self.denials.iter().enumerate() {
            in_grant("deny", index, check::grant(grant))?;
            denied.push(statement(Effect::Deny, grant));
        }
        statements.extend(merged(denied));
        Boundary::of(document(&statements))
    }
}

/// Refuses what needs an opt-in, and notes what a wildcard would cover.
fn judge(grant: &Grant, lent: &mut BTreeSet<&'static str>) -> Result<(), String> {
    for action in &grant.actions {
        let (service, name) = names::action(action)?;
        if let Some(service) = guarded::service(service).filter(|service| !service.only_reads(name))
        {
            return Err(if has_wildcard(name) {
                format!(
                    "{action} covers more of {} than what reads: name the actions",
                    service.prefix
                )
            } else {
                format!(
                    "{action} can extend what the session may do: if it must, use {}",
                    way(action)
                )
            });
        }
        let lends = guarded::lending(action);
        if has_wildcard(name) {
            lent.extend(lends);
        } else if lends.into_iter().next().is_some() {
            return Err(format!(
                "{action} lends the authority of whatever role it reaches: if it must, use danger_allow"
            ));
        }
    }
    Ok(())
}

fn way(action: &str) -> &'static str {
    if is_action(action, PASS_ROLE) {
        "danger_pass_role"
    } else if ASSUME.iter().any(|known| is_action(action, known)) {
        "danger_assume_role"
    } else {
        "danger_allow"
    }
}

/// The services of which something is allowed.
fn touched(grants: &[Grant]) -> BTreeSet<String> {
    let actions = grants.iter().flat_map(|grant| &grant.actions);
    let services = actions.filter_map(|action| action.split_once(':'));
    services
        .map(|(service, _)| service.to_ascii_lowercase())
        .collect()
}

/// What is denied on every resource.
///
/// A service that hands out authority is denied as a whole where nothing of it is allowed. Of IAM, what reads is never
/// denied, so that its denial is the same in every boundary.
fn always(
    touched: &BTreeSet<String>,
    lent: &BTreeSet<&'static str>,
    optional: &Optional,
) -> Vec<String> {
    let mut actions = Vec::new();
    for service in SERVICES {
        let kept = optional.names_of(service.prefix);
        let whole = kept.is_empty() && !touched.contains(service.prefix) && service.prefix != "iam";
        if whole {
            actions.push(format!("{}:*", service.prefix));
        } else {
            actions.extend(cover(service, &kept));
        }
    }
    let is_covered = |action: &str| {
        let whole = |pattern: &String| {
            pattern
                .strip_suffix('*')
                .is_some_and(|start| starts_with(action, start))
        };
        actions.iter().any(whole)
    };
    let more: Vec<String> = lent
        .iter()
        .filter(|action| !optional.has(action) && !is_covered(action))
        .map(|action| (*action).to_owned())
        .collect();
    actions.extend(more);
    actions
}

fn in_grant(method: &str, index: usize, result: Result<(), String>) -> Result<(), Error> {
    result.map_err(|reason| Error::new(format!("{method} no. {}: {reason}", index + 1)))
}
