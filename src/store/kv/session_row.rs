//! Reading and writing the rows of sessions.

use super::engine::View;
use super::key;
use super::record::{SessionRow, load, put};
use super::tx::Tx;
use crate::model::ids::SessionId;
use crate::model::session::Session;
use crate::store::Result;

pub(super) fn session(view: &dyn View, id: SessionId) -> Result<Option<Session>> {
    load::<SessionRow>(view, &key::session(id))?.map(|row| row.session(id)).transpose()
}

pub(super) fn put_session(tx: &mut Tx<'_>, session: Session) -> Result<()> {
    let key = key::session(session.id());
    put(tx, key, &SessionRow::from(session))
}
