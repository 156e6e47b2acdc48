//! Several accounts, and one that comes back: rule 7.

use super::offers::invite;
use super::*;
use crate::accounts::DtmfWay;
use crate::command::{Refusal, RefusalCode};

/// Servers that all know the phone as 1000; the last is reached from another address of the phone.
const SERVERS: [&str; 3] = [PEER, "192.0.2.2:5060", "198.51.100.1:5060"];

fn settings_at(server: &str) -> Settings {
    Settings::new("1000".into(), "pw1000".into(), server.parse().expect("a domain"))
}

fn register_at(server: &str, user: &str) -> Command {
    let (number, password) = (user.into(), "pw1000".into());
    Command::Register { domain: server.into(), number, password, autodisconnect: false }
}

impl World {
    /// From now on the phone hears this one.
    fn hears_from(&mut self, peer: &str) {
        self.peer = peer.parse().expect("an address");
    }

    /// The server at this address registers the phone.
    fn registers_at(&mut self, server: &str) {
        self.hears_from(server);
        let request = self.hears("REGISTER ");
        self.answers(&request, "200 OK", "Contact: <sip:1000@192.0.2.10>;expires=3600\r\n", "");
    }

    /// A call comes in: the account that it is for.
    fn is_called(&mut self, invite: &str) -> ConnectionId {
        self.told();
        self.receives(invite);
        let told = self.told();
        let [Event::NewCall(told)] = &told[..] else { panic!("no call: {told:?}") };
        let (call, connection) = (told.call, told.connection);
        self.ask(Command::FinalizeCall(call));
        connection
    }

    /// A program that has no account places a call: the account that it goes out by.
    fn calls_by(&mut self) -> ConnectionId {
        self.told();
        let Ok(Done::Call(call)) = self.ask_as(ClientId(99), start_call()) else { panic!("no call") };
        let told = self.told();
        let [Event::NewCall(told)] = &told[..] else { panic!("no call: {told:?}") };
        let connection = told.connection;
        self.ask(Command::FinalizeCall(call));
        connection
    }
}

#[test]
fn rule_07_a_call_is_for_the_account_of_the_server_that_it_comes_from_where_several_know_the_user() {
    let accounts = SERVERS.map(settings_at).to_vec();
    let peers = vec!["198.51.100.0/24".parse().expect("a prefix")];
    let mut world = World::new(Config { accounts, peers, ..Config::default() });
    SERVERS.iter().for_each(|server| world.registers_at(server));
    for (server, account) in SERVERS.into_iter().zip([1, 2, 3]) {
        world.hears_from(server);
        assert_eq!(world.is_called(&invite(&format!("from-{account}"), SDP)), ConnectionId(account));
    }
    world.hears_from("198.51.100.7:5060");
    let neighbour = invite("neighbour", SDP).replace("1000@192.0.2.1>", "1000@neighbour.example>");
    assert_eq!(world.is_called(&neighbour), ConnectionId(3), "whose server is reached from the same address");
}

#[test]
fn rule_07_a_call_goes_out_by_the_default_account_wherever_that_stands_in_the_configuration() {
    let mut accounts = SERVERS.map(settings_at);
    accounts[1].default = true;
    let mut world = World::new(Config { accounts: accounts.to_vec(), ..Config::default() });
    SERVERS.iter().for_each(|server| world.registers_at(server));
    assert_eq!(world.calls_by(), ConnectionId(2));
}

#[test]
fn rule_07_an_account_is_not_connected_anew_by_a_refresh() {
    let mut world = World::new(Config::default());
    for (client, server) in [(1, SERVERS[0]), (2, SERVERS[1])] {
        world.ask_as(ClientId(client), register_at(server, "1000")).expect("an account");
        world.registers_at(server);
        world.pass(SECOND);
    }
    world.sent.clear();
    while world.sent.is_empty() {
        world.pass(SECOND);
    }
    world.registers_at(SERVERS[0]);
    assert_eq!(world.calls_by(), ConnectionId(2), "the one that was connected last");
}

#[test]
fn rule_07_an_account_that_comes_back_is_bound_once_its_removal_can_not_undo_that() {
    let mut world = World::registered(Config::default());
    world.ask(Command::Unregister);
    let removal = world.hears("REGISTER ");
    let Done::Connection(id) = world.ask(register()) else { panic!("no connection") };
    assert_eq!(world.told(), [Event::Unregistered(ConnectionId(1))]);
    world.hears_nothing();
    world.answers(&removal, "200 OK", "", "");
    let request = world.hears("REGISTER ");
    world.answers(&request, "200 OK", "Contact: <sip:1000@192.0.2.10>;expires=3600\r\n", "");
    assert_eq!(world.told(), [Event::Registered(id), Event::RegisterFinalized(id, 0)]);
}

