// Signing in and out.

import { Refusal } from "./connection.js";
import { part, setText } from "./dom.js";
import { attempt } from "./notices.js";

const INVALID_CREDENTIALS = 600;

/** Binds the form `root` and the button `signOut` to `session`. */
export function bindSignIn(root, signOut, session) {
    const form = part(root, "form");
    const fault = part(root, "fault");
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        setText(fault, "");
        form.inert = true;
        try {
            await session.signIn(form.elements.user.value, form.elements.password.value);
        } catch (error) {
            setText(fault, explain(error));
        }
        form.inert = false;
        form.elements.password.value = "";
        form.elements.password.focus();
    });
    signOut.addEventListener("click", () => attempt(session.signOut()));
}

function explain(error) {
    if (error instanceof Refusal && error.code === INVALID_CREDENTIALS) {
        return "User and password don't fit, or this user may not come from here.";
    }
    return error.message;
}
