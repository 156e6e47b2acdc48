//! What clients ask for (docs/api.md): each request is answered once, and before the events that it leads to (rule 4).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base::{Instant, Secret};
use sip::invite::Invitation;
use sip::message::Uri;

use super::Phone;
use crate::accounts::Settings;
use crate::calls::{Calls, Placed, Strokes, Turn};
use crate::command::{CallId, ClientId, Command, ConnectionId, Done, Refusal, RefusalCode, Reply};
use crate::event::Snapshot;
use crate::interface::Output;
use crate::number::Number;

impl Phone {
    pub(super) fn on_command(&mut self, now: Instant, client: ClientId, command: Command) {
        let mut outputs = Vec::new();
        let reply = match command {
            Command::ClientGone => {
                self.watch_levels(now, client, false);
                self.accounts.on_client_gone(now, client, &mut outputs);
                return self.outputs.extend(outputs);
            }
            Command::TakeOver(from) => return self.accounts.on_take_over(client, from),
            command => self.carry_out(now, client, command, &mut outputs),
        };
        // Rule 3: a 500 is logged with its cause.
        if let Err(Refusal { code: RefusalCode::Internal, message }) = &reply {
            self.outputs.push_back(Output::Log(format!("a request is refused with 500: {message}")));
        }
        self.outputs.push_back(Output::Reply { client, reply });
        self.outputs.extend(outputs);
    }

    fn carry_out(
        &mut self,
        now: Instant,
        client: ClientId,
        command: Command,
        outputs: &mut Vec<Output>,
    ) -> Reply {
        match command {
            Command::Register { .. } | Command::StartCall { .. } if self.stop_at.is_some() => {
                let message = String::from("the phone is stopping");
                Err(Refusal { code: RefusalCode::Internal, message })
            }
            Command::Register { domain, number, password, autodisconnect } => {
                self.register(now, client, domain, number, password, autodisconnect, outputs)
            }
            Command::Unregister => {
                let id = self.accounts.to_unregister(client)?;
                self.disconnect(now, id, outputs);
                Ok(Done::Accepted)
            }
            Command::StartCall { number, headers, connection } => {
                self.start_call(now, client, &number, headers, connection, outputs)
            }
            Command::AcceptCall(id) => self.tell_calls(now, outputs, |calls, turn| calls.accept(turn, id)),
            Command::FinalizeCall(id) => {
                let decline = self.decline_status();
                self.tell_calls(now, outputs, |calls, turn| calls.finalize(turn, id, decline))
            }
            Command::SetHold { call, hold } => {
                self.tell_calls(now, outputs, |calls, turn| calls.set_hold(turn, call, hold))
            }
            Command::MuteCall { call, mute } => {
                self.tell_calls(now, outputs, |calls, turn| calls.mute(turn, call, mute))
            }
            Command::SendDtmf { call, keys } => {
                let keys: Strokes = keys.parse().map_err(|error| invalid(format!("DTMF: {error}")))?;
                self.tell_calls(now, outputs, |calls, turn| calls.send_keys(turn, call, keys))
            }
            Command::TransferCall { call, to } => {
                let to = self.transfer_target(call, &to)?;
                let ringing = self.config.ringing_transfer;
                self.tell_calls(now, outputs, |calls, turn| calls.transfer(turn, call, to, ringing))
            }
            Command::WatchLevels(watch) => {
                self.watch_levels(now, client, watch);
                Ok(Done::Accepted)
            }
            Command::GetState => Ok(Done::State(Snapshot {
                accounts: self.accounts.snapshots(),
                calls: self.calls.snapshots(now),
            })),
            Command::ClientGone | Command::TakeOver(_) => Ok(Done::Accepted),
        }
    }

    /// The sound is measured while at least one client wants to hear of it.
    fn watch_levels(&mut self, now: Instant, client: ClientId, watch: bool) {
        if watch {
            self.level_watchers.insert(client);
        } else {
            self.level_watchers.remove(&client);
        }
        let is_wanted = !self.level_watchers.is_empty();
        self.turn(now, |calls, turn| calls.meter(turn, is_wanted));
    }

    fn tell_calls(
        &mut self,
        now: Instant,
        outputs: &mut Vec<Output>,
        act: impl FnOnce(&mut Calls, &mut Turn<'_>) -> Result<(), Refusal>,
    ) -> Reply {
        let turn = &mut Turn { now, endpoint: &mut self.endpoint, outputs };
        act(&mut self.calls, turn).map(|()| Done::Accepted)
    }

    #[expect(clippy::too_many_arguments, reason = "the parameters of sipregister")]
    fn register(
        &mut self,
        now: Instant,
        client: ClientId,
        domain: String,
        user: String,
        password: Secret,
        autodisconnect: bool,
        outputs: &mut Vec<Output>,
    ) -> Reply {
        let domain = domain.parse().map_err(|error| invalid(format!("domain: {error}")))?;
        let settings = Settings::new(user, password, domain);
        let (id, replaced) =
            self.accounts.register(now, &mut self.endpoint, client, settings, autodisconnect, outputs)?;
        if let Some(replaced) = replaced {
            self.end_ringing(now, replaced, outputs);
        }
        Ok(Done::Connection(id))
    }

    fn start_call(
        &mut self,
        now: Instant,
        client: ClientId,
        number: &str,
        headers: Vec<(String, String)>,
        connection: Option<ConnectionId>,
        outputs: &mut Vec<Output>,
    ) -> Reply {
        // Rule 3: parameters are checked before state.
        let number: Number = number.parse().map_err(|error| invalid(format!("number: {error}")))?;
        if self.is_full() {
            let message = format!("there are already {} calls", self.config.max_calls);
            return Err(Refusal { code: RefusalCode::Internal, message });
        }
        let account = self.accounts.to_call_from(client, connection)?;
        let target = account.dial(&number).map_err(|error| invalid(format!("number: {error}")))?;
        let placed = Placed {
            id: self.calls.take_id(),
            connection: account.id,
            profile: account.profile().clone(),
            dtmf: account.settings().dtmf,
            invitation: Invitation { target, hop: account.hop().clone(), headers },
            referrer: None,
            mute: false,
            dice: self.dice.fork(),
        };
        let id = placed.id;
        self.calls.place(&mut Turn { now, endpoint: &mut self.endpoint, outputs }, placed);
        Ok(Done::Call(id))
    }

    /// Whom `transferecall` means, by the call's own account.
    fn transfer_target(&self, call: CallId, to: &str) -> Result<Uri, Refusal> {
        let to: Number = to.parse().map_err(|error| invalid(format!("to: {error}")))?;
        let connection = self.calls.connection(call)?;
        let account = self.accounts.get(connection).ok_or_else(|| Refusal {
            code: RefusalCode::NotRegistered,
            message: format!("the account of call {} is disconnected", call.0),
        })?;
        account.dial(&to).map_err(|error| invalid(format!("to: {error}")))
    }
}

fn invalid(message: String) -> Refusal {
    Refusal { code: RefusalCode::InvalidArgument, message }
}
