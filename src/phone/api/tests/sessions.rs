//! Who is let in, for how long, and what a lost connection leaves: rules 3, 5, 6, 7 and 14.

use super::*;
use crate::command::{ConnectionId, Done};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn rule_5_a_token_has_128_random_bits_in_hex() {
    let mut world = World::new();
    let first = world.join(CRM, "crm");
    let second = world.authenticate(CRM, "crm");
    assert_ne!(first, second);
    assert!(first.len() == 32 && first.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn rule_5_several_tokens_live_on_one_connection_and_logout_voids_one() {
    let mut world = World::new();
    let first = world.join(CRM, "crm");
    let second = world.authenticate(CRM, "crm");
    world.order(CRM, "logout", &first, "");
    assert_eq!(world.take(CRM)["success"], true);
    world.order(CRM, "getstate", &first, "");
    assert_eq!(code(&world.take(CRM)), 602);
    world.tell(Event::Registered(ConnectionId(3)));
    assert_eq!(world.take(CRM)["name"], "OnSIPRegister");
    world.order(CRM, "getstate", &second, "");
    assert_eq!(world.take_commands(), [(CRM, Command::GetState)]);
}

#[test]
fn rule_5_a_connection_left_without_token_hears_nothing_more() {
    let mut world = World::new();
    let token = world.join(CRM, "listener");
    world.order(CRM, "logout", &token, "");
    assert_eq!(world.take(CRM)["success"], true);
    world.tell(Event::Registered(ConnectionId(3)));
    assert!(world.take_all(CRM).is_empty());
    assert!(world.take_commands().is_empty(), "accounts stay");
}

#[test]
fn rule_5_a_page_that_reloads_goes_on_with_all_its_tokens_and_its_account() {
    let mut world = World::new();
    let first = world.join(CRM, "crm");
    let second = world.authenticate(CRM, "crm");
    world.hand(Input::Closed(CRM));
    world.pass(59 * SECOND);
    world.connect(PAGE);
    world.order(PAGE, "getstate", &first, "");
    let gone = (CRM, Command::ClientGone);
    assert_eq!(world.take_commands(), [gone, (PAGE, Command::TakeOver(CRM)), (PAGE, Command::GetState)]);
    world.reply(PAGE, Ok(Done::Accepted));
    assert_eq!(world.take(PAGE)["success"], true);

    world.tell(Event::Registered(ConnectionId(3)));
    assert_eq!(world.take(PAGE)["seq"], 1);
    world.order(PAGE, "getstate", &second, "");
    assert_eq!(world.take_commands(), [(PAGE, Command::GetState)], "taken over once");
}

#[test]
fn rule_5_a_closed_connection_s_token_is_good_for_60_s_only() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    world.hand(Input::Closed(CRM));
    world.pass(60 * SECOND);
    world.connect(PAGE);
    world.order(PAGE, "getstate", &token, "");
    assert_eq!(code(&world.take(PAGE)), 602);
}

#[test]
fn rule_5_a_closed_connection_s_token_is_good_from_its_own_address_and_origin_only() {
    let mut world = World::new();
    world.connect_from(CRM, "10.0.0.1", Some("https://crm.example"));
    let token = world.authenticate(CRM, "crm");
    world.hand(Input::Closed(CRM));
    let strangers = [
        ("10.0.0.2", Some("https://crm.example")),
        ("10.0.0.1", None),
        ("10.0.0.1", Some("http://localhost")),
    ];
    for (number, (address, origin)) in (10..).zip(strangers) {
        world.connect_from(ClientId(number), address, origin);
        world.order(ClientId(number), "getstate", &token, "");
        assert_eq!(code(&world.take(ClientId(number))), 602);
    }
    world.take_commands();
    world.connect_from(PAGE, "::ffff:10.0.0.1", Some("https://crm.example"));
    world.order(PAGE, "getstate", &token, "");
    assert_eq!(world.take_commands()[0], (PAGE, Command::TakeOver(CRM)));
}

#[test]
fn this_machine_is_one_address_whichever_of_its_own_a_program_comes_from() {
    let mut world = World::new();
    world.connect_from(CRM, "127.0.0.1", Some("http://localhost"));
    let token = world.authenticate(CRM, "crm");
    world.hand(Input::Closed(CRM));
    world.take_commands();
    // `localhost` is either.
    world.connect_from(PAGE, "::1", Some("http://localhost"));
    world.order(PAGE, "getstate", &token, "");
    assert_eq!(world.take_commands()[0], (PAGE, Command::TakeOver(CRM)));

    for (number, address) in (10..).zip(["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.3"]) {
        world.connect_from(ClientId(number), address, None);
        world.fail(ClientId(number));
    }
    assert!(world.take_all(ClientId(13)).is_empty(), "the fourth failure is answered later");
}

#[test]
fn rule_5_a_token_is_not_good_on_another_connection_while_its_own_lives() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    world.connect(PAGE);
    world.order(PAGE, "getstate", &token, "");
    assert_eq!(code(&world.take(PAGE)), 602);
}

