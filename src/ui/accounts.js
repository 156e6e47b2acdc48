// SIP accounts: which there are, how they stand, and connecting another one.

import { KeyedList, fromTemplate, part, setText } from "./dom.js";
import { attempt } from "./notices.js";
import { ACCOUNT_STATES } from "./wording.js";

/** Binds the panel `root` to `session`. */
export function bindAccounts(root, session) {
    const rows = new KeyedList(part(root, "list"), () => accountRow(session));
    session.state.addEventListener("change", () => {
        rows.update(session.state.accounts);
        part(root, "none").hidden = session.state.accounts.size > 0;
    });

    const form = part(root, "form");
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const { number, domain, password, autodisconnect } = form.elements;
        const account = {
            number: number.value,
            domain: domain.value,
            password: password.value,
            autodisconnect: autodisconnect.checked,
        };
        if (!await attempt(session.register(account))) return;
        form.reset();
        part(root, "another").open = false;
        part(root, "another").querySelector("summary").focus();
    });
}

function accountRow(session) {
    const element = fromTemplate("account-row");
    part(element, "disconnect").addEventListener("click", () => attempt(session.unregister()));
    return {
        element,
        update({ connectionId, number, domain, state }) {
            setText(part(element, "address"), `${number}@${domain}`);
            setText(part(element, "state"), ACCOUNT_STATES[state]);
            element.dataset.state = state;
            // `sipunregister` takes no other account than one's own (rule 7).
            part(element, "disconnect").hidden = connectionId !== session.ownAccount;
        },
    };
}
