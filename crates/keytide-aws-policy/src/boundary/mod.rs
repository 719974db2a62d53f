//! What a session may at most do: [`Boundary`].

mod builder;
mod check;
mod cover;
mod grant;
mod optional;
mod render;

use std::fmt;

pub use self::builder::BoundaryBuilder;
pub use self::grant::Grant;
use crate::Error;

/// A session policy: what a role session may at most do, whatever the role may do.
///
/// It is least by default: an empty one allows nothing. What is allowed is said by name, with [`Grant`]s, and some
/// things are denied explicitly in every boundary, because they are ways out of it:
///
/// - every action of IAM but `Get*`, `List*` and `Simulate*`, so also `iam:PassRole`;
/// - `sts:AssumeRole*`, `sts:AssumeRoot`, `sts:GetFederationToken`, `sts:GetSessionToken`, `sts:GetWebIdentityToken`,
///   `sts:GetDelegatedAccessToken`;
/// - what is not reading in `organizations`, `sso`, `sso-directory` and `identitystore`;
/// - where a wildcard of a grant would cover them, the actions that run code under a role that something else has
///   already (`lambda:UpdateFunctionCode`, `cloudformation:UpdateStack`, `codebuild:StartBuild`, …), that open a shell
///   there (`ssm:StartSession`, `ecs:ExecuteCommand`, …), that answer with credentials
///   (`eks-auth:AssumeRoleForPodIdentity`, `s3:GetDataAccess`, …) or that change who may get them
///   (`eks:CreateAccessEntry`, `rolesanywhere:CreateTrustAnchor`, …). Named in full, they are refused.
///
/// Each can be allowed by its full name, on named resources, by a method whose name begins with `danger`; it stays denied
/// on all others.
///
/// ```
/// use keytide_aws_policy::{Boundary, Grant};
///
/// let boundary = Boundary::builder()
///     .allow(Grant::of(["s3:GetObject"]).on(["arn:aws:s3:::invoices/*"]))
///     .allow(Grant::of(["sqs:ReceiveMessage", "sqs:DeleteMessage"]).on(["arn:aws:sqs:eu-central-1:123456789012:work"]))
///     .build()?;
/// assert!(boundary.as_str().len() < 700);
///
/// let error = Boundary::builder().allow(Grant::of(["iam:PutRolePolicy"]).any_resource()).build().unwrap_err();
/// assert!(error.to_string().contains("danger_allow"));
/// # Ok::<(), keytide_aws_policy::Error>(())
/// ```
///
/// # Why denied, when nothing allows it
/// A session has what both its role and its session policy allow, so what is not allowed here is refused already. An
/// explicit denial does two things more: it holds against a grant with a wildcard, and it holds against policies of
/// resources that name the session itself (`arn:aws:sts::…:assumed-role/role/session`) as principal, which are not
/// limited by what a session policy leaves out, only by what it denies. A role's trust policy is such a policy.
///
/// # What a session policy cannot stop
/// - **Authority that lies in data.** Who may write to the bucket from which a pipeline deploys, to the repository that a
///   build runs, or to the queue whose worker obeys, has the authority of what reads it. No list of actions knows that.
/// - **Secrets.** `secretsmanager:GetSecretValue`, `ssm:GetParameter`, `s3:GetObject` may read another credential. Allow
///   them on named resources.
/// - **Sessions of other roles.** A session policy does not go along when a role is assumed, or handed to a service: what
///   runs there has what that role has. That is why both are denied.
/// - **Policies of resources**, such as `s3:PutBucketPolicy` or `lambda:AddPermission`: they cannot give this session more
///   than is allowed here, but they can give others access. They are not denied: do not allow them.
/// - **What comes out later.** The lists are those of the published methods (`tests/data/escalations.json` names
///   the sources) and of the operations whose answers hold keys or sessions, by the models of the services
///   (`tests/data/secret-answers.txt`). A service with a new way to run code under a role is not in them, so name actions, not
///   `service:*`.
/// - **Calls that are not authorised**, such as `sts:GetCallerIdentity`: no policy can deny it.
///
/// # Size
/// STS takes at most 2,048 characters for the policy and the ARNs of managed session policies together, which
/// [`build`](BoundaryBuilder::build) checks for the policy alone and [`len`](Self::len) tells. It also packs policy, ARNs
/// and session tags into a binary form with a limit of its own, which only STS knows: its answer says how full that is
/// (`PackedPolicySize`, in percent), and `PackedPolicyTooLarge` means that it is full. Fewer or shorter tags help there
/// as much as a shorter policy.
#[derive(Clone, PartialEq, Eq)]
pub struct Boundary {
    json: String,
}

impl Boundary {
    /// Starts with nothing.
    pub fn builder() -> BoundaryBuilder {
        BoundaryBuilder::default()
    }

    /// The policy, as the shortest JSON: for the parameter `Policy` of `AssumeRole` and its relatives.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.json
    }

    /// Its length in characters, of which STS takes [`MOST`](Self::MOST).
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "no boundary is empty: what it denies is always written"
    )]
    pub fn len(&self) -> usize {
        self.json.chars().count()
    }

    /// The most characters that STS takes for a policy and the ARNs of managed session policies together: 2,048.
    /// (STS API reference, `AssumeRole`, `Policy`.)
    pub const MOST: usize = 2_048;

    fn of(json: String) -> Result<Self, Error> {
        let boundary = Self { json };
        let length = boundary.len();
        if length > Self::MOST {
            return Err(Error::new(format!(
                "the boundary has {length} characters of the {} that STS takes: allow fewer resources by name, use \
                 wildcards in ARNs, or attach a managed policy",
                Self::MOST
            )));
        }
        Ok(boundary)
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json)
    }
}

impl fmt::Debug for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Boundary").field(&self.json).finish()
    }
}
