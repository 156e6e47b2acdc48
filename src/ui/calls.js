// The calls that are, and the last ones that were.

import { callCard } from "./call-card.js";
import { KeyedList, fromTemplate, part, setText } from "./dom.js";
import { bindLevels } from "./levels.js";
import { announce, attempt } from "./notices.js";
import { caller, outcome } from "./wording.js";

/** How often durations are looked at, so that no second is skipped. */
const TICK_MS = 500;

/** Binds the panel `root` to `session`. */
export function bindCalls(root, session) {
    const { state } = session;
    const cards = new KeyedList(part(root, "list"), (call) => callCard(session, call));
    bindLevels(session, (callId, levels) => cards.get(callId)?.showLevels(levels));
    setInterval(() => state.calls.forEach((call) => cards.get(call.callId)?.tick()), TICK_MS);
    const ended = new KeyedList(part(root, "ended"), (call) => endedRow(session, call));

    /** A call that has just come in. */
    let newcomer = null;
    state.addEventListener("change", () => {
        const hadFocus = part(root, "list").contains(document.activeElement);
        cards.update(state.calls);
        // On a small screen it may be out of sight.
        cards.get(newcomer)?.element.scrollIntoView({ block: "nearest" });
        newcomer = null;
        // The card that had it has gone with its call.
        if (hadFocus && document.activeElement === document.body) root.querySelector("h2").focus();
        ended.update(new Map(state.ended.map((call) => [call.callId, call])));
        part(root, "none").hidden = state.calls.size > 0;
        part(root, "recent").hidden = state.ended.length === 0;
        document.title = title(state.calls);
    });
    state.addEventListener("call", ({ detail: { name, call } }) => {
        if (name === "OnNewCall" && call.type === "incoming") newcomer = call.callId;
        announce(SPOKEN[name](call));
    });
}

const SPOKEN = {
    OnNewCall: (call) => (call.type === "incoming" ? `${caller(call)} calls you` : `Calling ${caller(call)}`),
    OnAcceptCall: (call) => `Connected with ${caller(call)}`,
    OnFinalizedCall: (call) => `Call with ${caller(call)}: ${outcome(call)}`,
};

/** A call that waits for an answer shows in the browser's list of tabs. */
function title(calls) {
    const waiting = [...calls.values()].find(({ state, type }) => state === "ringing" && type === "incoming");
    return waiting ? `${caller(waiting)} calls – neonphone` : "neonphone";
}

function endedRow(session, call) {
    const element = fromTemplate("ended-row");
    const again = part(element, "again");
    again.setAttribute("aria-label", `Call ${caller(call)} again`);
    again.addEventListener("click", () => {
        // By the account that it was on, as long as that is there.
        const isThere = session.state.accounts.get(call.connectionId)?.state === "connected";
        const connectionId = isThere ? call.connectionId : undefined;
        attempt(session.ask("startcall", { number: call.peer, connectionId }));
    });
    return {
        element,
        update() {
            setText(part(element, "name"), caller(call));
            setText(part(element, "outcome"), outcome(call));
        },
    };
}
