//! Accounts: making them, switching them on and off, passwords, one-time codes.

use async_trait::async_trait;

use super::audit::audit;
use super::commit::{Held, next_revision};
use super::decided::apply;
use super::deletion::delete_user;
use super::engine::View;
use super::key::{self, Kind};
use super::names;
use super::record::{Named, Superuser, put, scan};
use super::roll;
use super::rows::{granted, holder, known_user, named, user, user_by_name};
use super::session_row::{put_session, session};
use super::store::KvStore;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::decision::Decision;
use crate::model::ids::UserId;
use crate::model::name::Folded;
use crate::model::user::{
    EmailGiven, PasswordChange, PasswordChanged, RolesGiven, Subject, TotpConfirmed, TotpEnrolled, User, UserSwitched,
};
use crate::store::verbs::{
    AccountStore, By, ChangePassword, Commit, ConfirmTotp, EnrollTotp, PasswordReplaced, SwitchUser, Switched, UpdateUser,
    UserCreated, UserDeleted, UserUpdated,
};
use crate::store::{Result, StoreError};

#[async_trait]
impl AccountStore for KvStore {
    async fn user(&self, id: UserId) -> Result<Option<User>> {
        self.read(|view| user(view, id)).await
    }

    async fn user_by_login(&self, login: &Folded) -> Result<Option<User>> {
        self.read(|view| user_by_login(view, login)).await
    }

    async fn users(&self, after: Option<&Folded>, most: u32) -> Result<Vec<User>> {
        self.read(|view| names::users(view, after, most)).await
    }

    async fn create_user(&self, new: User, by: By) -> Result<Commit<UserCreated>> {
        self.change(by, move |tx, by| create_user(tx, by, &new)).await
    }

    async fn switch_user(&self, command: SwitchUser, by: By) -> Result<Commit<Switched>> {
        self.change_held(by, move |tx, by| switch_user(tx, by, &command)).await
    }

    async fn update_user(&self, command: UpdateUser, by: By) -> Result<Commit<UserUpdated>> {
        self.change(by, move |tx, by| update_user(tx, by, &command)).await
    }

    async fn delete_user(&self, name: Folded, by: By) -> Result<Commit<UserDeleted>> {
        self.change(by, move |tx, by| delete_user(tx, by, &name)).await
    }

    async fn release_name(&self, name: Folded, by: By) -> Result<Commit<bool>> {
        self.change(by, move |tx, by| names::release(tx, by, &name)).await
    }

    async fn change_password(&self, command: ChangePassword, by: By) -> Result<Commit<PasswordReplaced>> {
        self.change(by, move |tx, by| change_password(tx, by, &command)).await
    }

    async fn enroll_totp(&self, command: EnrollTotp, by: By) -> Result<Commit<TotpEnrolled>> {
        self.change(by, move |tx, by| enroll_totp(tx, by, &command)).await
    }

    async fn confirm_totp(&self, command: ConfirmTotp, by: By) -> Result<Commit<TotpConfirmed>> {
        self.change(by, move |tx, by| confirm_totp(tx, by, &command)).await
    }
}

pub(super) fn user_by_login(view: &dyn View, login: &Folded) -> Result<Option<User>> {
    match named(view, login)? {
        Some(Named::User(id) | Named::Email(id)) => Ok(Some(known_user(view, id)?)),
        _ => Ok(None),
    }
}

pub(super) fn create_user(tx: &mut Tx<'_>, by: &By, new: &User) -> Result<UserCreated> {
    if user(tx, new.id())?.is_some() {
        return Err(StoreError::Corrupt(format!("User: {} exists already", new.id())));
    }
    match occupied(tx, &new.name().folded())? {
        Some(Occupied::Taken) => return Ok(UserCreated::NameTaken),
        Some(Occupied::Reserved) => return Ok(UserCreated::NameReserved),
        None => {}
    }
    if let Some(email) = new.email()
        && named(tx, &email.folded())?.is_some()
    {
        return Ok(UserCreated::EmailTaken);
    }
    insert(tx, by, new)?;
    Ok(UserCreated::Created)
}

/// Why a name cannot be given.
pub(super) enum Occupied {
    /// It is another's.
    Taken,
    /// It was another's.
    Reserved,
}

/// Why a name cannot be given; `None` where it can.
pub(super) fn occupied(view: &dyn View, name: &Folded) -> Result<Option<Occupied>> {
    Ok(named(view, name)?.map(|named| match named {
        Named::Reserved => Occupied::Reserved,
        Named::User(_) | Named::Email(_) | Named::Organization(_) => Occupied::Taken,
    }))
}

/// Puts an account in whose name and e-mail are free.
pub(super) fn insert(tx: &mut Tx<'_>, by: &By, user: &User) -> Result<()> {
    put(tx, key::user(user.id()), user)?;
    put(tx, key::name(&user.name().folded()), &Named::User(user.id()))?;
    if let Some(email) = user.email() {
        put(tx, key::name(&email.folded()), &Named::Email(user.id()))?;
    }
    if user.roles().superuser {
        put(tx, key::superuser(user.id()), &Superuser(user.id()))?;
    }
    audit(tx, by, Action::UserCreated(user.id()))
}

