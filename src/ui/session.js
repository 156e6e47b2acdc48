// Who is signed in, and the way of the phone's state into the page: a token that outlives a reload (rule 5),
// `getstate` at each start and after each gap in the events' `seq`, and events in between (docs/api.md, part 3).

import { Connection, Refusal } from "./connection.js";
import { State } from "./state.js";

const NOT_AUTHORIZED = 602;

/**
 * The connection before owns the token until the phone has seen it close: at once for a page that reloads, and where
 * the network was away as soon as the phone takes a client that is silent for lost (rule 7).
 */
const TAKE_OVER_PAUSES_MS = [200, 200, ...new Array(22).fill(2000)];
/** Pauses after which people need not wait for that: the form is shown. */
const QUICK_PAUSES = 2;

/** A network that breaks closes no connection: how often the phone is asked over one, and how long it has to answer. */
const ASK_EVERY_MS = 20_000;
const ANSWER_MS = 10_000;

const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

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
    #isRegistering = false;

    constructor(url) {
        super();
        this.connection = new Connection(url);
        this.connection.addEventListener("open", () => this.#resume());
        this.connection.addEventListener("lost", () => this.#enter(Phase.CONNECTING));
        this.connection.addEventListener("event", ({ detail }) => this.#onEvent(detail));
        if (LOOPBACK.test(new URL(url).hostname)) return;
        setInterval(() => this.#check(), ASK_EVERY_MS);
        document.addEventListener("visibilitychange", () => this.#check());
    }

    /** Asks the phone for `action`; resolves to the reply's `data`. Rejects with `Refusal` or `ConnectionLost`. */
    ask(action, parameters = {}) {
        return this.connection.request({ action, ...parameters, token: this.#token });
    }

    async signIn(user, password) {
        const { token } = await this.connection.request({ action: "authenticate", user, password });
        this.#keepToken(token);
        this.state.clear();
        await this.#load();
    }

    /** The account stays this connection's own. */
    async signOut() {
        await this.ask("logout");
        this.#keepToken(null);
        this.#enter(Phase.SIGNED_OUT);
        this.state.clear();
    }

    /** Connects an account, which becomes this page's own. */
    async register(account) {
        this.#isRegistering = true;
        try {
            const { connectionId } = await this.ask("sipregister", account);
            this.#keepAccount(connectionId);
            await this.#load();
        } finally {
            this.#isRegistering = false;
        }
    }

    /** Disconnects this page's own account. */
    async unregister() {
        await this.ask("sipunregister");
        this.#keepAccount(null);
        await this.#load();
    }

    async #resume() {
        const token = this.#token;
        if (!token) return this.#forget();
        for (const [attempt, pauseMs] of TAKE_OVER_PAUSES_MS.entries()) {
            try {
                return await this.#load();
            } catch (error) {
                // Lost again: the next connection resumes.
                if (!(error instanceof Refusal)) return;
                // Somebody has signed in meanwhile.
                if (this.#token !== token) return;
                if (error.code !== NOT_AUTHORIZED) break;
            }
            if (attempt === QUICK_PAUSES) this.#enter(Phase.SIGNED_OUT);
            await pause(pauseMs);
        }
        this.#forget();
    }

    /** Whether the phone is still there. */
    async #check() {
        if (this.phase !== Phase.SIGNED_IN) return;
        const answered = this.#load().then(() => true, () => true);
        if (!await Promise.race([answered, pause(ANSWER_MS)])) this.connection.drop();
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
        if (name === "OnSIPRegister" && this.#isTaken(data.connectionId)) this.#keepAccount(null);
        const isNext = seq === this.#seq + 1;
        this.#seq = seq;
        if (this.state.apply(name, data) && isNext) return;
        // Refused or lost, there is nothing to show: the next phase tells.
        await this.#load().catch(() => {});
    }

    /** Whether this page's account, connected as it is, is told to be so again: somebody else has made it his own (rule 7). */
    #isTaken(connectionId) {
        const isOwn = connectionId === this.ownAccount && !this.#isRegistering;
        return isOwn && this.state.accounts.get(connectionId)?.state === "connected";
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

function pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

function keep(key, value) {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
}
