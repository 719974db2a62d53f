//! What a boundary never allows unasked: the services that hand out authority, and the actions that lend a role.

use crate::actions;
use crate::pattern::{has_wildcard, literal, matches, starts_with};

/// A service that hands out authority. Only what reads may be allowed without an opt-in.
pub(crate) struct Service {
    pub(crate) prefix: &'static str,
    pub(crate) reads: Reads,
    /// What it has besides.
    pub(crate) writes: &'static [&'static str],
}

pub(crate) enum Reads {
    /// Every action whose name begins so.
    Verbs(&'static [&'static str]),
    /// These alone.
    Actions(&'static [&'static str]),
}

pub(crate) const SERVICES: &[Service] = &[
    Service {
        prefix: "iam",
        reads: Reads::Verbs(&["Get", "List", "Simulate"]),
        writes: actions::IAM,
    },
    Service {
        prefix: "sts",
        reads: Reads::Actions(&[
            "GetCallerIdentity",
            "GetAccessKeyInfo",
            "DecodeAuthorizationMessage",
            "GetServiceBearerToken",
        ]),
        writes: actions::STS,
    },
    Service {
        prefix: "organizations",
        reads: Reads::Verbs(&["Describe", "List"]),
        writes: actions::ORGANIZATIONS,
    },
    Service {
        prefix: "sso",
        reads: Reads::Verbs(&["Describe", "Get", "List", "Search"]),
        writes: actions::SSO,
    },
    Service {
        prefix: "sso-directory",
        reads: Reads::Verbs(&["Describe", "Get", "List", "Search", "IsMember"]),
        writes: actions::SSO_DIRECTORY,
    },
    Service {
        prefix: "identitystore",
        reads: Reads::Verbs(&["Describe", "Get", "List", "IsMember"]),
        writes: actions::IDENTITY_STORE,
    },
];

pub(crate) fn service(prefix: &str) -> Option<&'static Service> {
    SERVICES
        .iter()
        .find(|service| service.prefix.eq_ignore_ascii_case(prefix))
}

