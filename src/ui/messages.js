// The log of the API's messages as they pass, for people who write programs for it. Passwords and tokens are blanked.

import { fromTemplate, part, setText } from "./dom.js";
import { Phase } from "./session.js";

/** Rows that are kept; the oldest go first. */
const ROWS_MAX = 300;

/** Members whose values are nobody's business. */
const SECRET = /^(password|token)$/i;

/** Ten a second of this in a call: one row shows the newest of a run. */
const FLOOD = "OnAudioLevel";

/** Binds the panel `root` to what passes on the connection of `session`. */
export function bindMessages(root, session) {
    const { connection } = session;
    const list = part(root, "list");
    /** Of requests without a reply yet: action and time, by id. */
    const asked = new Map();
    /** The row of a flood that goes on, and how many messages it stands for. */
    let run = null;
    /** Whoever has not scrolled back sees the newest. */
    let follows = true;

    list.addEventListener("scroll", () => {
        follows = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
    });

    function clear() {
        list.replaceChildren();
        run = null;
    }

    part(root, "clear").addEventListener("click", clear);
    session.addEventListener("phase", () => {
        if (session.phase === Phase.SIGNED_OUT) clear();
    });
    connection.addEventListener("lost", () => asked.clear());
    connection.addEventListener("message", ({ detail: { sent, text } }) => {
        const message = JSON.parse(text, (key, value) => (SECRET.test(key) ? "•••" : value));
        const isFlood = message.name === FLOOD;
        if (isFlood && run) {
            run.count += 1;
        } else {
            run = { row: fromTemplate("message-row"), count: 1 };
            list.append(run.row);
            if (list.childElementCount > ROWS_MAX) list.firstElementChild.remove();
        }
        fill(run.row, sent, message, isFlood ? `× ${run.count}` : note(sent, message));
        if (!isFlood) run = null;
        if (follows) list.scrollTop = list.scrollHeight;
    });

    /** What a reply answers, and how long it took. */
    function note(sent, message) {
        if (sent) asked.set(message.id, { action: message.action, at: performance.now() });
        const request = sent ? undefined : asked.get(message.id);
        if (!request || message.action) return "";
        asked.delete(message.id);
        return `to ${request.action}, ${Math.round(performance.now() - request.at)} ms`;
    }
}

function fill(row, sent, message, note) {
    const kind = sent ? "sent" : message.action === "event" ? "event" : message.success ? "reply" : "refusal";
    row.dataset.kind = kind;
    setText(part(row, "time"), new Date().toLocaleTimeString([], { hour12: false }));
    setText(part(row, "direction"), sent ? "→" : "←");
    setText(part(row, "name"), { sent: message.action, event: message.name }[kind] ?? kind);
    setText(part(row, "note"), note);
    setText(part(row, "text"), JSON.stringify(message, null, 1).replace(/\n\s*/g, " "));
}
