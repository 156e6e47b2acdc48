// The levels of sound: asked for while a call speaks and somebody looks, so that the phone measures for nobody else.

import { Phase } from "./session.js";

/** Whether sound flows in a call: the phone measures no other. */
const speaks = (call) => call?.state === "answered" && !call.isHeldHere && !call.isHeldThere;

/** Calls `show(callId, levels)` with the levels in dBFS as they come, and with `null` when no more come. */
export function bindLevels(session, show) {
    const { state } = session;
    let shown = null;
    let isWatching = false;

    const adjust = () => {
        const isSignedIn = session.phase === Phase.SIGNED_IN;
        // A new connection has asked for nothing.
        if (!isSignedIn) isWatching = false;
        const wants = isSignedIn && [...state.calls.values()].some(speaks) && !document.hidden;
        if (!wants || !speaks(state.calls.get(shown))) forget();
        if (wants === isWatching || !isSignedIn) return;
        isWatching = wants;
        // A phone that doesn't know the action, or a user who may not use it: the meters stay out of sight.
        session.ask("watchlevels", { watch: wants }).catch(() => {});
    };

    const forget = () => {
        if (shown !== null) show(shown, null);
        shown = null;
    };

    state.addEventListener("levels", ({ detail: { callId, capture, playback } }) => {
        if (shown !== callId) forget();
        shown = callId;
        show(callId, { capture, playback });
    });
    state.addEventListener("change", adjust);
    session.addEventListener("phase", adjust);
    document.addEventListener("visibilitychange", adjust);
}
