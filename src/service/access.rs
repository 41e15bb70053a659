//! Who may call what: one table. The services ask it, the commit that makes a change is fenced by it, the scopes of personal keys are
//! names from it, and the README prints it.

use super::Result;
use super::client::SignedIn;
use crate::model::ids::UserId;
use crate::store::verbs::Needs;

/// Who may make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Any signed-in caller, guests too.
    SignedIn,
    /// Any signed-in caller but a guest.
    Account,
    /// Staff or superuser.
    Privileged,
    /// A superuser, or an admin of the organization that is named.
    Admin,
    /// A superuser.
    Superuser,
}

/// By what the caller must have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By any credential.
    Any,
    /// By password or single sign-on: what makes or changes credentials takes this, or a key that leaked would outlive itself.
    Person,
    /// As a person, or by a personal key that is meant itself.
    PersonOrOwnKey,
}

/// Makes [`Rpc`] of its rows.
macro_rules! table {
    ($($rpc:ident = $service:literal $method:literal, $who:ident, $by:ident;)*) => {
        /// The rpcs that take a signed-in caller. An rpc of `AdminService` whose name `AccountService` has too says so in its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the proto says what each does, once")]
        pub enum Rpc {
            $($rpc,)*
        }

        impl Rpc {
            /// All of them, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$rpc),*];

            /// As scopes name it: `AdminService/ListUsers`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$rpc => concat!($service, "/", $method),)*
                }
            }

            /// Who may make it.
            #[must_use]
            pub const fn who(self) -> Who {
                match self {
                    $(Self::$rpc => Who::$who,)*
                }
            }

            /// By what the caller must have come.
            #[must_use]
            pub const fn by(self) -> By {
                match self {
                    $(Self::$rpc => By::$by,)*
                }
            }
        }
    };
}

table! {
    GenerateSingleUse = "AuthService" "GenerateSingleUse", Privileged, Any;
    LogoutUser = "AuthService" "LogoutUser", Privileged, Any;
    Logout = "AuthService" "Logout", SignedIn, Any;
    VerifyToken = "TokenService" "VerifyToken", Account, Any;
    WatchRevocations = "TokenService" "WatchRevocations", Account, Any;
    GetAccount = "AccountService" "GetAccount", Account, Any;
    ChangePassword = "AccountService" "ChangePassword", Account, Person;
    EnrollTotp = "AccountService" "EnrollTotp", Account, Person;
    ConfirmTotp = "AccountService" "ConfirmTotp", Account, Person;
    DisableTotp = "AccountService" "DisableTotp", Account, Person;
    RegenerateRecoveryCodes = "AccountService" "RegenerateRecoveryCodes", Account, Person;
    CreatePersonalKey = "AccountService" "CreatePersonalKey", Account, Person;
    ListPersonalKeys = "AccountService" "ListPersonalKeys", Account, Any;
    RotatePersonalKey = "AccountService" "RotatePersonalKey", Account, PersonOrOwnKey;
    RevokePersonalKey = "AccountService" "RevokePersonalKey", Account, Person;
    ListSessions = "AccountService" "ListSessions", Account, Any;
    RevokeSession = "AccountService" "RevokeSession", Account, Any;
    SwitchOrganization = "AccountService" "SwitchOrganization", Account, Any;
    CreateUser = "AdminService" "CreateUser", Superuser, Any;
    CreateServiceAccount = "AdminService" "CreateServiceAccount", Superuser, Person;
    ImportUsers = "AdminService" "ImportUsers", Superuser, Person;
    GetUser = "AdminService" "GetUser", Privileged, Any;
    ListUsers = "AdminService" "ListUsers", Superuser, Any;
    UpdateUser = "AdminService" "UpdateUser", Superuser, Any;
    DisableUser = "AdminService" "DisableUser", Superuser, Any;
    EnableUser = "AdminService" "EnableUser", Superuser, Any;
    DeleteUser = "AdminService" "DeleteUser", Superuser, Any;
    CreateOrganization = "AdminService" "CreateOrganization", Superuser, Any;
    ListOrganizations = "AdminService" "ListOrganizations", Superuser, Any;
    UpdateOrganization = "AdminService" "UpdateOrganization", Admin, Any;
    DeleteOrganization = "AdminService" "DeleteOrganization", Superuser, Any;
    ListMembers = "AdminService" "ListMembers", Admin, Any;
    AddMember = "AdminService" "AddMember", Admin, Any;
    RemoveMember = "AdminService" "RemoveMember", Admin, Any;
    CreateIdentityProvider = "AdminService" "CreateIdentityProvider", Admin, Any;
    UpdateIdentityProvider = "AdminService" "UpdateIdentityProvider", Admin, Any;
    ListIdentityProviders = "AdminService" "ListIdentityProviders", Admin, Any;
    DeleteIdentityProvider = "AdminService" "DeleteIdentityProvider", Admin, Any;
    ListLinks = "AdminService" "ListLinks", Privileged, Any;
    RevokeLink = "AdminService" "RevokeLink", Privileged, Any;
    ListAuditEvents = "AdminService" "ListAuditEvents", Superuser, Any;
    WatchAuditEvents = "AdminService" "WatchAuditEvents", Superuser, Any;
    ListSigningKeys = "AdminService" "ListSigningKeys", Superuser, Any;
    RotateSigningKey = "AdminService" "RotateSigningKey", Superuser, Person;
    CreatePersonalKeyFor = "AdminService" "CreatePersonalKey", Superuser, Person;
    ListPersonalKeysOf = "AdminService" "ListPersonalKeys", Superuser, Any;
    RevokePersonalKeyOf = "AdminService" "RevokePersonalKey", Superuser, Any;
    ListSessionsOf = "AdminService" "ListSessions", Superuser, Any;
    RevokeSessionOf = "AdminService" "RevokeSession", Superuser, Any;
    ResetPassword = "AdminService" "ResetPassword", Superuser, Person;
    ResetTotp = "AdminService" "ResetTotp", Superuser, Person;
    LinkIdentity = "AdminService" "LinkIdentity", Superuser, Person;
    ListIdentities = "AdminService" "ListIdentities", Superuser, Any;
    UnlinkIdentity = "AdminService" "UnlinkIdentity", Superuser, Any;
    ReleaseName = "AdminService" "ReleaseName", Superuser, Any;
}

