// Who is signed in, and the way of the phone's state into the page: a token that outlives a reload (rule 5),
// `getstate` at each start and after each gap in the events' `seq`, and events in between (docs/api.md, part 3).

import { Connection, Refusal } from "./connection.js";
import { State } from "./state.js";

const NOT_AUTHORIZED = 602;

/** A page that reloads may come before the phone has seen its old connection close, which still owns the token. */
const TAKE_OVER_ATTEMPTS = 3;
const TAKE_OVER_PAUSE_MS = 200;

/** Where the page stands with the phone. */
export const Phase = Object.freeze({
    CONNECTING: "connecting",
    SIGNED_OUT: "signed out",
    SIGNED_IN: "signed in",
});

/** Dispatches `phase` when `phase` changes. `connection` and `state` dispatch the rest. */
export class Session extends EventTarget {
    connection;
    state = new State();
    phase = Phase.CONNECTING;
    /** The account that this page registered, which `sipunregister` takes; `null` if it did not. */
    ownAccount = Number(sessionStorage.getItem("account")) || null;

    #token = sessionStorage.getItem("token");
    /** Of the last event applied; `null` until the first `getstate` is answered. */
    #seq = null;

    constructor(url) {
        super();
        this.connection = new Connection(url);
        this.connection.addEventListener("open", () => this.#resume());
        this.connection.addEventListener("lost", () => this.#enter(Phase.CONNECTING));
        this.connection.addEventListener("event", ({ detail }) => this.#onEvent(detail));
    }

    /** Asks the phone for `action`; resolves to the reply's `data`. Rejects with `Refusal` or `ConnectionLost`. */
    ask(action, parameters = {}) {
        return this.connection.request({ action, ...parameters, token: this.#token });
    }

    async signIn(user, password) {
        const { token } = await this.connection.request({ action: "authenticate", user, password });
        this.#keepToken(token);
        await this.#load();
    }

    async signOut() {
        await this.ask("logout");
        this.#forget();
    }

    /** Connects an account, which becomes this page's own. */
    async register(account) {
        const { connectionId } = await this.ask("sipregister", account);
        this.#keepAccount(connectionId);
        await this.#load();
    }

    /** Disconnects this page's own account. */
    async unregister() {
        await this.ask("sipunregister");
        this.#keepAccount(null);
        await this.#load();
    }

    async #resume() {
        if (!this.#token) return this.#enter(Phase.SIGNED_OUT);
        for (let attempt = 1; ; attempt += 1) {
            try {
                return await this.#load();
            } catch (error) {
                if (!(error instanceof Refusal)) return;
                if (error.code !== NOT_AUTHORIZED || attempt === TAKE_OVER_ATTEMPTS) return this.#forget();
            }
            await new Promise((resolve) => setTimeout(resolve, TAKE_OVER_PAUSE_MS));
        }
    }

    async #load() {
        const snapshot = await this.ask("getstate");
        this.#seq = snapshot.seq;
        this.state.load(snapshot);
        this.#enter(Phase.SIGNED_IN);
    }

    async #onEvent({ name, data, seq }) {
        // What happened before the first snapshot is in it.
        if (this.#seq === null) return;
        const isNext = seq === this.#seq + 1;
        this.#seq = seq;
        if (this.state.apply(name, data) && isNext) return;
        // Refused or lost, there is nothing to show: the next phase tells.
        await this.#load().catch(() => {});
    }

    #enter(phase) {
        if (phase !== Phase.SIGNED_IN) this.#seq = null;
        this.phase = phase;
        this.dispatchEvent(new Event("phase"));
    }

    #forget() {
        this.#keepToken(null);
        this.#keepAccount(null);
        this.#enter(Phase.SIGNED_OUT);
        this.state.clear();
    }

    #keepToken(token) {
        this.#token = token;
        keep("token", token);
    }

    #keepAccount(connectionId) {
        this.ownAccount = connectionId;
        keep("account", connectionId);
    }
}

function keep(key, value) {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
}
