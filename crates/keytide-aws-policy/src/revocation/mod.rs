//! The policy that ends the sessions of one agent instance: [`SessionRevocation`].

mod builder;
mod document;

pub use self::builder::SessionRevocationBuilder;

/// A policy for an operator, that ends the role sessions of one agent instance and of no other.
///
/// AWS has no call that ends a session. What it has is a denial: an inline policy on the role, which every request of its
/// sessions is judged by from then on. The policy that the console makes for "Revoke active sessions"
/// (`AWSRevokeOlderSessions`) denies all sessions that were issued before now, so it stops every agent, service and
/// person that uses the role. This one denies by what is the instance's own: the name of its session, its session tag, its
/// source identity.
///
/// ```
/// use keytide_aws_policy::SessionRevocation;
///
/// let revocation = SessionRevocation::builder("arn:aws:iam::123456789012:role/invoices")
///     .session_name("reader-0123456789abcdef0123456789abcdef")
///     .build()?;
///
/// let user_id = r#""aws:userid": "*:reader-0123456789abcdef0123456789abcdef""#;
/// assert!(revocation.document().contains(user_id));
/// assert!(revocation.put_command().starts_with("aws iam put-role-policy --role-name invoices "));
/// # Ok::<(), keytide_aws_policy::Error>(())
/// ```
///
/// The id of an instance is in every event of it, so the marks can be had from a log too, after the process is gone.
///
/// # Who does it, and how fast it is
/// | | |
/// |---|---|
/// | permission | `iam:PutRolePolicy` on the role, which an agent must not have: an operator does it |
/// | effect | from some seconds to a few minutes later; IAM is eventually consistent and gives no time |
/// | reach | every request that a session of the role signs, whatever policies of resources say: an explicit denial wins |
/// | new sessions | are denied as well while they carry the mark; with [`issued_before`](SessionRevocationBuilder::issued_before) they are not |
/// | to remove it | once the longest session of the role has ended: 12 h at most (`MaxSessionDuration`), 1 h for a chained role |
/// | room | the inline policies of a role have 10,240 characters together |
///
/// (IAM user guide: "Revoke IAM role temporary security credentials", "Disabling permissions for temporary security
/// credentials", "IAM and AWS STS quotas".)
///
/// # What it does not reach
/// - **Sessions of other roles** that were assumed from the session. Source identity and transitive tags go along, so the
///   same document works there: put it on each role of the chain. The session name does not.
/// - **What was exchanged before**: a token for an EKS cluster stays valid for its 15 minutes (it is a signed
///   `GetCallerIdentity`, which no policy denies), a console login, a connection that authenticates once when it is opened.
///   Presigned URLs are judged when they are used, so they end with the session.
/// - **What a service does under a role that was passed to it.**
/// - **`sts:GetCallerIdentity`**, which needs no permission: it works in a session that is denied everything, so it
///   proves nothing.
/// - **Roles that cannot be edited**: service-linked roles, and those of permission sets of IAM Identity Center, where
///   sessions are revoked in Identity Center.
///
/// # What marks an instance
/// | session from | name of the session | instance of its own? |
/// |---|---|---|
/// | `AssumeRole`, `WebIdentity` of `keytide-aws` | type and instance id of the agent | yes; web identity by the name alone |
/// | EC2 instance profile | the id of the instance | of the machine: all that runs there |
/// | ECS task role | the id of the task | of the task |
/// | EKS Pod Identity | `eks-cluster-pod-…`, tags `kubernetes-pod-uid`, … | of the pod |
/// | Lambda | the name of the function | no: all its environments share it |
///
/// A mark that several instances share ends them all. Give those alone that are this instance's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRevocation {
    role_name: String,
    policy_name: String,
    document: String,
}

impl SessionRevocation {
    /// For sessions of this role.
    pub fn builder(role_arn: impl Into<String>) -> SessionRevocationBuilder {
        SessionRevocationBuilder::new(role_arn.into())
    }

    /// The policy, as JSON that a person can read.
    #[must_use]
    pub fn document(&self) -> &str {
        &self.document
    }

    /// The name of the role that it is to be put on, without its path.
    #[must_use]
    pub fn role_name(&self) -> &str {
        &self.role_name
    }

    /// The name that the commands give to the policy: one of its own for each instance, so that revocations do not
    /// replace each other.
    #[must_use]
    pub fn policy_name(&self) -> &str {
        &self.policy_name
    }

    /// The command that puts the policy on the role, once [`document`](Self::document) is in the file that it names.
    #[must_use]
    pub fn put_command(&self) -> String {
        let Self {
            role_name,
            policy_name,
            ..
        } = self;
        format!(
            "aws iam put-role-policy --role-name {role_name} --policy-name {policy_name} \
             --policy-document file://{policy_name}.json"
        )
    }

    /// The command that takes it off again.
    #[must_use]
    pub fn delete_command(&self) -> String {
        let Self {
            role_name,
            policy_name,
            ..
        } = self;
        format!("aws iam delete-role-policy --role-name {role_name} --policy-name {policy_name}")
    }
}