fn switch_user(tx: &mut Tx<'_>, by: &By, command: &SwitchUser) -> Result<Held<Switched>> {
    let Some(user) = user_by_name(tx, &command.name)? else { return Ok(Held::here(Switched::Unknown)) };
    let another = another_superuser(tx, user.id())?;
    let decision = user.switch(command.enabled, another, next_revision(tx, by.now));
    let changed = decision.changed;
    Ok(match decision.outcome {
        UserSwitched::Done => {
            let user = end_or_keep(tx, by, decision)?;
            let floor = user.generations().session_floor_revision();
            let done = Switched::Done(Box::new(user));
            // What was disabled before has ended at the revision of its floor.
            if changed || command.enabled { Held::here(done) } else { Held::at(floor, done) }
        }
        UserSwitched::LastSuperuser => Held::here(Switched::LastSuperuser),
    })
}

fn update_user(tx: &mut Tx<'_>, by: &By, command: &UpdateUser) -> Result<UserUpdated> {
    let Some(mut user) = user_by_name(tx, &command.name)? else { return Ok(UserUpdated::Unknown) };
    // What refuses is found before anything is written.
    if let Some(Some(email)) = &command.email {
        match named(tx, &email.folded())? {
            None => {}
            Some(Named::Email(of)) if of == user.id() => {}
            Some(Named::Reserved) => return Ok(UserUpdated::EmailReserved),
            Some(_) => return Ok(UserUpdated::EmailTaken),
        }
    }
    let mut narrowed = false;
    if let Some(roles) = command.roles {
        let another = another_superuser(tx, user.id())?;
        let decision = user.give_roles(roles, another, next_revision(tx, by.now));
        if decision.outcome == RolesGiven::LastSuperuser {
            return Ok(UserUpdated::LastSuperuser);
        }
        narrowed = decision.revoked.is_some();
        user = decision.value.clone();
        list_superuser(tx, &user)?;
        apply(tx, by, decision)?;
    }
    if let Some(email) = &command.email {
        let decision = user.give_email(email.as_ref());
        user = decision.value.clone();
        if let EmailGiven::Given { before } = apply(tx, by, decision)? {
            if let Some(before) = before {
                tx.remove(key::name(&before.folded()));
            }
            if let Some(email) = email {
                put(tx, key::name(&email.folded()), &Named::Email(user.id()))?;
            }
        }
    }
    Ok(UserUpdated::Done { user: Box::new(user), narrowed })
}

/// Puts an account on the list of superusers, or takes it off, as its roles are.
fn list_superuser(tx: &mut Tx<'_>, user: &User) -> Result<()> {
    let entry = key::superuser(user.id());
    if user.roles().superuser {
        put(tx, entry, &Superuser(user.id()))
    } else {
        tx.remove(entry);
        Ok(())
    }
}

/// True where an enabled superuser other than `id` is there.
pub(super) fn another_superuser(view: &dyn View, id: UserId) -> Result<bool> {
    for (_, Superuser(other)) in scan(view, &key::all(Kind::Superuser))? {
        if other != id && known_user(view, other)?.enabled() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes what was decided about an account, and takes its sessions off the roll where they ended. Answers the account.
fn end_or_keep<O>(tx: &mut Tx<'_>, by: &By, decision: Decision<User, O>) -> Result<User> {
    let user = decision.value.clone();
    if !user.enabled() {
        roll::clear(tx, &Subject::User(user.id()))?;
    }
    apply(tx, by, decision)?;
    Ok(user)
}

fn change_password(tx: &mut Tx<'_>, by: &By, change: &ChangePassword) -> Result<PasswordReplaced> {
    let Some(user) = user(tx, change.user)? else { return Ok(PasswordReplaced::Stale) };
    let subject = Subject::User(user.id());
    let own = session(tx, change.keep)?;
    let ChangePassword { generation, checked, replacement, .. } = change;
    let replaced = PasswordChange { generation: *generation, checked, replacement };
    let decision = user.change_password(&replaced, own, by.now, next_revision(tx, by.now));
    let PasswordChanged::Changed(moved) = apply(tx, by, decision)? else { return Ok(PasswordReplaced::Stale) };
    roll::clear(tx, &subject)?;
    let Some(own) = moved else { return Ok(PasswordReplaced::Replaced(None)) };
    roll::enrol(tx, &own)?;
    let granted = granted(tx, holder(tx, &subject)?, &own)?;
    put_session(tx, own)?;
    Ok(PasswordReplaced::Replaced(Some(granted)))
}

fn enroll_totp(tx: &mut Tx<'_>, by: &By, command: &EnrollTotp) -> Result<TotpEnrolled> {
    let Some(user) = user(tx, command.user)? else { return Ok(TotpEnrolled::Unknown) };
    apply(tx, by, user.enroll_totp(&command.sealed))
}

fn confirm_totp(tx: &mut Tx<'_>, by: &By, command: &ConfirmTotp) -> Result<TotpConfirmed> {
    let Some(user) = user(tx, command.user)? else { return Ok(TotpConfirmed::Unknown) };
    apply(tx, by, user.confirm_totp(&command.sealed, command.step, &command.recovery))
}
