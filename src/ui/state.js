// What the page knows of the phone: accounts, calls, and whether the interface is shown. Made anew from each
// `getstate`, and kept up by events in between; nothing here asks or draws.

/** Ended calls that the page remembers, newest first. */
const ENDED_MAX = 8;

/** What an account's events leave it in; `null` where it is gone. */
const ACCOUNT_STATES = {
    OnSIPRegister: "connected",
    OnSIPRegisterRefused: "refused",
    OnSIPRegisterExpired: "lost",
    OnSIPRegisterCancelled: null,
    OnSIPUnRegister: null,
};

/** Dispatches `change` after each change, `levels` (detail: the event's data) for those of sound, and `call` (detail: `name`, `call`) for calls that begin or end. */
export class State extends EventTarget {
    /** By `connectionId`: `{ connectionId, number, domain, state }`. */
    accounts = new Map();
    /** By `callId`, oldest first. */
    calls = new Map();
    ended = [];
    isShown = true;

    load({ accounts, calls, interface: { show } }) {
        this.accounts = new Map(accounts.map((account) => [account.connectionId, account]));
        this.calls = new Map(calls.map((told) => [told.callId, this.#callOf(told)]));
        this.isShown = show;
        this.#changed();
    }

    /** Takes an event in. False where it says too little to go on by, and `getstate` has to be asked. */
    apply(name, data) {
        const isKnown = this.#take(name, data);
        if (name !== "OnAudioLevel") this.#changed();
        return isKnown;
    }

    #take(name, data) {
        if (name in ACCOUNT_STATES) return this.#takeAccount(name, data.connectionId);
        if (name === "OnNewCall") {
            this.calls.set(data.callId, this.#callOf({ ...data, state: "ringing", hold: "none", mute: false }));
            this.#tellCall(name, this.calls.get(data.callId));
            return true;
        }
        const take = CALL_EVENTS[name];
        if (take) {
            const call = this.calls.get(data.callId);
            if (call) take(call, data);
            if (name === "OnFinalizedCall" && call) this.#end(call, data);
            if (name === "OnAcceptCall" && call) this.#tellCall(name, call);
            return call !== undefined;
        }
        if (name === "OnShowUI") this.isShown = data.show;
        if (name === "OnAudioLevel") this.dispatchEvent(new CustomEvent("levels", { detail: data }));
        // Of an event that a later phone has, and this page doesn't know, nothing here depends.
        return name !== "OnStateChanged" || this.#takeMutes(data);
    }

    #takeAccount(name, connectionId) {
        const account = this.accounts.get(connectionId);
        const state = ACCOUNT_STATES[name];
        if (state === null) this.accounts.delete(connectionId);
        else if (account) account.state = state;
        return state === null || account !== undefined;
    }

    /** The one change of state that is told without a reload. */
    #takeMutes({ calls = [], ...others }) {
        for (const { callId, mute } of calls) {
            const call = this.calls.get(callId);
            if (!call) return false;
            call.mute = mute;
        }
        return Object.keys(others).length === 0;
    }

    #end(call, { duration, SIPError }) {
        this.calls.delete(call.callId);
        this.ended = [{ ...call, duration, SIPError }, ...this.ended].slice(0, ENDED_MAX);
        this.#tellCall("OnFinalizedCall", this.ended[0]);
    }

    #callOf({ callId, connectionId, type, state, hold, mute, from, to, duration, displayName }) {
        return {
            callId,
            connectionId,
            type,
            state,
            mute,
            isHeldHere: hold === "local" || hold === "both",
            isHeldThere: hold === "remote" || hold === "both",
            peer: type === "incoming" ? from : to,
            // The snapshot has no names: one that an event has told is kept.
            name: displayName ?? this.calls.get(callId)?.name ?? "",
            answeredAt: state === "answered" ? performance.now() - duration : null,
            progress: null,
            isTransferred: false,
            transferError: null,
            isSilent: false,
            received: "",
        };
    }

    #tellCall(name, call) {
        this.dispatchEvent(new CustomEvent("call", { detail: { name, call } }));
    }

    #changed() {
        this.dispatchEvent(new Event("change"));
    }
}

/** What each event changes of its call. */
const CALL_EVENTS = {
    OnCallProgress(call, { SIPError }) {
        call.progress = SIPError;
    },
    OnAcceptCall(call, { duration }) {
        call.state = "answered";
        call.answeredAt = performance.now() - duration;
    },
    OnHoldCall(call, { hold, by }) {
        if (by === "local") call.isHeldHere = hold;
        else call.isHeldThere = hold;
    },
    OnTransferredCall(call) {
        call.isTransferred = true;
    },
    OnTransferFailed(call, { SIPError }) {
        call.transferError = SIPError;
    },
    OnDTMF(call, { DTMF }) {
        call.received += DTMF;
    },
    OnMediaLost(call) {
        call.isSilent = true;
    },
    OnMediaBack(call) {
        call.isSilent = false;
    },
    OnFinalizedCall() {},
};
