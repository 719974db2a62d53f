//! How a boundary comes together: [`BoundaryBuilder`].

use std::collections::{BTreeMap, BTreeSet};

use keytide_core::Error;

use super::cover::cover;
use super::grant::{Condition, Grant};
use super::guarded::{self, SERVICES};
use super::pattern::{has_wildcard, starts_with};
use super::render::{Effect, Resources, Statement, document, merged};
use super::{Boundary, check, names};

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
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the grant (counted from 1) and what to mend: an
    /// action, a resource, a condition that cannot be; one that needs an opt-in; an opt-in that is none; or a document
    /// above 2,048 characters.
    pub fn build(self) -> Result<Boundary, Error> {
        let mut optional = Optional::default();
        for (index, grant) in self.dangerous.iter().enumerate() {
            told("danger_allow", index, optional.add(grant))?;
        }
        optional.pass(&self.passed).map_err(Error::misconfigured)?;
        optional
            .assume(&self.assumed)
            .map_err(Error::misconfigured)?;
        let mut allowed = Vec::new();
        let mut lent = BTreeSet::new();
        for (index, grant) in self.grants.iter().enumerate() {
            let found = check::grant(grant).and_then(|()| judge(grant, &mut lent));
            told("allow", index, found)?;
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
            told("deny", index, check::grant(grant))?;
            denied.push(statement(Effect::Deny, grant));
        }
        statements.extend(merged(denied));
        Boundary::of(document(&statements))
    }
}

/// What is allowed by an opt-in: for each action, in lower case, its name and where.
#[derive(Default)]
struct Optional {
    allowed: Vec<Statement>,
    places: BTreeMap<String, (String, Option<BTreeSet<String>>)>,
}

impl Optional {
    fn add(&mut self, grant: &Grant) -> Result<(), String> {
        check::grant(grant)?;
        for action in &grant.actions {
            let (service, name) = names::action(action)?;
            if has_wildcard(name) {
                return Err(format!(
                    "{action} has a wildcard: a dangerous action is named in full"
                ));
            }
            if is_action(action, PASS_ROLE) {
                return Err(format!(
                    "{PASS_ROLE} names a role and a service: use danger_pass_role"
                ));
            }
            let reads = guarded::service(service).is_none_or(|service| service.only_reads(name));
            if reads && guarded::lending(action).next().is_none() {
                return Err(format!("{action} needs no opt-in: use allow"));
            }
            let resources = (!grant.any_resource).then_some(grant.resources.as_slice());
            self.place(action, resources);
        }
        self.allowed.push(statement(Effect::Allow, grant));
        Ok(())
    }

    fn pass(&mut self, passed: &[(String, String)]) -> Result<(), String> {
        for (role, service) in passed {
            role_arn(role)?;
            let fits = service
                .strip_suffix(".cn")
                .unwrap_or(service)
                .strip_suffix(".amazonaws.com");
            let name_fits = |name: &str| {
                let fits = |byte: u8| {
                    byte.is_ascii_lowercase()
                        || byte.is_ascii_digit()
                        || matches!(byte, b'-' | b'.')
                };
                !name.is_empty() && name.bytes().all(fits)
            };
            if !fits.is_some_and(name_fits) {
                return Err(format!(
                    "{} is no service principal, such as lambda.amazonaws.com",
                    names::shown(service)
                ));
            }
            let role = std::slice::from_ref(role);
            self.place(PASS_ROLE, Some(role));
            self.allowed.push(Statement {
                effect: Effect::Allow,
                actions: vec![PASS_ROLE.to_owned()],
                resources: Resources::These(role.to_vec()),
                conditions: vec![Condition {
                    operator: "StringEquals".to_owned(),
                    key: "iam:PassedToService".to_owned(),
                    values: vec![service.clone()],
                }],
            });
        }
        Ok(())
    }

    fn assume(&mut self, roles: &[String]) -> Result<(), String> {
        for role in roles {
            role_arn(role)?;
            let role = std::slice::from_ref(role);
            for action in ASSUME {
                self.place(action, Some(role));
            }
            self.allowed.push(Statement {
                effect: Effect::Allow,
                actions: ASSUME.map(str::to_owned).to_vec(),
                resources: Resources::These(role.to_vec()),
                conditions: Vec::new(),
            });
        }
        Ok(())
    }

    fn place(&mut self, action: &str, resources: Option<&[String]>) {
        let key = action.to_ascii_lowercase();
        let empty = || (action.to_owned(), Some(BTreeSet::new()));
        let (_, place) = self.places.entry(key).or_insert_with(empty);
        match (place.as_mut(), resources) {
            (Some(known), Some(resources)) => known.extend(resources.iter().cloned()),
            _ => *place = None,
        }
    }

    fn has(&self, action: &str) -> bool {
        self.places.contains_key(&action.to_ascii_lowercase())
    }

    /// The names of a service's actions that are opted for.
    fn names_of(&self, service: &str) -> BTreeSet<&str> {
        let names = self
            .places
            .values()
            .filter_map(|(action, _)| action.split_once(':'));
        names
            .filter(|(prefix, _)| prefix.eq_ignore_ascii_case(service))
            .map(|(_, name)| name)
            .collect()
    }

    fn allowed(&self) -> Vec<Statement> {
        self.allowed.clone()
    }

    /// Everywhere else they are denied.
    fn denied(&self) -> Vec<Statement> {
        let places = self.places.values();
        places
            .filter_map(|(action, place)| {
                Some(Statement {
                    effect: Effect::Deny,
                    actions: vec![action.clone()],
                    resources: Resources::AllBut(place.as_ref()?.iter().cloned().collect()),
                    conditions: Vec::new(),
                })
            })
            .collect()
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

fn is_action(action: &str, known: &str) -> bool {
    action.eq_ignore_ascii_case(known)
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

fn statement(effect: Effect, grant: &Grant) -> Statement {
    let sorted = |items: &[String]| {
        let sorted: BTreeSet<_> = items.iter().cloned().collect();
        sorted.into_iter().collect()
    };
    let mut conditions = grant.conditions.clone();
    conditions.sort_unstable();
    Statement {
        effect,
        actions: grant.actions.clone(),
        resources: if grant.any_resource {
            Resources::Any
        } else {
            Resources::These(sorted(&grant.resources))
        },
        conditions,
    }
}

fn role_arn(arn: &str) -> Result<(), String> {
    names::resource(arn)?;
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_role = parts[2] == "iam" && parts[4].len() == 12 && parts[5].starts_with("role/");
    if !is_role || has_wildcard(arn) || arn.contains('$') {
        return Err(format!(
            "{} is not the ARN of one role: arn:aws:iam::123456789012:role/name",
            names::shown(arn)
        ));
    }
    Ok(())
}

fn told(method: &str, index: usize, result: Result<(), String>) -> Result<(), Error> {
    result.map_err(|reason| Error::misconfigured(format!("{method} no. {}: {reason}", index + 1)))
}

const PASS_ROLE: &str = "iam:PassRole";
const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];
