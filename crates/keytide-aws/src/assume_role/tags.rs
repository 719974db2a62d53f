//! The session tags of a request for a role: [`Tags`].

use std::collections::BTreeMap;

use keytide_aws_policy::{IdentityTag, is_legal_in_tag, tag_value};
use keytide_core::{Error, Request};

use crate::marks::Marks;

/// Which tags are sent.
#[derive(Debug, Clone)]
pub(crate) struct Tags {
    pub(crate) identity: Vec<IdentityTag>,
    /// Names of labels of the agent.
    pub(crate) labels: Vec<String>,
    /// Key, value, whether transitive.
    pub(crate) own: Vec<(String, String, bool)>,
    pub(crate) transitive: bool,
    /// Whether the base has the identity's tags already; `None`: what the base says of itself.
    pub(crate) inherited: Option<bool>,
}

impl Default for Tags {
    fn default() -> Self {
        Self {
            identity: IdentityTag::ALL.to_vec(),
            labels: Vec::new(),
            own: Vec::new(),
            transitive: true,
            inherited: None,
        }
    }
}

/// The tags of one request, and those that the session has from its base.
#[derive(Debug)]
pub(crate) struct TagParameters {
    sent: Vec<(String, String, bool)>,
    inherited: BTreeMap<String, String>,
}

impl TagParameters {
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let sent = self.sent.iter();
        sent.map(|(key, value, _)| (key.as_str(), value.as_str()))
    }

    /// `TransitiveTagKeys`.
    pub(crate) fn transitive_keys(&self) -> Option<Vec<String>> {
        let transitive = self.sent.iter().filter(|(.., transitive)| *transitive);
        let keys: Vec<_> = transitive.map(|(key, ..)| key.clone()).collect();
        (!keys.is_empty()).then_some(keys)
    }

    /// What goes on to roles that the session assumes.
    pub(crate) fn transitive(&self) -> BTreeMap<String, String> {
        let mut tags = self.inherited.clone();
        let sent = self.sent.iter().filter(|(.., transitive)| *transitive);
        tags.extend(sent.map(|(key, value, _)| (key.clone(), value.clone())));
        tags
    }
}

impl Tags {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let count = self.identity.len() + self.labels.len() + self.own.len();
        if count > MOST {
            return Err(Error::misconfigured(format!(
                "there are {count} session tags, and STS takes {MOST}"
            )));
        }
        let mut keys: Vec<&str> = self.identity.iter().map(|tag| tag.key()).collect();
        let labels = self.labels.iter().map(|name| (name.as_str(), ""));
        let own = self.own.iter();
        for (key, value) in labels.chain(own.map(|(key, value, _)| (key.as_str(), value.as_str())))
        {
            let legal = |text: &str| text.chars().all(is_legal_in_tag);
            let length = |text: &str| text.chars().count();
            let reserved = key.to_ascii_lowercase().starts_with("aws:");
            if reserved || !(1..=LONGEST_KEY).contains(&length(key)) || !legal(key) {
                return Err(Error::misconfigured(format!(
                    "the key of a session tag has 1 to {LONGEST_KEY} letters, digits, spaces and _.:/=+-@, and does not begin with aws:"
                )));
            }
            if length(value) > LONGEST_VALUE || !legal(value) {
                return Err(Error::misconfigured(format!(
                    "the value of a session tag has at most {LONGEST_VALUE} letters, digits, spaces and _.:/=+-@"
                )));
            }
            // STS compares keys without case.
            if keys.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                return Err(Error::misconfigured(format!(
                    "the session tag {key} is there twice; to set one of the identity yourself, leave that out first"
                )));
            }
            keys.push(key);
        }
        Ok(())
    }

    /// What is sent. A tag that the base has already as a transitive one is not: STS refuses a key that is inherited.
    pub(crate) fn parameters(
        &self,
        base: &Marks,
        request: &Request,
    ) -> Result<TagParameters, Error> {
        let mut parameters = TagParameters {
            sent: Vec::new(),
            inherited: base.transitive_tags.clone(),
        };
        for tag in &self.identity {
            let value = tag.value(request.identity(), request.instance());
            match self.inherited {
                Some(true) => {
                    let key = tag.key().to_owned();
                    parameters.inherited.entry(key).or_insert(value);
                }
                Some(false) => {
                    let sent = (tag.key().to_owned(), value, self.transitive);
                    parameters.sent.push(sent);
                }
                None => parameters.add(base, tag.key(), value, self.transitive)?,
            }
        }
        for name in &self.labels {
            let label = request.labels().get(name).ok_or_else(|| {
                Error::misconfigured(format!(
                    "the session tag {name} is to have the value of the agent's label of that name, and the agent has none: give \
                     it by AgentBuilder::label"
                ))
            })?;
            parameters.add(base, name, tag_value(label), self.transitive)?;
        }
        for (key, value, transitive) in &self.own {
            parameters.add(base, key, value.clone(), *transitive)?;
        }
        Ok(parameters)
    }
}

impl TagParameters {
    fn add(&mut self, base: &Marks, key: &str, value: String, on: bool) -> Result<(), Error> {
        match base.transitive_tag(key) {
            None => {
                self.sent.push((key.to_owned(), value, on));
                Ok(())
            }
            Some(inherited) if inherited == value => Ok(()),
            Some(_) => Err(Error::misconfigured(format!(
                "the session that asks for the role has the transitive tag {key} with another value, which STS lets nobody \
                 change: ask with a session of this agent, or leave the tag out"
            ))),
        }
    }
}

/// API reference of AssumeRole, `Tags`.
const MOST: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;
