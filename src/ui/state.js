// What the page knows of the phone: accounts, calls, and whether the interface is shown. Made anew from each
// `getstate`, and kept up by events in between; nothing here asks or draws.

/** Ended calls that the page remembers. */
const ENDED_MAX = 8;

/** What an account's events leave it in; `null` where it is gone. */
const ACCOUNT_STATES = {
    OnSIPRegister: "connected",
    OnSIPRegisterRefused: "refused",
    OnSIPRegisterExpired: "lost",
    OnSIPRegisterCancelled: null,
    OnSIPUnRegister: null,
};

/** What an event changes of its call. */
const CALL_CHANGES = {
    OnCallProgress(call, { SIPError }) {
        call.progress = SIPError;
    },
    OnAcceptCall(call, { duration }) {
        call.state = "answered";
        call.answeredAt = performance.now() - duration;
    },
    OnHoldCall(call, { hold, by, SIPError }) {
        if (by === "remote") call.isHeldThere = hold;
        else Object.assign(call, { isHeldHere: hold, holdError: SIPError || null });
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
};

/**
 * Dispatches `change` after each change but those of the sound's levels, `levels` for these (detail: the event's data),
 * and `call` (detail: `name` of the event, `call`) for calls that begin, are answered or end.
 */
export class State extends EventTarget {
    /** By `connectionId`: `{ connectionId, number, domain, state }`. */
    accounts = new Map();
    /** By `callId`, oldest first. */
    calls = new Map();
    /** The last calls that ended while the page looked, newest first, with `duration` (ms) and `SIPError`. */
    ended = [];
    isShown = true;

    load({ accounts, calls, interface: { show } }) {
        this.accounts = new Map(accounts.map((account) => [account.connectionId, account]));
        this.calls = new Map(calls.map((told) => [told.callId, this.#callOf(told)]));
        this.isShown = show;
        this.#changed();
    }

    /** Nobody is signed in: what one knew is nothing to the next, and a phone that is started anew counts its calls anew. */
    clear() {
        this.accounts.clear();
        this.calls.clear();
        this.ended = [];
        this.#changed();
    }

    /** Takes an event in. False where it says too little to go on by, and `getstate` has to be asked. */
    apply(name, data) {
        const isKnown = this.#take(name, data);
        if (name !== "OnAudioLevel") this.#changed();
        return isKnown;
    }

    #take(name, data) {
        switch (name) {
            case "OnNewCall":
                return this.#begin(data);
            case "OnFinalizedCall":
                return this.#end(data);
            case "OnStateChanged":
                return this.#takeMutes(data);
            case "OnShowUI":
                this.isShown = data.show;
                return true;
            case "OnAudioLevel":
                return this.dispatchEvent(new CustomEvent("levels", { detail: data }));
            default:
                if (name in ACCOUNT_STATES) return this.#takeAccount(name, data.connectionId);
                // On an event that only a later phone tells nothing here depends.
                return !(name in CALL_CHANGES) || this.#changeCall(name, data);
        }
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

    #begin(data) {
        const call = this.#callOf({ ...data, state: "ringing", hold: "none", mute: false });
        this.calls.set(call.callId, call);
        this.#tellCall("OnNewCall", call);
        return true;
    }

    #changeCall(name, data) {
        const call = this.calls.get(data.callId);
        if (!call) return false;
        CALL_CHANGES[name](call, data);
        if (name === "OnAcceptCall") this.#tellCall(name, call);
        return true;
    }

    #end({ callId, duration, SIPError }) {
        const call = this.calls.get(callId);
        if (!call) return false;
        this.calls.delete(callId);
        this.ended = [{ ...call, duration, SIPError }, ...this.ended].slice(0, ENDED_MAX);
        this.#tellCall("OnFinalizedCall", this.ended[0]);
        return true;
    }

    #callOf({ callId, connectionId, type, state, hold, mute, from, to, duration, displayName }) {
        return {
            name: displayName ?? "",
            progress: null,
            isTransferred: false,
            transferError: null,
            holdError: null,
            isSilent: false,
            received: "",
            // The snapshot tells none of these: what events have told is kept.
            ...this.calls.get(callId),
            callId,
            connectionId,
            type,
            state,
            mute,
            isHeldHere: hold === "local" || hold === "both",
            isHeldThere: hold === "remote" || hold === "both",
            peer: type === "incoming" ? from : to,
            answeredAt: state === "answered" ? performance.now() - duration : null,
        };
    }

    #tellCall(name, call) {
        this.dispatchEvent(new CustomEvent("call", { detail: { name, call } }));
    }

    #changed() {
        this.dispatchEvent(new Event("change"));
    }
}
