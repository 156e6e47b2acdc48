// One call: who, how it stands, its sound, and what can be done with it.

import { fromTemplate, part, setText } from "./dom.js";
import { fillKeypad } from "./keypad.js";
import { attempt } from "./notices.js";
import { callState, caller, duration, reason } from "./wording.js";

/** The longest run of keys that is shown. */
const KEYS_SHOWN = 32;

/** The card of a call, for a `KeyedList`. */
export function callCard(session, { callId }) {
    const element = fromTemplate("call-card");
    const at = (name) => part(element, name);
    let call = null;

    const ask = (action, parameters) => attempt(session.ask(action, { callid: callId, ...parameters }));
    at("answer").addEventListener("click", () => ask("acceptcall"));
    at("end").addEventListener("click", () => ask("finalizecall"));
    at("hold").addEventListener("click", () => ask("sethold", { hold: !call.isHeldHere }));
    at("mute").addEventListener("click", () => ask("mutecall", { mute: !call.mute }));

    const sent = at("sent");
    const press = async (key) => {
        if (await ask("senddtmf", { DTMF: key })) setText(sent, (sent.textContent + key).slice(-KEYS_SHOWN));
    };
    fillKeypad(at("keypad"), press);
    at("keys-pane").addEventListener("keydown", ({ key, ctrlKey, altKey, metaKey }) => {
        if (/^[0-9*#]$/.test(key) && !ctrlKey && !altKey && !metaKey) press(key);
    });
    bindPane(at("keys"), at("keys-pane"));

    const transfer = at("transfer-pane");
    bindPane(at("transfer"), transfer);
    transfer.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (await ask("transferecall", { to: transfer.elements.to.value })) at("transfer").click();
    });

    return {
        element,
        update(newest) {
            call = newest;
            const isAnswered = call.state === "answered";
            const canAnswer = !isAnswered && call.type === "incoming";
            element.dataset.state = canAnswer ? "waiting" : call.state;
            element.setAttribute("aria-label", `Call with ${caller(call)}`);
            setText(at("name"), caller(call));
            setText(at("address"), call.peer.replace(/^sip:/, ""));
            setText(at("state"), callState(call));
            setText(at("fault"), faultOf(call));
            setText(at("received"), `Keys from the other side: ${call.received.slice(-KEYS_SHOWN)}`);
            at("received").hidden = call.received === "";
            at("answer").hidden = !canAnswer;
            setText(at("end"), canAnswer ? "Decline" : "Hang up");
            for (const name of ["hold", "mute", "keys"]) at(name).hidden = !isAnswered;
            at("transfer").hidden = !isAnswered && !canAnswer;
            setPressed(at("hold"), call.isHeldHere);
            setPressed(at("mute"), call.mute);
            this.tick();
        },
        /** Shows how long the call has lasted. */
        tick() {
            setText(at("time"), call.answeredAt === null ? "" : duration(performance.now() - call.answeredAt));
        },
        /** Shows the levels of sound, in dBFS; `null` where none are told. */
        showLevels(levels) {
            at("levels").hidden = levels === null;
            if (levels === null) return;
            at("capture").value = levels.capture;
            at("playback").value = levels.playback;
        },
    };
}

function faultOf({ transferError, holdError, isHeldHere }) {
    if (transferError !== null) return `The transfer failed: ${reason(transferError)}`;
    if (holdError !== null) return `The other side would not ${isHeldHere ? "go on" : "be held"}: ${reason(holdError)}`;
    return "";
}

function setPressed(button, isPressed) {
    button.setAttribute("aria-pressed", String(isPressed));
}

/** Lets a button open and close what it leads to; focus goes there. */
function bindPane(button, pane) {
    button.addEventListener("click", () => {
        pane.hidden = !pane.hidden;
        button.setAttribute("aria-expanded", String(!pane.hidden));
        if (pane.hidden) button.focus();
        else pane.querySelector("input, button").focus();
    });
}
