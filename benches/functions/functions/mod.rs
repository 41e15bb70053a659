//! The functions that every call spends its time in, each with what it runs on. `functions` measures their time and `counts` counts
//! their instructions; what they do stands here once.

pub(crate) mod calls;
pub(crate) mod crypto;
pub(crate) mod edge;
pub(crate) mod fixture;
pub(crate) mod store;

/// Calls a macro with every function that is timed and counted: its name, and how it is made.
macro_rules! functions {
    ($with:ident) => {
        $with! {
            mint_eddsa: crypto::mint(Algorithm::EdDsa),
            mint_es256: crypto::mint(Algorithm::Es256),
            mint_rs256: crypto::mint(Algorithm::Rs256),
            verify_eddsa: crypto::verify(Algorithm::EdDsa),
            verify_es256: crypto::verify(Algorithm::Es256),
            verify_rs256: crypto::verify(Algorithm::Rs256),
            verify_seen: crypto::verify_seen(),
            keyed_hash: crypto::keyed_hash(),
            check_personal_key: crypto::check_personal_key(),
            derive_refresh: crypto::derive_refresh(),
            edge_receive: edge::receive(),
            edge_mark_poll: edge::mark_poll(),
            edge_mark_line: edge::mark_line(),
            edge_answer_header: edge::answer_header(),
            handler_pkey_jwt: calls::pkey_jwt(),
            handler_verify_token: calls::verify_token(),
            handler_refresh: calls::refresh(),
            encode_audit_event: store::audit_event(),
        }
    };
}
pub(crate) use functions;
