//! How requests are read and answered: rules 1 to 4, 6 and 8, and part 3's additions.

use super::*;
use crate::api::RegisterFinalized;
use crate::command::{CallId, ConnectionId, Done, Refusal, RefusalCode};
use crate::event::{
    AccountSnapshot, AccountState, CallSnapshot, CallState, CallTold, CallType, HoldState, Side, Snapshot,
};

fn told() -> CallTold {
    CallTold {
        call: CallId(7),
        call_type: CallType::Incoming,
        from: "sip:603@pbx".into(),
        to: "sip:1000@pbx".into(),
        duration: Duration::ZERO,
        sip_error: 0,
        connection: ConnectionId(3),
        display_name: String::new(),
        sip_call_id: "abc@pbx".into(),
        headers: vec![("X-Case".into(), "9, \"10\"".into())],
    }
}

#[test]
fn rule_1_a_refusal_has_id_code_and_message() {
    let mut world = World::new();
    world.connect(CRM);
    let reply = world.ask(CRM, r#"{"id":{"n":[1.50]},"action":"startcall","number":"600"}"#);
    assert_eq!(reply["id"], serde_json::from_str::<Value>(r#"{"n":[1.5]}"#).expect("JSON"));
    assert_eq!(code(&reply), 602);
}

#[test]
fn rule_2_replies_are_spelt_as_the_contract_spells_them() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    let mut answered = |more: &str, action: &str, reply: Reply| {
        world.order(CRM, action, &token, more);
        world.server.handle_input(world.now, Input::Reply { client: CRM, reply });
        match world.server.poll_output() {
            Some(Output::Send { text, .. }) => text,
            other => panic!("{other:?}"),
        }
    };
    let register = r#","domain":"pbx","number":"1000","password":"pw1000""#;
    assert_eq!(
        answered(register, "sipregister", Ok(Done::Connection(ConnectionId(3)))),
        r#"{"id":1,"success":true,"data":{"connectionId":3}}"#
    );
    assert_eq!(
        answered(r#","number":"600""#, "startcall", Ok(Done::Call(CallId(7)))),
        r#"{"id":1,"success":true,"data":{"callId":7}}"#
    );
    assert_eq!(answered(r#","callid":7"#, "acceptcall", Ok(Done::Accepted)), r#"{"id":1,"success":true}"#);
    let refusal = Refusal { code: RefusalCode::NotRegistered, message: "no account is connected".into() };
    assert_eq!(
        answered("", "sipunregister", Err(refusal)),
        r#"{"id":1,"success":false,"error":{"code":601,"message":"no account is connected"}}"#
    );
}

#[test]
fn rule_2_an_id_comes_back_as_it_was_written() {
    let mut world = World::new();
    world.connect(CRM);
    for id in ["12345678901234567890123", "1.50", "null", "[ 1 ]", "\"\\u00e9\"", "-0"] {
        let text = alloc::format!(r#"{{"id":{id},"action":"nonsense"}}"#);
        world.server.handle_input(world.now, Input::Text { client: CRM, text: &text });
        match world.server.poll_output() {
            Some(Output::Send { text, .. }) => {
                assert!(text.starts_with(&alloc::format!(r#"{{"id":{id},"success":false,"#)), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(world.ask(CRM, r#"{"action":"nonsense"}"#).get("id").is_none());
}

#[test]
fn rule_2_every_member_of_an_event_is_always_there() {
    let mut server = Server::new(config(), Vec::new(), Dice::new([7; 32]));
    let (now, client) = (Instant::ZERO, CRM);
    let address = "127.0.0.1".parse().expect("an address");
    server.handle_input(now, Input::Connected { client, address, origin: None });
    let text = r#"{"action":"authenticate","user":"crm","password":"right"}"#;
    server.handle_input(now, Input::Text { client, text });
    server.handle_input(now, Input::PasswordChecked { client, fits: true });
    while server.poll_output().is_some() {}

    let mut written = |event: Event| {
        server.handle_input(now, Input::Event(event));
        match server.poll_output() {
            Some(Output::Send { text, .. }) => text,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        written(Event::NewCall(told())),
        r#"{"action":"event","name":"OnNewCall","data":{"callId":7,"type":"incoming","from":"sip:603@pbx","to":"sip:1000@pbx","duration":0,"SIPError":0,"connectionId":3,"displayName":"","sipCallId":"abc@pbx","headers":{"X-Case":"9, \"10\""}},"seq":1}"#
    );
    let id = ConnectionId(3);
    for (event, name, status) in [
        (Event::Registered(id), "OnSIPRegister", 0),
        (Event::Unregistered(id), "OnSIPUnRegister", 0),
        (Event::RegisterRefused(id, 403), "OnSIPRegisterRefused", 403),
        (Event::RegisterFinalized(id, 403), "OnSIPRegisterFinalized", 403),
        (Event::RegisterCancelled(id), "OnSIPRegisterCancelled", 487),
        (Event::RegisterExpired(id, 408), "OnSIPRegisterExpired", 408),
    ] {
        let frame = written(event);
        let start = alloc::format!(
            r#"{{"action":"event","name":"{name}","data":{{"connectionId":3,"SIPError":{status}}},"seq":"#
        );
        assert!(frame.starts_with(&start), "{frame}");
    }
    for (event, name) in [
        (Event::CallAccepted(told()), "OnAcceptCall"),
        (Event::CallFinalized(told()), "OnFinalizedCall"),
        (Event::CallTransferred(told()), "OnTransferredCall"),
    ] {
        let frame: Value = serde_json::from_str(&written(event)).expect("JSON");
        assert_eq!(frame["name"], name);
        assert_eq!(frame["data"].as_object().map(serde_json::Map::len), Some(10));
    }
    let call = CallId(7);
    for (event, name, data) in [
        (
            Event::CallProgress { call, status: 183, early_media: true },
            "OnCallProgress",
            r#","SIPError":183,"earlyMedia":true"#,
        ),
        (
            Event::Hold { call, hold: true, by: Side::Remote, sip_error: 0 },
            "OnHoldCall",
            r#","hold":true,"by":"remote","SIPError":0"#,
        ),
        (
            Event::Hold { call, hold: false, by: Side::Local, sip_error: 488 },
            "OnHoldCall",
            r#","hold":false,"by":"local","SIPError":488"#,
        ),
        (Event::TransferFailed { call, sip_error: 603 }, "OnTransferFailed", r#","SIPError":603"#),
        (Event::Dtmf { call, key: '#' }, "OnDTMF", r##","DTMF":"#""##),
        (Event::MediaLost(call), "OnMediaLost", ""),
        (Event::MediaBack(call), "OnMediaBack", ""),
    ] {
        let start =
            alloc::format!(r#"{{"action":"event","name":"{name}","data":{{"callId":7{data}}},"seq":"#);
        let frame = written(event);
        assert!(frame.starts_with(&start), "{frame}");
    }
}

#[test]
fn rule_3_what_has_not_the_right_format_is_100() {
    let mut world = World::new();
    world.connect(CRM);
    for text in [
        "",
        "{",
        "[]",
        "7",
        "\"action\"",
        "{\"action\":\"startcall\"} {}",
        "{}",
        r#"{"action":7}"#,
        r#"{"action":null}"#,
    ] {
        assert_eq!(code(&world.ask(CRM, text)), 100, "{text}");
    }
    world.hand(Input::Binary { client: CRM, bytes: b"{}" });
    assert_eq!(code(&world.take(CRM)), 100);
}

#[test]
fn rule_3_a_reply_with_100_carries_the_id_of_an_object_that_has_one() {
    let mut world = World::new();
    world.connect(CRM);
    assert_eq!(world.ask(CRM, r#"{"ID":"x","action":[]}"#)["id"], "x");
    assert!(world.ask(CRM, r#"["id"]"#).get("id").is_none());
}

#[test]
fn rule_3_an_unknown_action_is_102_before_anybody_asks_for_a_token() {
    let mut world = World::new();
    world.connect(CRM);
    for action in ["nonsense", "", "startcall ", "transfer", "setvolume", "joincalls"] {
        let reply = world.ask(CRM, &alloc::format!(r#"{{"action":"{action}"}}"#));
        assert_eq!(code(&reply), 102, "{action}");
    }
}

#[test]
fn rule_3_a_missing_or_wrong_token_is_602_before_parameters_are_read() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    world.connect(OTHER);
    for (client, member) in [
        (CRM, String::new()),
        (CRM, r#","token":"""#.into()),
        (CRM, r#","token":null"#.into()),
        (CRM, r#","token":7"#.into()),
        (CRM, r#","token":"00000000000000000000000000000000""#.into()),
        (CRM, alloc::format!(r#","token":"{}""#, &token[1..])),
        (OTHER, alloc::format!(r#","token":"{token}""#)),
    ] {
        let reply = world.ask(client, &alloc::format!(r#"{{"action":"startcall"{member}}}"#));
        assert_eq!(code(&reply), 602, "{member}");
        assert!(!reply.to_string().contains(&token), "a message never holds a token");
    }
}

#[test]
fn rule_3_rights_that_do_not_cover_the_action_are_602() {
    let mut world = World::new();
    let token = world.join(CRM, "listener");
    world.order(CRM, "startcall", &token, "");
    assert_eq!(code(&world.take(CRM)), 602);
    world.order(CRM, "getstate", &token, "");
    assert_eq!(world.take_commands(), [(CRM, Command::GetState)]);
}

#[test]
fn rule_3_a_bad_parameter_is_102_and_named() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    for (action, more, named) in [
        ("startcall", "", "number"),
        ("startcall", r#","number":null"#, "number"),
        ("acceptcall", r#","callid":"x""#, "callid"),
        ("finalizecall", r#","callid":1,"CallId":1"#, "callid"),
        ("sipregister", r#","domain":"d","number":"n""#, "password"),
        ("sethold", r#","callid":7"#, "hold"),
        ("sethold", r#","callid":7,"hold":1"#, "hold"),
        ("mutecall", r#","mute":true"#, "callid"),
        ("transferecall", r#","callid":7"#, "to"),
        ("senddtmf", r#","callid":7"#, "DTMF"),
        ("showui", "", "show"),
        ("sipregister", r#","domain":7,"number":"n","password":"p""#, "domain"),
    ] {
        world.order(CRM, action, &token, more);
        let reply = world.take(CRM);
        assert_eq!((code(&reply), &reply["id"]), (102, &Value::from(1)));
        assert!(reply["error"]["message"].as_str().is_some_and(|text| text.contains(named)), "{reply}");
    }
    assert!(world.take_commands().is_empty());
}

#[test]
fn rule_3_the_phone_too_busy_is_500_and_the_log_says_why() {
    let mut world = World::new();
    world.connect(CRM);
    world.send(CRM, r#"{"action":"authenticate","user":"crm","password":"right"}"#);
    world.hand(Input::PasswordUnchecked(CRM));
    assert_eq!(code(&world.take(CRM)), 500);
    assert_eq!(world.logged, ["too many passwords are being checked"]);
}

#[test]
fn rule_4_requests_are_answered_one_by_one_in_their_order() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    world.order(CRM, "startcall", &token, r#","number":"600""#);
    assert!(!world.server.may_read(CRM), "the next request waits in the socket");
    assert!(world.take_all(CRM).is_empty());

    world.reply(CRM, Ok(Done::Call(CallId(7))));
    world.tell(Event::NewCall(told()));
    assert!(world.server.may_read(CRM));
    let heard = world.take_all(CRM);
    assert_eq!((&heard[0]["data"]["callId"], &heard[1]["name"]), (&7.into(), &"OnNewCall".into()));
}

#[test]
fn rule_4_a_reply_that_nobody_waits_for_is_not_sent() {
    let mut world = World::new();
    world.join(CRM, "crm");
    world.reply(CRM, Ok(Done::Accepted));
    world.reply(OTHER, Ok(Done::Accepted));
    assert!(world.take_all(CRM).is_empty() && world.take_all(OTHER).is_empty());
}

#[test]
fn rule_6_every_authenticated_connection_hears_events_and_no_other() {
    let mut world = World::new();
    world.join(CRM, "crm");
    world.join(PAGE, "listener");
    world.connect(OTHER);
    world.tell(Event::Registered(ConnectionId(3)));
    assert_eq!(world.take(CRM), world.take(PAGE));
    assert!(world.take_all(OTHER).is_empty());
}

#[test]
fn rule_8_register_finalized_may_be_kept_to_failures() {
    let config = Config { register_finalized: RegisterFinalized::Failure, ..config() };
    let mut world = World::with(config);
    world.join(CRM, "crm");
    world.tell(Event::Registered(ConnectionId(3)));
    world.tell(Event::RegisterFinalized(ConnectionId(3), 0));
    world.tell(Event::RegisterFinalized(ConnectionId(3), 403));
    let heard = world.take_all(CRM);
    let told: Vec<_> = heard.iter().map(|frame| (&frame["name"], &frame["data"]["SIPError"])).collect();
    assert_eq!(told, [(&"OnSIPRegister".into(), &0.into()), (&"OnSIPRegisterFinalized".into(), &403.into())]);
}

#[test]
fn part_3_seq_counts_each_connection_s_events_from_1_without_gaps() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    world.tell(Event::Registered(ConnectionId(3)));
    world.join(PAGE, "crm");
    world.tell(Event::Unregistered(ConnectionId(3)));
    let seqs = |frames: Vec<Value>| frames.iter().map(|frame| frame["seq"].as_u64()).collect::<Vec<_>>();
    assert_eq!(seqs(world.take_all(CRM)), [Some(1), Some(2)]);
    assert_eq!(seqs(world.take_all(PAGE)), [Some(1)]);

    world.order(CRM, "getstate", &token, "");
    world.reply(CRM, Ok(Done::State(Snapshot::default())));
    assert_eq!(world.take(CRM)["data"]["seq"], 2);
}

#[test]
fn part_3_getstate_tells_accounts_calls_and_the_interface() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    world.order(CRM, "getstate", &token, "");
    let account = AccountSnapshot {
        connection: ConnectionId(3),
        number: "1000".into(),
        domain: "pbx:5070".into(),
        state: AccountState::Lost,
    };
    let answered = CallTold { duration: Duration::from_millis(1500), ..told() };
    let call = CallSnapshot { told: answered, state: CallState::Answered, hold: HoldState::Both, mute: true };
    world.reply(CRM, Ok(Done::State(Snapshot { accounts: vec![account], calls: vec![call] })));
    let expected = serde_json::from_str::<Value>(
        r#"{"seq":0,
            "accounts":[{"connectionId":3,"number":"1000","domain":"pbx:5070","state":"lost"}],
            "calls":[{"callId":7,"connectionId":3,"type":"incoming","state":"answered","hold":"both","mute":true,
                      "from":"sip:603@pbx","to":"sip:1000@pbx","duration":1500}],
            "interface":{"show":true},"audioDevices":[],"messageWaiting":[]}"#,
    );
    let mut data = world.take(CRM)["data"].take();
    let version = data.as_object_mut().and_then(|data| data.remove("version"));
    assert_eq!(version, Some(crate::api::VERSION.into()));
    assert_eq!(data, expected.expect("JSON"));
}

#[test]
fn rule_16_showui_is_kept_and_told_to_every_page_at_once_after_its_reply() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    world.join(PAGE, "listener");
    world.connect(OTHER);
    world.order(CRM, "showui", &token, r#","show":"false""#);
    let heard = world.take_all(CRM);
    assert_eq!((&heard[0]["success"], heard.len()), (&true.into(), 2));
    let event = serde_json::json!({"action": "event", "name": "OnShowUI", "data": {"show": false}, "seq": 1});
    assert_eq!(heard[1], event);
    assert_eq!(world.take(PAGE), event);
    assert!(world.take_all(OTHER).is_empty(), "who is not authenticated hears nothing");
    assert_eq!(world.shown, [false]);

    let token = world.authenticate(OTHER, "crm");
    world.order(OTHER, "getstate", &token, "");
    world.reply(OTHER, Ok(Done::State(Snapshot::default())));
    assert_eq!(world.take(OTHER)["data"]["interface"]["show"], false, "a page that opens later");
}

#[test]
fn rule_18_onshowui_is_sent_on_every_showui() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    for _ in 0..2 {
        world.order(CRM, "showui", &token, r#","show":true"#);
        assert_eq!(world.take_all(CRM)[1]["name"], "OnShowUI");
    }
    assert_eq!(world.shown, [true; 2]);
}

#[test]
fn a_call_that_is_muted_is_told_in_the_shape_of_getstate() {
    let mut world = World::new();
    world.join(CRM, "crm");
    world.tell(Event::Muted { call: CallId(7), mute: true });
    let data = serde_json::json!({"calls": [{"callId": 7, "mute": true}]});
    assert_eq!(
        world.take(CRM),
        serde_json::json!({"action": "event", "name": "OnStateChanged", "data": data, "seq": 1})
    );
}

#[test]
fn accounts_that_are_left_are_told_in_the_shape_of_getstate() {
    let mut world = World::new();
    world.join(CRM, "crm");
    let (number, domain) = ("1000".into(), "pbx.example".into());
    let connection = ConnectionId(3);
    let left = AccountSnapshot { connection, number, domain, state: AccountState::Connected };
    world.tell(Event::AccountsLeft(vec![left]));
    let left = serde_json::json!({"connectionId": 3, "number": "1000", "domain": "pbx.example", "state": "connected"});
    assert_eq!(
        world.take(CRM),
        serde_json::json!({"action": "event", "name": "OnStateChanged", "data": {"accounts": [left]}, "seq": 1})
    );
}

#[test]
fn levels_are_told_to_those_who_asked_as_long_as_they_want_them() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    world.join(PAGE, "listener");
    let level = Event::AudioLevel { call: CallId(7), capture_dbfs: -6, playback_dbfs: -96 };
    for (watch, heard) in [(true, 1), (false, 0)] {
        world.order(CRM, "watchlevels", &token, &alloc::format!(r#","watch":{watch}"#));
        world.reply(CRM, Ok(Done::Accepted));
        assert_eq!(world.take(CRM)["success"], true);
        world.tell(level.clone());
        assert_eq!(world.take_all(CRM).len(), heard);
        assert!(world.take_all(PAGE).is_empty());
    }
    let asked = [true, false].map(|watch| (CRM, Command::WatchLevels(watch)));
    assert_eq!(world.take_commands(), asked);

    world.tell(Event::MediaLost(CallId(7)));
    assert_eq!(world.take(CRM)["seq"], 2, "an event that another client hears leaves no gap");
    assert_eq!(world.take(PAGE)["seq"], 1);
}
