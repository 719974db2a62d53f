//! The session tags of a request for a role: [`Tags`].

use aws_sdk_sts::types::Tag;
use keytide_aws_policy::{IdentityTag, is_legal_in_tag};
use keytide_core::{Error, Request};

/// Which tags are sent.
#[derive(Debug, Clone)]
pub(crate) struct Tags {
    pub(crate) identity: Vec<IdentityTag>,
    /// Key, value, whether transitive.
    pub(crate) own: Vec<(String, String, bool)>,
    pub(crate) transitive: bool,
    /// Whether the base has the identity's tags already; `None`: it is found out.
    pub(crate) inherited: Option<bool>,
}

impl Default for Tags {
    fn default() -> Self {
        Self {
            identity: IdentityTag::ALL.to_vec(),
            own: Vec::new(),
            transitive: true,
            inherited: None,
        }
    }
}

/// The parameters of the request.
#[derive(Debug, Default)]
pub(crate) struct TagParameters {
    pub(crate) tags: Option<Vec<Tag>>,
    pub(crate) transitive: Option<Vec<String>>,
}

impl Tags {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let count = self.identity.len() + self.own.len();
        if count > MOST {
            return Err(Error::misconfigured(format!(
                "there are {count} session tags, and STS takes {MOST}"
            )));
        }
        let mut keys: Vec<String> = self
            .identity
            .iter()
            .map(|tag| tag.key().to_owned())
            .collect();
        for (key, value, _) in &self.own {
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
            keys.push(key.clone());
        }
        Ok(())
    }

    /// What is sent. Tags of the identity that the base has already are not: STS refuses a key that is inherited.
    pub(crate) fn parameters(
        &self,
        inherited: bool,
        request: &Request,
    ) -> Result<TagParameters, Error> {
        let mut parameters = TagParameters::default();
        let mut add = |key: &str, value: &str, transitive: bool| {
            let tag = Tag::builder().key(key).value(value).build();
            let tag = tag.map_err(|_| Error::misconfigured("a session tag cannot be sent"))?;
            parameters.tags.get_or_insert_default().push(tag);
            if transitive {
                parameters
                    .transitive
                    .get_or_insert_default()
                    .push(key.to_owned());
            }
            Ok::<_, Error>(())
        };
        if !self.inherited.unwrap_or(inherited) {
            for tag in &self.identity {
                let value = tag.value(request.identity(), request.instance());
                add(tag.key(), &value, self.transitive)?;
            }
        }
        for (key, value, transitive) in &self.own {
            add(key, value, *transitive)?;
        }
        Ok(parameters)
    }
}

/// API reference of AssumeRole, `Tags`.
const MOST: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;