#[test]
fn rule_5_a_program_that_authenticates_for_ever_does_not_grow_the_phone() {
    let mut world = World::new();
    let first = world.join(CRM, "crm");
    let tokens: Vec<String> = (0..100).map(|_| world.authenticate(CRM, "crm")).collect();
    world.order(CRM, "getstate", &first, "");
    assert_eq!(code(&world.take(CRM)), 602);
    world.order(CRM, "getstate", &tokens[99], "");
    assert_eq!(world.take_commands(), [(CRM, Command::GetState)]);
}

#[test]
fn rule_3_a_wrong_user_or_password_is_600_and_both_cost_a_check() {
    let mut world = World::new();
    world.connect(CRM);
    for (name, hash) in [("crm", Some("$argon2id$crm")), ("nobody", None), ("CRM", None)] {
        world
            .send(CRM, &alloc::format!(r#"{{"action":"authenticate","user":"{name}","password":"geheim"}}"#));
        let asked = &world.checks[0];
        assert_eq!((asked.1.expose(), asked.2.as_ref().map(Secret::expose)), ("geheim", hash));
        world.answer_check(CRM, false);
        let reply = world.take(CRM);
        assert_eq!(code(&reply), 600);
        assert!(!reply.to_string().contains("geheim"));
    }
}

#[test]
fn rule_3_a_check_that_fits_nobody_lets_nobody_in() {
    let mut world = World::new();
    world.connect(CRM);
    world.send(CRM, r#"{"action":"authenticate","user":"nobody","password":"right"}"#);
    world.answer_check(CRM, true);
    assert_eq!(code(&world.take(CRM)), 600);
}

#[test]
fn rule_14_an_origin_that_this_user_may_not_come_from_is_600() {
    let mut world = World::new();
    world.connect_from(PAGE, "127.0.0.1", Some("https://crm.example"));
    world.send(PAGE, r#"{"action":"authenticate","user":"listener","password":"right"}"#);
    world.answer_check(PAGE, true);
    assert_eq!(code(&world.take(PAGE)), 600);
    world.authenticate(PAGE, "crm");
}

#[test]
fn rule_14_from_the_fourth_failure_answers_wait_and_a_right_password_never_does() {
    let mut world = World::new();
    world.connect(CRM);
    world.connect(PAGE);
    for _ in 0..3 {
        world.fail(CRM);
        assert_eq!(code(&world.take(CRM)), 600);
    }
    for delay_ms in [250, 500, 1000, 2000, 4000, 8000, 8000] {
        world.fail(CRM);
        assert!(!world.server.may_read(CRM));
        world.authenticate(PAGE, "crm");
        world.pass(Duration::from_millis(delay_ms - 1));
        assert!(world.take_all(CRM).is_empty(), "{delay_ms}");
        world.pass(Duration::from_millis(1));
        assert_eq!(code(&world.take(CRM)), 600);
    }
}

#[test]
fn rule_14_other_addresses_are_not_slowed_down() {
    let mut world = World::new();
    world.connect_from(CRM, "10.0.0.1", None);
    world.connect_from(OTHER, "10.0.0.2", None);
    for _ in 0..4 {
        world.fail(CRM);
    }
    world.fail(OTHER);
    assert_eq!(code(&world.take(OTHER)), 600);
}

#[test]
fn rule_14_a_guesser_who_closes_before_the_answer_is_counted_too() {
    let mut world = World::new();
    for number in 10..13 {
        world.connect(ClientId(number));
        world.send(ClientId(number), r#"{"action":"authenticate","user":"crm","password":"wrong"}"#);
        world.hand(Input::Closed(ClientId(number)));
        world.answer_check(ClientId(number), false);
    }
    world.connect(CRM);
    world.fail(CRM);
    assert!(world.take_all(CRM).is_empty());
    world.pass(Duration::from_millis(250));
    assert_eq!(code(&world.take(CRM)), 600);
}

#[test]
fn rule_14_password_checks_under_way_are_bounded() {
    let mut world = World::new();
    for number in 10..75 {
        world.connect(ClientId(number));
        world.send(ClientId(number), r#"{"action":"authenticate","user":"crm","password":"wrong"}"#);
        if number < 74 {
            world.hand(Input::Closed(ClientId(number)));
        }
    }
    assert_eq!(code(&world.take(ClientId(74))), 500);
}

#[test]
fn rule_7_a_lost_connection_is_told_to_call_control_if_it_was_ever_let_in() {
    let mut world = World::new();
    world.join(CRM, "crm");
    world.connect(OTHER);
    world.hand(Input::Closed(OTHER));
    world.hand(Input::Closed(CRM));
    world.hand(Input::Closed(CRM));
    assert_eq!(world.take_commands(), [(CRM, Command::ClientGone)]);
}

#[test]
fn rule_7_a_silent_connection_from_afar_is_pinged_after_20_s_and_lost_20_s_later() {
    let mut world = World::new();
    world.connect_from(PAGE, "10.0.0.1", None);
    world.authenticate(PAGE, "crm");
    world.pass(19 * SECOND);
    world.hand(Input::Heard(PAGE));
    world.pass(Duration::from_millis(19_999));
    assert!(world.pings.is_empty());
    world.pass(Duration::from_millis(1));
    assert_eq!(world.pings, [PAGE]);
    world.hand(Input::Heard(PAGE));
    world.pass(20 * SECOND);
    assert_eq!(world.pings, [PAGE, PAGE]);
    world.pass(20 * SECOND);
    assert_eq!(world.disconnected, [(PAGE, None)]);
    assert_eq!(world.take_commands(), [(PAGE, Command::ClientGone)]);
}

#[test]
fn rule_7_a_connection_whose_request_is_in_flight_is_not_silent() {
    let mut world = World::new();
    world.connect_from(PAGE, "10.0.0.1", None);
    let token = world.authenticate(PAGE, "crm");
    world.order(PAGE, "getstate", &token, "");
    world.pass(60 * SECOND);
    assert!(world.pings.is_empty() && world.disconnected.is_empty());
}

#[test]
fn rule_7_a_loopback_connection_costs_no_wake_up() {
    let mut world = World::new();
    world.join(CRM, "crm");
    assert_eq!(world.server.poll_timeout(), None);
}

#[test]
fn rule_6_output_that_waits_for_10_s_ends_the_connection() {
    let mut world = World::new();
    world.join(CRM, "crm");
    world.hand(Input::Waiting(CRM, true));
    world.pass(5 * SECOND);
    world.hand(Input::Waiting(CRM, false));
    world.pass(6 * SECOND);
    assert!(world.disconnected.is_empty(), "it has read meanwhile");
    world.hand(Input::Waiting(CRM, true));
    world.pass(10 * SECOND);
    assert_eq!(world.disconnected, [(CRM, None)]);
}

#[test]
fn rule_6_when_events_are_lost_clients_start_anew() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    world.order(CRM, "getstate", &token, "");
    world.take_commands();
    world.hand(Input::Overrun);
    assert_eq!(world.disconnected, [(CRM, Some(CloseCode::TryAgainLater))]);
    assert_eq!(world.take_commands(), [(CRM, Command::ClientGone)]);
    world.reply(CRM, Ok(Done::Accepted));
    assert!(world.take_all(CRM).is_empty());
}

#[test]
fn a_phone_that_ends_says_good_bye_to_every_client() {
    let mut world = World::new();
    world.join(CRM, "crm");
    world.connect(PAGE);
    world.hand(Input::Stop);
    let code = Some(CloseCode::GoingAway);
    assert_eq!(world.disconnected, [(CRM, code), (PAGE, code)]);
}
