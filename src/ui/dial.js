// The dial pad: a number, and by which account it is called.

import { fillKeypad } from "./keypad.js";
import { part } from "./dom.js";
import { attempt } from "./notices.js";

/** Binds the panel `root` to `session`. */
export function bindDial(root, session) {
    const form = part(root, "form");
    const { number, account } = form.elements;
    const from = part(root, "from");

    const replace = (text, start, end) => number.setRangeText(text, start, end, "end");
    fillKeypad(part(root, "keypad"), (key) => replace(key, number.selectionStart, number.selectionEnd));
    part(root, "erase").addEventListener("click", () => {
        const { selectionStart: start, selectionEnd: end } = number;
        replace("", start === end ? Math.max(0, end - 1) : start, end);
    });
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (number.value.trim() === "") return number.focus();
        const chosen = account.value === "" ? {} : { connectionId: Number(account.value) };
        if (await attempt(session.ask("startcall", { number: number.value, ...chosen }))) number.value = "";
    });
    session.state.addEventListener("change", () => {
        const isOffered = ({ connectionId, state }) => {
            // Whoever has chosen one that is lost for a while doesn't mean another.
            return state === "connected" || String(connectionId) === account.value;
        };
        const offered = [...session.state.accounts.values()].filter(isOffered);
        from.hidden = offered.length < 2;
        offer(account, from.hidden ? [] : offered);
    });
}

/** The accounts to choose from; none chosen is left to the phone (rule 7). */
function offer(select, accounts) {
    const options = [["", "whichever is next"], ...accounts.map((account) => [
        String(account.connectionId),
        `${account.number}@${account.domain}`,
    ])];
    const shown = [...select.options].map(({ value, text }) => [value, text]);
    if (JSON.stringify(shown) === JSON.stringify(options)) return;
    const chosen = select.value;
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    select.value = options.some(([value]) => value === chosen) ? chosen : "";
}