impl Rpc {
    /// Who may make it, in the contract's words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match (self.who(), self.by()) {
            (Who::SignedIn, _) => "any signed-in caller, guests too",
            (Who::Account, By::Any) => "any signed-in caller but a guest",
            (Who::Account, By::Person) => "a signed-in person; not by a personal key",
            (Who::Account, By::PersonOrOwnKey) => "a signed-in person; a personal key for itself",
            (Who::Privileged, _) => "staff or superuser",
            (Who::Admin, _) => "superuser; the organization's admin",
            (Who::Superuser, By::Any) => "superuser",
            (Who::Superuser, _) => "superuser; not by a personal key",
        }
    }

    /// What the commit of a change looks at again. For [`Who::Admin`] that of a superuser.
    #[must_use]
    pub const fn needs(self) -> Needs {
        match self.who() {
            Who::SignedIn | Who::Account => Needs::Nothing,
            Who::Privileged => Needs::Privileged,
            Who::Admin | Who::Superuser => Needs::Superuser,
        }
    }
}

impl SignedIn {
    /// The account that calls, where it may make the call. Of [`Who::Admin`] a superuser is let through.
    ///
    /// # Errors
    /// [`GuestNotAllowed`](super::Error::GuestNotAllowed), [`PermissionDenied`](super::Error::PermissionDenied), [`CredentialTooWeak`](super::Error::CredentialTooWeak) (PERMISSION_DENIED).
    pub fn may(&self, rpc: Rpc) -> Result<UserId> {
        let user = match rpc.who() {
            Who::SignedIn | Who::Account => self.user(),
            Who::Privileged => self.privileged(),
            Who::Admin | Who::Superuser => self.superuser(),
        }?;
        match rpc.by() {
            By::Any => Ok(user),
            By::Person | By::PersonOrOwnKey => self.strong(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rpc;
    use crate::grpc::pb;
    use prost::Message as _;

    /// Each rpc that takes a signed-in caller is in the table, and its "Who" begins with the table's words.
    #[test]
    fn the_contract_says_what_the_table_says() {
        let files = prost_types::FileDescriptorSet::decode(pb::DESCRIPTOR_SET).unwrap().file;
        let mut found = Vec::new();
        for file in files.iter().filter(|file| file.package() == "countersign.v1") {
            let comments = &file.source_code_info.as_ref().unwrap().location;
            for (service_at, service) in file.service.iter().enumerate() {
                for (at, method) in service.method.iter().enumerate() {
                    let path = [6, i32::try_from(service_at).unwrap(), 2, i32::try_from(at).unwrap()];
                    let comment = comments.iter().find(|place| place.path == path).unwrap().leading_comments();
                    let said = comment.replace("\n ", " ");
                    let name = format!("{}/{}", service.name(), method.name());
                    let who = said.split_once("Who: ").unwrap().1;
                    let Some(rpc) = Rpc::ALL.iter().find(|rpc| rpc.name() == name) else {
                        assert!(
                            who.starts_with("anybody") || who.starts_with("whoever holds"),
                            "{name} is not in the table: {who}"
                        );
                        continue;
                    };
                    assert!(who.starts_with(rpc.words()), "{name}: {who}");
                    found.push(*rpc);
                }
            }
        }
        assert_eq!(found.len(), Rpc::ALL.len());
    }
}
