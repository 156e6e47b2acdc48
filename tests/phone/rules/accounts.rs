//! Whose accounts there are, and how their servers are written: rules 7 and 13. That a silent connection from afar is
//! pinged and given up is told in src/phone/api/tests/sessions.rs; which servers a name has, in src/sip.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stage::{Ear, Peer, Phone, Program, Stage};

/// `sipregister` with this besides: its account is disconnected when the connection is lost.
fn autodisconnecting(peer: &Peer) -> Value {
    let mut account = peer.account();
    account["autodisconnect"] = true.into();
    account
}

fn accounts(program: &mut Program) -> Value {
    program.asks("getstate", json!({}))["accounts"].clone()
}

#[test]
fn rule_07_accounts_of_programs_and_of_the_configuration_are_connected_at_once() {
    let mut stage = Stage::new();
    let mut configured = Peer::new();
    stage.phone = Phone::start(&configured.section());
    let mut programs = [stage.phone.program(), stage.phone.program()];
    configured.registers(600);
    let mut peers = [Peer::new(), Peer::new()];
    for program in &mut programs {
        let id = program.hears("OnSIPRegister")["connectionId"].clone();
        assert_eq!(program.hears("OnSIPRegisterFinalized")["connectionId"], id);
    }
    for at in 0..2 {
        let id = programs[at].registers(&mut peers[at]);
        programs[1 - at].hears_of_registration(&id);
    }
    let told = accounts(&mut programs[0]);
    let told: Vec<(&str, &str)> = told
        .as_array()
        .expect("a list")
        .iter()
        .map(|account| (account["domain"].as_str().expect("text"), account["state"].as_str().expect("text")))
        .collect();
    let domains = [&configured, &peers[0], &peers[1]].map(|peer| peer.address().to_string());
    assert_eq!(told, domains.each_ref().map(|domain| (domain.as_str(), "connected")));
}

#[test]
fn rule_07_the_same_account_is_adopted_with_its_id_and_its_calls_and_all_hear_so() {
    let mut stage = Stage::with("[api]\nautodisconnect_seconds = 0\n");
    let id = stage.registers(3600);
    let (_, call) = stage.is_called("ada", &Ear::new());
    let mut heir = stage.phone.program();
    // Written otherwise, the same after rule 13.
    let domain = format!("sip:{};transport=UDP", stage.peer.address());
    let account =
        json!({ "domain": domain, "number": "1000", "password": "pw1000", "autodisconnect": "true" });
    assert_eq!(heir.asks("sipregister", account)["connectionId"], id);
    heir.hears_of_registration(&id);
    stage.program.hears_of_registration(&id);
    stage.peer.hears_no_more(stage.phone.sip);
    heir.asks("acceptcall", json!({ "callid": call["callId"] }));
    stage.peer.hears("200");
    stage.program.hears("OnAcceptCall");

    // It is the heir's now, as the heir wants it: it goes with its connection.
    assert_eq!(stage.program.is_refused("sipunregister", json!({})), 601);
    drop(heir);
    stage.peer.unbinds();
    assert_eq!(stage.program.hears("OnSIPUnRegister")["connectionId"], id);
}

#[test]
fn rule_07_an_adopter_without_autodisconnect_keeps_the_account_beyond_the_first_ones_connection() {
    let mut stage = Stage::with("[api]\nautodisconnect_seconds = 0\n");
    let mut first = stage.phone.program();
    let id = first.asks("sipregister", autodisconnecting(&stage.peer))["connectionId"].clone();
    stage.peer.registers(3600);
    stage.program.hears_of_registration(&id);
    assert_eq!(stage.program.asks("sipregister", stage.peer.account())["connectionId"], id);
    stage.program.hears_of_registration(&id);
    let token = first.token.clone();
    drop(first);
    stage.phone.program_again(&token);
    stage.program.hears_no_more();
    stage.peer.hears_no_more(stage.phone.sip);
}