#[test]
fn rule_07_of_64_accounts_each_can_be_adopted_and_one_more_is_500() {
    let mut world = World::new(Config::default());
    let register = |number: u64| register_at(PEER, &format!("{number}"));
    for number in 1..=64 {
        world.ask_as(ClientId(number), register(number)).expect("an account");
    }
    let refused = world.ask_as(ClientId(65), register(65));
    assert!(matches!(refused, Err(Refusal { code: RefusalCode::Internal, .. })), "{refused:?}");
    let adopted = world.ask_as(ClientId(65), register(64));
    assert!(matches!(adopted, Ok(Done::Connection(ConnectionId(64)))), "{adopted:?}");
}

#[test]
fn rule_07_a_page_that_reloads_takes_over_its_own_account_and_no_other() {
    let mut world = World::new(Config::default());
    for (client, server) in [(1, SERVERS[0]), (2, SERVERS[1])] {
        let (domain, number, password) = (server.into(), "1000".into(), "pw1000".into());
        let register = Command::Register { domain, number, password, autodisconnect: true };
        world.ask_as(ClientId(client), register).expect("an account");
        world.registers_at(server);
    }
    for client in [1, 2] {
        world.hand(Input::Command { client: ClientId(client), command: Command::ClientGone });
    }
    world.hand(Input::Command { client: ClientId(3), command: Command::TakeOver(ClientId(1)) });
    world.told();
    world.pass(MINUTE);
    assert_eq!(world.told(), [Event::Unregistered(ConnectionId(2))]);
}

#[test]
fn rule_07_a_configured_account_that_was_disconnected_comes_back_with_what_the_file_says_of_it() {
    let configured = Settings {
        outbound_proxy: Some("192.0.2.9".parse().expect("a domain")),
        dtmf: DtmfWay::Info,
        expires: 10 * MINUTE,
        ..settings()
    };
    let mut world = World::new(Config { accounts: vec![configured], ..Config::default() });
    world.hears_from("192.0.2.9:5060");
    for (commands, expires) in
        [(vec![], "600"), (vec![register(), Command::Unregister], "0"), (vec![register()], "600")]
    {
        commands.into_iter().for_each(|command| drop(world.ask(command)));
        let request = world.hears("REGISTER ");
        assert_eq!((field(&request, "Expires"), field(&request, "Route")), (expires, "<sip:192.0.2.9;lr>"));
        world.answers(&request, "200 OK", "Contact: <sip:1000@192.0.2.10>;expires=600\r\n", "");
    }
}

#[test]
fn rule_07_a_call_from_any_address_of_a_server_s_name_is_for_its_account() {
    let accounts = ["pbx.example", SERVERS[1]].map(settings_at).to_vec();
    let hosts = "192.0.2.7 pbx.example\n192.0.2.8 pbx.example\n".into();
    let endpoint = endpoint::Config { hosts, resolv_conf: String::new() };
    let mut world = World::new(Config { accounts, endpoint, ..Config::default() });
    ["192.0.2.7:5060", SERVERS[1]].iter().for_each(|server| world.registers_at(server));
    world.hears_from("192.0.2.8:5060");
    let invite = invite("other", SDP).replace("To: <sip:1000@192.0.2.1>", "To: <sip:1000@192.0.2.10>");
    assert_eq!(world.is_called(&invite), ConnectionId(1));
}

#[test]
fn rule_08_an_account_is_connected_again_from_a_new_address_but_not_one_that_was_refused() {
    let accounts = [SERVERS[0], SERVERS[1]].map(settings_at).to_vec();
    let mut world = World::new(Config { accounts, ..Config::default() });
    world.registers_at(SERVERS[0]);
    world.hears_from(SERVERS[1]);
    let request = world.hears("REGISTER ");
    world.answers(&request, "403 Forbidden", "", "");
    world.told();
    world.hand(Input::Moved);
    while world.sent.is_empty() {
        world.pass(Duration::from_millis(100));
    }
    world.registers_at(SERVERS[0]);
    world.pass(SECOND * 10);
    world.hears_nothing();
    assert_eq!(world.told(), [], "it was connected all the while");
}

#[test]
fn rule_07_who_has_an_account_takes_over_no_other() {
    let mut world = World::new(Config::default());
    for (client, server) in [(1, SERVERS[0]), (2, SERVERS[1])] {
        world.ask_as(ClientId(client), register_at(server, "1000")).expect("an account");
        world.registers_at(server);
    }
    world.hand(Input::Command { client: ClientId(1), command: Command::ClientGone });
    world.hand(Input::Command { client: ClientId(2), command: Command::TakeOver(ClientId(1)) });
    world.told();
    world.ask_as(ClientId(2), Command::Unregister).expect("its own");
    world.pass(SECOND * 2);
    assert_eq!(world.told(), [Event::Unregistered(ConnectionId(2))]);
}
