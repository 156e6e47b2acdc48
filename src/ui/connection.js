// The WebSocket to the phone: requests and their replies by id, events in their order, and a new socket after a lost
// one (docs/api.md, 'Requests and replies'). Tokens and what events mean are the session's.

/** Until the first attempt to connect again, doubling with each that fails. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 4000;

/** An attempt to connect that takes so long goes where nobody answers. */
const CONNECT_MS = 10_000;

/** The phone refused a request. `code` is one of the API's error codes, `message` is for people who know the API. */
export class Refusal extends Error {
    constructor({ code, message }) {
        super(message);
        this.code = code;
    }
}

/** The connection was lost before a reply came, or there is none. */
export class ConnectionLost extends Error {
    constructor() {
        super("the phone can't be reached");
    }
}

/**
 * Connects, and goes on connecting, until the page ends. Dispatches `open`, `lost`, `event` (detail: the phone's event)
 * and `message` (detail: `sent`, a boolean, and `text`, whatever passes).
 */
export class Connection extends EventTarget {
    #url;
    /** Open, and what unbinds it. */
    #socket = null;
    #unbind = () => {};
    #retryMs = FIRST_RETRY_MS;
    #lastId = 0;
    #unanswered = new Map();

    constructor(url) {
        super();
        this.#url = url;
    }

    /** Opens the socket. Called once, when those who listen do so. */
    open() {
        const socket = new WebSocket(this.#url);
        const bound = new AbortController();
        const patience = setTimeout(() => this.drop(), CONNECT_MS);
        bound.signal.addEventListener("abort", () => {
            clearTimeout(patience);
            socket.close();
        });
        this.#unbind = () => bound.abort();
        const on = (type, take) => socket.addEventListener(type, take, { signal: bound.signal });
        on("open", () => {
            clearTimeout(patience);
            this.#retryMs = FIRST_RETRY_MS;
            this.#socket = socket;
            this.#tell("open");
        });
        on("message", ({ data }) => this.#onMessage(data));
        on("close", () => this.drop());
    }

    /** Gives the socket up, which is closed or leads nowhere, and connects anew. */
    drop() {
        const wasOpen = this.#socket !== null;
        this.#unbind();
        this.#socket = null;
        for (const { reject } of this.#unanswered.values()) reject(new ConnectionLost());
        this.#unanswered.clear();
        setTimeout(() => this.open(), this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
        if (wasOpen) this.#tell("lost");
    }

    /** Sends a request, and resolves to the `data` of its reply. Rejects with `Refusal` or `ConnectionLost`. */
    request(members) {
        return new Promise((resolve, reject) => {
            if (!this.#socket) return reject(new ConnectionLost());
            const id = ++this.#lastId;
            this.#unanswered.set(id, { resolve, reject });
            const text = JSON.stringify({ id, ...members });
            this.#tell("message", { sent: true, text });
            this.#socket.send(text);
        });
    }

    #onMessage(text) {
        this.#tell("message", { sent: false, text });
        const message = JSON.parse(text);
        if (message.action === "event") return this.#tell("event", message);
        const waiting = this.#unanswered.get(message.id);
        this.#unanswered.delete(message.id);
        if (message.success) waiting?.resolve(message.data);
        else waiting?.reject(new Refusal(message.error));
    }

    #tell(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}