#[test]
fn rule_07_an_account_that_is_registering_is_adopted_without_a_second_binding() {
    let mut stage = Stage::new();
    let mut heir = stage.phone.program();
    let id = stage.program.asks("sipregister", stage.peer.account())["connectionId"].clone();
    let register = stage.peer.hears("REGISTER");
    assert_eq!(heir.asks("sipregister", stage.peer.account())["connectionId"], id);
    stage.peer.binds(&register, 3600);
    heir.hears_of_registration(&id);
    stage.program.hears_of_registration(&id);
    stage.peer.hears_no_more(stage.phone.sip);
    heir.hears_no_more();
}

#[test]
fn rule_07_an_account_that_is_lost_is_tried_again_when_it_is_adopted() {
    let mut stage = Stage::new();
    let id = stage.program.asks("sipregister", stage.peer.account())["connectionId"].clone();
    let register = stage.peer.hears("REGISTER");
    stage.peer.answers(&register, "500 Server Internal Error");
    assert_eq!(stage.program.hears("OnSIPRegisterExpired")["connectionId"], id);
    stage.program.hears("OnSIPRegisterFinalized");

    let mut heir = stage.phone.program();
    assert_eq!(heir.asks("sipregister", stage.peer.account())["connectionId"], id);
    stage.peer.registers(3600);
    heir.hears_of_registration(&id);
    stage.program.hears_of_registration(&id);
}

#[test]
fn rule_07_a_changed_password_is_tried() {
    let mut stage = Stage::new();
    let id = stage.registers(3600);
    let mut account = stage.peer.account();
    account["password"] = "pw1001".into();
    assert_eq!(stage.program.asks("sipregister", account)["connectionId"], id);
    let register = stage.peer.hears("REGISTER");
    stage.peer.challenges(&register, "anew");
    let signed = stage.peer.hears("REGISTER");
    assert!(signed.field("Authorization").contains("nonce=\"anew\""), "{}", signed.text);
    stage.peer.binds(&signed, 3600);
    stage.program.hears_of_registration(&id);
}

#[test]
fn rule_07_a_configured_account_that_was_refused_is_adopted_too_for_it_is_tried_again() {
    let mut peer = Peer::new();
    let phone = Phone::start(&peer.section());
    let mut program = phone.program();
    let register = peer.hears("REGISTER");
    peer.answers(&register, "403 Forbidden");
    let id = program.hears("OnSIPRegisterRefused")["connectionId"].clone();
    program.hears("OnSIPRegisterFinalized");
    let mut account = peer.account();
    for password in ["pw1000", "pw1001"] {
        account["password"] = password.into();
        assert_eq!(program.asks("sipregister", account.clone())["connectionId"], id);
        peer.registers(3600);
        program.hears_of_registration(&id);
    }
    assert_eq!(accounts(&mut program).as_array().map(Vec::len), Some(1));
}

#[test]
fn rule_07_another_account_replaces_the_connections_own_which_is_unregistered_first() {
    let mut stage = Stage::new();
    let old = stage.registers(3600);
    let (_, call) = stage.is_called("ada", &Ear::new());
    let mut other = Peer::new();
    let new = stage.program.asks("sipregister", other.account())["connectionId"].clone();
    assert_ne!(new, old);
    assert_eq!(stage.program.hears("OnSIPUnRegister"), json!({ "connectionId": old, "SIPError": 0 }));
    stage.peer.unbinds();
    // Its ringing calls end with it.
    let ended = stage.program.hears("OnFinalizedCall");
    assert_eq!((&ended["callId"], &ended["SIPError"]), (&call["callId"], &json!(480)));
    stage.peer.hears("480");
    other.registers(3600);
    stage.program.hears_of_registration(&new);
    stage.program.hears_no_more();
}

#[test]
fn rule_07_the_old_accounts_end_is_told_before_the_new_ones_beginning_though_its_server_is_slower() {
    let mut stage = Stage::new();
    let old = stage.registers(3600);
    let mut other = Peer::new();
    let new = stage.program.asks("sipregister", other.account())["connectionId"].clone();
    let farewell = stage.peer.hears("REGISTER");
    other.registers(3600);
    other.asks_for_options(stage.phone.sip);
    stage.peer.answers(&farewell, "200 OK");
    assert_eq!(stage.program.hears("OnSIPUnRegister")["connectionId"], old);
    stage.program.hears_of_registration(&new);
}