impl Service {
    /// Whether every action that this pattern of names can match only reads.
    pub(crate) fn only_reads(&self, name: &str) -> bool {
        match self.reads {
            Reads::Verbs(verbs) => verbs.iter().any(|verb| starts_with(literal(name), verb)),
            Reads::Actions(names) => {
                !has_wildcard(name) && names.iter().any(|read| read.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// Actions of other services that lend the authority of a role that exists, or mint credentials.
///
/// Each breaks a published method of escalation that does without `iam:PassRole`: what needs it is stopped there.
pub(crate) fn lending(pattern: &str) -> impl Iterator<Item = &'static str> {
    let tables = [CODE_UNDER_A_ROLE, SHELLS, CREDENTIALS, TRUST];
    let all = tables.into_iter().flatten().copied();
    all.filter(move |action| matches(pattern, action))
}

/// They run the caller's code, or the caller's version of something, under a role that is attached already.
const CODE_UNDER_A_ROLE: &[&str] = &[
    "airflow:UpdateEnvironment",
    "apprunner:UpdateService",
    "batch:SubmitJob",
    "bedrock-agentcore:InvokeAgentCommand",
    "bedrock-agentcore:InvokeAgentRuntimeCommand",
    "bedrock-agentcore:InvokeCodeInterpreter",
    "bedrock-agentcore:UpdateAgentRuntime",
    "cloudformation:CreateChangeSet",
    "cloudformation:CreateStackInstances",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:UpdateStack",
    "cloudformation:UpdateStackInstances",
    "cloudformation:UpdateStackSet",
    "codebuild:StartBuild",
    "codebuild:StartBuildBatch",
    "codebuild:StartCommandExecution",
    "codebuild:StartSandbox",
    "codebuild:UpdateProject",
    "codedeploy:CreateDeployment",
    "codestar:AssociateTeamMember",
    "codestar:CreateProject",
    "codestar:CreateProjectFromTemplate",
    "datapipeline:PutPipelineDefinition",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:CreateReplaceRootVolumeTask",
    "ec2:ModifyInstanceAttribute",
    "ec2:ModifyLaunchTemplate",
    "ecs:RegisterContainerInstance",
    "elasticbeanstalk:UpdateEnvironment",
    "elasticmapreduce:AddJobFlowSteps",
    "emr-containers:StartJobRun",
    "glue:RunStatement",
    "glue:UpdateDevEndpoint",
    "glue:UpdateJob",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "sagemaker:UpdateNotebookInstance",
    "sagemaker:UpdateNotebookInstanceLifecycleConfig",
    "ssm:CreateAssociation",
    "ssm:SendCommand",
    "ssm:StartAutomationExecution",
    "ssm:StartChangeRequestExecution",
    "ssm:UpdateAssociation",
    "states:UpdateStateMachine",
];

/// They open a shell, a notebook or a console where a role's credentials can be read.
const SHELLS: &[&str] = &[
    "airflow:CreateCliToken",
    "airflow:CreateWebLoginToken",
    "airflow:InvokeRestApi",
    "airflow-serverless:CreateAirflowUiUrl",
    "athena:CreatePresignedNotebookUrl",
    "athena:GetSessionEndpoint",
    "bedrock-agentcore:ConnectBrowserAutomationStream",
    "bedrock-agentcore:ConnectBrowserLiveViewStream",
    "bedrock-agentcore:StartBrowserSession",
    "bedrock-agentcore:StartCodeInterpreterSession",
    "cloud9:CreateEnvironmentMembership",
    "cloud9:CreateEnvironmentToken",
    "codebuild:StartSandboxConnection",
    "ec2-instance-connect:OpenTunnel",
    "ec2-instance-connect:SendSSHPublicKey",
    "ec2-instance-connect:SendSerialConsoleSSHPublicKey",
    "ecs:ExecuteCommand",
    "elasticmapreduce:GetOnClusterAppUIPresignedURL",
    "elasticmapreduce:GetPersistentAppUIPresignedURL",
    "elasticmapreduce:GetSessionEndpoint",
    "emr-serverless:GetSessionEndpoint",
    "glue:GetSessionEndpoint",
    "iot:OpenTunnel",
    "iot:RotateTunnelAccessToken",
    "kinesisanalytics:CreateApplicationPresignedUrl",
    "lightsail:DownloadDefaultKeyPair",
    "lightsail:GetInstanceAccessDetails",
    "sagemaker:CreatePresignedDomainUrl",
    "sagemaker:CreatePresignedMlflowAppUrl",
    "sagemaker:CreatePresignedMlflowTrackingServerUrl",
    "sagemaker:CreatePresignedNotebookInstanceUrl",
    "sagemaker:StartSession",
    "ssm:ResumeSession",
    "ssm:StartSession",
    "transfer:ImportSshPublicKey",
];

/// They answer with credentials of AWS, or with a token that is exchanged for some. `scripts/aws-secret-answers` derives from the
/// models of the services which operations answer with any, and `every_operation_that_answers_with_a_secret_is_known`
/// holds the two together.
const CREDENTIALS: &[&str] = &[
    "account-access:GetRoleCredentials",
    "bedrock-agentcore:GetResourceApiKey",
    "bedrock-agentcore:GetResourceOauth2Token",
    "bedrock-agentcore:GetResourcePaymentToken",
    "bedrock-agentcore:GetWorkloadAccessToken",
    "bedrock-agentcore:GetWorkloadAccessTokenForJWT",
    "bedrock-agentcore:GetWorkloadAccessTokenForUserId",
    "cloudwatch:GetSpaceCredentialsForOrganization",
    "cloudwatch:GetSpaceDataAccess",
    "codepipeline:GetJobDetails",
    "codepipeline:GetThirdPartyJobDetails",
    "codepipeline:PollForJobs",
    "cognito-identity:GetCredentialsForIdentity",
    "cognito-identity:GetOpenIdToken",
    "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
    "cognito-idp:AdminInitiateAuth",
    "cognito-idp:AdminRespondToAuthChallenge",
    "cognito-idp:GetClientToken",
    "connect:GetFederationToken",
    "datazone:GetConnection",
    "datazone:GetEnvironmentCredentials",
    "deadline:AssumeFleetRoleForRead",
    "deadline:AssumeFleetRoleForWorker",
    "deadline:AssumeQueueRoleForRead",
    "deadline:AssumeQueueRoleForUser",
    "deadline:AssumeQueueRoleForWorker",
    "ecs:Poll",
    "eks-auth:AssumeRoleForPodIdentity",
    "elasticmapreduce:GetClusterSessionCredentials",
    "emr-containers:GetManagedEndpointSessionCredentials",
    "gamelift:CreateBuild",
    "gamelift:GetComputeAccess",
    "gamelift:GetComputeAuthToken",
    "gamelift:GetInstanceAccess",
    "gamelift:RequestUploadCredentials",
    "iot:AssumeRoleWithCertificate",
    "iot:CreateKeysAndCertificate",
    "iot:CreateProvisioningClaim",
    "lakeformation:AssumeDecoratedRoleWithSAML",
    "lakeformation:GetTemporaryDataLocationCredentials",
    "lakeformation:GetTemporaryGlueFunctionCredentials",
    "lakeformation:GetTemporaryGluePartitionCredentials",
    "lakeformation:GetTemporaryGlueTableCredentials",
    "lakeformation:GetTemporaryUserCredentialsWithSAML",
    "license-manager:CreateToken",
    "license-manager:GetAccessToken",
    "lightsail:CreateBucketAccessKey",
    "lightsail:GetBucketAccessKeys",
    "redshift:GetIdentityCenterAuthToken",
    "redshift-serverless:GetIdentityCenterAuthToken",
    "s3:CreateSession",
    "s3:GetDataAccess",
    "s3express:CreateSession",
    "signin:CreateBearerToken",
    "signin:CreateOAuth2Token",
    "signin:CreateOAuth2TokenWithIAM",
    "signin:CreateOAuth2TokenWithTokenExchange",
    "ssm:GetAccessToken",
    "sso:GetRoleCredentials",
    "sso-oauth:CreateToken",
    "sso-oauth:CreateTokenWithIAM",
    "workmail:AssumeImpersonationRole",
];

/// They change who may get credentials, without an action of IAM.
const TRUST: &[&str] = &[
    "cognito-identity:SetIdentityPoolRoles",
    "cognito-identity:UpdateIdentityPool",
    "eks:AssociateAccessPolicy",
    "eks:AssociateIdentityProviderConfig",
    "eks:CreateAccessEntry",
    "eks:CreatePodIdentityAssociation",
    "eks:UpdateAccessEntry",
    "eks:UpdatePodIdentityAssociation",
    "rolesanywhere:CreateProfile",
    "rolesanywhere:CreateTrustAnchor",
    "rolesanywhere:EnableProfile",
    "rolesanywhere:EnableTrustAnchor",
    "rolesanywhere:ImportCrl",
    "rolesanywhere:PutAttributeMapping",
    "rolesanywhere:UpdateProfile",
    "rolesanywhere:UpdateTrustAnchor",
];
