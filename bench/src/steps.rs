//! The rpcs one by one: what each is called with, and what one leaves behind for the next.

use countersign_client::pb;
use prost::Message;

use crate::calls::{Listed, Prepared, Refreshing, health, paths};
use crate::ceiling;
use crate::drive::Workload;
use crate::fill::{Filled, login_requests, tokens_of};

/// Tokens and links that are kept for a later step at the most.
const KEEP: usize = 250_000;
/// Guests that links are made for.
const GUESTS: usize = 10_000;

/// Where a step's rpc is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the server that is measured.
    Server,
    /// On the bare server beside it.
    Ceiling,
    /// On the server, whose hash threads have all cores.
    AllCores,
}

/// A figure to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    Sign,
    Write,
    Health,
    VerifySeen,
    PkeyJwt,
    VerifyFirst,
    Refresh,
    GenerateSingleUse,
    PeekSingleUse,
    RedeemSingleUse,
    Logout,
    LogoutUser,
    GetJwks,
    GetAccount,
    Login,
}

/// Every step, in an order in which each finds what it needs. What is compared with each other stands side by side.
pub(crate) const ALL: [Step; 16] = [
    Step::Nothing,
    Step::VerifySeen,
    Step::Sign,
    Step::PkeyJwt,
    Step::VerifyFirst,
    Step::Write,
    Step::Refresh,
    Step::GenerateSingleUse,
    Step::PeekSingleUse,
    Step::RedeemSingleUse,
    Step::GetJwks,
    Step::GetAccount,
    Step::Logout,
    Step::LogoutUser,
    Step::Health,
    Step::Login,
];

impl Step {
    /// Its name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "ceiling: nothing",
            Self::Sign => "ceiling: sign",
            Self::Write => "ceiling: durable write",
            Self::Health => "Health/Check",
            Self::VerifySeen => "VerifyToken, seen",
            Self::PkeyJwt => "PkeyJwt",
            Self::VerifyFirst => "VerifyToken, first time",
            Self::Refresh => "Refresh",
            Self::GenerateSingleUse => "GenerateSingleUse",
            Self::PeekSingleUse => "PeekSingleUse",
            Self::RedeemSingleUse => "RedeemSingleUse",
            Self::Logout => "Logout",
            Self::LogoutUser => "LogoutUser",
            Self::GetJwks => "GetJwks",
            Self::GetAccount => "GetAccount",
            Self::Login => "Login",
        }
    }

    pub(crate) const fn place(self) -> Place {
        match self {
            Self::Nothing | Self::Sign | Self::Write => Place::Ceiling,
            Self::Login => Place::AllCores,
            _ => Place::Server,
        }
    }

    /// How much of what each call uses up is for the first of two measurements, and how much of the rest for the second.
    pub(crate) const fn shares(self) -> (f64, f64) {
        match self {
            // Logout wants some of them as well.
            Self::VerifyFirst => (0.5, 0.5),
            Self::RedeemSingleUse | Self::Logout => (0.5, 1.0),
            _ => (1.0, 1.0),
        }
    }

    /// The step without which it has nothing to call with.
    pub(crate) const fn needs(self) -> Option<Self> {
        match self {
            Self::VerifyFirst | Self::Logout => Some(Self::PkeyJwt),
            Self::PeekSingleUse | Self::RedeemSingleUse => Some(Self::GenerateSingleUse),
            _ => None,
        }
    }

    /// Drives it: makes its workload, hands that to `drive`, and puts what it left behind into `filled`.
    ///
    /// `share` is how much of what it uses up it may take, from 0 to 1.
    pub(crate) fn with<T>(self, filled: &mut Filled, share: f64, drive: impl FnOnce(&mut dyn Workload) -> T) -> T {
        match self {
            Self::Nothing => drive(&mut rotating(ceiling::NOTHING, &())),
            Self::Sign => drive(&mut rotating(ceiling::SIGN, &())),
            Self::Write => drive(&mut rotating(ceiling::WRITE, &())),
            Self::Health => drive(&mut health()),
            Self::GetJwks => drive(&mut rotating(paths::JWKS, &pb::GetJwksRequest {})),
            Self::VerifySeen => {
                let caller = filled.admin.clone();
                let seen = filled.access.iter().take(256).map(|token| verify(&caller, token)).collect();
                drive(&mut Listed::rotating(paths::VERIFY, seen))
            }
            Self::VerifyFirst => {
                let caller = filled.admin.clone();
                let unseen = part(&mut filled.unseen, share).iter().map(|token| verify(&caller, token)).collect();
                drive(&mut Listed::once(paths::VERIFY, unseen))
            }
            Self::PkeyJwt => pkey_jwt(filled, drive),
            Self::Refresh => {
                let mut chains = Refreshing::new(std::mem::take(&mut filled.refresh));
                let driven = drive(&mut chains);
                filled.refresh = chains.into_tokens();
                driven
            }
            Self::GenerateSingleUse => generate(filled, drive),
            Self::PeekSingleUse => {
                let peek = |token: &String| Prepared::open(&pb::PeekSingleUseRequest { token: token.clone() });
                drive(&mut Listed::rotating(paths::PEEK, filled.links.iter().take(256).map(peek).collect()))
            }
            Self::RedeemSingleUse => {
                let redeem = |token| Prepared::open(&pb::RedeemSingleUseRequest { token, ..Default::default() });
                let links = part(&mut filled.links, share).into_iter().map(redeem).collect();
                drive(&mut Listed::once(paths::REDEEM, links))
            }
            Self::Logout => {
                let logout = |token: &String| Prepared::signed(token, &pb::LogoutRequest {});
                let sessions = part(&mut filled.unseen, share).iter().map(logout).collect();
                drive(&mut Listed::once(paths::LOGOUT, sessions))
            }
            Self::LogoutUser => {
                let names = (0..GUESTS).map(|number| format!("gone-{number}"));
                let logout = |username| Prepared::signed(&filled.admin, &pb::LogoutUserRequest { username });
                drive(&mut Listed::rotating(paths::LOGOUT_USER, names.map(logout).collect()))
            }
            Self::GetAccount => {
                let get = |token: &String| Prepared::signed(token, &pb::GetAccountRequest {});
                drive(&mut Listed::rotating(paths::ACCOUNT, filled.access.iter().take(256).map(get).collect()))
            }
            Self::Login => drive(&mut Listed::rotating(paths::LOGIN, login_requests(&filled.users, &filled.password))),
        }
    }
}