#[test]
fn rule_07_a_pending_account_that_is_replaced_is_cancelled() {
    let mut stage = Stage::new();
    let old = stage.program.asks("sipregister", stage.peer.account())["connectionId"].clone();
    stage.peer.hears("REGISTER");
    let mut other = Peer::new();
    let new = stage.program.asks("sipregister", other.account())["connectionId"].clone();
    let cancelled = json!({ "connectionId": old, "SIPError": 487 });
    assert_eq!(stage.program.hears("OnSIPRegisterCancelled"), cancelled);
    assert_eq!(stage.program.hears("OnSIPRegisterFinalized"), cancelled);
    other.registers(3600);
    stage.program.hears_of_registration(&new);
    stage.program.hears_no_more();
}

#[test]
fn rule_07_a_call_goes_out_by_the_own_account_else_the_latest_of_a_program_else_the_default() {
    let mut servers = [Peer::new(), Peer::new()];
    let default = format!("{}default = true\n", servers[1].section());
    let phone = Phone::start(&[servers[0].section(), default].concat());
    let mut first = phone.program();
    let mut second = phone.program();
    let mut third = phone.program();
    assert_eq!(third.is_refused("startcall", json!({ "number": "600" })), 601);
    servers[1].registers(3600);
    servers[0].registers(3600);
    for _ in 0..4 {
        third.event();
    }
    let calls = |program: &mut Program, peer: &mut Peer| {
        program.asks("startcall", json!({ "number": "600" }));
        let invite = peer.hears("INVITE");
        peer.answers(&invite, "404 Not Found");
        peer.hears("ACK");
    };
    calls(&mut third, &mut servers[1]);

    let mut peers = [Peer::new(), Peer::new()];
    for (program, peer) in [&mut first, &mut second].into_iter().zip(&mut peers) {
        program.asks("sipregister", peer.account());
        peer.registers(3600);
        peer.asks_for_options(phone.sip);
    }
    calls(&mut first, &mut peers[0]);
    calls(&mut second, &mut peers[1]);
    calls(&mut third, &mut peers[1]);
}

#[test]
fn rule_07_where_the_default_account_is_not_connected_no_other_of_the_configuration_stands_in_for_it() {
    let mut servers = [Peer::new(), Peer::new()];
    let default = format!("{}default = true\n", servers[1].section());
    let phone = Phone::start(&[servers[0].section(), default].concat());
    let mut program = phone.program();
    servers[0].registers(3600);
    let other = program.hears("OnSIPRegister")["connectionId"].clone();
    assert_eq!(program.is_refused("startcall", json!({ "number": "600" })), 601);
    program.asks("startcall", json!({ "number": "600", "connectionId": other }));
    servers[0].hears("INVITE");
}

#[test]
fn rule_07_sipunregister_takes_the_own_account_else_the_latest_whose_connection_is_gone() {
    let mut stage = Stage::new();
    stage.registers(3600);
    let mut orphaned: Vec<(Value, Peer)> = Vec::new();
    for _ in 0..2 {
        let mut peer = Peer::new();
        let mut program = stage.phone.program();
        orphaned.push((program.registers(&mut peer), peer));
        let token = program.token.clone();
        drop(program);
        // The phone has seen the close once the token is good elsewhere; that one must not keep the account.
        drop(stage.phone.program_again(&token));
    }
    let mut stranger = stage.phone.program();
    while let Some((id, mut peer)) = orphaned.pop() {
        // The last connection's close may not have been seen yet.
        let until = Instant::now() + crate::stage::PATIENCE;
        while stranger.request("sipunregister", json!({})).is_err() {
            assert!(Instant::now() < until, "{id} has nobody");
        }
        peer.unbinds();
        assert_eq!(stranger.hears("OnSIPUnRegister")["connectionId"], id);
    }
    assert_eq!(stranger.is_refused("sipunregister", json!({})), 601, "the program has its own");
    stage.program.asks("sipunregister", json!({}));
    stage.peer.unbinds();
}

