// The page: a client of the API of the phone that serves it, and nothing else. Joins the session with the panels.

import { bindAccounts } from "./accounts.js";
import { bindCalls } from "./calls.js";
import { bindDial } from "./dial.js";
import { setText } from "./dom.js";
import { bindMessages } from "./messages.js";
import { attempt } from "./notices.js";
import { Phase, Session } from "./session.js";
import { bindSignIn } from "./sign-in.js";

const $ = (id) => document.getElementById(id);

const session = new Session(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`);

bindSignIn($("sign-in"), $("sign-out"), session);
bindCalls($("calls"), session);
bindDial($("dial"), session);
bindAccounts($("accounts"), session);
bindMessages($("messages"), session);

const LINK = {
    [Phase.CONNECTING]: "Connecting…",
    [Phase.SIGNED_OUT]: "",
    [Phase.SIGNED_IN]: "Connected",
};

let wasSignedIn = false;

session.addEventListener("phase", () => {
    const isSignedIn = session.phase === Phase.SIGNED_IN;
    const isSignedOut = session.phase === Phase.SIGNED_OUT;
    // While the phone can't be reached, what was shown last stays in sight, out of reach.
    if (isSignedIn !== isSignedOut) {
        $("sign-in").hidden = isSignedIn;
        $("phone").hidden = isSignedOut;
        $("sign-out").hidden = isSignedOut;
    }
    $("phone").inert = !isSignedIn;
    $("link").dataset.phase = session.phase;
    setText($("link"), LINK[session.phase]);
    if (isSignedOut) $("sign-in").querySelector("input").focus();
    if (isSignedIn && !wasSignedIn) $("dial").querySelector("input").focus();
    wasSignedIn = isSignedIn || (wasSignedIn && !isSignedOut);
    obeyShowUi();
});

session.state.addEventListener("change", obeyShowUi);
$("veil").querySelector("button").addEventListener("click", () => attempt(session.ask("showui", { show: true })));

/** Rule 16: what a program hides is hidden on every page. */
function obeyShowUi() {
    const isHidden = !session.state.isShown && session.phase !== Phase.SIGNED_OUT;
    if ($("veil").hidden === !isHidden) return;
    $("veil").hidden = !isHidden;
    document.body.classList.toggle("veiled", isHidden);
}

session.connection.open();