fn rotating(path: &'static str, message: &impl Message) -> Listed<'static> {
    Listed::rotating(path, vec![Prepared::open(message)])
}

/// A VerifyToken of `token` by a caller with its own.
pub(crate) fn verify(caller: &str, token: &str) -> Prepared {
    Prepared::signed(caller, &pb::VerifyTokenRequest { token: token.to_owned(), ..Default::default() })
}

/// A PkeyJwt with each key.
pub(crate) fn exchanges(keys: &[(String, String)]) -> Vec<Prepared> {
    let exchange = |(id, secret): &(String, String)| {
        Prepared::open(&pb::PkeyJwtRequest { key_id: id.clone(), key_secret: secret.clone(), ..Default::default() })
    };
    keys.iter().map(exchange).collect()
}

fn pkey_jwt<T>(filled: &mut Filled, drive: impl FnOnce(&mut dyn Workload) -> T) -> T {
    let mut unseen = std::mem::take(&mut filled.unseen);
    let keep = |message: &[u8]| {
        if unseen.len() < KEEP {
            unseen.extend(tokens_of(message).map(|tokens| tokens.access_token));
        }
    };
    let driven = drive(&mut Listed::rotating(paths::PKEY_JWT, exchanges(&filled.keys)).keeping(keep));
    filled.unseen = unseen;
    driven
}

fn generate<T>(filled: &mut Filled, drive: impl FnOnce(&mut dyn Workload) -> T) -> T {
    let mut links = std::mem::take(&mut filled.links);
    let keep = |message: &[u8]| {
        if links.len() < KEEP
            && let Ok(answer) = pb::GenerateSingleUseResponse::decode(message)
            && let Some((_, token)) = answer.single_use_url.rsplit_once('=')
        {
            links.push(token.to_owned());
        }
    };
    let generate = |number: usize| {
        let request = pb::GenerateSingleUseRequest {
            username: format!("guest-{number}"),
            dataset_id: "bench".to_owned(),
            ..Default::default()
        };
        Prepared::signed(&filled.admin, &request)
    };
    let requests = (0..GUESTS).map(generate).collect();
    let driven = drive(&mut Listed::rotating(paths::GENERATE, requests).keeping(keep));
    filled.links = links;
    driven
}

/// Takes this share of what is there, the last of it.
fn part<T>(all: &mut Vec<T>, share: f64) -> Vec<T> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    let take = (all.len() as f64 * share.clamp(0.0, 1.0)).round() as usize;
    all.split_off(all.len().saturating_sub(take))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_needs_comes_before_it() {
        for (at, step) in ALL.iter().enumerate() {
            if let Some(needed) = step.needs() {
                assert!(ALL[..at].contains(&needed), "{step:?}");
            }
        }
    }

    #[test]
    fn a_share_is_taken_from_the_end() {
        let mut all = vec![1, 2, 3, 4, 5, 6];
        assert_eq!(part(&mut all, 0.5), [4, 5, 6]);
        assert_eq!(part(&mut all, 1.0), [1, 2, 3]);
        assert!(part(&mut all, 1.0).is_empty());
    }
}