#[test]
fn rule_07_a_lost_connections_account_stays_unless_it_wants_to_go_after_3_s_without_an_adopter() {
    let mut stage = Stage::new();
    let mut peers = [Peer::new(), Peer::new(), Peer::new()];
    let mut programs: Vec<Program> = peers
        .iter_mut()
        .enumerate()
        .map(|(number, peer)| {
            let mut program = stage.phone.program();
            let goes = number < 2;
            let account = if goes { autodisconnecting(peer) } else { peer.account() };
            let id = program.asks("sipregister", account)["connectionId"].clone();
            peer.registers(3600);
            stage.program.hears_of_registration(&id);
            program
        })
        .collect();
    let closed = Instant::now();
    programs.clear();
    // One of the two that want to go is adopted in time.
    let adopted = stage.program.asks("sipregister", autodisconnecting(&peers[1]))["connectionId"].clone();
    stage.program.hears_of_registration(&adopted);
    peers[0].unbinds();
    assert!(closed.elapsed() >= Duration::from_secs(3), "{:?}", closed.elapsed());
    stage.program.hears("OnSIPUnRegister");
    stage.program.hears_no_more();
    peers[1].hears_no_more(stage.phone.sip);
    peers[2].hears_no_more(stage.phone.sip);
    assert_eq!(accounts(&mut stage.program).as_array().map(Vec::len), Some(2));
}

#[test]
fn rule_07_a_page_that_reloads_in_time_keeps_an_account_that_would_go_with_its_connection() {
    let mut stage = Stage::new();
    let mut peers = [Peer::new(), Peer::new()];
    let [(page, kept), (other, lost)] = peers.each_mut().map(|peer| {
        let mut program = stage.phone.program();
        let id = program.asks("sipregister", autodisconnecting(peer))["connectionId"].clone();
        peer.registers(3600);
        stage.program.hears_of_registration(&id);
        (program, id)
    });
    let token = page.token.clone();
    drop(page);
    drop(other);
    let mut page = stage.phone.program_again(&token);
    // The other's, which was lost after it, goes.
    peers[1].unbinds();
    for program in [&mut stage.program, &mut page] {
        assert_eq!(program.hears("OnSIPUnRegister")["connectionId"], lost);
        program.hears_no_more();
    }
    assert_eq!(accounts(&mut page)[0]["connectionId"], kept);
    page.asks("sipunregister", json!({}));
    peers[0].unbinds();
    assert_eq!(page.hears("OnSIPUnRegister")["connectionId"], kept);
}

#[test]
fn rule_07_a_call_that_rings_ends_with_480_when_its_account_goes_with_a_connection() {
    let mut stage = Stage::with("[api]\nautodisconnect_seconds = 0\n");
    let mut page = stage.phone.program();
    let id = page.asks("sipregister", autodisconnecting(&stage.peer))["connectionId"].clone();
    stage.peer.registers(3600);
    stage.program.hears_of_registration(&id);
    let (_, call) = stage.is_called("ada", &Ear::new());
    drop(page);
    let ended = stage.program.hears("OnFinalizedCall");
    assert_eq!((&ended["callId"], &ended["SIPError"]), (&call["callId"], &json!(480)));
    stage.peer.hears("480");
    stage.peer.unbinds();
    assert_eq!(stage.program.hears("OnSIPUnRegister")["connectionId"], id);
}

#[test]
fn rule_07_answered_calls_go_on_without_their_account_and_ringing_ones_end_with_480() {
    let mut stage = Stage::registered();
    let mut answered = stage.accepts(&Ear::new());
    // Which is held for the next one (rule 17); nobody answers that.
    let (out, invite) = stage.dials();
    stage.rings(&invite);
    let (_, incoming) = stage.is_called("bob", &Ear::new());
    stage.program.hears_no_more();

    stage.program.asks("sipunregister", json!({}));
    for call in [json!(out), incoming["callId"].clone()] {
        let ended = stage.program.hears("OnFinalizedCall");
        assert_eq!((&ended["callId"], &ended["SIPError"]), (&call, &json!(480)));
    }
    stage.peer.hears("CANCEL");
    stage.peer.hears("480");
    stage.peer.unbinds();
    stage.program.hears("OnSIPUnRegister");
    let calls = stage.program.asks("getstate", json!({}))["calls"].clone();
    assert_eq!(calls.as_array().map(Vec::len), Some(1));
    assert_eq!(calls[0]["callId"], answered.id);
    stage.is_hung_up(&mut answered);
}

