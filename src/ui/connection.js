// The WebSocket to the phone: requests and their replies by id, events in their order, and a new socket after a lost
// one (docs/api.md, 'Requests and replies'). Tokens and what events mean are the session's.

/** Until the first attempt to connect again, doubling with each that fails. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 4000;

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
    #socket = null;
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
        socket.addEventListener("open", () => {
            this.#retryMs = FIRST_RETRY_MS;
            this.#socket = socket;
            this.#tell("open");
        });
        socket.addEventListener("message", ({ data }) => this.#onMessage(data));
        socket.addEventListener("close", () => this.#onClose());
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

    #onClose() {
        const wasOpen = this.#socket !== null;
        this.#socket = null;
        for (const { reject } of this.#unanswered.values()) reject(new ConnectionLost());
        this.#unanswered.clear();
        setTimeout(() => this.open(), this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
        if (wasOpen) this.#tell("lost");
    }

    #tell(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}