#[test]
fn rule_07_a_call_for_one_of_two_domains_that_one_server_has_is_for_the_account_of_that_domain() {
    let phone = Phone::start("");
    let mut programs = [phone.program(), phone.program()];
    let mut peer = Peer::new();
    let port = peer.address().port();
    let ids = ["127.0.0.1", "localhost"].map(|host| {
        let account = json!({ "domain": format!("{host}:{port}"), "number": "1000", "password": "pw1000" });
        let [program, other] = &mut programs;
        let id = program.asks("sipregister", account)["connectionId"].clone();
        let register = peer.hears("REGISTER");
        peer.binds(&register, 3600);
        program.hears_of_registration(&id);
        other.hears_of_registration(&id);
        programs.rotate_left(1);
        id
    });
    for (name, host) in [("one", "127.0.0.1"), ("two", "localhost"), ("three", "127.0.0.1")] {
        let mut dialog = peer.dialog_with(phone.sip, name);
        dialog.to = format!("<sip:1000@{host}>");
        let contact = peer.contact();
        peer.sends_in(&mut dialog, "INVITE", &contact, &Ear::new().sdp());
        peer.hears_of("180", name);
        let id = &ids[usize::from(host == "localhost")];
        assert_eq!(&programs[0].hears("OnNewCall")["connectionId"], id, "{host}");
    }
}

#[test]
fn rule_13_a_domain_is_a_host_with_or_without_port_or_a_sip_uri() {
    let phone = Phone::start("");
    let mut program = phone.program();
    let mut peer = Peer::new();
    let (address, port) = (peer.address(), peer.address().port());
    for domain in [
        address.to_string(),
        format!("localhost:{port}"),
        format!("sip:{address}"),
        format!("SIP:{address};transport=udp"),
        format!("{address};Transport=UDP"),
    ] {
        let account = json!({ "domain": domain, "number": "1000", "password": "pw1000" });
        let id = program.asks("sipregister", account)["connectionId"].clone();
        let register = peer.hears("REGISTER");
        peer.binds(&register, 3600);
        program.hears_of_registration(&id);
        program.asks("sipunregister", json!({}));
        peer.unbinds();
        program.hears("OnSIPUnRegister");
    }
}

#[test]
fn rule_13_a_domain_may_be_an_ipv6_address() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return println!("skipped: this machine has no IPv6");
    }
    let phone = Phone::start("[sip]\nlisten = [\"[::1]:0\"]\n");
    let mut program = phone.program();
    let mut peer = Peer::at("::1");
    assert!(peer.address().to_string().starts_with("[::1]:"));
    program.registers(&mut peer);
}

#[test]
fn rule_13_what_cannot_be_reached_is_102() {
    let phone = Phone::start("");
    let mut program = phone.program();
    for domain in
        ["", "a b", "pbx:0", "pbx:x", "::1", "sips:pbx", "pbx;transport=tcp", "pbx;transport=tls", "u@pbx"]
    {
        let account = json!({ "domain": domain, "number": "1000", "password": "pw1000" });
        assert_eq!(program.is_refused("sipregister", account), 102, "{domain}");
    }
}

#[test]
fn rule_03_an_account_that_nobody_could_have_is_102_and_costs_nothing() {
    let mut stage = Stage::registered();
    for number in [String::new(), "10\r\n00".into(), "1000\u{0}".into(), "1".repeat(20_000)] {
        let mut account = stage.peer.account();
        account["number"] = number.into();
        assert_eq!(stage.program.is_refused("sipregister", account.clone()), 102, "{account}");
    }
    stage.program.hears_no_more();
    stage.peer.hears_no_more(stage.phone.sip);
    assert_eq!(accounts(&mut stage.program)[0]["state"], "connected");
}
